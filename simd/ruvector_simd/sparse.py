"""Sparse vectors: rows laid end to end, exact distances in the order of pgvector's sparsevec kernels, and sort keys.

Indices count from 0 and ascend within a row; no value is zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ruvector_simd.arrays import Float32Array, Float64Array, Int64Array
from ruvector_simd.metric import Metric
from ruvector_simd.sums import lane_sum, products, rounded, sequential_sum

Int32Array = npt.NDArray[np.int32]


class SparseVector(NamedTuple):
    """One vector."""

    dimensions: int
    indices: Int32Array
    values: Float32Array


class SparseMatrix:
    """Rows of one number of dimensions: row i has the elements from `offsets[i]` up to `offsets[i + 1]`.

    The arrays may have room behind the last row.
    """

    __slots__ = ("dimensions", "indices", "offsets", "values")

    def __init__(self, dimensions: int, offsets: Int64Array, indices: Int32Array, values: Float32Array) -> None:
        self.dimensions = dimensions
        self.offsets = offsets
        self.indices = indices
        self.values = values

    @classmethod
    def empty(cls, dimensions: int, rows: int = 0) -> SparseMatrix:
        """`rows` zero vectors."""
        return cls(dimensions, np.zeros(rows + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))

    @staticmethod
    def join(several: Sequence[SparseMatrix]) -> SparseMatrix:
        """The rows of all, one after the other."""
        parts = [matrix.head(len(matrix)) for matrix in several]
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        return SparseMatrix(
            several[0].dimensions,
            np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            np.concatenate([part.indices for part in parts]),
            np.concatenate([part.values for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self.offsets.nbytes + self.indices.nbytes + self.values.nbytes

    def head(self, size: int) -> SparseMatrix:
        """The first `size` rows, without a copy."""
        end = int(self.offsets[size])
        return SparseMatrix(self.dimensions, self.offsets[: size + 1], self.indices[:end], self.values[:end])

    def take(self, rows: Int64Array, axis: int = 0) -> SparseMatrix:
        """The rows of these numbers, copied, as ndarray.take gives them; there is no other axis."""
        if axis:
            raise ValueError("a sparse matrix is taken by rows")
        starts = self.offsets[rows]
        counts = self.offsets[rows + 1] - starts
        places = spans(starts, counts)
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return SparseMatrix(self.dimensions, offsets, self.indices[places], self.values[places])

    def row(self, number: int) -> SparseVector:
        """One row, without a copy."""
        here = slice(self.offsets[number], self.offsets[number + 1])
        return SparseVector(self.dimensions, self.indices[here], self.values[here])

    def row_numbers(self) -> Int64Array:
        """The row of each element."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


def spans(starts: Int64Array, counts: Int64Array) -> Int64Array:
    """The numbers from each start on, as many as its count, end to end."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


# ---------------------------------------------------------------- exact distances


@dataclass(frozen=True, slots=True)
class _Merged:
    """The differences of two sparsevecs' elements at every index that either of them has, in pgvector's three parts.

    Up to the last index of the first one its loop takes them one by one, those of the first one `alone` by a branch
    of their own; what only the second one has behind it is the `rest`, a loop of its own.
    """

    differences: Float32Array
    alone: npt.NDArray[np.bool_]
    rest: Float32Array


def _merged(a: SparseVector, b: SparseVector) -> _Merged:
    behind = int(np.searchsorted(b.indices, a.indices[-1], side="right")) if len(a.indices) else 0
    indices = np.union1d(a.indices, b.indices[:behind])
    differences = np.zeros(len(indices), np.float32)
    differences[np.searchsorted(indices, a.indices)] = a.values
    places = np.searchsorted(indices, b.indices[:behind])
    differences[places] -= b.values[:behind]
    alone = np.ones(len(indices), np.bool_)
    alone[places] = False
    return _Merged(differences, alone, b.values[behind:])


def sparse_squared_l2(a: SparseVector, b: SparseVector) -> float:
    """The squared Euclidean distance."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        merged = _merged(a, b)
        squares = products(merged.differences, merged.differences)
        terms = np.where(merged.alone, squares, rounded(squares))
        return lane_sum(products(merged.rest, merged.rest), sequential_sum(terms))


