"""Rows in; numbers, sentences and charts out. Nothing here reads or draws."""
