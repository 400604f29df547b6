"""GET [CURRENT | STACKED] DIAGNOSTICS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.nodes import GetDiagnostics, Target

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.parse.parser import Parser

#: What can be asked after any statement, and what about the error that a handler handles.
_CURRENT = ("row_count", "pg_routine_oid", "pg_context")
_STACKED = (
    "returned_sqlstate",
    "message_text",
    "pg_exception_detail",
    "pg_exception_hint",
    "pg_exception_context",
    "column_name",
    "constraint_name",
    "pg_datatype_name",
    "table_name",
    "schema_name",
)


def get_diagnostics(parser: Parser, line: int) -> GetDiagnostics:
    """What follows GET."""
    tokens = parser.tokens
    before = tokens.ahead(-1)
    start = tokens.start if before is None else before.start
    stacked = tokens.take("stacked")
    if not stacked:
        tokens.take("current")
    tokens.expect("diagnostics")
    items: list[tuple[Target, str]] = []
    while True:
        target = parser.target(scalar=True)
        if not tokens.take(":=", "="):
            raise tokens.syntax_error()
        if not tokens.is_next(*_CURRENT, *_STACKED):
            raise tokens.syntax_error("unrecognized GET DIAGNOSTICS item")
        item = tokens.label()
        if item not in (_STACKED if stacked else _CURRENT):
            kind = "STACKED" if stacked else "CURRENT"
            problem = f"diagnostics item {item.upper()} is not allowed in GET {kind} DIAGNOSTICS"
            raise SqlError("42601", problem, position=start + 1)
        items.append((target, item))
        if not tokens.take(","):
            return GetDiagnostics(line, stacked, items)
