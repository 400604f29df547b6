"""Full-text search as PostgreSQL does it: documents to tsvector, queries to tsquery, matching, ranking, headlines.

Rule: pure functions of text. Nothing here knows SQL or DuckDB; `sql.functions.text_search` offers it to them.
"""
