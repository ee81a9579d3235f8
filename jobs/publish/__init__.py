"""Bring the newest promoted lists, and what is similar, to where front ends read them."""
