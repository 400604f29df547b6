"""COPY TO: the rows of a table or query, which begin to be made when the first of them are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import IndexDef, SequenceDef, ViewDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, plans, queries, table_access
from ruvector_engine.executor.copy_columns import check_forced, chosen_columns
from ruvector_engine.executor.copy_files import require_absolute
from ruvector_engine.executor.streams import BATCH
from ruvector_engine.planner.plan import Plan, QueryPlan, UtilityPlan, make_plan
from ruvector_engine.planner.walk import is_volatile
from ruvector_engine.results import Column, CopyOptions, CopyOut, Result, Row

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run(session: Session, node: Any, options: CopyOptions) -> Result:
    """COPY table | (query) TO STDOUT | 'file'."""
    columns, begin, folded = _query(session, node) if node.HasField("query") else _table(session, node)
    table = None if node.HasField("query") else table_access.table_named(session, node.relation)
    check_forced(options, [column.name for column in columns], table)
    path = node.filename or None
    if path is not None:
        require_absolute(path)
    rows = _LateRows(session, begin)
    first = rows(BATCH) if folded else []
    copy = CopyOut(options, path)
    return Result("COPY", columns, first, rows, counted=True, close=rows.close, copy=copy)


def _query(session: Session, node: Any) -> tuple[tuple[Column, ...], Callable[[], Result], bool]:
    if node.query.WhichOneof("node") == "select_stmt" and node.query.select_stmt.HasField("into_clause"):
        raise not_supported("COPY (SELECT INTO) is not supported")
    analyzed = session.inner(node.query)
    session.require(analyzed)
    plan = make_plan(analyzed)
    if isinstance(plan, UtilityPlan):
        raise not_supported("COPY takes a query or a statement with RETURNING")
    if analyzed.columns is None:
        raise not_supported("COPY query must have a RETURNING clause")
    return analyzed.columns, lambda: plans.run(session, plan, ()), _folded(plan)


def _folded(plan: Plan) -> bool:
    """Whether PostgreSQL has computed the query's one row when it has planned it: its errors come before all else."""
    return isinstance(plan, QueryPlan) and not plan.query.from_items and not is_volatile(plan.query)


def _table(session: Session, node: Any) -> tuple[tuple[Column, ...], Callable[[], Result], bool]:
    name = node.relation.relname
    found = table_access.relation_named(session, node.relation)
    if isinstance(found, ViewDef):
        raise SqlError("42809", f'cannot copy from view "{name}"', hint="Try the COPY (SELECT ...) TO variant.")
    if isinstance(found, SequenceDef):
        raise SqlError("42809", f'cannot copy from sequence "{name}"')
    if isinstance(found, IndexDef):
        raise SqlError("42809", f'cannot open relation "{name}"', detail="This operation is not supported for indexes.")
    table = table_access.table_named(session, node.relation)
    chosen = chosen_columns(table, node)
    access.require_table(session, table, "r", [c.attnum for c in chosen])
    columns = tuple(Column(c.name, c.type, table.oid, c.attnum) for c in chosen)
    return columns, lambda: queries.run_table(session, table, columns), False


class _LateRows:
    """Call it with n for the next n rows or so; [] at the end. The first call runs the query."""

    def __init__(self, session: Session, begin: Callable[[], Result]) -> None:
        self._session = session
        self._begin: Callable[[], Result] | None = begin
        self._result: Result | None = None

    def __call__(self, count: int) -> list[Row]:
        """The next rows; they block while DuckDB makes them."""
        with self._session.watched():
            begin, self._begin = self._begin, None
            if begin is not None:
                self._result = begin()
                if self._result.rows:
                    return self._result.rows
            result = self._result
            return [] if result is None or result.more is None else result.more(count)

    def close(self) -> None:
        """Drop what is left."""
        self._begin = None
        if self._result is not None and self._result.close is not None:
            self._result.close()
