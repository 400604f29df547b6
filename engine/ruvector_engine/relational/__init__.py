"""The DuckDB side: the one file that holds every row, connections to it, and its errors in PostgreSQL's words."""
