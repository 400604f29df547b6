"""The libraries in-process on the same vectors, by one thread: what a server can reach at best."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from bench.datasets import Dataset, K, Vectors
from bench.measure import EF_CONSTRUCTION, Effort, M, Measurement, Method, Point, summarise


def ceilings(dataset: Dataset, method: Method, effort: Effort) -> list[Measurement]:
    """Measure faiss, and hnswlib for HNSW where it is installed. The build uses every core, the search one."""
    rows, queries = dataset.rows, dataset.queries
    if dataset.metric == "cosine":
        rows, queries = _unit(rows), _unit(queries)
    measured = [_faiss(dataset, method, effort, rows, queries)]
    if method.name == "hnsw" and importlib.util.find_spec("hnswlib"):
        measured.append(_hnswlib(dataset, method, effort, rows, queries))
    return measured


def _faiss(dataset: Dataset, method: Method, effort: Effort, rows: Vectors, queries: Vectors) -> Measurement:
    dimensions = dataset.dimensions
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
    measurement = Measurement("faiss in-process", load=0.0, build=time.perf_counter() - begun)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        for value in method.values:
            setattr(tuned, tuned_name, value)
            measurement.points.append(_point(dataset, value, effort, queries, lambda q: index.search(q, K)[1][0]))
    finally:
        faiss.omp_set_num_threads(threads)
    return measurement


def _hnswlib(dataset: Dataset, method: Method, effort: Effort, rows: Vectors, queries: Vectors) -> Measurement:
    import hnswlib

    begun = time.perf_counter()
    index = hnswlib.Index(space="l2", dim=dataset.dimensions)
    index.init_index(max_elements=len(rows), M=M, ef_construction=EF_CONSTRUCTION)
    index.add_items(rows, np.arange(len(rows)))
    measurement = Measurement("hnswlib in-process", load=0.0, build=time.perf_counter() - begun)
    index.set_num_threads(1)
    for value in method.values:
        index.set_ef(value)
        measurement.points.append(
            _point(dataset, value, effort, queries, lambda q: index.knn_query(q, k=K, num_threads=1)[0][0])
        )
    return measurement


def _point(
    dataset: Dataset, value: int, effort: Effort, queries: Vectors, search: Callable[[Vectors], np.ndarray]
) -> Point:
    single = [queries[number : number + 1] for number in range(len(queries))]
    found = [[int(row) for row in search(query) if row >= 0] for query in single]
    latencies: list[int] = []
    end = time.perf_counter() + effort.seconds
    while time.perf_counter() < end:
        begun = time.perf_counter_ns()
        search(single[len(latencies) % len(single)])
        latencies.append(time.perf_counter_ns() - begun)
    return Point(value, dataset.recall(found), {"1": summarise([latencies], effort.seconds)})


def _unit(vectors: Vectors) -> Vectors:
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
