"""Runs a top-level k-NN query: an index search, then rows from the cache. The hot path of the whole server.

`search_now` never blocks and never touches DuckDB; whenever it would have to, it gives up (None) and `run` does the
work on a worker thread, leaving the cache warm for the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ruvector_engine.catalog.model import ROW_ID, Catalog
from ruvector_engine.executor import queries
from ruvector_engine.executor.bindings import converted, row_count
from ruvector_engine.executor.candidates import Candidates, choose_index, nearest, query_vector, rows_by_id
from ruvector_engine.executor.filters import cached_ids, rows_query
from ruvector_engine.executor.row_cache import Projection
from ruvector_engine.index import VectorIndex
from ruvector_engine.index.spec import Float64Array
from ruvector_engine.index.spec import Query as Vector
from ruvector_engine.planner.match import KnnMatch
from ruvector_engine.planner.plan import KnnPlan
from ruvector_engine.relational.duck import Connection
from ruvector_engine.results import Result, Row
from ruvector_engine.sql.emit import DuckSql, emit_query
from ruvector_engine.sql.nodes import ColumnRef, Const, Expr, Param, Query, Target
from ruvector_engine.transactions import Ids
from ruvector_engine.types.registry import FLOAT4, INT8, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: A search estimated to take longer than this, in microseconds, goes to a worker thread.
LOOP_BUDGET_US = 2_000
#: How often a search is repeated when commits keep changing the table under it.
_ATTEMPTS = 5
#: Tables up to this many rows have the columns a k-NN query wants read into the cache at once.
_WARM_ROWS = 2_000_000
#: The assumed size of a value of variable length when deciding on that, in bytes.
_VALUE_BYTES = 80


@dataclass(slots=True)
class Route:
    """What `search_now` takes for granted about a plan while catalog, settings and index stay what they were."""

    catalog: Catalog
    generation: int
    oid: int
    index: VectorIndex
    projection: Projection
    ef_search: int
    probes: int
    plain: bool  # the cached rows are the answer's rows
    filter: DuckSql | None  # what gives the ids that pass the WHERE
    costed_state: object = None  # the index's state, and k, for which the search was found short enough
    costed_k: int = 0


def _route(session: Session, plan: KnnPlan) -> Route | None:
    """The plan's route, made again when something has changed; None when no index serves the query."""
    route: Route | None = plan.route
    if (
        route is not None
        and route.catalog is session.published.catalog
        and route.generation == session.settings.generation
        and session.database.indexes.get(route.oid) is route.index
    ):
        return route
    chosen = choose_index(session, plan.match)
    if chosen is None or not session.settings["DateStyle"].startswith("ISO"):  # then the filter is looked at first
        return None
    options = session.search_options
    route = plan.route = Route(
        session.published.catalog,
        session.settings.generation,
        chosen.definition.oid,
        chosen.index,
        _projection(session, plan),
        options.ef_search,
        options.probes,
        plan.order == tuple(range(len(plan.cached_columns))),
        rows_query(plan.match) if chosen.conditions else None,
    )
    return route


@dataclass(slots=True)
class Search:
    """An index search that the event loop may do, and what makes its answer a result."""

    route: Route
    vector: Vector
    k: int
    offset: int
    allowed: Ids | None
    version: int  # of the table's rows before the filter was looked up


def prepare_search(session: Session, plan: KnnPlan, params: Sequence[Value]) -> Search | None:
    """The search for a query, if it is short and index and filter are at hand; else None."""
    match, query = plan.match, plan.query
    limit = _quick_count(query.limit, params)
    offset = 0 if query.offset is None else _quick_count(query.offset, params)
    if not limit or offset is None:
        return None
    route = _route(session, plan)
    vector = None if route is None else query_vector(session, match, params, now=True)
    if route is None or vector is None:
        return None
    version = session.database.rows.version(match.table.oid)
    allowed = None
    if route.filter is not None:
        allowed = cached_ids(session, match, route.filter, params)
        if allowed is None:
            return None
    if not _short_enough(route, limit + offset, allowed):
        return None
    return Search(route, vector, limit + offset, offset, allowed, version)


