"""Rows of a segment: their ids and their original vectors, with exact distances to them.

Every search ends here: graphs and lists only propose rows, and what is returned is ranked by the original vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ruvector_engine.index.spec import Float32Array, Float64Array, Int64Array
from ruvector_simd import Metric, distances, row_squared_norms, sort_keys

#: Vectors whose norms differ from 1 by no more than this are taken for unit vectors as they are.
_UNIT_TOLERANCE = 1e-6


class Rows:
    """`ids`, shape (n,), int64, and `vectors`, shape (n, d), float32; for cosine also the squared norms, none zero."""

    __slots__ = ("_order", "ids", "metric", "squared_norms", "vectors")

    def __init__(
        self, metric: Metric, ids: Int64Array, vectors: Float32Array, squared_norms: Float32Array | None = None
    ) -> None:
        self.metric = metric
        self.ids = ids
        self.vectors = vectors
        if metric is Metric.COSINE and squared_norms is None:
            squared_norms = row_squared_norms(vectors)
        self.squared_norms = squared_norms
        self._order: tuple[int, Int64Array | None] = (0, None)  # replaced whole: readers share it

    def select(self, slots: Int64Array) -> Rows:
        """The rows in `slots`, copied."""
        norms = None if self.squared_norms is None else self.squared_norms[slots]
        return Rows(self.metric, self.ids[slots], self.vectors.take(slots, axis=0), norms)

    @staticmethod
    def join(several: Sequence[Rows], vectors: Float32Array | None = None) -> Rows:
        """The rows of all, one after the other; `vectors` are theirs where they already lie together."""
        norms = [rows.squared_norms for rows in several if rows.squared_norms is not None]
        return Rows(
            several[0].metric,
            np.concatenate([rows.ids for rows in several]),
            np.concatenate([rows.vectors for rows in several]) if vectors is None else vectors,
            np.concatenate(norms) if norms else None,
        )

    def distances(self, query: Float32Array, slots: Int64Array) -> Float64Array:
        """Exact distances from `query` to the rows in `slots`."""
        norms = None if self.squared_norms is None else self.squared_norms[slots]
        return distances(self.metric, query, self.vectors.take(slots, axis=0), norms)

    def nearest(self, query: Float32Array, k: int, slots: Int64Array | None, size: int) -> Int64Array:
        """Slots of the `k` nearest rows among `slots` or the first `size`, nearest first. Exact but for rounding."""
        if slots is None:
            norms = None if self.squared_norms is None else self.squared_norms[:size]
            keys = sort_keys(self.metric, query, self.vectors[:size], None, norms)
        else:
            keys = sort_keys(self.metric, query, self.vectors, slots, self.squared_norms)
        if k < len(keys):
            chosen = np.argpartition(keys, k - 1)[:k]
            chosen = chosen[keys[chosen].argsort()]
        else:
            chosen = keys.argsort()
        return chosen if slots is None else slots[chosen]

    def unit_vectors(self, slots: Int64Array | None = None) -> Float32Array:
        """The vectors (of `slots`) scaled to length 1; the originals themselves when they already are."""
        vectors = self.vectors if slots is None else self.vectors[slots]
        norms = self.squared_norms if slots is None or self.squared_norms is None else self.squared_norms[slots]
        if norms is None or not len(norms) or np.abs(norms - 1).max() <= 2 * _UNIT_TOLERANCE:
            return vectors
        return np.divide(vectors, np.sqrt(norms)[:, None], dtype=np.float32)

    def locate(self, ids: Int64Array, size: int) -> Int64Array:
        """The slot of each of `ids` among the first `size` rows, -1 for those that are not there."""
        if not size:
            return np.full(len(ids), -1)
        held = self.ids[:size]
        order = self._order_by_id(size)
        positions = np.searchsorted(held, ids, sorter=order)
        positions[positions == size] = 0
        slots = positions if order is None else order[positions]
        return np.where(held[slots] == ids, slots, -1)

    def locate_sorted(self, ids: Int64Array, size: int) -> Int64Array:
        """The slots of those of `ids`, in ascending order, that are among the first `size` rows."""
        held = self.ids[:size]
        if size and held[-1] - held[0] == size - 1 and self._order_by_id(size) is None:
            # Ids without gaps, as one writer leaves them: subtraction instead of a search.
            first, end = np.searchsorted(ids, (held[0], held[-1] + 1))
            here: Int64Array = ids[first:end] - held[0]
            return here
        slots = self.locate(ids, size)
        return slots[slots >= 0]

    def _order_by_id(self, size: int) -> Int64Array | None:
        """Slots sorted by id; None when ids already ascend, as they do unless commits overtook each other."""
        known, order = self._order
        if known != size:
            held = self.ids[:size]
            order = None if bool((held[1:] > held[:-1]).all()) else np.argsort(held)
            self._order = (size, order)
        return order
