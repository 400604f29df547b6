"""Readers beside commits and merges: every search sees whole commits, and nothing dead."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ruvector_engine.index import IndexSpec, VectorIndex
from ruvector_simd import Metric

from .data import clustered

KEYS = 400
D = 8


@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
def test_a_search_sees_all_of_a_commit_or_nothing(method: str) -> None:
    """Each commit replaces the version of some keys. An id is version * KEYS + key, so every search for all rows
    must find each key exactly once."""
    spec = IndexSpec("hnsw" if method == "hnsw" else "ivfflat", Metric.L2, D, lists=4)
    index = VectorIndex.build(spec, np.arange(KEYS), clustered(KEYS, D))
    current = np.arange(KEYS)
    stop = threading.Event()

    def read(seed: int) -> int:
        queries, searches = clustered(50, D, seed), 0
        while not stop.is_set():
            ids, distances = index.search(queries[searches % 50], KEYS + 10)
            assert sorted((ids % KEYS).tolist()) == list(range(KEYS))
            assert (np.diff(distances) >= 0).all()
            searches += 1
        return searches

    def merge() -> int:
        merges = 0
        while not stop.is_set():
            merges += index.maintain(everything=bool(merges % 3))
        return merges

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, seed) for seed in range(3)]
        merger = pool.submit(merge)
        rng = np.random.default_rng(6)
        try:
            for _ in range(300):
                keys = rng.choice(KEYS, rng.integers(1, 40), replace=False)
                old = current[keys]
                current[keys] = old + KEYS
                index.apply(current[keys], clustered(len(keys), D, int(old[0])), old)
        finally:
            stop.set()
        assert all(reader.result(30) > 0 for reader in readers)
        assert merger.result(30) > 0
    assert index.ids().tolist() == sorted(current.tolist())
