"""Runs queries in DuckDB, their k-NN and full-text parts narrowed to what indexes find first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import snapshots, system_views, table_access
from ruvector_engine.executor.bindings import check_numbers, converted, row_count, values
from ruvector_engine.executor.bindings import run as run_statement
from ruvector_engine.executor.candidates import Candidates, nearest, query_vector, rows_by_id
from ruvector_engine.executor.reg_names import naming
from ruvector_engine.executor.streams import BATCH, RowStream
from ruvector_engine.executor.text_scans import narrow
from ruvector_engine.planner.match import KnnMatch
from ruvector_engine.planner.plan import QueryPlan
from ruvector_engine.planner.walk import queries as inner_queries
from ruvector_engine.planner.walk import tables
from ruvector_engine.results import Column, Result, Row
from ruvector_engine.sql.emit import emit_query
from ruvector_engine.sql.nodes import ColumnRef, Const, Query, RangeEntry, Target
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Candidates to start with when joins or other conditions may drop some, and the factor for each further try.
_FIRST_CANDIDATES = 100
_WIDEN = 8
#: How often a query is repeated when commits keep coming between its searches and DuckDB's snapshot.
_ATTEMPTS = 5


def run(session: Session, plan: QueryPlan, params: Sequence[Value]) -> Result:
    """The result of a query; large ones are fetched as they are read."""
    prepare(session, plan.query)
    if session.transaction.open or not (plan.searches or plan.texts):
        return _run_once(session, plan, params)
    searched = [match.table.oid for match in plan.searches] + [text.table.oid for text in plan.texts]
    commit_lock, version = session.database.commit_lock, session.database.rows.version
    for _ in range(_ATTEMPTS):
        with commit_lock:  # not in the middle of a commit
            before = list(map(version, searched))
        result = _run_once(session, plan, params)
        if list(map(version, searched)) == before:
            return result
        if result.close is not None:
            result.close()
            session.stream = None
    with commit_lock:
        return _run_once(session, plan, params)


def constant_row(plan: QueryPlan, params: Sequence[Value]) -> Result:
    """The one row of a plan with `constants`."""
    assert plan.constants is not None
    row = tuple([c.value if isinstance(c, Const) else params[c.number - 1] for c in plan.constants])
    return Result("SELECT", plan.columns, [row], counted=True)


def _run_once(session: Session, plan: QueryPlan, params: Sequence[Value]) -> Result:
    scans: dict[RangeEntry, str] = {}
    for match in plan.searches:
        if match.residual:
            rows = _widened(session, plan, match, params)
            if rows is not None:
                return Result("SELECT", plan.columns, rows, counted=True)
        else:
            candidates = _narrow(session, match, params)
            if candidates is not None:
                scans[match.entry] = candidates
    narrowed = narrow(session, [text for text in plan.texts if text.entry not in scans], params)
    return run_plain(session, plan.query, plan.columns, params, narrowed.scans() | scans, narrowed.settled)


def run_plain(
    session: Session,
    query: Query,
    columns: tuple[Column, ...],
    params: Sequence[Value],
    scans: Mapping[RangeEntry, str] | None = None,
    settled: Collection[int] = frozenset(),
) -> Result:
    """The result of a query as DuckDB alone gives it."""
    prepare(session, query)
    statement = emit_query(query, scans=scans, settled=settled)
    connection = session.connection
    fetch = connection.stream(statement.text, values(session, statement, params))
    name = naming(session, columns)

    def rows(count: int) -> list[Row]:
        fetched = converted(fetch(count), statement)
        if not columns:
            return [()] * len(fetched)  # DuckDB has no rows of no columns: they came with one
        return fetched if name is None else name(fetched)

    stream = RowStream(rows, connection.abandon)
    first = stream(BATCH)
    check_numbers(statement, first)
    if len(first) < BATCH:
        stream.close()
        return Result("SELECT", columns, first, counted=True)
    session.stream = stream
    return Result("SELECT", columns, first, stream, counted=True, close=stream.close)


def run_table(session: Session, table: TableDef, columns: tuple[Column, ...]) -> Result:
    """All rows of a table, these columns of it, in no promised order."""
    entry = RangeEntry(table.name, tuple((c.name, c.type) for c in table.columns), table)
    places = {name: index for index, (name, _) in enumerate(entry.columns)}
    targets = tuple(Target(ColumnRef(entry, places[c.name], c.name, c.type), c.name) for c in columns)
    return run_plain(session, Query(targets, from_items=(entry,)), columns, ())


def prepare(session: Session, query: Query) -> None:
    """What must be true before DuckDB runs it: FOR UPDATE's locks, the snapshot of some isolations, system views.

    FOR UPDATE and its weaker forms lock their tables against UPDATE and DELETE: there are no locks on rows.
    """
    for locking in [inner for inner in inner_queries(query) if inner.for_update]:
        for table in tables(locking.from_items):
            if locking.nowait:
                _lock_now(session, table)
            else:
                session.lock(table.oid, "update")
    if session.transaction.isolation in ("repeatable read", "serializable") and not session.transaction.open:
        session.transaction.take_snapshot()
    read = list(tables(query))
    snapshots.catch_up(session, read)
    for table in read:
        table_access.require_known(session, table)
    system_views.fill(session, [table for table in read if table.virtual])


def _lock_now(session: Session, table: TableDef) -> None:
    try:
        session.lock(table.oid, "update", wait=False)
    except SqlError as error:
        if error.sqlstate != "55P03":
            raise
        raise SqlError("55P03", f'could not obtain lock on row in relation "{table.name}"') from error


def _search(session: Session, match: KnnMatch, params: Sequence[Value], k: int) -> Candidates | None:
    vector = query_vector(session, match, params)
    return None if vector is None else nearest(session, match, params, vector, k)


def _wanted(session: Session, match: KnnMatch, params: Sequence[Value]) -> int | None:
    """How many rows, skipped ones included, the search must give; None: all."""
    limit = row_count(session, session.connection, match.query.limit, params, "LIMIT")
    offset = row_count(session, session.connection, match.query.offset, params, "OFFSET") or 0
    return None if limit is None else limit + offset


def _narrow(session: Session, match: KnnMatch, params: Sequence[Value]) -> str | None:
    """DuckDB's SQL for the table narrowed to the candidates; None where it must see every row."""
    wanted = _wanted(session, match, params)
    if not wanted:
        return None
    found = _search(session, match, params, wanted)
    if found is None or len(found.ids) < wanted:
        return None
    return rows_by_id(match, found.ids)


def _widened(session: Session, plan: QueryPlan, match: KnnMatch, params: Sequence[Value]) -> list[Row] | None:
    """The rows of a query whose joins or conditions drop candidates; None where DuckDB must see every row."""
    limit = row_count(session, session.connection, match.query.limit, params, "LIMIT")
    wanted = _wanted(session, match, params)
    if not wanted or limit is None:
        return None
    narrowed = narrow(session, [text for text in plan.texts if text.entry is not match.entry], params)
    k = max(_FIRST_CANDIDATES, 2 * wanted)
    while True:
        found = _search(session, match, params, k)
        if found is None or len(found.ids) < k:
            return None
        scans = {**narrowed.scans(), match.entry: rows_by_id(match, found.ids)}
        statement = emit_query(plan.query, scans=scans, settled=narrowed.settled)
        rows = run_statement(session, session.connection, statement, params)
        if len(rows) >= limit:
            return rows
        k *= _WIDEN
        session.check_cancelled()
