"""Several k-NN queries at once: one faiss call for all that search the same index alike.

A single search keeps one core busy; a batch uses them all, which is what clients that wait at the same time want.
Never blocks, like `search_now`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ruvector_engine.errors import SqlError
from ruvector_engine.executor.knn import Search, prepare_search, result_of, run_search
from ruvector_engine.index import VectorIndex
from ruvector_engine.index.spec import Float64Array
from ruvector_engine.index.spec import Query as Vector
from ruvector_engine.planner.plan import KnnPlan
from ruvector_engine.results import Result
from ruvector_engine.transactions import Ids
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session


class Asked(NamedTuple):
    """One query."""

    session: Session
    plan: KnnPlan
    params: Sequence[Value]


class _Alike(NamedTuple):
    """What searches that go to faiss together have in common. `plain`: the ids are enough."""

    searched: VectorIndex
    k: int
    ef_search: int
    probes: int
    plain: bool


def search_together(queries: Sequence[Asked | None]) -> list[Result | None]:
    """A result for each query; None for None, and where `execute` must give the answer or the error."""
    if len(queries) == 1:
        return [_alone(queries[0])]
    results: list[Result | None] = [None] * len(queries)
    groups: dict[_Alike, list[tuple[int, Asked, Search]]] = {}
    for place, asked in enumerate(queries):
        search = None if asked is None else _prepared(asked)
        if asked is None or search is None:
            continue
        if search.allowed is not None:
            results[place] = run_search(asked.session, asked.plan, search)
            continue
        route = search.route
        alike = _Alike(route.index, search.k, route.ef_search, route.probes, route.plain)
        groups.setdefault(alike, []).append((place, asked, search))
    for alike, members in groups.items():
        answers = _answers(alike, [search.vector for _, _, search in members])
        for (place, asked, search), (ids, distances) in zip(members, answers, strict=True):
            results[place] = result_of(asked.session, asked.plan, search, ids, distances)
    return results


def _alone(asked: Asked | None) -> Result | None:
    search = None if asked is None else _prepared(asked)
    return None if asked is None or search is None else run_search(asked.session, asked.plan, search)


def _prepared(asked: Asked) -> Search | None:
    try:
        return prepare_search(asked.session, asked.plan, asked.params)
    except SqlError:  # `execute` finds it again and reports it
        return None


def _answers(alike: _Alike, vectors: Sequence[Vector]) -> Sequence[tuple[Ids, Float64Array | None]]:
    index, k = alike.searched, alike.k
    if alike.plain:
        found = index.search_many_ids(vectors, k, ef_search=alike.ef_search, probes=alike.probes)
        return [(ids, None) for ids in found]
    return index.search_many(vectors, k, ef_search=alike.ef_search, probes=alike.probes)
