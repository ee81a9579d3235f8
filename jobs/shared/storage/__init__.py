"""Adapters of the ports: one module a technology, each translating its client's exceptions once."""
