"""What listeners, producers and operators see: pages (layout) over views (pure) over queries (DuckDB on Delta, documents by a port)."""
