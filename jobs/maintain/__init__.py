"""Keeps the tables quick to read and small, and forgets listeners."""
