"""Building hnsw by faiss: a new graph, or a copy of one with more rows.

A new graph is built over half-precision copies of the vectors, which then give way to the vectors themselves.
Building waits for memory more than it computes: at 50,000 x 384 it took 66 to 86 % of the time, at 100,000 x 128 70
to 93 %, with the same recall at the same number of distances. Where half precision would lose too much of the
distances between neighbours, the vectors themselves are used throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ruvector_engine.index.faiss_calls import OpenMpThreads, faiss_metric
from ruvector_engine.index.huge_pages import advise_huge_pages
from ruvector_engine.index.spec import Cancelled, Float32Array, IndexSpec, Progress, Vectors, check_cancelled
from ruvector_quantization import HalfScaling
from ruvector_simd import Metric
from ruvector_simd.native import faiss

#: Numbers added between two looks at `cancelled`: some 0.6 s at 384 dimensions on two processors.
_CHUNK_NUMBERS = 3 << 20
#: Fewer rows than this lie in the processor's caches anyway.
_HALF_FROM_ROWS = 4096
#: Rows from which to learn how to scale, and what that loses.
_SAMPLE = 1024
#: Half precision is used while it moves vectors by no more than this share of the distance to their neighbours.
_MAX_LOSS = 0.01

_Prepare: TypeAlias = Callable[[Vectors], Float32Array | None]


class Adding(NamedTuple):
    """How rows are added: OpenMP threads (None: all), whom to tell, whom to ask."""

    threads: int | None
    progress: Progress | None
    cancelled: Cancelled | None


def build(spec: IndexSpec, vectors: Vectors, adding: Adding) -> Any:
    """An IndexHNSWFlat over `vectors`, shape (n, d); over float16 an IndexHNSWSQ, which holds them as they are."""
    graph = None
    scaling = _half_scaling(spec, vectors)
    if scaling is not None:
        graph = faiss.IndexHNSWSQ(spec.dimensions, faiss.ScalarQuantizer.QT_fp16, spec.m, faiss_metric(spec.metric))
        if not _add(spec, graph, vectors, adding, scaling.apply):
            graph = None
    if graph is None:
        index = _empty(spec)
        _add(spec, index, vectors, adding, _singles)
    else:
        index = _linked(spec, graph.hnsw, vectors, len(vectors))
    settle(index)
    return index


def extend(spec: IndexSpec, index: Any, vectors: Vectors, adding: Adding) -> Any:
    """A copy of `index` with `vectors` in the slots that follow."""
    longer = faiss.clone_index(index)
    _add(spec, longer, vectors, adding, _singles)
    settle(longer)
    return longer


def extended_from(spec: IndexSpec, index: Any, vectors: Vectors, more: Vectors, adding: Adding) -> Any:
    """`extend` for an index that holds codes in the place of its `vectors`: the copy holds these."""
    longer = _linked(spec, index.hnsw, vectors, len(vectors) + len(more))
    _add(spec, longer, more, adding, _singles)
    settle(longer)
    return longer


def settle(index: Any) -> None:
    """Put an index that is complete into huge pages."""
    codes, links = faiss.downcast_index(index.storage).codes, index.hnsw.neighbors
    advise_huge_pages(int(codes.data()), codes.size())
    advise_huge_pages(int(links.data()), links.size() * 4)


def holds_halves(spec: IndexSpec) -> bool:
    """Whether the graph keeps float16: faiss has no L1 distance between halves."""
    return spec.element == "half" and spec.metric is not Metric.L1


def _singles(vectors: Vectors) -> Float32Array:
    return np.ascontiguousarray(vectors, np.float32)


def _empty(spec: IndexSpec) -> Any:
    if holds_halves(spec):
        half = faiss.ScalarQuantizer.QT_fp16
        return faiss.IndexHNSWSQ(spec.dimensions, half, spec.m, faiss_metric(spec.metric))
    return faiss.IndexHNSWFlat(spec.dimensions, spec.m, faiss_metric(spec.metric))


def _linked(spec: IndexSpec, links: Any, vectors: Vectors, room: int) -> Any:
    """An index of `vectors` over a copy of the links between them, with room for so many in all."""
    index = _empty(spec)
    index.hnsw = links
    _reserve(index.storage, room)
    step = max(1, _CHUNK_NUMBERS // spec.dimensions)
    for start in range(0, len(vectors), step):
        chunk = _singles(vectors[start : start + step])
        index.storage.add_c(len(chunk), faiss.swig_ptr(chunk))
    index.ntotal = len(vectors)
    return index


def _add(spec: IndexSpec, index: Any, vectors: Vectors, adding: Adding, prepare: _Prepare) -> bool:
    """Add rows in chunks; False as soon as `prepare` gives none for a chunk."""
    index.hnsw.efConstruction = spec.ef_construction
    index.is_trained = True
    total, step = len(vectors), max(1, _CHUNK_NUMBERS // spec.dimensions)
    _reserve(index.storage, index.ntotal + total)
    with OpenMpThreads(adding.threads):
        for start in range(0, total, step):
            check_cancelled(adding.cancelled)
            chunk = prepare(vectors[start : start + step])
            if chunk is None:
                return False
            if adding.progress is not None:
                adding.progress("loading tuples", start, total)
            index.add_c(len(chunk), faiss.swig_ptr(chunk))
    if adding.progress is not None:
        adding.progress("loading tuples", total, total)
    return True


def _reserve(storage: Any, rows: int) -> None:
    """Room for so many rows in all, in huge pages, so that adding them moves nothing."""
    storage = faiss.downcast_index(storage)
    codes = storage.codes
    used, wanted = codes.size(), rows * storage.code_size
    codes.resize(wanted)
    advise_huge_pages(int(codes.data()), wanted)
    codes.resize(used)  # which keeps the room


def _half_scaling(spec: IndexSpec, vectors: Vectors) -> HalfScaling | None:
    """How to scale vectors for half precision; None when they must not, or need not, lose any."""
    if len(vectors) < _HALF_FROM_ROWS or spec.metric is Metric.L1 or spec.element == "half":
        return None
    sample = vectors[:: max(1, len(vectors) // _SAMPLE)][:_SAMPLE]
    scaling = HalfScaling.of(sample, centred=spec.metric is not Metric.INNER_PRODUCT)
    return scaling if scaling is not None and scaling.relative_loss(sample) <= _MAX_LOSS else None
