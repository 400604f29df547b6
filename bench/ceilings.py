"""The libraries in-process on the same vectors, by one thread: what a server can reach at best."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from bench.datasets import Dataset, K, Vectors
from bench.measure import EF_CONSTRUCTION, Effort, M, Method, Speed, repeat


@dataclass(frozen=True, slots=True)
class Library:
    """An index in this process. `tune` sets its search setting; `search` takes (1, d) and gives the rows near it."""

    name: str
    build: float  # seconds
    queries: list[Vectors]
    tune: Callable[[int], None]
    search: Callable[[Vectors], NDArray[np.int64]]

    def recall(self, dataset: Dataset, value: int) -> float:
        """Return recall@10 over all queries."""
        self.tune(value)
        return dataset.recall([[int(row) for row in self.search(query) if row >= 0] for query in self.queries])

    def speed(self, value: int, effort: Effort) -> Speed:
        """Search as long as a server is asked."""
        self.tune(value)
        return repeat(self.search, self.queries, effort)


def libraries(dataset: Dataset, method: Method) -> Iterator[Library]:
    """Build the index with faiss, and with hnswlib for HNSW where it is installed. Builds use every core."""
    rows, queries = dataset.rows, dataset.queries
    if dataset.metric == "cosine":
        rows, queries = _unit(rows), _unit(queries)
    single = [queries[number : number + 1] for number in range(len(queries))]
    yield _faiss(dataset, method, rows, single)
    if method.name == "hnsw" and importlib.util.find_spec("hnswlib"):
        yield _hnswlib(dataset, rows, single)


def _faiss(dataset: Dataset, method: Method, rows: Vectors, queries: list[Vectors]) -> Library:
    dimensions = dataset.dimensions
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    begun = time.perf_counter()
    if method.name == "hnsw":
        index: Any = faiss.IndexHNSWFlat(dimensions, M)
        index.hnsw.efConstruction = EF_CONSTRUCTION
        tuned, tuned_name = index.hnsw, "efSearch"
    else:
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(dimensions), dimensions, int(method.options.split()[-1]))
        index.train(rows)
        tuned, tuned_name = index, "nprobe"
    index.add(rows)
    build = time.perf_counter() - begun
    faiss.omp_set_num_threads(1)
    return Library(
        "faiss in-process",
        build,
        queries,
        lambda value: setattr(tuned, tuned_name, value),
        lambda query: index.search(query, K)[1][0],
    )


def _hnswlib(dataset: Dataset, rows: Vectors, queries: list[Vectors]) -> Library:
    import hnswlib

    begun = time.perf_counter()
    index = hnswlib.Index(space="l2", dim=dataset.dimensions)
    index.init_index(max_elements=len(rows), M=M, ef_construction=EF_CONSTRUCTION)
    index.add_items(rows, np.arange(len(rows)))
    build = time.perf_counter() - begun
    index.set_num_threads(1)
    return Library(
        "hnswlib in-process",
        build,
        queries,
        index.set_ef,
        lambda query: index.knn_query(query, k=K, num_threads=1)[0][0],
    )


def _unit(vectors: Vectors) -> Vectors:
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
