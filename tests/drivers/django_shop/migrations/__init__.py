"""The extension; a table; a column and an index."""
