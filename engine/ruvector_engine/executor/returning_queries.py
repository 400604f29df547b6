"""Subqueries in RETURNING, in which DuckDB takes none: those that are not about the changed row are evaluated first.

They see what the statement found, as in PostgreSQL. The others are refused when the statement is emitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ruvector_engine.executor.bindings import evaluate
from ruvector_engine.planner.walk import is_volatile, outside_references
from ruvector_engine.sql.nodes import Const, Delete, Expr, Insert, SubLink, Update
from ruvector_engine.sql.tree import transform, walk
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_Write = TypeVar("_Write", Insert, Update, Delete)


def evaluated(session: Session, statement: _Write, params: Sequence[Value]) -> _Write:
    """The statement with the values of such subqueries in their places."""
    if not any(isinstance(part, SubLink) for target in statement.returning for part in walk(target.expr)):
        return statement

    def value_of(part: Expr) -> Expr | None:
        if not isinstance(part, SubLink) or outside_references(part) or is_volatile(part):
            return None
        return Const(evaluate(session, session.connection, part, params, statement.ctes), part.type)

    returning = tuple(replace(target, expr=transform(target.expr, value_of)) for target in statement.returning)
    return replace(statement, returning=returning)
