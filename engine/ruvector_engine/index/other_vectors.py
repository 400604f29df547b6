"""Rows of the elements other than float32: halves, packed bits, sparse vectors. See `vectors`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ruvector_engine.index.spec import Float64Array, Int64Array, Query, Vectors
from ruvector_engine.index.vectors import Keys, Rows, Sizes
from ruvector_simd import (
    AnyMetric,
    BitMetric,
    Metric,
    SparseMatrix,
    bit_counts,
    bit_distances,
    half_distances,
    half_sort_keys,
    half_squared_norms,
    sparse_distance,
    sparse_keys,
    sparse_sizes,
    words_for,
)


class HalfRows(Rows):
    """`vectors` of shape (n, d), float16. What searches is float32, which holds every half exactly."""

    __slots__ = ()

    @staticmethod
    def sizes_of(metric: AnyMetric, vectors: Vectors) -> Sizes | None:
        """See Rows."""
        return half_squared_norms(vectors) if metric is Metric.COSINE else None

    @staticmethod
    def room(metric: AnyMetric, dimensions: int, capacity: int) -> HalfRows:
        """See Rows."""
        sizes = np.empty(capacity, np.float32) if metric is Metric.COSINE else None
        return HalfRows(metric, np.empty(capacity, np.int64), np.empty((capacity, dimensions), np.float16), sizes)

    def distances(self, query: Query, slots: Int64Array) -> Float64Array:
        """See Rows."""
        return half_distances(self.metric, query, self.vectors.take(slots, axis=0))  # type: ignore[arg-type]

    def keys(self, query: Query, slots: Int64Array | None, size: int) -> Keys:
        """See Rows."""
        if slots is None:
            norms = None if self.sizes is None else self.sizes[:size]
            return half_sort_keys(self.metric, query, self.vectors[:size], None, norms)  # type: ignore[arg-type]
        return half_sort_keys(self.metric, query, self.vectors, slots, self.sizes)  # type: ignore[arg-type]

    def unit_vectors(self) -> Vectors:
        """Copies scaled to length 1 and rounded to halves again: close enough to find neighbours by."""
        units = np.empty(self.vectors.shape, np.float16)
        step = max(1, (1 << 20) // self.vectors.shape[1])
        for start in range(0, len(units), step):
            lengths = np.sqrt(self.sizes[start : start + step])[:, None]  # type: ignore[index]
            units[start : start + step] = self.vectors[start : start + step].astype(np.float32) / lengths
        return units


class BitRows(Rows):
    """`vectors` of shape (n, w): words of 64 bits. `sizes`, for Jaccard, is how many bits of each are set."""

    __slots__ = ()

    @staticmethod
    def sizes_of(metric: AnyMetric, vectors: Vectors) -> Sizes | None:
        """See Rows."""
        return bit_counts(vectors) if metric is BitMetric.JACCARD else None

    @staticmethod
    def room(metric: AnyMetric, dimensions: int, capacity: int) -> BitRows:
        """See Rows."""
        sizes = np.empty(capacity, np.uint32) if metric is BitMetric.JACCARD else None
        words = np.empty((capacity, words_for(dimensions)), np.uint64)
        return BitRows(metric, np.empty(capacity, np.int64), words, sizes)

    def distances(self, query: Query, slots: Int64Array) -> Float64Array:
        """See Rows."""
        return bit_distances(self.metric, query, self.vectors.take(slots, axis=0))  # type: ignore[arg-type]

    def keys(self, query: Query, slots: Int64Array | None, size: int) -> Keys:
        """See Rows: the distances themselves."""
        if slots is None:
            counts = None if self.sizes is None else self.sizes[:size]
            return bit_distances(self.metric, query, self.vectors[:size], counts)  # type: ignore[arg-type]
        counts = None if self.sizes is None else self.sizes[slots]
        words = self.vectors.take(slots, axis=0)
        return bit_distances(self.metric, query, words, counts)  # type: ignore[arg-type]


class SparseRows(Rows):
    """`vectors` is a SparseMatrix; `sizes` are the rows' squared norms, under L1 their L1 norms."""

    __slots__ = ()

    @staticmethod
    def sizes_of(metric: AnyMetric, vectors: Vectors) -> Sizes | None:
        """See Rows."""
        return sparse_sizes(metric, vectors)  # type: ignore[arg-type]

    @staticmethod
    def room(metric: AnyMetric, dimensions: int, capacity: int) -> SparseRows:
        """See Rows: room for elements is made as they come."""
        matrix = SparseMatrix.empty(dimensions, capacity)
        return SparseRows(metric, np.empty(capacity, np.int64), matrix, np.zeros(capacity, np.float64))

    @staticmethod
    def joined(several: Sequence[Vectors]) -> Vectors:
        """See Rows."""
        return SparseMatrix.join(several)

    def put(self, start: int, rows: Rows) -> None:
        """See Rows. A reader may hold the former matrix: what it reads there stays what it was."""
        end = start + len(rows.ids)
        self.ids[start:end] = rows.ids
        self.sizes[start:end] = rows.sizes  # type: ignore[index]
        matrix, vectors = self.vectors, rows.vectors
        used = int(matrix.offsets[start])
        more = int(vectors.offsets[-1])
        indices, values = matrix.indices, matrix.values
        if len(indices) < used + more:
            indices, values = (np.empty(2 * (used + more), array.dtype) for array in (indices, values))
            indices[:used], values[:used] = matrix.indices[:used], matrix.values[:used]
        indices[used : used + more], values[used : used + more] = vectors.indices[:more], vectors.values[:more]
        matrix.offsets[start + 1 : end + 1] = used + vectors.offsets[1:]
        self.vectors = SparseMatrix(matrix.dimensions, matrix.offsets, indices, values)

    def distances(self, query: Query, slots: Int64Array) -> Float64Array:
        """See Rows."""
        matrix = self.vectors
        found = [sparse_distance(self.metric, matrix.row(slot), query) for slot in slots.tolist()]  # type: ignore[arg-type]
        return np.array(found, np.float64)

    def keys(self, query: Query, slots: Int64Array | None, size: int) -> Keys:
        """See Rows."""
        matrix = self.vectors.head(size) if slots is None else self.vectors.take(slots)
        sizes = self.sizes[:size] if slots is None else self.sizes[slots]  # type: ignore[index]
        return sparse_keys(self.metric, query, matrix, sizes)  # type: ignore[arg-type]

    def unit_vectors(self) -> Vectors:
        """See Rows: nothing searches by them."""
        return self.vectors
