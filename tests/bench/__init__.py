"""Measurements beside the peer that a user would pick instead; they print tables and never fail on a time."""
