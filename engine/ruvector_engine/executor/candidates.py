"""Candidates of a k-NN search: the ids of the nearest rows, by an index or exactly, as the transaction sees them.

Without an open DuckDB transaction an index search sees the newest committed rows. Inside one, what its snapshot sees is
searched: rows that the index knows through the index, the others (written here, or deleted elsewhere since) exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ruvector_engine.catalog.model import IndexDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor.bindings import evaluate, quick_value, values
from ruvector_engine.executor.filters import matching_ids, rows_query
from ruvector_engine.executor.text_scans import narrow, narrowed_table
from ruvector_engine.index import VectorIndex
from ruvector_engine.index.spec import Query as Vector
from ruvector_engine.index.spec import Vectors
from ruvector_engine.planner.index_keys import as_stored, index_key
from ruvector_engine.planner.match import KnnMatch
from ruvector_engine.planner.operator_classes import index_metric
from ruvector_engine.planner.walk import cte_references
from ruvector_engine.sql.nodes import Expr
from ruvector_engine.stored_vectors import read, read_by_id
from ruvector_engine.transactions import Ids
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: How often a search is repeated when commits keep changing the index under it.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Chosen:
    """The index that serves a search, and which of the search's conditions it leaves to be tested."""

    definition: IndexDef
    index: VectorIndex
    conditions: tuple[Expr, ...]


class Candidates(NamedTuple):
    """Sorted nearest first: ids (n,) int64, pgvector's distances (n,) float64."""

    ids: Ids
    distances: npt.NDArray[np.float64]


def query_vector(session: Session, match: KnnMatch, params: Sequence[Value], *, now: bool = False) -> Vector | None:
    """The query vector; None for NULL, and with `now` also when it takes an evaluation.

    None also for an array that no index can be asked for: whatever its error is, DuckDB's query finds it.
    """
    known, value = quick_value(match.operand, params)
    if not known:
        if now:
            return None
        ctes = match.query.ctes if cte_references(match.operand) else ()
        value = evaluate(session, session.connection, match.operand, params, ctes)
    if value is None:
        return None
    if isinstance(value, list):
        return _of_array(session, match, params, value)
    assert isinstance(value, (bytes, str))
    element = match.element
    dimensions = element.dimensions_of(value)
    if dimensions != match.dimensions:
        column_first = _column_first(session, match, params)
        first, second = (match.dimensions, dimensions) if column_first else (dimensions, match.dimensions)
        raise SqlError("22000", f"different {element.measured} {first} and {second}")
    return element.query(value)


def _of_array(session: Session, match: KnnMatch, params: Sequence[Value], numbers: list[Any]) -> Vector | None:
    """An array as a query vector, when it is one of as many numbers as the index that serves the search has."""
    chosen = choose_index(session, match, params)
    if chosen is None or chosen.index.spec.dimensions != len(numbers):
        return None
    if not all(isinstance(number, float) for number in numbers):  # NULLs, or arrays in it
        return None
    return np.asarray(numbers, np.float32)


def _column_first(session: Session, match: KnnMatch, params: Sequence[Value]) -> bool:
    """Whether PostgreSQL would hand the column's vector to the distance first: an index has an order of its own."""
    chosen = choose_index(session, match, params)
    if chosen is None:
        return match.distance.args[1] is match.operand
    return chosen.definition.method == "ivfflat"


def choose_index(session: Session, match: KnnMatch, params: Sequence[Value] = ()) -> Chosen | None:
    """The index that serves the search: one that leaves fewer conditions, hnsw before ivfflat, older before newer.

    A partial index whose predicate follows only from the values of `params` serves where no other index does.
    enable_indexscan = off turns to the table instead, unless settings speak against what that takes as well.
    """
    settings = session.settings
    if settings["enable_indexscan"] == "off" and settings["enable_seqscan"] == settings["enable_sort"] == "on":
        return None
    return _serving(session, match, ()) or (_serving(session, match, params) if params else None)


