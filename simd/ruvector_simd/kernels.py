"""Exact distances with pgvector's arithmetic: sums in float32, roots and quotients in float64.

The digits of a float32 sum depend on the order of its additions. pgvector's kernels add in eight lanes, then a
group of four, then one by one; faiss at the AVX2 level does the same for all but the last few dimensions. Short
vectors, which are mostly such a rest and whose digits people read, are therefore summed here by NumPy in exactly
pgvector's order; longer ones go to faiss, inside `eight_lanes`. The result: bit for bit what pgvector 0.8.5 returns on
x86-64 with AVX2 or better, except that L2 and inner product may differ in the last bit of the sum where d is not a
multiple of 4.

Vectors hold no NaN and no infinity (the types refuse them); sums may still overflow to infinity, as in pgvector.
"""

from __future__ import annotations

import math

import numpy as np

from ruvector_simd.arrays import Float32Array, Float64Array, Int64Array
from ruvector_simd.fused import fused_cosine_sums, fused_inner_products, fused_squared_norm, fused_squared_norms
from ruvector_simd.level import eight_lanes
from ruvector_simd.metric import Metric
from ruvector_simd.native import faiss

#: Below this many dimensions the additions are ordered by hand; from here on faiss's kernels have the same order.
_SHORT = 16

_ptr = faiss.swig_ptr


def distance(metric: Metric, a: Float32Array, b: Float32Array) -> float:
    """The distance between two vectors of shape (d,), as the metric's operator returns it."""
    with eight_lanes:
        return distance_inside(metric, a, b)


def distance_inside(metric: Metric, a: Float32Array, b: Float32Array) -> float:
    """`distance` for who is inside `eight_lanes`, because many are wanted."""
    d = a.shape[0]
    if d < _SHORT:
        return float(distances(metric, a, b.reshape(1, d))[0])
    if metric is Metric.L2:
        return math.sqrt(squared_l2_inside(a, b))
    if metric is Metric.INNER_PRODUCT:
        return -float(faiss.fvec_inner_product(_ptr(a), _ptr(b), d))
    if metric is Metric.L1:
        return float(faiss.fvec_L1(_ptr(a), _ptr(b), d))
    similarity, norm_a, norm_b = fused_cosine_sums(a, b)
    norms = norm_a * norm_b
    cosine = similarity / math.sqrt(norms) if norms else similarity * math.inf
    return math.nan if math.isnan(cosine) else 1.0 - min(1.0, max(-1.0, cosine))


def squared_l2_inside(a: Float32Array, b: Float32Array) -> float:
    """The squared Euclidean distance between two vectors of shape (d,), added up in float32, inside `eight_lanes`."""
    d = a.shape[0]
    return float(_squared_l2(a, b.reshape(1, d))[0]) if d < _SHORT else float(faiss.fvec_L2sqr(_ptr(a), _ptr(b), d))


def distances(
    metric: Metric, query: Float32Array, vectors: Float32Array, squared_norms: Float32Array | None = None
) -> Float64Array:
    """Distances from `query`, shape (d,), to each row of `vectors`, shape (n, d), as the operator returns them.

    <-> is the Euclidean distance, <#> the negative inner product, <=> one minus the cosine (NaN where a vector is
    zero), <+> the sum of absolute differences. Both arrays are C-contiguous. COSINE takes the rows'
    `squared_norms` where they are known. Returns float64, shape (n,).
    """
    with eight_lanes:
        if metric is Metric.COSINE:
            norms = row_squared_norms(vectors) if squared_norms is None else squared_norms
            short = query.shape[0] < _SHORT
            products = _short_sum(vectors, query, fused=True) if short else fused_inner_products(query, vectors)
            return _cosine(products.astype(np.float64), norms.astype(np.float64) * squared_norm(query))
        if metric is Metric.L2:
            return np.sqrt(_squared_l2(query, vectors), dtype=np.float64)
        if metric is Metric.INNER_PRODUCT:
            return np.negative(_inner_products(query, vectors), dtype=np.float64)
        return _l1(query, vectors).astype(np.float64)


def sort_keys(
    metric: Metric,
    query: Float32Array,
    vectors: Float32Array,
    rows: Int64Array | None = None,
    squared_norms: Float32Array | None = None,
) -> Float32Array:
    """Numbers that sort as the distances do, cheaper than these: float32, one for each row (or each of `rows`).

    The squared L2 distance, the negative inner product, or L1. COSINE needs the `squared_norms` of all rows, none of
    them zero, unless the vectors have unit length.
    """
    with eight_lanes:  # or rows that are nearly as far would be chosen in another order than they are shown in
        keys = _sort_keys(metric, query, vectors, rows)
    if metric is Metric.COSINE and squared_norms is not None:
        keys /= np.sqrt(squared_norms if rows is None else squared_norms[rows])
    return keys


