"""The life of an index (apply, seal, merge, save, load, search) against a dict and an exact search."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ruvector_engine.index import IndexSpec, VectorIndex
from ruvector_engine.index.spec import Vectors

from .data import all_specs, plain_distance, quantized_specs, query_of, spec_name, vectors_of

D = 3
#: What serves bits and sparse vectors where faiss does not.
_OTHER_KINDS = ("inverted", "scan")
#: Few distinct numbers, so that duplicates, ties and zero vectors are common.
numbers = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 3.0])
vectors = st.lists(numbers, min_size=D, max_size=D)
batches = st.lists(vectors, max_size=20)

SPECS = all_specs(D, lists=3, m=4, ef_construction=16)
SPECS += quantized_specs(D, lists=3, parts=3, m=4, ef_construction=16, centroids=4)


class IndexLife(RuleBasedStateMachine):
    spec: IndexSpec

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.index = VectorIndex(self.spec, directory=self.directory)
        self.rows: dict[int, list[float]] = {}
        self.saved: dict[int, list[float]] | None = None
        self.next_id = 1

    def teardown(self) -> None:
        shutil.rmtree(self.directory)

    def given(self, batch: list[list[float]]) -> Vectors:
        """The batch as the index takes it."""
        return vectors_of(self.spec, np.array(batch, np.float32).reshape(-1, D))

    def true_distances(self, among: list[list[float]], query: list[float]) -> npt.NDArray[np.float64]:
        """The operator's distances, row by row."""
        q = np.array(query, np.float32)
        return np.array([plain_distance(self.spec, np.array(row, np.float32), q) for row in among], np.float64)

    def new_ids(self, count: int) -> npt.NDArray[np.int64]:
        ids = np.arange(self.next_id, self.next_id + count)
        self.next_id += count
        return ids

    @rule(batch=batches, data=st.data())
    def apply(self, batch: list[list[float]], data: st.DataObject) -> None:
        ids = self.new_ids(len(batch))
        if data.draw(st.booleans()):
            ids = ids[::-1]
        live = sorted(self.rows)
        gone = data.draw(st.lists(st.sampled_from(live), unique=True)) if live else []
        self.index.apply(ids, self.given(batch), np.array(gone, np.int64))
        for i in gone:
            del self.rows[i]
        self.rows.update(zip(ids.tolist(), batch, strict=True))

    @rule(batch=batches)
    def create_again(self, batch: list[list[float]]) -> None:
        ids = self.new_ids(len(batch))
        self.rows = dict(zip(ids.tolist(), batch, strict=True))
        self.index = VectorIndex.build(self.spec, ids, self.given(batch), directory=self.directory)

    @rule()
    def delete_everything(self) -> None:
        self.index.delete(np.array(sorted(self.rows), np.int64))
        self.rows = {}

    @rule(everything=st.booleans())
    def maintain(self, everything: bool) -> None:
        self.index.maintain(everything=everything)
        if everything:
            kinds = {self.spec.method} if self.spec.element in ("single", "half") else {*_OTHER_KINDS, self.spec.method}
            assert all(segment.kind in kinds and not segment.dead for segment in self.index.segments())
            assert len(self.index.segments()) <= 1

    @rule()
    def save(self) -> None:
        self.index.save(self.directory)
        self.saved = dict(self.rows)

    @rule()
    def restart(self) -> None:
        """Load the last save, then make up the difference to the table, as the engine does."""
        if self.saved is None:
            return
        self.index = VectorIndex.load(self.directory, self.spec)
        held = set(self.index.ids().tolist())
        assert held == set(self.saved)
        missing = sorted(set(self.rows) - held)
        self.index.apply(
            np.array(missing, np.int64),
            self.given([self.rows[i] for i in missing]),
            np.array(sorted(held - set(self.rows)), np.int64),
        )

    @rule(query=vectors, k=st.integers(0, 30), data=st.data())
    def search(self, query: list[float], k: int, data: st.DataObject) -> None:
        among = dict(self.rows)
        allowed = None
        if data.draw(st.booleans()):
            chosen = data.draw(st.sets(st.integers(1, self.next_id)))
            among = {i: v for i, v in among.items() if i in chosen}
            allowed = np.array(sorted(chosen), np.int64)
        q = query_of(self.spec, np.array(query, np.float32))
        ids, found = self.index.search(q, k, ef_search=40, probes=2, allowed=allowed)
        assert len(ids) == len(set(ids.tolist())) == min(k, len(among))
        assert set(ids.tolist()) <= set(among)
        assert ids.dtype == np.int64
        assert found.dtype == np.float64
        expected = self.true_distances([among[i] for i in ids.tolist()], query)
        np.testing.assert_array_equal(found, expected)
        assert (np.diff(found[~np.isnan(found)]) >= 0).all()
        assert np.isnan(found).tolist() == sorted(np.isnan(found).tolist())
        if self.index.cost_us(k) < 5 and self.spec.element == "single" and self.spec.method == "hnsw" and k:
            # So few rows are searched exactly.
            every = np.sort(self.true_distances(list(among.values()), query))
            np.testing.assert_array_equal(found, every[:k])

    @invariant()
    def ids_are_the_tables(self) -> None:
        assert self.index.ids().tolist() == sorted(self.rows)
        assert self.index.live_count == len(self.rows)
        every = np.arange(self.next_id + 1)
        assert np.flatnonzero(self.index.contains(every)).tolist() == sorted(self.rows)

    @invariant()
    def vectors_are_the_tables(self) -> None:
        ids = np.array(sorted(self.rows), np.int64)
        expected = self.given([self.rows[i] for i in ids.tolist()])
        assert rows_text(self.index.vectors_of(ids)) == rows_text(expected)


def rows_text(vectors: Vectors) -> list[str]:
    """Each row, as something that can be compared whatever it is made of."""
    if hasattr(vectors, "offsets"):
        return [repr((v.indices.tolist(), v.values.tolist())) for v in map(vectors.row, range(len(vectors)))]
    return [repr(row.tolist()) for row in vectors]


def _run(spec: IndexSpec, examples: int) -> None:
    machine = type("Life", (IndexLife,), {"spec": spec})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ruvector_engine.index.vector_index.flat_capacity", lambda dimensions: 8)
    monkeypatch.setattr("ruvector_engine.index.codes._FROM_ROWS", 4)
    monkeypatch.setattr("ruvector_engine.index.codes.SAMPLES_PER_CENTROID", 1)


@pytest.mark.parametrize("spec", SPECS, ids=spec_name)
def test_an_index_answers_as_its_table_would(spec: IndexSpec) -> None:
    _run(spec, examples=8)


@pytest.mark.parametrize("spec", SPECS, ids=spec_name)
def test_graphs_and_lists_return_rows_of_the_table_only(spec: IndexSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above with exact scans priced out, so that even tiny segments are searched by their graph or lists."""
    for price in (
        "faiss_hnsw.scan_us",
        "graph_search.scan_us",
        "graph_search.gather_us",
        "faiss_ivf.gather_us",
        "faiss_binary.gather_us",
    ):
        monkeypatch.setattr(f"ruvector_engine.index.{price}", lambda rows, dimensions: 1e9)
    _run(spec, examples=8)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("spec", SPECS, ids=spec_name)
def test_an_index_answers_as_its_table_would_for_long(spec: IndexSpec) -> None:
    _run(spec, examples=20)
