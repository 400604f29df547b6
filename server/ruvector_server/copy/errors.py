"""Where in the data an error is: the CONTEXT line of COPY errors."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.results import clipped


def malformed(message: str, hint: str | None = None) -> SqlError:
    """22P04, for data that is not in the format at all."""
    return SqlError("22P04", message, hint=hint)


def at_line(error: SqlError, table: str, line: int, content: str | None = None) -> SqlError:
    """The error with "COPY items, line 3" and, when given, the line."""
    shown = "" if content is None else f': "{clipped(content)}"'
    return _with_context(error, f"COPY {table}, line {line}{shown}")


def at_column(error: SqlError, table: str, line: int, column: str, value: str | None = None) -> SqlError:
    """The error with "COPY items, line 3, column price" and, when given, the value."""
    shown = "" if value is None else f': "{clipped(value)}"'
    return _with_context(error, f"COPY {table}, line {line}, column {column}{shown}")


def _with_context(error: SqlError, context: str) -> SqlError:
    error.context = f"{error.context}\n{context}" if error.context else context
    return error
