"""COPY from and to files of the server: who may, and which names. Opening them is the business of who has the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.predefined_roles import (
    PG_EXECUTE_SERVER_PROGRAM,
    PG_READ_SERVER_FILES,
    PG_WRITE_SERVER_FILES,
)
from ruvector_engine.errors import SqlError, not_supported

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_ANYONE = "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone."


def require_allowed(session: Session, node: Any) -> None:
    """42501 for a file or program that the user has no right to; 0A000 for any program."""
    if node.is_program:
        _require(session, PG_EXECUTE_SERVER_PROGRAM, "pg_execute_server_program", "COPY to or from an external program")
        raise not_supported(
            "COPY to or from an external program is not supported",
            hint="Use STDIN or STDOUT and let the client run the program, as psql's \\copy does.",
        )
    if node.filename and node.is_from:
        _require(session, PG_READ_SERVER_FILES, "pg_read_server_files", "COPY from a file")
    elif node.filename:
        _require(session, PG_WRITE_SERVER_FILES, "pg_write_server_files", "COPY to a file")


def require_absolute(path: str) -> None:
    """42602 for a relative name: only what is read may stand in the data directory."""
    if not path.startswith("/"):
        raise SqlError("42602", "relative path not allowed for COPY to file")


def _require(session: Session, role: int, name: str, what: str) -> None:
    if session.rights.acts_for(role):
        return
    detail = f'Only roles with privileges of the "{name}" role may {what}.'
    raise SqlError("42501", f"permission denied to {what}", detail=detail, hint=_ANYONE)
