"""Recall after build, insert, delete, merge and restart, for each method and metric."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ruvector_engine.index import IndexSpec, VectorIndex
from ruvector_engine.index.elements import element_of
from ruvector_simd import BitMetric, Metric, distances

from .data import all_specs, clustered, plain_metric, recall, recall_of_kind, spec_name, stored, vectors_of

pytestmark = pytest.mark.usefixtures("approximate_searches")

D = 48
SPECS = [IndexSpec("hnsw", metric, D) for metric in Metric]
SPECS += [IndexSpec("ivfflat", metric, D, lists=30) for metric in Metric if metric is not Metric.L1]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method}-{spec.metric.value}")
def test_recall_over_a_life(spec: IndexSpec, tmp_path: Path, approximate_searches: list[int]) -> None:
    base, more, queries = clustered(5000, D, 1), clustered(1500, D, 2), clustered(30, D, 3)
    index = VectorIndex.build(spec, np.arange(5000), base)
    rows = dict(enumerate(base))
    assert recall(index, rows, plain_metric(spec), queries) > 0.9
    assert len(approximate_searches) >= len(queries)

    index.add(np.arange(5000, 6500), more)
    rows.update(enumerate(more, 5000))
    assert recall(index, rows, plain_metric(spec), queries) > 0.9

    gone = np.random.default_rng(4).choice(6500, 800, replace=False)
    index.delete(gone)
    for i in gone.tolist():
        del rows[i]
    assert recall(index, rows, plain_metric(spec), queries) > 0.9

    assert index.maintain(everything=True)
    (segment,) = index.segments()
    assert (segment.kind, segment.rows, segment.dead) == (spec.method, 5700, 0)
    assert recall(index, rows, plain_metric(spec), queries) > 0.9

    index.save(tmp_path)
    approximate_searches.clear()
    assert recall(VectorIndex.load(tmp_path, spec), rows, plain_metric(spec), queries) > 0.9
    assert len(approximate_searches) >= len(queries)


OTHERS = [spec for spec in all_specs(D, lists=30) if spec.element != "single"]


@pytest.mark.parametrize("spec", OTHERS, ids=spec_name)
def test_recall_of_other_elements_over_a_life(spec: IndexSpec, tmp_path: Path) -> None:
    """Exact where inverted lists or a scan answer; else near it, and by faiss: exact scans are priced out."""
    base, more, queries = clustered(3000, D, 1), clustered(800, D, 2), clustered(15, D, 3)
    enough = 1.0 if spec.element == "sparse" or spec.metric is BitMetric.JACCARD else 0.9
    index = VectorIndex.build(spec, np.arange(3000), vectors_of(spec, base))
    rows = dict(enumerate(base))
    assert recall_of_kind(index, rows, queries) >= enough

    index.add(np.arange(3000, 3800), vectors_of(spec, more))
    rows.update(enumerate(more, 3000))
    gone = np.random.default_rng(4).choice(3800, 500, replace=False)
    index.delete(gone)
    for i in gone.tolist():
        del rows[i]
    assert recall_of_kind(index, rows, queries) >= enough

    assert index.maintain(everything=True)
    (segment,) = index.segments()
    assert (segment.rows, segment.dead) == (3300, 0)
    assert recall_of_kind(index, rows, queries) >= enough
    rng = np.random.default_rng(5)
    for share in (0.001, 0.05, 0.5):
        allowed = np.sort(rng.choice(3800, int(3800 * share), replace=False))
        assert recall_of_kind(index, rows, queries, allowed) >= min(enough, 0.85)

    index.save(tmp_path)
    loaded = VectorIndex.load(tmp_path, spec)
    assert recall_of_kind(loaded, rows, queries) >= enough
    for query in queries[:3]:
        searched = element_of(spec).query(stored(spec, query))
        assert loaded.search(searched, 10)[0].tolist() == index.search(searched, 10)[0].tolist()
        assert sorted(loaded.search_ids(searched, 10).tolist()) == sorted(loaded.search(searched, 10)[0].tolist())


def test_halves_take_half_the_memory() -> None:
    rows = clustered(5000, 128, 1)
    single, half = (
        VectorIndex.build(spec, np.arange(5000), vectors_of(spec, rows)).memory_bytes
        for spec in (IndexSpec("hnsw", Metric.L2, 128), IndexSpec("hnsw", Metric.L2, 128, element="half"))
    )
    assert single - half == rows.nbytes / 2


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method}-{spec.metric.value}")
def test_filters_fill_the_limit_and_keep_the_recall(spec: IndexSpec) -> None:
    vectors, queries = clustered(5000, D, 1), clustered(10, D, 3)
    index = VectorIndex.build(spec, np.arange(5000), vectors)
    rng = np.random.default_rng(5)
    for share in (0.0002, 0.002, 0.01, 0.1, 0.3, 0.6, 0.9, 1.0):
        allowed = np.sort(rng.choice(5000, int(5000 * share), replace=False))
        for _ in range(2):  # the second time from the remembered filter
            assert recall(index, dict(enumerate(vectors)), plain_metric(spec), queries, allowed) > 0.85
    nothing = np.empty(0, np.int64)
    assert len(index.search(queries[0], 10, allowed=nothing)[0]) == 0
    assert len(index.search(queries[0], 10, allowed=np.array([7000, 8000]))[0]) == 0


def test_a_filter_far_from_the_query_is_still_filled() -> None:
    """The allowed rows are the farthest ones: a search that filters afterwards would return nothing."""
    vectors = clustered(5000, D, 1)
    spec = IndexSpec("hnsw", Metric.L2, D)
    index = VectorIndex.build(spec, np.arange(5000), vectors)
    query = vectors[0]
    farthest = np.sort(np.argsort(((vectors - query) ** 2).sum(axis=1))[-2000:])
    ids, _ = index.search(query, 50, ef_search=10, allowed=farthest)
    assert len(ids) == 50
    assert np.isin(ids, farthest).all()


def test_ef_search_and_probes_buy_recall() -> None:
    vectors, queries = clustered(6000, D, 1), clustered(40, D, 3)
    rows = dict(enumerate(vectors))
    graph = VectorIndex.build(IndexSpec("hnsw", Metric.L2, D, m=4, ef_construction=16), np.arange(6000), vectors)
    assert recall(graph, rows, Metric.L2, queries, ef_search=10) < recall(graph, rows, Metric.L2, queries, ef_search=80)
    lists = VectorIndex.build(IndexSpec("ivfflat", Metric.L2, D, lists=60), np.arange(6000), vectors)
    assert recall(lists, rows, Metric.L2, queries, probes=1) < recall(lists, rows, Metric.L2, queries, probes=12)
    assert recall(lists, rows, Metric.L2, queries, probes=60) == 1.0


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method}-{spec.metric.value}")
def test_many_queries_at_once_are_answered_as_one_by_one(spec: IndexSpec) -> None:
    index = VectorIndex.build(spec, np.arange(5000), clustered(5000, D, 1))
    for k, count in ((10, 20), (6000, 2)):
        queries = clustered(count, D, 3)
        for _ in range(2):
            one_by_one = [index.search(query, k) for query in queries]
            for (ids, found), (expected, at) in zip(index.search_many(list(queries), k), one_by_one, strict=True):
                np.testing.assert_array_equal(ids, expected)
                np.testing.assert_array_equal(found, at)
            index.delete(np.arange(0, 5000, 50))
    index.add(np.arange(5000, 5100), clustered(100, D, 4))  # a second segment
    queries = clustered(20, D, 3)
    one_by_one = [index.search(query, 10) for query in queries]
    assert [ids.tolist() for ids, _ in index.search_many(list(queries), 10)] == [ids.tolist() for ids, _ in one_by_one]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method}-{spec.metric.value}")
def test_ids_of_many_queries_at_once(spec: IndexSpec) -> None:
    index = VectorIndex.build(spec, np.arange(5000), clustered(5000, D, 1))
    queries = list(clustered(20, D, 3))
    for k in (1, 10, 6000):
        for _ in range(2):
            one_by_one = [index.search_ids(query, k).tolist() for query in queries]
            assert [ids.tolist() for ids in index.search_many_ids(queries, k)] == one_by_one
            index.delete(np.arange(0, 5000, 50))


#: (factor, offset): rows that half precision can hold once they are moved and scaled; at 1e5 it cannot.
PLACES = [(metric, factor, 0.0) for metric in Metric for factor in (1.0, 1e-12, 1e12)]
PLACES += [(metric, 1.0, offset) for metric in (Metric.L2, Metric.L1) for offset in (500.0, 1e5)]


@pytest.mark.parametrize(("metric", "factor", "offset"), PLACES)
def test_recall_wherever_the_vectors_lie(metric: Metric, factor: float, offset: float) -> None:
    rows, queries = (
        (clustered(n, D, seed) * np.float32(factor) + np.float32(offset)).astype(np.float32)
        for n, seed in ((5000, 1), (30, 3))
    )
    index = VectorIndex.build(IndexSpec("hnsw", metric, D), np.arange(5000), rows)
    assert recall(index, dict(enumerate(rows)), metric, queries) > 0.9


def test_one_row_out_of_range_is_indexed_all_the_same() -> None:
    rows = clustered(5000, D, 1)
    rows[4321] *= np.float32(1e9)
    index = VectorIndex.build(IndexSpec("hnsw", Metric.L2, D), np.arange(5000), rows)
    assert index.search(rows[4321], 1)[0].tolist() == [4321]
    assert recall(index, dict(enumerate(rows)), Metric.L2, clustered(30, D, 3)) > 0.9


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method}-{spec.metric.value}")
def test_ids_alone_come_in_the_order_of_their_distances(spec: IndexSpec) -> None:
    vectors = clustered(5000, D, 1)
    index = VectorIndex.build(spec, np.arange(5000), vectors)
    for k in (10, 5000, 6000):  # by the graph, then exactly, then all there is
        for query in clustered(3, D, 3):
            ids = index.search_ids(query, k)
            assert len(set(ids.tolist())) == min(k, 5000)
            assert (np.diff(distances(plain_metric(spec), query, vectors[ids])) >= -1e-5).all()
