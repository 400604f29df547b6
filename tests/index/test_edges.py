"""Extremes: no rows, one dimension, thousands, equal vectors, zero vectors, wrong shapes, cancelled builds."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from ruvector_engine.index import BuildCancelled, IndexMaintenance, IndexSpec, VectorIndex, faiss_hnsw_build
from ruvector_engine.index.spec import Method, Quantization
from ruvector_simd import Metric, nearest

from .data import clustered

NOTHING = np.empty(0, np.int64)
SPECS = [IndexSpec("hnsw", metric, 2) for metric in Metric]
SPECS += [IndexSpec("ivfflat", metric, 2) for metric in Metric if metric is not Metric.L1]
by_name = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method}-{spec.metric.value}")


@by_name
def test_an_empty_index_answers_and_grows(spec: IndexSpec) -> None:
    index = VectorIndex.build(spec, NOTHING, np.empty((0, 2), np.float32))
    query = np.array([1, 2], np.float32)
    assert index.live_count == 0
    assert index.search(query, 5)[0].tolist() == []
    assert not index.maintain(everything=True)
    index.add(np.array([7]), np.array([[1, 2]], np.float32))
    assert index.search(query, 5)[0].tolist() == [7]
    assert index.maintain(everything=True)
    assert index.search(query, 5)[0].tolist() == [7]
    index.delete(np.array([7]))
    assert index.search(query, 5)[0].tolist() == []
    assert index.segments() == []


@by_name
def test_equal_vectors_are_all_found(spec: IndexSpec) -> None:
    """Thousands of equal vectors make a poor graph; a LIMIT is filled all the same."""
    vectors = np.ones((3000, 2), np.float32)
    index = VectorIndex.build(spec, np.arange(3000), vectors)
    for k in (1, 10, 2999, 3000, 5000):
        ids, distances = index.search(vectors[0], k)
        assert len(set(ids.tolist())) == min(k, 3000)
        assert np.ptp(distances) == 0
    index.delete(np.arange(0, 3000, 2))
    assert set(index.search(vectors[0], 5000)[0].tolist()) == set(range(1, 3000, 2))


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("all_of_them", [False, True])
@pytest.mark.parametrize("metric", [Metric.L2, Metric.INNER_PRODUCT, Metric.COSINE])
@pytest.mark.parametrize("quantization", ["none", "pq", "sq8", "binary", "f16"])
@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
def test_numbers_at_the_end_of_float32(
    method: Method, quantization: Quantization, metric: Metric, all_of_them: bool
) -> None:
    """Distances between them overflow, which ends a process in faiss's k-means."""
    codes = (8, 16) if quantization == "pq" else (0, 0)
    spec = IndexSpec(method, metric, 32, quantization=quantization, parts=codes[0], centroids=codes[1])
    vectors = np.random.default_rng(0).standard_normal((2000, 32)).astype(np.float32)
    if all_of_them:
        vectors = np.copysign(np.float32(3e38), vectors)
    else:
        vectors[5], vectors[9], vectors[1500] = 3e38, -3e38, 1e19
    index = VectorIndex.build(spec, np.arange(1000), vectors[:1000])
    index.add(np.arange(1000, 2000), vectors[1000:])
    for _ in range(2):
        assert len(index.search(vectors[7], 10, ef_search=100, probes=100)[0]) == 10
        assert set(index.search(vectors[7], 2000, ef_search=2000, probes=100)[0].tolist()) == set(range(2000))
        index.maintain(everything=True)


@pytest.mark.parametrize("d", [1, 2000])
@pytest.mark.parametrize("metric", Metric)
def test_any_number_of_dimensions(metric: Metric, d: int) -> None:
    vectors = clustered(60, d)
    index = VectorIndex.build(IndexSpec("hnsw", metric, d), np.arange(60), vectors)
    index.add(np.arange(60, 120), clustered(60, d, 1))
    ids, distances = index.search(vectors[3], 7)
    rows, expected = nearest(metric, vectors[3], np.concatenate((vectors, clustered(60, d, 1))), 7)
    np.testing.assert_allclose(distances, expected, rtol=0, atol=1e-7)
    if d > 1 or metric is not Metric.COSINE:
        assert ids.tolist() == rows.tolist()
    np.testing.assert_array_equal(index.vectors_of(np.array([3, 60])), np.stack([vectors[3], clustered(60, d, 1)[0]]))


def test_zero_vectors_come_last_under_cosine() -> None:
    spec = IndexSpec("hnsw", Metric.COSINE, 2)
    vectors = np.array([[0, 0], [1, 0], [0, 0], [0, 1]], np.float32)
    index = VectorIndex.build(spec, np.array([4, 3, 2, 1]), vectors)
    ids, distances = index.search(np.array([1, 0], np.float32), 10)
    assert ids.tolist() == [3, 1, 2, 4]
    assert np.isnan(distances).tolist() == [False, False, True, True]
    assert index.search(np.array([1, 0], np.float32), 3)[0].tolist() == [3, 1, 2]
    assert index.search(np.array([1, 0], np.float32), 9, allowed=np.array([1, 4]))[0].tolist() == [1, 4]
    assert index.ids().tolist() == [1, 2, 3, 4]
    assert index.live_count == 4
    assert index.vectors_of(np.array([2])).tolist() == [[0, 0]]
    index.delete(np.array([2]))
    assert index.search(np.array([1, 0], np.float32), 10)[0].tolist() == [3, 1, 4]


def test_a_zero_query_under_cosine_returns_rows_at_nan() -> None:
    index = VectorIndex.build(IndexSpec("hnsw", Metric.COSINE, 32), np.arange(5000), clustered(5000, 32))
    ids, distances = index.search(np.zeros(32, np.float32), 5)
    assert len(ids) == 5
    assert np.isnan(distances).all()


