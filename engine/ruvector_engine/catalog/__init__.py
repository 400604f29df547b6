"""What exists: tables, columns, indexes, sequences, views. An immutable picture, replaced as a whole by DDL."""
