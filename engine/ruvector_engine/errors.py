"""The one error a client is meant to see, with PostgreSQL's fields.

Every error that crosses the engine's door is a `SqlError`; anything else is a bug and becomes XX000 at the door.
"""

from __future__ import annotations

from typing import Literal

Severity = Literal["ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", "INFO", "LOG", "DEBUG"]


class SqlError(Exception):
    """An error (or a notice) as PostgreSQL reports one.

    `position` is a 1-based character offset into the statement's source text, or None. `internal_position` is one into
    `internal_query`, a text that the server ran on its own account.
    """

    def __init__(
        self,
        sqlstate: str,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
        context: str | None = None,
        severity: Severity = "ERROR",
        schema: str | None = None,
        table: str | None = None,
        column: str | None = None,
        datatype: str | None = None,
        constraint: str | None = None,
        internal_position: int | None = None,
        internal_query: str | None = None,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        self.position = position
        self.context = context
        self.severity: Severity = severity
        self.schema = schema
        self.table = table
        self.column = column
        self.datatype = datatype
        self.constraint = constraint
        self.internal_position = internal_position
        self.internal_query = internal_query

    def __str__(self) -> str:
        return f"{self.severity}:  {self.sqlstate}: {self.message}"


def not_supported(what: str, *, hint: str | None = None, position: int | None = None) -> SqlError:
    """The refusal (0A000) for SQL that is valid in PostgreSQL but not served here."""
    return SqlError("0A000", what, hint=hint, position=position)
