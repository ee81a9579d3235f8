"""Cuts transcripts into timed chunks and turns chunks and episodes into vectors."""
