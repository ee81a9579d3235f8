"""Listeners with planted tastes, and the events they would send."""
