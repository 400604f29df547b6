"""The functions, operators and aggregates that SQL may call, and the Python that DuckDB calls for them.

`catalog` is the way in: one module a family lists its definitions (`FUNCTIONS`, `OPERATORS`) and its `UDFS`.
"""