def search_now(session: Session, plan: KnnPlan, params: Sequence[Value]) -> Result | None:
    """The result, if index and cache hold everything it takes; else None."""
    search = prepare_search(session, plan, params)
    return None if search is None else run_search(session, plan, search)


def run_search(session: Session, plan: KnnPlan, search: Search) -> Result | None:
    """The result of a search by itself; None as in `result_of`."""
    route, k = search.route, search.k
    if route.plain and search.allowed is None:
        ids = route.index.search_ids(search.vector, k, ef_search=route.ef_search, probes=route.probes)
        return result_of(session, plan, search, ids, None)
    ids, distances = route.index.search(
        search.vector, k, ef_search=route.ef_search, probes=route.probes, allowed=search.allowed
    )
    return result_of(session, plan, search, ids, distances)


def result_of(
    session: Session, plan: KnnPlan, search: Search, ids: Ids, distances: Float64Array | None
) -> Result | None:
    """The result, if the search found enough and the cache holds its rows; else None. `distances`: if not plain."""
    if len(ids) < search.k:
        return None
    if search.allowed is not None and session.database.rows.version(plan.match.table.oid) != search.version:
        return None  # a commit may have come between filter and search
    route, offset = search.route, search.offset
    found = route.projection.take(ids[offset:] if offset else ids)
    if found is None:
        return None
    if distances is not None and not route.plain:
        found = _arrange(plan, found, _shown(plan, distances[offset:]))
    return Result("SELECT", plan.columns, found, counted=True)


def _short_enough(route: Route, k: int, allowed: Ids | None) -> bool:
    """Whether the event loop can wait for the search."""
    state = route.index.state
    if allowed is None and route.costed_state is state and route.costed_k == k:
        return True
    passing = None if allowed is None else len(allowed)
    cost = route.index.cost_us(k, ef_search=route.ef_search, probes=route.probes, allowed=passing)
    if cost > LOOP_BUDGET_US:
        return False
    if allowed is None:
        route.costed_state, route.costed_k = state, k
    return True


def _quick_count(expr: Expr | None, params: Sequence[Value]) -> int | None:
    """LIMIT's or OFFSET's value, if it is at hand and not negative."""
    if type(expr) is Const:
        value = expr.value
    elif type(expr) is Param:
        value = params[expr.number - 1]
    else:
        return None
    return value if type(value) is int and value >= 0 else None


def run(session: Session, plan: KnnPlan, params: Sequence[Value]) -> Result:
    """The same on a worker thread, whatever it takes."""
    match = plan.match
    queries.prepare(session, plan.query)
    limit = row_count(session, session.connection, plan.query.limit, params, "LIMIT")
    offset = row_count(session, session.connection, plan.query.offset, params, "OFFSET") or 0
    vector = query_vector(session, match, params)
    if vector is None or limit is None:
        return queries.run_plain(session, plan.query, plan.columns, params)
    if limit == 0:
        return Result("SELECT", plan.columns, [], counted=True)
    for _ in range(_ATTEMPTS):
        with session.database.commit_lock:  # not in the middle of a commit
            version = session.database.rows.version(match.table.oid)
        candidates = nearest(session, match, params, vector, limit + offset)
        if len(candidates.ids) < limit + offset:
            # Rows without a usable vector come last in the order, and only DuckDB knows them.
            return queries.run_plain(session, plan.query, plan.columns, params)
        rows = _rows(session, plan, candidates, offset)
        moved = session.database.rows.version(match.table.oid) != version
        if rows is not None and not (moved and match.filter and not session.transaction.open):
            return Result("SELECT", plan.columns, rows, counted=True)
    with session.database.commit_lock:
        candidates = nearest(session, match, params, vector, limit + offset)
        rows = _rows(session, plan, candidates, offset)
    if rows is None:
        return queries.run_plain(session, plan.query, plan.columns, params)
    return Result("SELECT", plan.columns, rows, counted=True)


