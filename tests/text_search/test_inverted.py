"""The inverted index by itself: it answers as the matcher does, document by document, whatever has happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruvector_engine.errors import SqlError
from ruvector_engine.index import DamagedIndex
from ruvector_engine.inverted import TextIndex
from ruvector_engine.inverted.segment import Ids
from ruvector_engine.text_search import documents, queries
from ruvector_engine.text_search.documents import Position, TsVector
from ruvector_engine.text_search.matching import matches
from ruvector_engine.text_search.queries import Both, Lexeme, Not, Query

#: Lexemes that share beginnings, and those whose text in a document is hard to take apart.
WORDS = st.sampled_from(["a", "ab", "abc", "b", "é", "it's", "back\\slash", "x y", "t ", " ", "':1", ":1 ", "'"])
PLACES: st.SearchStrategy[list[Position]] = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), max_size=3)
DOCUMENTS = st.dictionaries(WORDS, PLACES, max_size=5).map(documents.ordered)
QUERIES: st.SearchStrategy[Query] = st.recursive(
    st.builds(Lexeme, WORDS, st.sampled_from([0, 0, 1, 2, 12]), st.booleans()),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(Both, st.sampled_from(["&", "|"]), inner, inner)
        | st.builds(Both, st.just("<->"), inner, inner, st.integers(0, 3))
    ),
    max_leaves=6,
)


class Table:
    """Documents by id, and the index over them."""

    def __init__(self) -> None:
        self.rows: dict[int, TsVector | None] = {}
        self.index = TextIndex(self.read)

    def read(self, ids: Ids) -> tuple[Ids, Sequence[str | None]]:
        found = {number: self.rows[number] for number in ids.tolist() if number in self.rows}
        texts = [None if vector is None else documents.write(vector) for vector in found.values()]
        return np.asarray(list(found), np.int64), texts

    def put(self, vectors: Sequence[TsVector | None]) -> None:
        first = max(self.rows, default=0) + 1
        fresh = dict(enumerate(vectors, first))
        self.rows |= fresh
        self.index.apply(np.asarray(list(fresh), np.int64), np.empty(0, np.int64))

    def delete(self, share: int) -> None:
        gone = [number for number in self.rows if number % share == 0]
        for number in gone:
            del self.rows[number]
        self.index.apply(np.empty(0, np.int64), np.asarray(gone, np.int64))

    def check(self, query: Query) -> None:
        expected = [n for n, vector in self.rows.items() if vector is not None and matches(vector, query)]
        state = self.index.current()
        assert len(state.pending) == 0
        assert state.search(query).tolist() == sorted(expected), queries.write(query)
        assert state.ids().tolist() == sorted(self.rows)


STEPS = st.lists(
    st.tuples(st.just("put"), st.lists(DOCUMENTS | st.none(), min_size=1, max_size=6))
    | st.tuples(st.just("delete"), st.integers(2, 4))
    | st.tuples(st.sampled_from(["merge", "search"]), st.none()),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.lists(QUERIES, min_size=1, max_size=4))
def test_answers_are_the_matcher_s(steps: list[tuple[str, object]], asked: list[Query]) -> None:
    table = Table()
    for step, what in steps:
        if isinstance(what, list):
            table.put(what)
        elif isinstance(what, int):
            table.delete(what)
        elif step == "merge":
            while table.index.maintain(everything=True):
                pass
        table.check(asked[0])
    for query in asked:
        table.check(query)


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    table = Table()
    table.put([{"a": ((1, 0),), "b": ()}, {"it's": ((2, 3),)}, {}])
    table.check(Lexeme("a"))
    table.delete(2)
    table.index.save(tmp_path)
    table.index = TextIndex.load(tmp_path, table.read)
    for query in (Lexeme("a"), Not(Lexeme("a")), Lexeme("it's")):
        table.check(query)


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_file_is_no_index(tmp_path: Path, damage: str) -> None:
    table = Table()
    table.put([{"a": ((1, 0),)}] * 3)
    table.check(Lexeme("a"))
    table.index.save(tmp_path)
    path = tmp_path / "postings"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[:-9])
    elif damage == "changed":
        content[-9] ^= 1
        path.write_bytes(content)
    else:
        path.unlink()
    with pytest.raises((DamagedIndex, FileNotFoundError)):
        TextIndex.load(tmp_path, table.read)


def test_what_is_deleted_while_it_is_read_stays_dead() -> None:
    table = Table()
    table.put([{"a": ((1, 0),)}] * 4)
    read = table.read

    def interrupted(ids: Ids) -> tuple[Ids, Sequence[str | None]]:
        found = read(ids)
        table.delete(2)
        return found

    table.index = TextIndex(interrupted)
    table.index.apply(np.asarray([1, 2, 3, 4], np.int64), np.empty(0, np.int64))
    assert table.index.current().search(Lexeme("a")).tolist() == [1, 3]


def test_many_pending_documents_are_left_to_maintenance() -> None:
    table = Table()
    called: list[bool] = []
    table.index.on_maintenance_due = lambda: called.append(True)
    table.put([{"a": ((1, 0),)}] * 600)
    assert called
    assert len(table.index.current().pending) == 600
    while table.index.maintain():
        pass
    table.check(Lexeme("a"))


def test_documents_that_cannot_be_read_stay_pending() -> None:
    def failing(_ids: Ids) -> tuple[Ids, Sequence[str | None]]:
        raise SqlError("22012", "division by zero")

    index = TextIndex(failing)
    index.apply(np.asarray([1, 2], np.int64), np.empty(0, np.int64))
    assert index.current().pending.tolist() == [1, 2]
    assert not index.maintain(everything=True)
