"""SELECT setval(sequence, value of a table's rows) FROM ...: the rows are read first, then it is called for each.

setval() writes, and DuckDB cannot write in the middle of a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.executor import queries, sequence_values
from ruvector_engine.executor.streams import BATCH
from ruvector_engine.planner.plan import QueryPlan
from ruvector_engine.results import Column, Result, Row
from ruvector_engine.sql.emit_binding import is_known_before
from ruvector_engine.sql.nodes import Expr, Query, Special, Target
from ruvector_engine.types.registry import INT8, REGCLASS, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def needed(query: Query) -> bool:
    """Whether an output is a setval() whose arguments are known row by row, and nothing else wants its value."""
    outputs = [target.expr for target in query.targets]
    called = [expr for expr in outputs if _is_setval(expr)]
    if all(is_known_before(expr) for expr in called) or query.set_op or query.values is not None or query.distinct:
        return False
    return not any(key in called for key in (*(k.expr for k in query.order_by), *query.distinct_on, *query.group_by))


def _is_setval(expr: Expr) -> bool:
    return isinstance(expr, Special) and expr.kind == "session" and expr.extra == "setval"


def run(session: Session, plan: QueryPlan, params: Sequence[Value]) -> Result:
    """Run the query with the arguments in place of the calls, then these."""
    targets: list[Target] = []
    widths: list[int] = []
    for target in plan.query.targets:
        exprs = [target.expr]
        if isinstance(target.expr, Special) and _is_setval(target.expr):
            exprs = [arg for arg in target.expr.args if arg is not None]
        targets += [Target(expr, target.name) for expr in exprs]
        widths.append(len(exprs) if _is_setval(target.expr) else 0)
    columns = tuple(Column(t.name, _numeric_name(t.expr.type)) for t in targets)
    read = queries.run_plain(session, replace(plan.query, targets=tuple(targets)), columns, params)
    rows = list(read.rows)
    if read.more is not None and read.close is not None:
        while batch := read.more(BATCH):
            rows += batch
        read.close()
        session.stream = None
    return Result("SELECT", plan.columns, [_called(session, row, widths) for row in rows], counted=True)


def _numeric_name(type_ref: TypeRef) -> TypeRef:
    """A sequence's OID is wanted, not its name."""
    return TypeRef(INT8) if type_ref.oid == REGCLASS else type_ref


def _called(session: Session, row: Row, widths: Sequence[int]) -> Row:
    values: list[Value] = []
    place = 0
    for width in widths:
        if width:
            values.append(sequence_values.set_value(session, *row[place : place + width]))
        else:
            values.append(row[place])
        place += width or 1
    return tuple(values)
