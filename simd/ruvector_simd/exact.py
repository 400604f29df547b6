"""Exact nearest neighbours over a matrix: the answer every index is measured against."""

from __future__ import annotations

import numpy as np

from ruvector_simd.arrays import Float32Array, Float64Array, Int64Array
from ruvector_simd.kernels import distances, sort_keys
from ruvector_simd.metric import Metric

#: Rows beyond `k` whose exact distance decides, so that rounding cannot push one out.
_MARGIN = 16


def nearest(metric: Metric, query: Float32Array, vectors: Float32Array, k: int) -> tuple[Int64Array, Float64Array]:
    """The `k` rows of `vectors`, shape (n, d), nearest to `query`, shape (d,), and their distances, nearest first.

    Fewer than `k` when n is smaller. Equal distances are in row order; NaN comes last, as PostgreSQL sorts it.
    """
    if metric is Metric.COSINE and len(vectors) > 8 * k + _MARGIN:
        # Exact cosines are dear: take them of the rows that rounded ones put in front, and of some more.
        front = np.argpartition(_rounded_cosines(query, vectors), k + _MARGIN)[: k + _MARGIN]
        front.sort()
        order, found = smallest(distances(metric, query, vectors[front]), k)
        return front[order].astype(np.int64, copy=False), found
    return smallest(distances(metric, query, vectors), k)


def _rounded_cosines(query: Float32Array, vectors: Float32Array) -> Float32Array:
    """Negative inner products over norms; NaN for zero vectors."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return sort_keys(Metric.COSINE, query, vectors, None, np.einsum("ij,ij->i", vectors, vectors))


def smallest(values: Float64Array, k: int) -> tuple[Int64Array, Float64Array]:
    """Positions and values of the `k` smallest of `values`, ascending; ties by position, NaN last."""
    if k < len(values):
        chosen = np.argpartition(values, k - 1)[:k] if k > 0 else np.empty(0, np.intp)
        chosen.sort()
    else:
        chosen = np.arange(len(values))
    order = chosen[np.argsort(values[chosen], kind="stable")]
    return order.astype(np.int64, copy=False), values[order]
