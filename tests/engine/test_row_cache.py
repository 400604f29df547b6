"""The row cache: never stale, never over its budget."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ruvector_engine.executor.row_cache import Projection, RowCache
from ruvector_engine.results import Row
from ruvector_engine.types.registry import FLOAT8, INT8, TEXT, TypeRef

INTEGER, TEXTUAL, REAL = TypeRef(INT8), TypeRef(TEXT), TypeRef(FLOAT8)


def ids(*numbers: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(numbers, np.int64)


def keep(cache: RowCache, projection: Projection, rows: dict[int, Row], version: int = 0) -> None:
    cache.keep(projection, ids(*rows), list(rows.values()), version)


def test_commits_take_out_what_they_changed() -> None:
    cache = RowCache()
    projection = cache.projection(1, [("a", TEXTUAL)])
    keep(cache, projection, {10: ("x",), 11: ("y",)})
    assert projection.take(ids(11, 10)) == [("y",), ("x",)]
    cache.changed(1, [ids(10)])
    assert projection.take(ids(10)) is None
    assert projection.take(ids(11)) == [("y",)]
    assert cache.projection(1, [("a", TEXTUAL)]) is projection
    assert cache.projection(1, [("a", TEXTUAL), ("b", INTEGER)]) is not projection


def test_rows_read_before_a_commit_are_not_kept_after_it() -> None:
    cache = RowCache()
    projection = cache.projection(1, [("a", INTEGER)])
    version = cache.version(1)
    cache.changed(1, [ids(10)])
    keep(cache, projection, {10: (1,)}, version)
    assert projection.take(ids(10)) is None


def test_other_tables_do_not_matter() -> None:
    cache = RowCache()
    projection = cache.projection(1, [("a", INTEGER)])
    cache.changed(2, [ids(10)])
    keep(cache, projection, {10: (5,)}, cache.version(1))
    assert projection.take(ids(10)) == [(5,)]


def test_ids_outside_of_what_is_cached_are_unknown() -> None:
    cache = RowCache()
    projection = cache.projection(1, [("a", INTEGER)])
    assert projection.take(ids(1)) is None
    keep(cache, projection, {1000: (1,)})
    for number in (1, 999, 1001, 10**9):
        assert projection.take(ids(1000, number)) is None
    keep(cache, projection, {1: (7,), 50_000: (8,)})
    assert projection.take(ids(50_000, 1, 1000)) == [(8,), (7,), (1,)]


def test_the_budget_holds_and_the_oldest_goes_first() -> None:
    cache = RowCache(budget=100_000)
    first, second = cache.projection(1, [("a", TEXTUAL)]), cache.projection(1, [("b", TEXTUAL)])
    keep(cache, first, dict.fromkeys(range(300), ("v" * 100,)))
    keep(cache, second, dict.fromkeys(range(300), ("v" * 100,)))
    keep(cache, second, dict.fromkeys(range(300, 400), ("v" * 100,)))
    assert cache.memory_bytes() <= 100_000
    assert first.take(ids(1)) is None
    assert second.take(ids(399)) == [("v" * 100,)]


def test_a_batch_larger_than_the_budget_is_not_kept() -> None:
    cache = RowCache(budget=1_000)
    projection = cache.projection(1, [("a", TEXTUAL)])
    keep(cache, projection, dict.fromkeys(range(50), ("v" * 100,)))
    assert projection.take(ids(1)) is None
    assert not cache.room_for(50, 100)


def test_forget_empties_and_outdates() -> None:
    cache = RowCache()
    projection = cache.projection(1, [("a", TEXTUAL)])
    keep(cache, projection, {10: ("x",)})
    cache.forget(1)
    assert projection.take(ids(10)) is None
    assert cache.version(1) == 1


ROWS = st.dictionaries(
    st.integers(1, 5000),
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.text(max_size=5),
    ),
    min_size=1,
    max_size=20,
)


@given(st.lists(st.tuples(st.booleans(), ROWS), max_size=8))
def test_it_is_a_dictionary(steps: list[tuple[bool, dict[int, Row]]]) -> None:
    cache = RowCache()
    projection = cache.projection(1, [("a", INTEGER), ("b", REAL), ("c", TEXTUAL)])
    model: dict[int, Row] = {}
    for adds, rows in steps:
        if adds:
            keep(cache, projection, rows, cache.version(1))
            model |= rows
        else:
            cache.changed(1, [ids(*rows)])
            model = {i: row for i, row in model.items() if i not in rows}
        assert projection.take(ids(*model)) == list(model.values())
        assert projection.known(ids(*rows)).tolist() == [i in model for i in rows]
