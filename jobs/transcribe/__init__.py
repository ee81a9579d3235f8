"""Puts into words what is said in each announced episode."""
