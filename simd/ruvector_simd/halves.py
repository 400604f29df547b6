"""Exact distances to rows of float16, with the arithmetic of pgvector's halfvec on x86-64 with AVX2.

`halfvec` adds its float32 terms in eight lanes by fused multiply-add, whatever the number of dimensions: not the order
of the kernels for float32 (`kernels`), so the same numbers may end in other digits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ruvector_simd.arrays import Float32Array, Float64Array, Int64Array
from ruvector_simd.kernels import sort_keys
from ruvector_simd.metric import Metric
from ruvector_simd.sums import fused_lane_sums, products

HalfArray = npt.NDArray[np.float16]

#: Numbers that are made float32 at once: 1 MB, which stays in a processor's cache.
_CHUNK_NUMBERS = 1 << 18


def half_distances(metric: Metric, query: Float32Array, halves: HalfArray) -> Float64Array:
    """Distances from `query`, shape (d,), to each row of `halves`, shape (n, d), as the operator returns them.

    NaN where a vector is zero, under COSINE. For the few rows of an answer: it takes 16 bytes a number.
    """
    rows = halves.astype(np.float32)
    if metric is Metric.L1:
        return fused_lane_sums(np.abs(rows - query).astype(np.float64)).astype(np.float64)
    if metric is Metric.L2:
        differences = rows - query
        return np.sqrt(fused_lane_sums(products(differences, differences)), dtype=np.float64)
    inner = fused_lane_sums(products(rows, query)).astype(np.float64)
    if metric is Metric.INNER_PRODUCT:
        return -inner
    own = fused_lane_sums(products(query, query)[None, :]).astype(np.float64)
    norms = fused_lane_sums(products(rows, rows)).astype(np.float64) * own
    with np.errstate(invalid="ignore", divide="ignore"):
        similarity = inner / np.sqrt(norms)
    return 1.0 - np.minimum(np.maximum(similarity, -1.0), 1.0)


def half_sort_keys(
    metric: Metric,
    query: Float32Array,
    halves: HalfArray,
    rows: Int64Array | None = None,
    squared_norms: Float32Array | None = None,
) -> Float32Array:
    """Numbers that sort as the distances do but for rounding, one for each row (or each of `rows`): see `sort_keys`."""
    count = len(halves) if rows is None else len(rows)
    keys = np.empty(count, np.float32)
    step = max(1, _CHUNK_NUMBERS // halves.shape[1])
    for start in range(0, count, step):
        chosen = slice(start, start + step) if rows is None else rows[start : start + step]
        chunk = halves[chosen].astype(np.float32)
        norms = None if squared_norms is None else squared_norms[chosen]
        with np.errstate(invalid="ignore", divide="ignore"):
            keys[start : start + step] = sort_keys(metric, query, chunk, None, norms)
    return keys


def half_squared_norms(halves: HalfArray) -> Float32Array:
    """The sum of squares of each row, shape (n,), for sorting: added up in any order."""
    norms = np.empty(len(halves), np.float32)
    step = max(1, _CHUNK_NUMBERS // halves.shape[1])
    for start in range(0, len(halves), step):
        chunk = halves[start : start + step].astype(np.float32)
        norms[start : start + step] = np.einsum("ij,ij->i", chunk, chunk)
    return norms
