"""Finds new podcast episodes in feeds and announces each of them once."""