def sparse_inner_product(a: SparseVector, b: SparseVector) -> float:
    """The inner product."""
    _, left, right = np.intersect1d(a.indices, b.indices, assume_unique=True, return_indices=True)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return sequential_sum(products(a.values[left], b.values[right]))


def sparse_cosine(a: SparseVector, b: SparseVector) -> float:
    """One minus the cosine; NaN where a vector is zero."""
    product = sparse_inner_product(a, b)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        norms = lane_sum(products(a.values, a.values)) * lane_sum(products(b.values, b.values))
    similarity = product / math.sqrt(norms) if norms else product * math.inf
    return math.nan if math.isnan(similarity) else 1.0 - min(1.0, max(-1.0, similarity))


def sparse_l1(a: SparseVector, b: SparseVector) -> float:
    """The sum of absolute differences."""
    with np.errstate(over="ignore", under="ignore"):
        merged = _merged(a, b)
        terms = np.abs(merged.differences).astype(np.float64)
        return lane_sum(np.abs(merged.rest).astype(np.float64), sequential_sum(terms))


def sparse_distance(metric: Metric, a: SparseVector, b: SparseVector) -> float:
    """The distance as the metric's operator returns it."""
    if metric is Metric.L2:
        return math.sqrt(sparse_squared_l2(a, b))
    if metric is Metric.INNER_PRODUCT:
        return -sparse_inner_product(a, b)
    return sparse_cosine(a, b) if metric is Metric.COSINE else sparse_l1(a, b)


# ---------------------------------------------------------------- sort keys


def sparse_sizes(metric: Metric, matrix: SparseMatrix) -> Float64Array:
    """What `sparse_keys` needs to know of each row: its L1 norm under L1, else its squared norm."""
    values = matrix.values[: matrix.offsets[-1]].astype(np.float64)
    weights = np.abs(values) if metric is Metric.L1 else values * values
    return _sums(matrix.row_numbers(), weights, len(matrix))


def matched_keys(
    metric: Metric, query: SparseVector, sizes: Float64Array, rows: Int64Array, theirs: Float32Array, ours: Float32Array
) -> Float64Array:
    """Numbers that sort as the distances of all rows do, from the elements that they share with the query.

    `rows`, `theirs` and `ours`: for each such element its row, and the value there and in the query. Exact but for
    float64's rounding.
    """
    left, right = theirs.astype(np.float64), ours.astype(np.float64)
    own = query.values.astype(np.float64)
    if metric is Metric.L1:
        shared = np.abs(left - right) - np.abs(left) - np.abs(right)
        return sizes + float(np.abs(own).sum()) + _sums(rows, shared, len(sizes))
    inner = _sums(rows, left * right, len(sizes))
    if metric is Metric.L2:
        return sizes + float((own * own).sum()) - 2 * inner
    if metric is Metric.INNER_PRODUCT:
        return -inner
    with np.errstate(invalid="ignore", divide="ignore"):
        return -inner / np.sqrt(sizes)


def _sums(rows: Int64Array, terms: Float64Array, count: int) -> Float64Array:
    """The sum of each row's terms."""
    return np.bincount(rows, terms, minlength=count).astype(np.float64, copy=False)


def sparse_keys(metric: Metric, query: SparseVector, matrix: SparseMatrix, sizes: Float64Array) -> Float64Array:
    """`matched_keys` of rows that no one has sorted by index: every element is looked at."""
    if not len(query.indices):
        none = np.empty(0, np.int64)
        return matched_keys(metric, query, sizes, none, np.empty(0, np.float32), np.empty(0, np.float32))
    places = np.searchsorted(query.indices, matrix.indices)
    places[places == len(query.indices)] = 0
    shared = np.flatnonzero(query.indices[places] == matrix.indices)
    rows = matrix.row_numbers()[shared]
    return matched_keys(metric, query, sizes, rows, matrix.values[shared], query.values[places[shared]])
