"""Codes in the place of vectors: which rows get them, from what they are learnt, and how many candidates they propose.

A code stands for a vector while a search looks for candidates; what is returned is ranked by the originals, which lie
in a mapped file. A segment with too few rows to learn codes from, or with numbers that they cannot hold, keeps its
vectors until a merge makes another one of it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from ruvector_engine.index.faiss_calls import OpenMpThreads
from ruvector_engine.index.spec import Cancelled, Effort, Float32Array, IndexSpec, Vectors, check_cancelled
from ruvector_quantization import (
    SAMPLES_PER_CENTROID,
    BinaryCodec,
    HalfCodec,
    ProductCodec,
    StepCodec,
    TrainedCodec,
)
from ruvector_simd import Metric

#: Fewer rows than this do not take enough memory to be worth codes.
_FROM_ROWS = 1000
#: Rows that codes are learnt from, at most.
_SAMPLE = 16_384
_SEED = 1234
#: How many times as many candidates as are asked for hold the best ones nearly always: at 50,000 x 384 and k = 10, more
#: of them made no difference. A search for few rows needs more for each, one for many fewer.
_OVERSAMPLING = {"none": 1, "f16": 2, "sq8": 2, "sq4": 2, "pq": 8, "binary": 8}
_FEW, _MOST_MORE = 5, 400


def rows_for_codes(spec: IndexSpec) -> int:
    """How many rows a segment must have to get codes."""
    return max(_FROM_ROWS, SAMPLES_PER_CENTROID * spec.centroids)


def learnt_codec(
    spec: IndexSpec, vectors: Vectors, threads: int | None, cancelled: Cancelled | None
) -> TrainedCodec | None:
    """A codec for `vectors`, as they are searched, learnt from a sample of them; None where they keep their form."""
    if spec.quantization == "none" or len(vectors) < rows_for_codes(spec):
        return None
    codec = _codec(spec)
    if not codec.fits(vectors):
        return None
    with OpenMpThreads(threads):
        codec.train(_sample(vectors), lambda: check_cancelled(cancelled))
    return codec


def candidates(spec: IndexSpec, k: int, effort: Effort, rows: int) -> int:
    """How many of `rows` rows that count the codes must propose, for the best `k` of them to be among them.

    What hnsw keeps by its ef_search is all looked at where codes are coarse: so a larger one buys recall.
    """
    wanted = min(_OVERSAMPLING[spec.quantization] * max(k, _FEW), 2 * k + _MOST_MORE)
    if spec.method == "hnsw" and spec.quantization in ("pq", "binary"):
        wanted = max(wanted, effort.ef_search)
    return max(k, min(wanted, rows))


def can_hold(spec: IndexSpec, vectors: Vectors) -> bool:
    """Whether the codes of a segment can stand for more rows, of such numbers."""
    return spec.quantization == "none" or _codec(spec).fits(vectors)


def tables_bytes(spec: IndexSpec) -> int:
    """Bytes of what was learnt: where steps begin and how long they are, centroids, a mean (lists have their own)."""
    if spec.method == "ivfflat" and spec.quantization == "binary":
        return 0
    return 4 * spec.dimensions * {"sq8": 2, "sq4": 2, "pq": spec.centroids, "binary": 1}.get(spec.quantization, 0)


def in_a_file(vectors: Vectors, directory: Path | None) -> Vectors:
    """A copy of the vectors, mapped from a file without a name in `directory`; in memory where that is None."""
    if directory is None:
        return np.array(vectors)
    with tempfile.TemporaryFile(dir=directory) as file:
        vectors.tofile(file)
        file.flush()
        return np.memmap(file, vectors.dtype, "r", shape=vectors.shape).view(np.ndarray)


def _codec(spec: IndexSpec) -> TrainedCodec:
    assert isinstance(spec.metric, Metric)
    d, metric = spec.dimensions, spec.metric
    match spec.quantization:
        case "f16":
            return HalfCodec(d, metric)
        case "sq8":
            return StepCodec(d, 8, metric)
        case "sq4":
            return StepCodec(d, 4, metric)
        case "pq":
            return ProductCodec(d, spec.parts, spec.centroids, metric)
        case "binary":
            return BinaryCodec(d, metric)
        case "none":
            raise ValueError("no codes were asked for")


def _sample(vectors: Vectors) -> Float32Array:
    if len(vectors) <= _SAMPLE:
        return np.ascontiguousarray(vectors, np.float32)
    chosen = np.random.default_rng(_SEED).choice(len(vectors), _SAMPLE, replace=False)
    return np.ascontiguousarray(vectors[chosen], np.float32)
