"""Decide whether a generation may go live, by what its twin would have recommended."""
