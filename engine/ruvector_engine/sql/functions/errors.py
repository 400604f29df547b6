"""Errors raised from inside DuckDB SQL, carrying PostgreSQL's SQLSTATE and text through it."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.relational.errors import carried_error


def raising(sqlstate: str, message: str, *, hint: str | None = None) -> str:
    """DuckDB SQL of an expression that raises a SqlError when it is evaluated."""
    text = carried_error(SqlError(sqlstate, message, hint=hint)).replace("'", "''")
    return f"error('{text}')"


DIVISION_BY_ZERO = raising("22012", "division by zero")
