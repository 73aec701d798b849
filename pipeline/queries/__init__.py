"""SQL over runs: DuckDB on views that read no more of the store than a question needs."""
