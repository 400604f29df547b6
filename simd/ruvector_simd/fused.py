"""Sums by fused multiply-add, as pgvector's cosine has them, for vectors of 16 dimensions and more.

pgvector 0.8.5 for x86-64 computes the three sums of a cosine with multiply-adds that round once, and every other sum
with products that round before they are added. Of faiss's kernels only those for four vectors at a time round once.
They cost 0.3 us a row from here, five times as much as the others: used for what is returned, not for what is searched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ruvector_simd.arrays import Float32Array
from ruvector_simd.native import faiss

_pointer = faiss.swig_ptr
_pointer_to = faiss.cast_integer_to_float_ptr

#: The squared distance from here is the squared norm.
_ORIGIN = np.zeros(16_000, np.float32)


class _Four(threading.local):
    """Where a kernel puts its four sums: one place for each thread."""

    def __init__(self) -> None:
        self.sums = np.empty(4, np.float32)
        self.places = tuple(_pointer(self.sums[i : i + 1]) for i in range(4))


_four = _Four()


def fused_inner_products(query: Float32Array, vectors: Float32Array) -> Float32Array:
    """Inner products of `query`, shape (d,), with each row of `vectors`, shape (n, d)."""
    return _by_fours(faiss.fvec_inner_product_batch_4, query, vectors)


def fused_squared_norms(vectors: Float32Array) -> Float32Array:
    """Sums of squares of each row of `vectors`, shape (n, d)."""
    return _by_fours(faiss.fvec_L2sqr_batch_4, _origin(vectors.shape[1]), vectors)


def fused_squared_norm(vector: Float32Array) -> float:
    """The sum of squares of one vector, shape (d,)."""
    d, at, four = vector.shape[0], _pointer(vector), _four
    faiss.fvec_L2sqr_batch_4(_pointer(_origin(d)), at, at, at, at, d, *four.places)
    return float(four.sums[0])


def fused_cosine_sums(a: Float32Array, b: Float32Array) -> tuple[float, float, float]:
    """The inner product of two vectors of shape (d,), and the squared norm of each."""
    d, four = a.shape[0], _four
    a_at, b_at = _pointer(a), _pointer(b)
    faiss.fvec_L2sqr_batch_4(_pointer(_origin(d)), a_at, b_at, a_at, b_at, d, *four.places)
    norm_a, norm_b = float(four.sums[0]), float(four.sums[1])
    faiss.fvec_inner_product_batch_4(a_at, b_at, b_at, b_at, b_at, d, *four.places)
    return float(four.sums[0]), norm_a, norm_b


def _by_fours(kernel: Callable[..., Any], query: Float32Array, vectors: Float32Array) -> Float32Array:
    n, d = vectors.shape
    sums = np.empty(n, np.float32)
    if not n:
        return sums
    first, row = int(_pointer(vectors)), 4 * d
    last = first + (n - 1) * row
    query_at, found, places = _pointer(query), _four.sums, _four.places
    for i in range(0, n, 4):
        at = first + i * row
        # The last group repeats the last row where it is short of four.
        second, third, fourth = min(at + row, last), min(at + 2 * row, last), min(at + 3 * row, last)
        kernel(query_at, _pointer_to(at), _pointer_to(second), _pointer_to(third), _pointer_to(fourth), d, *places)
        sums[i : i + 4] = found if i + 4 <= n else found[: n - i]
    return sums


def _origin(d: int) -> Float32Array:
    return _ORIGIN if d <= len(_ORIGIN) else np.zeros(d, np.float32)
