"""The sample feeds, and the one-time script that made them."""
