"""ALTER SYSTEM: settings laid down in a file for the whole server; they take effect on reload or at a start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.executor.session_statements import value_text
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_TAG = "ALTER SYSTEM"


def run_alter_system(session: Session, statement: Utility) -> Result:
    """ALTER SYSTEM SET name = value | DEFAULT; RESET name | ALL."""
    node = statement.node.setstmt
    kind = enum_name(node, "kind")
    if session.transaction.state == "block":
        raise SqlError("25001", "ALTER SYSTEM cannot run inside a transaction block")
    if not session.is_superuser:
        what = "perform ALTER SYSTEM RESET ALL" if kind == "VAR_RESET_ALL" else f'set parameter "{node.name}"'
        raise SqlError("42501", f"permission denied to {what}")
    file = session.database.configuration
    if kind == "VAR_SET_VALUE":
        file.set(node.name, value_text(node))
    else:
        file.reset(None if kind == "VAR_RESET_ALL" else node.name)
    return Result(_TAG)