def test_cosine_distances_are_those_of_the_original_vectors() -> None:
    vectors = clustered(4000, 40) * 7
    index = VectorIndex.build(IndexSpec("hnsw", Metric.COSINE, 40), np.arange(4000), vectors)
    ids, distances = index.search(vectors[5] * 3, 10)
    rows, expected = nearest(Metric.COSINE, vectors[5] * 3, vectors, 10)
    assert ids[0] == rows[0] == 5
    np.testing.assert_array_equal(distances[:3], expected[:3])
    np.testing.assert_array_equal(index.vectors_of(ids), vectors[ids])


def test_unit_vectors_are_kept_once() -> None:
    vectors = clustered(1000, 64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    spec = IndexSpec("hnsw", Metric.COSINE, 64)
    one, two = (VectorIndex.build(spec, np.arange(1000), v).memory_bytes for v in (unit, vectors))
    assert two - one == vectors.nbytes


def test_unknown_ids() -> None:
    index = VectorIndex.build(IndexSpec("hnsw", Metric.L2, 2), np.array([5]), np.array([[1, 2]], np.float32))
    index.delete(np.array([1, 9]))
    assert index.live_count == 1
    assert index.contains(np.array([9, 5, -1])).tolist() == [False, True, False]
    with pytest.raises(KeyError, match="9"):
        index.vectors_of(np.array([5, 9]))


def test_wrong_shapes_and_methods_are_refused() -> None:
    index = VectorIndex(IndexSpec("hnsw", Metric.L2, 3))
    with pytest.raises(ValueError, match=r"expected vectors of shape \(1, 3\), got \(1, 2\)"):
        index.add(np.array([1]), np.zeros((1, 2), np.float32))
    with pytest.raises(ValueError, match="ivfflat does not serve the L1 distance"):
        VectorIndex(IndexSpec("ivfflat", Metric.L1, 3))


@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
def test_a_build_reports_progress_and_stops_when_asked(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = IndexSpec("hnsw" if method == "hnsw" else "ivfflat", Metric.L2, 8, lists=5)
    monkeypatch.setattr(faiss_hnsw_build, "_CHUNK_NUMBERS", 8 * 2000)
    vectors = clustered(10_000, 8)
    seen: list[tuple[str, int, int]] = []
    VectorIndex.build(spec, np.arange(10_000), vectors, progress=lambda *step: seen.append(step))
    assert seen[-1] == ("loading tuples", 10_000, 10_000)
    assert [done for phase, done, _ in seen if phase == "loading tuples"] == sorted(
        done for phase, done, _ in seen if phase == "loading tuples"
    )
    answers = iter([False, True])
    with pytest.raises(BuildCancelled):
        VectorIndex.build(spec, np.arange(10_000), vectors, cancelled=lambda: next(answers))


def test_a_cancelled_merge_changes_nothing() -> None:
    index = VectorIndex(IndexSpec("hnsw", Metric.L2, 8))
    index.add(np.arange(500), clustered(500, 8))
    with pytest.raises(BuildCancelled):
        index.maintain(everything=True, cancelled=lambda: True)
    assert index.live_count == 500
    index.add(np.arange(500, 600), clustered(100, 8))
    assert index.maintain(everything=True)
    assert index.ids().tolist() == list(range(600))


def test_more_lists_than_rows() -> None:
    vectors = clustered(20, 4)
    index = VectorIndex.build(IndexSpec("ivfflat", Metric.L2, 4, lists=1000), np.arange(20), vectors)
    assert index.search(vectors[2], 20)[0].tolist() == nearest(Metric.L2, vectors[2], vectors, 20)[0].tolist()


def test_lists_are_learnt_anew_when_the_index_has_outgrown_them() -> None:
    index = VectorIndex.build(IndexSpec("ivfflat", Metric.L2, 8, lists=50), np.arange(10), clustered(10, 8))
    index.add(np.arange(10, 5000), clustered(4990, 8, 1))
    before = index.cost_us(10, probes=1)
    assert index.maintain(everything=True)
    assert index.cost_us(10, probes=1) < before / 10


def test_segments_stay_few_and_dead_rows_go() -> None:
    """Many small commits, with upkeep after each: two or three segments, and never a fifth of them dead."""
    spec = IndexSpec("hnsw", Metric.L2, 4)
    index = VectorIndex(spec)
    vectors = clustered(60_000, 4)
    for start in range(0, 60_000, 1500):
        index.add(np.arange(start, start + 1500), vectors[start : start + 1500])
        index.delete(np.arange(max(0, start - 3000), max(0, start - 1500)))
        while index.maintain():
            pass
        assert len(index.segments()) <= 4
    assert all(s.dead <= 0.2 * s.rows for s in index.segments() if s.kind == "hnsw")
    assert index.live_count == 3000


def test_the_maintenance_thread_works_when_asked_and_stops(tmp_path: Path) -> None:
    maintenance = IndexMaintenance()
    maintenance.start()
    index = VectorIndex(IndexSpec("hnsw", Metric.L2, 4))
    maintenance.watch(index, tmp_path)
    index.add(np.arange(40_000), clustered(40_000, 4))
    deadline = 1200  # steps of the pause below: a minute
    while (index.has_unsaved_segments or [s.kind for s in index.segments()] != ["hnsw"]) and deadline:
        time.sleep(0.05)
        deadline -= 1
    assert [s.kind for s in index.segments()] == ["hnsw"]
    maintenance.forget(index)
    assert maintenance.stop()
    assert index.live_count == 40_000
    assert VectorIndex.load(tmp_path, index.spec).live_count == 40_000
