"""The benchmark: PostgreSQL with pgvector and this server, measured in turn over the same rows in one run."""
