"""SQL text to a typed tree, and the tree to DuckDB's SQL. Reads the catalog; runs nothing."""
