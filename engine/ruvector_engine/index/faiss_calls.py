"""The way into faiss: one search without its Python wrapper, per-thread buffers, and the number of OpenMP threads.

A search writes into buffers that belong to the calling thread, so what it returns must be used before the next one.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from ruvector_engine.index.spec import Float32Array, Int64Array
from ruvector_simd import AnyMetric, Metric
from ruvector_simd.native import faiss

#: Read once: the system opens a file to answer, which takes as long as a good part of a search.
_PROCESSORS = os.cpu_count() or 1
_METRICS = {Metric.L2: faiss.METRIC_L2, Metric.INNER_PRODUCT: faiss.METRIC_INNER_PRODUCT, Metric.L1: faiss.METRIC_L1}


def faiss_metric(metric: AnyMetric) -> int:
    """faiss's name for a metric; cosine is L2 between unit vectors."""
    return int(_METRICS[Metric.L2 if metric is Metric.COSINE else metric])  # type: ignore[index]


class _Buffers(threading.local):
    """Output arrays of one thread, by k. Its searches use one OpenMP thread: the queries are what runs in parallel."""

    def __init__(self) -> None:
        self.by_k: dict[int, tuple[Int64Array, Any, Float32Array, Any]] = {}
        faiss.omp_set_num_threads(1)

    def of(self, k: int) -> tuple[Int64Array, Any, Float32Array, Any]:
        """Arrays for `k` results and their pointers: slots, then distances."""
        found = self.by_k.get(k)
        if found is None:
            slots, distances = np.empty(k, np.int64), np.empty(k, np.float32)
            found = (slots, faiss.swig_ptr(slots), distances, faiss.swig_ptr(distances))
            if len(self.by_k) >= _MAX_BUFFERS:
                self.by_k.clear()
            self.by_k[k] = found
        return found


_MAX_BUFFERS = 16
_buffers = _Buffers()


def search_one(index: Any, query: Float32Array, k: int, parameters: Any) -> Int64Array:
    """The slots of the `k` nearest to `query`, nearest first, fewer where faiss found fewer."""
    slots, slots_pointer, _, distances_pointer = _buffers.of(k)
    index.search_c(1, faiss.swig_ptr(query), k, distances_pointer, slots_pointer, parameters)
    return slots if slots[k - 1] >= 0 else slots[slots >= 0]


def search_one_bits(index: Any, query: npt.NDArray[np.uint8], k: int, parameters: Any) -> Int64Array:
    """`search_one` for a binary index, whose distances are integers."""
    slots, slots_pointer, distances, _ = _buffers.of(k)
    index.search_c(1, faiss.swig_ptr(query), k, faiss.swig_ptr(distances.view(np.int32)), slots_pointer, parameters)
    return slots if slots[k - 1] >= 0 else slots[slots >= 0]


def search_many(index: Any, queries: Float32Array, k: int, parameters: Any, threads: int | None) -> Int64Array:
    """The slots, shape (n, k), of the `k` nearest to each of n queries, -1 where there are fewer."""
    count = len(queries)
    slots, distances = np.empty((count, k), np.int64), np.empty((count, k), np.float32)
    with OpenMpThreads(threads):
        index.search_c(count, faiss.swig_ptr(queries), k, faiss.swig_ptr(distances), faiss.swig_ptr(slots), parameters)
    return slots


def live_selector(bits: npt.NDArray[np.uint8], size: int) -> Any:
    """A faiss selector over a bitmap, one bit a slot. The caller keeps `bits` alive."""
    return faiss.IDSelectorBitmap(size, faiss.swig_ptr(bits))


class OpenMpThreads:
    """Within it, this thread's faiss calls use `count` OpenMP threads (None: every processor)."""

    __slots__ = ("_count",)

    def __init__(self, count: int | None = None) -> None:
        self._count = count or _PROCESSORS

    def __enter__(self) -> None:
        faiss.omp_set_num_threads(self._count)

    def __exit__(self, *_: object) -> None:
        faiss.omp_set_num_threads(1)
