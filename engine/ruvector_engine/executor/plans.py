"""Runs the plans that touch rows: for statements, and for those that have one inside (COPY, EXPLAIN)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.executor import knn, queries, setval_of_rows, writes
from ruvector_engine.planner.plan import KnnPlan, QueryPlan, WithWritesPlan, WritePlan
from ruvector_engine.results import Result, Row
from ruvector_engine.sql.nodes import Const, Query, ValuesList
from ruvector_engine.types.registry import BOOL, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run(session: Session, plan: KnnPlan | QueryPlan | WritePlan | WithWritesPlan, params: Sequence[Value]) -> Result:
    """Run a plan in the session's transaction."""
    if isinstance(plan, WithWritesPlan):
        for query, write in plan.writes:
            _give_rows(query, writes.run(session, write, params).rows)
        return run(session, plan.main, params)
    if isinstance(plan, KnnPlan):
        return knn.run(session, plan, params)
    if isinstance(plan, QueryPlan):
        if setval_of_rows.needed(plan.query):
            return setval_of_rows.run(session, plan, params)
        return queries.run(session, plan, params)
    return writes.run(session, plan, params)


def _give_rows(query: Query, rows: Sequence[Row]) -> None:
    """Make the query one of exactly these rows."""
    types = [target.expr.type for target in query.targets]
    consts = [tuple(map(Const, row, types)) for row in rows] or [tuple(Const(None, type_) for type_ in types)]
    query.targets = tuple(replace(target, expr=const) for target, const in zip(query.targets, consts[0], strict=True))
    query.values = ValuesList(tuple(consts)) if rows else None
    query.where = None if rows else Const(False, TypeRef(BOOL))
