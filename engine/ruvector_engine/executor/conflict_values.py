"""Subqueries in ON CONFLICT DO UPDATE, in which DuckDB takes none: evaluated once, before the rows are inserted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.errors import not_supported
from ruvector_engine.executor.bindings import evaluate
from ruvector_engine.planner.walk import outside_references
from ruvector_engine.sql.nodes import Const, Expr, Insert, OnConflict, SubLink
from ruvector_engine.sql.tree import transform, walk
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def evaluated(session: Session, statement: Insert, params: Sequence[Value]) -> Insert:
    """The statement with the values of such subqueries in their places."""
    conflict = statement.on_conflict
    if conflict is None or not any(isinstance(part, SubLink) for expr in _exprs(conflict) for part in walk(expr)):
        return statement

    def value_of(part: Expr) -> Expr | None:
        if not isinstance(part, SubLink):
            return None
        if part.test is not None or outside_references(part):
            raise not_supported(
                "subqueries in ON CONFLICT DO UPDATE that refer to its rows are not supported",
                hint="Join the tables in the query whose rows are inserted.",
            )
        return Const(evaluate(session, session.connection, part, params, statement.ctes), part.type)

    sets = tuple((index, transform(expr, value_of)) for index, expr in conflict.sets)
    where = None if conflict.where is None else transform(conflict.where, value_of)
    return replace(statement, on_conflict=replace(conflict, sets=sets, where=where))


def _exprs(conflict: OnConflict) -> list[Expr]:
    exprs = [expr for _, expr in conflict.sets]
    return exprs if conflict.where is None else [*exprs, conflict.where]