def _arrange(plan: KnnPlan, rows: list[Row], distances: list[float]) -> list[Row]:
    """Cached rows in the order of the select list, distances put in."""
    order = plan.order
    if -1 not in order:
        if order == tuple(range(len(plan.cached_columns))):
            return rows
        return [tuple([row[i] for i in order]) for row in rows]
    return [
        tuple([distance if i < 0 else row[i] for i in order]) for row, distance in zip(rows, distances, strict=True)
    ]


def _shown(plan: KnnPlan, distances: Float64Array) -> list[float]:
    """Distances as the operator gives them: that of real[] as real."""
    if plan.match.distance.type.oid == FLOAT4:
        with np.errstate(over="ignore"):
            return [float(distance) for distance in distances.astype(np.float32)]
    shown: list[float] = distances.tolist()
    return shown


def _projection(session: Session, plan: KnnPlan) -> Projection:
    types = dict(plan.match.entry.columns)
    return session.database.rows.projection(plan.match.table.oid, [(name, types[name]) for name in plan.cached_columns])


def _rows(session: Session, plan: KnnPlan, candidates: Candidates, offset: int) -> list[Row] | None:
    """The candidates' rows; None when one of them is gone, because a commit came between."""
    ids = candidates.ids[offset:]
    if session.transaction.open:
        found = _read_in_order(session, plan, ids)
    else:
        projection = _projection(session, plan)
        found = projection.take(ids)
        if found is None:
            _fill(session, plan, projection, ids)
            # Not from the cache: a commit may have taken out again what was kept.
            found = projection.take(ids) or _read_in_order(session, plan, ids)
    return None if found is None else _arrange(plan, found, _shown(plan, candidates.distances[offset:]))


def _read_in_order(session: Session, plan: KnnPlan, ids: Ids) -> list[Row] | None:
    read, rows = read_rows(session.connection, plan.match, plan.cached_columns, ids)
    found = dict(zip(read.tolist(), rows, strict=True))
    try:
        return [found[i] for i in ids.tolist()]
    except KeyError:
        return None


def _fill(session: Session, plan: KnnPlan, projection: Projection, ids: Ids) -> None:
    """Read the rows that the cache lacks, or all rows of the table when that is worth it."""
    cache = session.database.rows
    version = cache.version(plan.match.table.oid)
    wanted: Ids | None = ids[~projection.known(ids)]
    if not projection.warmed and _worth_warming(session, plan.match, plan.cached_columns):
        projection.warmed = True
        wanted = None
    cache.keep(projection, *read_rows(session.connection, plan.match, plan.cached_columns, wanted), version)


def _worth_warming(session: Session, match: KnnMatch, columns: tuple[str, ...]) -> bool:
    """Whether all rows' values of these columns may be read into memory at once."""
    types = dict(match.entry.columns)
    if any(types[name].is_searchable for name in columns):
        return False
    rows = session.connection.run(f"SELECT count(*) FROM {match.table.storage_name}")[0][0]
    return bool(rows <= _WARM_ROWS and session.database.rows.room_for(rows, _VALUE_BYTES * len(columns)))


def read_rows(
    connection: Connection, match: KnnMatch, columns: tuple[str, ...], ids: Ids | None
) -> tuple[Ids, list[Row]]:
    """Rows from DuckDB, those of `ids` or all: their ids, and their values, in no promised order."""
    entry = match.entry
    places = {name: (index, type_) for index, (name, type_) in enumerate(entry.columns)}
    targets = [Target(ColumnRef(entry, -1, ROW_ID, TypeRef(INT8)), ROW_ID)]
    targets += [Target(ColumnRef(entry, places[name][0], name, places[name][1]), name) for name in columns]
    scans = {} if ids is None else {entry: rows_by_id(match, ids)}
    statement = emit_query(Query(tuple(targets), from_items=(entry,)), scans=scans)
    rows = converted(connection.run(statement.text), statement)
    return np.asarray([row[0] for row in rows], np.int64), [row[1:] for row in rows]
