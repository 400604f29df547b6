"""Which way a statement runs: k-NN by index, k-NN exactly, or as DuckDB does; and how EXPLAIN shows it."""
