"""Rows of a segment: their ids and their original vectors, with exact distances to them. `Rows` holds float32.

Every search ends here: graphs and lists only propose rows, and what is returned is ranked by the original vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from ruvector_engine.index.spec import Float64Array, Int64Array, Query, Vectors
from ruvector_simd import AnyMetric, Metric, distances, row_squared_norms, sort_keys

#: Vectors whose norms differ from 1 by no more than this are taken for unit vectors as they are.
_UNIT_TOLERANCE = 1e-6

#: Squared norms, L1 norms or counts of bits; float32, float64 or uint32.
Sizes: TypeAlias = npt.NDArray[Any]
#: float32 or float64.
Keys: TypeAlias = npt.NDArray[Any]


def lowest(keys: Keys, k: int) -> Int64Array:
    """The places of the `k` lowest keys, lowest first, NaN last."""
    if k < len(keys):
        chosen = np.argpartition(keys, k - 1)[:k]
        return chosen[keys[chosen].argsort()]
    return keys.argsort()


class Rows:
    """`ids`, shape (n,), int64, `vectors` of shape (n, d), and what the metric needs to know of each vector.

    `sizes` is None for metrics that need nothing; for cosine the squared norms, none of them zero.
    """

    __slots__ = ("_order", "ids", "metric", "sizes", "vectors")

    def __init__(self, metric: AnyMetric, ids: Int64Array, vectors: Vectors, sizes: Sizes | None = None) -> None:
        self.metric = metric
        self.ids = ids
        self.vectors = vectors
        self.sizes = self.sizes_of(metric, vectors) if sizes is None else sizes
        self._order: tuple[int, Int64Array | None] = (0, None)  # replaced whole: readers share it

    # -- what depends on the vectors' elements ----------------------------------------------------------------

    @staticmethod
    def sizes_of(metric: AnyMetric, vectors: Vectors) -> Sizes | None:
        """See `sizes`."""
        return row_squared_norms(vectors) if metric is Metric.COSINE else None

    @staticmethod
    def room(metric: AnyMetric, dimensions: int, capacity: int) -> Rows:
        """Rows that `put` may fill, up to `capacity`; what they hold before is of no account."""
        sizes = np.empty(capacity, np.float32) if metric is Metric.COSINE else None
        return Rows(metric, np.empty(capacity, np.int64), np.empty((capacity, dimensions), np.float32), sizes)

    @staticmethod
    def joined(several: Sequence[Vectors]) -> Vectors:
        """The vectors of all, one after the other."""
        return np.concatenate(several)

    def distances(self, query: Query, slots: Int64Array) -> Float64Array:
        """Exact distances from `query` to the rows in `slots`."""
        norms = None if self.sizes is None else self.sizes[slots]
        return distances(self.metric, query, self.vectors.take(slots, axis=0), norms)  # type: ignore[arg-type]

    def keys(self, query: Query, slots: Int64Array | None, size: int) -> Keys:
        """Numbers that sort as the distances do, but for rounding, of the rows in `slots` or the first `size`."""
        if slots is None:
            norms = None if self.sizes is None else self.sizes[:size]
            return sort_keys(self.metric, query, self.vectors[:size], None, norms)  # type: ignore[arg-type]
        return sort_keys(self.metric, query, self.vectors, slots, self.sizes)  # type: ignore[arg-type]

    def unit_vectors(self) -> Vectors:
        """The vectors scaled to length 1; the originals themselves when they already are."""
        norms = self.sizes
        if norms is None or not len(norms) or np.abs(norms - 1).max() <= 2 * _UNIT_TOLERANCE:
            return self.vectors
        return np.divide(self.vectors, np.sqrt(norms)[:, None], dtype=np.float32)

    def put(self, start: int, rows: Rows) -> None:
        """Fill the slots from `start` on."""
        end = start + len(rows.ids)
        self.ids[start:end] = rows.ids
        self.vectors[start:end] = rows.vectors
        if self.sizes is not None:
            self.sizes[start:end] = rows.sizes

    def with_vectors(self, vectors: Vectors) -> Self:
        """The same rows with their vectors lying elsewhere."""
        return type(self)(self.metric, self.ids, vectors, self.sizes)

    # -- what does not ----------------------------------------------------------------------------------------

    def select(self, slots: Int64Array) -> Self:
        """The rows in `slots`, copied."""
        sizes = None if self.sizes is None else self.sizes[slots]
        return type(self)(self.metric, self.ids[slots], self.vectors.take(slots, axis=0), sizes)

    @staticmethod
    def join(several: Sequence[Rows], vectors: Vectors | None = None) -> Rows:
        """The rows of all, one after the other; `vectors` are theirs where they already lie together."""
        first = several[0]
        sizes = [rows.sizes for rows in several if rows.sizes is not None]
        return type(first)(
            first.metric,
            np.concatenate([rows.ids for rows in several]),
            first.joined([rows.vectors for rows in several]) if vectors is None else vectors,
            np.concatenate(sizes) if sizes else None,
        )

    def nearest(self, query: Query, k: int, slots: Int64Array | None, size: int) -> Int64Array:
        """Slots of the `k` nearest rows among `slots` or the first `size`, nearest first. Exact but for rounding."""
        chosen = lowest(self.keys(query, slots, size), k)
        return chosen if slots is None else slots[chosen]

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