def _sort_keys(metric: Metric, query: Float32Array, vectors: Float32Array, rows: Int64Array | None) -> Float32Array:
    d = vectors.shape[1]
    if rows is not None:
        if d < _SHORT or metric is Metric.L1:
            return _sort_keys(metric, query, vectors[rows], None)
        keys = np.empty(len(rows), np.float32)
        by_rows = faiss.fvec_L2sqr_by_idx if metric is Metric.L2 else faiss.fvec_inner_products_by_idx
        by_rows(_ptr(keys), _ptr(query), _ptr(vectors), _ptr(rows), d, 1, len(rows))
        return keys if metric is Metric.L2 else np.negative(keys, out=keys)
    if metric is Metric.L2:
        return _squared_l2(query, vectors)
    if metric is Metric.L1:
        return _l1(query, vectors)
    return np.negative(_inner_products(query, vectors))


def _cosine(products: Float64Array, norms: Float64Array) -> Float64Array:
    """One minus the cosine from inner products and products of squared norms. 0 / 0 is NaN, as in pgvector."""
    with np.errstate(invalid="ignore", divide="ignore"):
        similarity = products / np.sqrt(norms)
    return 1.0 - np.minimum(np.maximum(similarity, -1.0), 1.0)


def _squared_l2(query: Float32Array, vectors: Float32Array) -> Float32Array:
    n, d = vectors.shape
    if d < _SHORT:
        difference = vectors - query
        return _short_sum(difference, difference, fused=False)
    sums = np.empty(n, np.float32)
    faiss.fvec_L2sqr_ny(_ptr(sums), _ptr(query), _ptr(vectors), d, n)
    return sums


def _inner_products(query: Float32Array, vectors: Float32Array) -> Float32Array:
    n, d = vectors.shape
    if d < _SHORT:
        return _short_sum(vectors, query, fused=False)
    sums = np.empty(n, np.float32)
    faiss.fvec_inner_products_ny(_ptr(sums), _ptr(query), _ptr(vectors), d, n)
    return sums


def about_squared_norm(vector: Float32Array) -> float:
    """The sum of squares of a contiguous vector of shape (d,), in any order of additions; never a warning.

    For decisions, not for results: the cheapest way to a number that is finite only if every element is.
    """
    return float(faiss.fvec_norm_L2sqr(_ptr(vector), vector.shape[0]))


def squared_norm(vector: Float32Array) -> float:
    """The sum of squares of a vector of shape (d,), added up in float32."""
    if vector.shape[0] < _SHORT:
        return float(row_squared_norms(vector.reshape(1, -1))[0])
    with eight_lanes:
        return fused_squared_norm(vector)


def row_squared_norms(vectors: Float32Array) -> Float32Array:
    """The sum of squares of each row, shape (n,): what `distances` would compute for COSINE."""
    if vectors.shape[1] < _SHORT:
        return _short_sum(vectors, vectors, fused=True)
    with eight_lanes:
        return fused_squared_norms(vectors)


def _l1(query: Float32Array, vectors: Float32Array) -> Float32Array:
    n, d = vectors.shape
    if d < _SHORT:
        return _short_sum(np.abs(vectors - query), np.ones(d, np.float32), fused=False)
    sums = np.empty(n, np.float32)
    faiss.pairwise_extra_distances(d, 1, _ptr(query), n, _ptr(vectors), faiss.METRIC_L1, 0.0, _ptr(sums), -1, -1, -1)
    return sums


def _short_sum(u: Float32Array, v: Float32Array, *, fused: bool) -> Float32Array:
    """Sums of u * v along the last axis, fewer than 16 terms, rounded to float32 wherever pgvector rounds.

    Eight lanes, folded to four; then four more terms by fused multiply-add, folded to one; then the rest one by
    one, by fused multiply-add where `fused` (pgvector's cosine) and by multiply, then add elsewhere. A float64 holds
    a product of two float32 exactly, so rounding once after adding is a fused multiply-add.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        terms = u.astype(np.float64) * v
        n, d = terms.shape
        total = np.zeros(n, np.float32)
        done = 0
        if d >= 4:
            lanes = np.zeros((n, 4), np.float32)
            if d >= 8:
                lanes = terms[:, :4].astype(np.float32) + terms[:, 4:8].astype(np.float32)
                done = 8
            if d - done >= 4:
                lanes = (lanes + terms[:, done : done + 4]).astype(np.float32)
                done += 4
            pairs = lanes[:, :2] + lanes[:, 2:]
            total = pairs[:, 0] + pairs[:, 1]
        for i in range(done, d):
            total = (total + terms[:, i]).astype(np.float32) if fused else total + terms[:, i].astype(np.float32)
    return total
