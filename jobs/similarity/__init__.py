"""Finds the most similar episodes of every episode."""
