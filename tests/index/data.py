"""Clustered vectors, as embeddings are, and the recall of an answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ruvector_engine.index import VectorIndex
from ruvector_simd import Metric, nearest

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]


def clustered(count: int, dimensions: int, seed: int = 0) -> Float32Array:
    """`count` vectors around twenty centres, none of unit length."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((20, dimensions))
    points = centres[rng.integers(0, 20, count)] + 0.6 * rng.standard_normal((count, dimensions))
    return points.astype(np.float32)


def recall(
    index: VectorIndex,
    rows: dict[int, Float32Array],
    metric: Metric,
    queries: Float32Array,
    allowed: Int64Array | None = None,
    ef_search: int = 64,
    probes: int = 8,
) -> float:
    """The share of the true ten nearest that `search` finds, over all queries."""
    ids = np.array(sorted(rows), np.int64) if allowed is None else allowed[np.isin(allowed, list(rows))]
    matrix = np.stack([rows[i] for i in ids.tolist()])
    hits = 0
    for query in queries:
        truth = ids[nearest(metric, query, matrix, 10)[0]]
        found, _ = index.search(query, 10, ef_search=ef_search, probes=probes, allowed=allowed)
        assert len(found) == min(10, len(ids))
        hits += len(np.intersect1d(truth, found))
    return hits / (len(queries) * min(10, len(ids)))
