"""Saved indexes: what comes back, what is refused, and what a crash leaves behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ruvector_engine.index import DamagedIndex, IndexSpec, VectorIndex
from ruvector_simd import Metric

from .data import clustered

D = 24


def grown_index(method: str, metric: Metric = Metric.COSINE) -> VectorIndex:
    """A sealed segment with dead rows, flat rows, and a zero vector."""
    spec = IndexSpec("hnsw" if method == "hnsw" else "ivfflat", metric, D, lists=10)
    index = VectorIndex.build(spec, np.arange(3000), clustered(3000, D))
    index.apply(np.arange(3000, 3100), clustered(100, D, 1), np.arange(0, 500, 5))
    index.add(np.array([4000]), np.zeros((1, D), np.float32))
    return index


@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
@pytest.mark.parametrize("metric", [Metric.L2, Metric.COSINE])
def test_a_loaded_index_answers_as_the_saved_one(method: str, metric: Metric, tmp_path: Path) -> None:
    index = grown_index(method, metric)
    queries = clustered(20, D, 2)
    before = [index.search(query, 10) for query in queries]
    index.save(tmp_path / "index")
    loaded = VectorIndex.load(tmp_path / "index", index.spec)
    for again in (index, loaded):
        assert again.ids().tolist() == index.ids().tolist()
        for query, (ids, distances) in zip(queries, before, strict=True):
            found, at = again.search(query, 10)
            np.testing.assert_array_equal(found, ids)
            np.testing.assert_array_equal(at, distances)
    np.testing.assert_array_equal(loaded.vectors_of(index.ids()), index.vectors_of(index.ids()))
    assert loaded.memory_bytes <= index.memory_bytes


def test_a_sealed_segment_is_written_once(tmp_path: Path) -> None:
    index = grown_index("hnsw")
    index.save(tmp_path)
    sealed = {path.name for path in tmp_path.glob("*.faiss")}
    index.delete(np.array([1, 2, 3]))
    index.save(tmp_path)
    assert {path.name for path in tmp_path.glob("*.faiss")} == sealed
    assert VectorIndex.load(tmp_path, index.spec).ids().tolist() == index.ids().tolist()
    index.maintain(everything=True)
    index.save(tmp_path)
    assert {path.name for path in tmp_path.glob("*.faiss")}.isdisjoint(sealed)
    assert VectorIndex.load(tmp_path, index.spec).ids().tolist() == index.ids().tolist()


def test_a_merge_after_loading(tmp_path: Path) -> None:
    index = grown_index("ivfflat")
    index.save(tmp_path)
    loaded = VectorIndex.load(tmp_path, index.spec)
    loaded.add(np.arange(5000, 5100), clustered(100, D, 7))
    loaded.maintain(everything=True)
    assert loaded.ids().tolist() == [*index.ids().tolist(), *range(5000, 5100)]
    loaded.save(tmp_path)
    assert VectorIndex.load(tmp_path, index.spec).live_count == loaded.live_count


@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
def test_every_damage_to_every_file_is_noticed(method: str, tmp_path: Path) -> None:
    index = grown_index(method)
    index.save(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        middle = len(whole) // 2
        flipped = bytearray(whole)
        flipped[middle] ^= 0x10
        for damage in (whole[:-1], whole[:middle], b"", bytes(flipped), whole + b"\0"):
            path.write_bytes(damage)
            with pytest.raises(DamagedIndex):
                VectorIndex.load(tmp_path, index.spec)
        path.unlink()
        with pytest.raises(DamagedIndex, match=path.name):
            VectorIndex.load(tmp_path, index.spec)
        path.write_bytes(whole)
    assert VectorIndex.load(tmp_path, index.spec).live_count == index.live_count


def test_files_of_another_index_are_refused(tmp_path: Path) -> None:
    index = grown_index("hnsw")
    index.save(tmp_path)
    for other in (replace(index.spec, m=8), replace(index.spec, metric=Metric.L2), replace(index.spec, dimensions=3)):
        with pytest.raises(DamagedIndex, match="saved for another index"):
            VectorIndex.load(tmp_path, other)


def test_what_a_crash_left_is_swept_by_the_next_save(tmp_path: Path) -> None:
    index = grown_index("hnsw")
    index.save(tmp_path)
    (tmp_path / "0123.faiss.tmp").write_bytes(b"half")
    (tmp_path / "0123.ids").write_bytes(b"never named")
    assert VectorIndex.load(tmp_path, index.spec).live_count == index.live_count
    files = len(list(tmp_path.iterdir())) - 2
    index.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == files


def test_an_empty_index_is_saved_too(tmp_path: Path) -> None:
    spec = IndexSpec("hnsw", Metric.L2, D)
    VectorIndex(spec).save(tmp_path)
    assert VectorIndex.load(tmp_path, spec).live_count == 0
