"""Indexes whose vectors gave way to codes: what they find, what they say of distances, what they keep in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ruvector_engine.index import IndexSpec, VectorIndex, codes
from ruvector_engine.index.elements import element_of
from ruvector_engine.index.sealed import is_mapped
from ruvector_engine.index.spec import BuildCancelled, DamagedIndex, Method, Quantization
from ruvector_simd import Metric

from .data import Int64Array, all_specs, clustered, quantized_specs, query_of, recall_of_kind, spec_name, vectors_of

D = 48
SPECS = quantized_specs(D, lists=30, parts=24)
KINDS = [spec for spec in SPECS if (spec.method, spec.metric, spec.element) == ("hnsw", Metric.L2, "single")]


def coded_rows(index: VectorIndex) -> list[int]:
    return [segment.rows for segment in index.segments() if segment.has_codes]


def assert_distances_are_the_rows(index: VectorIndex, query: Int64Array) -> None:
    spec = index.spec
    ids, found = index.search(query, 20, ef_search=64, probes=8)
    element = element_of(spec)
    rows = element.rows(spec.metric, ids, index.vectors_of(ids))
    np.testing.assert_array_equal(found, rows.distances(query, np.arange(len(ids))))
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("spec", SPECS, ids=spec_name)
def test_recall_over_a_life(spec: IndexSpec, tmp_path: Path, approximate_searches: list[int]) -> None:
    base, more, queries = clustered(3000, D, 1), clustered(800, D, 2), clustered(15, D, 3)
    index = VectorIndex.build(spec, np.arange(3000), vectors_of(spec, base), directory=tmp_path)
    rows = dict(enumerate(base))
    # 48 bits are few to tell these by.
    ef = 160 if spec.quantization == "binary" else 64
    assert coded_rows(index) == [3000]
    assert recall_of_kind(index, rows, queries, ef_search=ef) >= 0.9
    assert len(approximate_searches) >= len(queries)

    index.add(np.arange(3000, 3800), vectors_of(spec, more))
    rows.update(enumerate(more, 3000))
    gone = np.random.default_rng(4).choice(3800, 500, replace=False)
    index.delete(gone)
    for i in gone.tolist():
        del rows[i]
    assert recall_of_kind(index, rows, queries, ef_search=ef) >= 0.9

    assert index.maintain(everything=True)
    assert coded_rows(index) == [3300]
    assert recall_of_kind(index, rows, queries, ef_search=ef) >= 0.9
    rng = np.random.default_rng(5)
    for share in (0.001, 0.05, 0.5):
        allowed = np.sort(rng.choice(3800, int(3800 * share), replace=False))
        assert recall_of_kind(index, rows, queries, allowed, ef) >= 0.85

    index.save(tmp_path / "saved")
    approximate_searches.clear()
    loaded = VectorIndex.load(tmp_path / "saved", spec)
    assert coded_rows(loaded) == [3300]
    assert loaded.memory_bytes == index.memory_bytes
    assert recall_of_kind(loaded, rows, queries, ef_search=ef) >= 0.9
    assert len(approximate_searches) >= len(queries)
    for numbers in queries[:3]:
        query = query_of(spec, numbers)
        assert loaded.search(query, 10)[0].tolist() == index.search(query, 10)[0].tolist()
        assert loaded.search_ids(query, 10).tolist() == loaded.search(query, 10)[0].tolist()
        assert_distances_are_the_rows(loaded, query)
    several = [query_of(spec, numbers) for numbers in queries]
    one_by_one = [loaded.search(query, 10)[0].tolist() for query in several]
    assert [ids.tolist() for ids, _ in loaded.search_many(several, 10)] == one_by_one
    assert [ids.tolist() for ids in loaded.search_many_ids(several, 10)] == one_by_one

    # A merge that keeps the loaded graph or lists, and the product codes.
    loaded.add(np.arange(4000, 4400), vectors_of(spec, clustered(400, D, 6)))
    rows.update(enumerate(clustered(400, D, 6), 4000))
    assert loaded.maintain(everything=True)
    assert coded_rows(loaded) == [3700]
    assert recall_of_kind(loaded, rows, queries, ef_search=ef) >= 0.9


@pytest.mark.parametrize("spec", SPECS, ids=spec_name)
def test_every_limit_is_filled(spec: IndexSpec) -> None:
    index = VectorIndex.build(spec, np.arange(1200), vectors_of(spec, clustered(1200, D)))
    index.delete(np.arange(0, 1200, 3))
    query = query_of(spec, clustered(1, D, 8)[0])
    for k in (1, 10, 300, 799, 800, 900):
        assert len(index.search(query, k, ef_search=10)[0]) == min(k, 800)
        assert len(index.search_many([query, query], k)[1][0]) == min(k, 800)


def test_originals_are_in_a_file_and_codes_in_memory(tmp_path: Path) -> None:
    rows = clustered(4000, 128, 1)
    spec = IndexSpec("hnsw", Metric.L2, 128)
    vectors = rows.nbytes
    links = VectorIndex.build(spec, np.arange(4000), rows.copy()).memory_bytes - vectors
    shares: dict[Quantization, float] = {"f16": 1 / 2, "sq8": 1 / 4, "sq4": 1 / 8, "binary": 24 / 512}
    for name, share in shares.items():
        index = VectorIndex.build(replace(spec, quantization=name), np.arange(4000), rows.copy(), directory=tmp_path)
        (segment,) = [part.segment for part in index._state.parts]
        assert is_mapped(segment.rows.vectors)
        assert index.memory_bytes == links + vectors * share
        np.testing.assert_array_equal(index.vectors_of(np.arange(4000)), rows)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda spec: spec.quantization)
def test_few_rows_keep_their_vectors_until_there_are_more(kind: IndexSpec, method: Method) -> None:
    spec = replace(kind, method=method, centroids=32 if kind.parts else 0)
    enough = codes.rows_for_codes(spec)
    assert enough == (1280 if kind.parts else 1000)
    rows = clustered(enough + 200, D, 1)
    index = VectorIndex.build(spec, np.arange(enough - 1), rows[: enough - 1])
    assert coded_rows(index) == []
    index.add(np.arange(enough - 1, enough + 200), rows[enough - 1 :])
    assert index.maintain(everything=True)
    assert coded_rows(index) == [enough + 200]
    assert recall_of_kind(index, dict(enumerate(rows)), clustered(10, D, 3)) >= 0.9


@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
def test_numbers_that_halves_cannot_hold_keep_their_vectors(method: Method) -> None:
    spec = IndexSpec(method, Metric.L2, D, lists=10, quantization="f16")
    rows = clustered(1500, D, 1) * np.float32(1e6)
    index = VectorIndex.build(spec, np.arange(1500), rows)
    assert coded_rows(index) == []
    assert recall_of_kind(index, dict(enumerate(rows)), clustered(10, D, 3) * np.float32(1e6)) >= 0.9

    # Nor are codes kept when such numbers come.
    small = clustered(1500, D, 1)
    index = VectorIndex.build(spec, np.arange(1500), small)
    assert coded_rows(index) == [1500]
    index.add(np.arange(1500, 1800), rows[:300])
    assert index.maintain(everything=True)
    assert coded_rows(index) == []
    every = dict(enumerate(np.concatenate((small, rows[:300]))))
    assert recall_of_kind(index, every, clustered(10, D, 3)) >= 0.9


@pytest.mark.parametrize("kind", KINDS, ids=lambda spec: spec.quantization)
def test_one_row_far_from_all_others_spoils_nothing(kind: IndexSpec) -> None:
    rows = clustered(3000, D, 1)
    rows[1234] *= np.float32(1000)
    index = VectorIndex.build(kind, np.arange(3000), rows)
    assert index.search(rows[1234], 1)[0].tolist() == [1234]
    assert recall_of_kind(index, dict(enumerate(rows)), clustered(15, D, 3)) >= 0.9


@pytest.mark.parametrize(
    "spec", [s for s in SPECS if s.element == "single" and s.metric is Metric.COSINE], ids=spec_name
)
def test_every_damage_to_every_file_is_noticed(spec: IndexSpec, tmp_path: Path) -> None:
    index = VectorIndex.build(spec, np.arange(1000), clustered(1000, D))
    index.save(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        if not whole:  # the ids of zero vectors, of which there are none
            continue
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 0x10
        for damage in (whole[:-1], b"", bytes(flipped)):
            path.write_bytes(damage)
            with pytest.raises(DamagedIndex):
                VectorIndex.load(tmp_path, spec)
        path.write_bytes(whole)
    assert VectorIndex.load(tmp_path, spec).live_count == 1000
    with pytest.raises(DamagedIndex, match="saved for another index"):
        VectorIndex.load(tmp_path, replace(spec, quantization="none", parts=0, centroids=0))


def test_what_codes_do_not_serve_is_refused() -> None:
    for spec in all_specs(D, lists=3):
        if spec.element in ("bit", "sparse") or spec.metric is Metric.L1:
            with pytest.raises(ValueError, match="codes do not serve"):
                VectorIndex(replace(spec, quantization="sq8"))


def test_learning_codes_can_be_cancelled() -> None:
    asked = iter([False] * 3)
    spec = next(kind for kind in KINDS if kind.quantization == "pq")
    vectors = clustered(1500, D)
    with pytest.raises(BuildCancelled):
        codes.learnt_codec(spec, vectors, None, lambda: next(asked, True))
