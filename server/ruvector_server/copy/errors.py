"""Where in the data an error is: the CONTEXT line of COPY errors."""

from __future__ import annotations

from ruvector_engine.errors import SqlError

#: As much of a line or value as a CONTEXT shows, in bytes.
MAX_SHOWN = 100


def malformed(message: str, hint: str | None = None) -> SqlError:
    """22P04, for data that is not in the format at all."""
    return SqlError("22P04", message, hint=hint)


def at_line(error: SqlError, table: str, line: int, content: str | None = None) -> SqlError:
    """The error with "COPY items, line 3" and, when given, the line."""
    shown = "" if content is None else f': "{_clip(content)}"'
    return _with_context(error, f"COPY {table}, line {line}{shown}")


def at_column(error: SqlError, table: str, line: int, column: str, value: str | None = None) -> SqlError:
    """The error with "COPY items, line 3, column price" and, when given, the value."""
    shown = "" if value is None else f': "{_clip(value)}"'
    return _with_context(error, f"COPY {table}, line {line}, column {column}{shown}")


def _clip(text: str) -> str:
    if len(text) * 4 <= MAX_SHOWN or len(raw := text.encode()) <= MAX_SHOWN:
        return text
    return raw[:MAX_SHOWN].decode(errors="ignore") + "..."


def _with_context(error: SqlError, context: str) -> SqlError:
    error.context = f"{error.context}\n{context}" if error.context else context
    return error