def _serving(session: Session, match: KnnMatch, params: Sequence[Value]) -> Chosen | None:
    usable: list[tuple[int, bool, int, IndexDef, tuple[Expr, ...]]] = []
    for definition in session.catalog.indexes_of(match.table.oid):
        if definition.is_vector and index_metric(definition) is match.metric:
            key = index_key(definition, match.table, session.catalog)
            rest = key.serves(match.key, match.entry, match.filter, params)
            if rest is not None:
                usable.append((len(rest), definition.method != "hnsw", definition.oid, definition, rest))
    for _, _, _, definition, rest in sorted(usable, key=lambda u: u[:3]):
        indexes = session.database.indexes
        index = indexes.get(definition.oid)
        if index is None and definition.oid in session.transaction.new_indexes:
            index = indexes.get_pending(definition.oid)
        if index is not None:
            return Chosen(definition, index, rest)
    return None


def nearest(session: Session, match: KnnMatch, params: Sequence[Value], vector: Vector, k: int) -> Candidates:
    """Up to k nearest rows that match the filter: fewer only when there are no more."""
    if session.transaction.isolation in ("repeatable read", "serializable"):
        session.transaction.begin_snapshot()
    chosen = choose_index(session, match, params)
    if chosen is None:
        return _exact(session, match, params, vector, k)
    index = chosen.index
    options = session.search_options
    if not session.transaction.open:
        allowed = matching_ids(session, session.connection, match, params) if chosen.conditions else None
        return Candidates(*index.search(vector, k, ef_search=options.ef_search, probes=options.probes, allowed=allowed))
    return _in_snapshot(session, match, params, vector, k, index)


def _exact(session: Session, match: KnnMatch, params: Sequence[Value], vector: Vector, k: int) -> Candidates:
    dimensions = match.dimensions or len(vector)
    narrowed = narrow(session, match.texts, params)
    statement = rows_query(match, key=as_stored(match.key, dimensions), narrowed=narrowed)
    bound = values(session, statement, params)
    ids, vectors = read(session.connection, statement.text, match.element, dimensions, bound)
    session.check_cancelled()
    return _top(match, vector, ids, vectors, k)


def _in_snapshot(
    session: Session, match: KnnMatch, params: Sequence[Value], vector: Vector, k: int, index: VectorIndex
) -> Candidates:
    visible = matching_ids(session, session.connection, match, params)
    options = session.search_options

    def search() -> tuple[npt.NDArray[np.bool_], Candidates]:
        known = index.contains(visible)
        effort = {"ef_search": options.ef_search, "probes": options.probes}
        return known, Candidates(*index.search(vector, k, allowed=visible[known], **effort))

    for _ in range(_ATTEMPTS):
        state = index.state
        known, inside = search()
        if index.state is state:
            break
        session.check_cancelled()
    else:  # what a commit deletes between the two steps may be visible here
        with session.database.commit_lock:
            known, inside = search()
    if known.all():
        return inside
    dimensions = index.spec.dimensions
    narrowed = narrow(session, match.texts, params)
    rows = rows_query(match, key=as_stored(match.key, dimensions), narrowed=narrowed)  # the others may have no vector
    bound = values(session, rows, params)
    ids, vectors = read_by_id(session.connection, rows.text, visible[~known], match.element, dimensions, bound)
    outside = _top(match, vector, ids, vectors, k)
    merged_ids = np.concatenate((inside.ids, outside.ids))
    distances = np.concatenate((inside.distances, outside.distances))
    order = np.argsort(distances, kind="stable")[:k]
    return Candidates(merged_ids[order], distances[order])


def _top(match: KnnMatch, vector: Vector, ids: Ids, vectors: Vectors, k: int) -> Candidates:
    positions, distances = match.element.nearest(match.metric, vector, vectors, k)
    return Candidates(ids[positions], distances)


def rows_by_id(match: KnnMatch, ids: Ids) -> str:
    """DuckDB's SQL for the table narrowed to some ids."""
    return narrowed_table(match.table, ids)
