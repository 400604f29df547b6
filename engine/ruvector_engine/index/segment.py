"""What every segment does, and `Part`: a segment as one moment sees it."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ruvector_engine.index.spec import Effort, Float64Array, Int64Array, Query
from ruvector_engine.index.tombstones import Allowed, LiveBits
from ruvector_engine.index.vectors import Rows

_NO_IDS = np.empty(0, np.int64)
_NO_DISTANCES = np.empty(0, np.float64)


class Segment(Protocol):
    """Rows and a way to find the nearest of them. Safe to search from any number of threads."""

    @property
    def rows(self) -> Rows:
        """Ids and original vectors."""

    @property
    def kind(self) -> str:
        """`flat`, `hnsw`, `ivfflat`, `inverted` or `scan`."""

    @property
    def memory_bytes(self) -> int:
        """Bytes held in memory, mapped files left out."""

    @property
    def has_codes(self) -> bool:
        """Whether codes stand for the vectors while candidates are looked for."""

    @property
    def tables_bytes(self) -> int:
        """Bytes of what these codes are read by."""

    def nearest(
        self,
        query: Query,
        k: int,
        effort: Effort,
        size: int,
        live: LiveBits | None,
        allowed: Allowed | None,
        /,
    ) -> Int64Array:
        """The slots of `k` near rows among the first `size`, nearest first but for rounding.

        Where codes propose them they are more than `k`, in whatever order: `ranked` makes the choice.
        `live` are the rows that count (None: all) and `allowed`, when given, the only ones to consider, all of them
        live. Fewer than `k` only when there are fewer.
        """

    def nearest_many(
        self, queries: Sequence[Query], k: int, effort: Effort, live: LiveBits | None, threads: int | None, /
    ) -> Int64Array | None:
        """`nearest` for each of n queries at once, a row each; None where one by one is no slower, or has to be.

        There are at least `k` rows that count.
        """

    def cost_us(self, k: int, effort: Effort, size: int, allowed: int | None, /) -> float:
        """About how long `nearest` takes; `allowed` is the number of slots it may consider."""


#: Filters remembered for each part: clients repeat theirs, and the engine passes the same array again.
_REMEMBERED_FILTERS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """The first `size` rows of a segment, less those that `live` marks dead."""

    segment: Segment
    size: int
    live: LiveBits | None = None
    _filters: dict[int, tuple[weakref.ref[Int64Array], Allowed]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @property
    def live_count(self) -> int:
        """Rows that are not dead."""
        return self.size if self.live is None else self.size - self.live.dead

    def search(
        self, query: Query, k: int, effort: Effort, allowed_ids: Int64Array | None
    ) -> tuple[Int64Array, Float64Array]:
        """Ids and exact distances of up to `k` near live rows, nearest first.

        `allowed_ids`, in ascending order and never changed afterwards, limits the answer to them.
        """
        k = min(k, self.live_count)
        allowed = None
        if allowed_ids is not None:
            allowed = self._allowed(allowed_ids)
            k = min(k, len(allowed.slots))
        if k <= 0:
            return _NO_IDS, _NO_DISTANCES
        return self.ranked(query, self.segment.nearest(query, k, effort, self.size, self.live, allowed), k)

    def search_many(
        self, queries: Sequence[Query], k: int, effort: Effort, threads: int | None
    ) -> list[tuple[Int64Array, Float64Array]]:
        """`search` for each query, without a filter."""
        if k <= self.live_count:
            found = self.segment.nearest_many(queries, k, effort, self.live, threads)
            if found is not None:
                return [self.ranked(query, slots, k) for query, slots in zip(queries, found, strict=True)]
        return [self.search(query, k, effort, None) for query in queries]

    def ranked(self, query: Query, slots: Int64Array, k: int) -> tuple[Int64Array, Float64Array]:
        """The ids of the `k` of `slots` that are nearest to `query`, and their exact distances, nearest first."""
        rows = self.segment.rows
        distances = rows.distances(query, slots)
        order = distances.argsort(kind="stable")[:k]
        return rows.ids[slots[order]], distances[order]

    def _allowed(self, ids: Int64Array) -> Allowed:
        known = self._filters.get(id(ids))
        if known is not None and known[0]() is ids:
            return known[1]
        slots = self.segment.rows.locate_sorted(ids, self.size)
        if self.live is not None:
            slots = slots[self.live.test(slots)]
        allowed = Allowed(slots, len(self.segment.rows.ids))
        if len(self._filters) >= _REMEMBERED_FILTERS:
            self._filters.clear()
        self._filters[id(ids)] = (weakref.ref(ids), allowed)
        return allowed

    def locate(self, ids: Int64Array) -> Int64Array:
        """The slot of each of `ids`, -1 for those that are dead or not here."""
        slots = self.segment.rows.locate(ids, self.size)
        if self.live is not None:
            slots[~self.live.test(slots)] = -1
        return slots

    def find(self, ids: Int64Array) -> Int64Array:
        """The slots of those `ids` that are live here."""
        slots = self.locate(ids)
        return slots[slots >= 0]

    def live_ids_dead_in(self, later: Part) -> Int64Array:
        """The ids of rows that are live here and dead in `later`, the same segment at a later moment."""
        if later.live is None or later.live is self.live:
            return _NO_IDS
        dead = ~later.live.mask(self.size)
        if self.live is not None:
            dead &= self.live.mask(self.size)
        return self.segment.rows.ids[: self.size][dead]

    def live_slots(self) -> Int64Array:
        """Every live slot, ascending."""
        return np.arange(self.size) if self.live is None else np.flatnonzero(self.live.mask(self.size))

    def live_ids(self) -> Int64Array:
        """The ids of all live rows, in slot order."""
        ids = self.segment.rows.ids[: self.size]
        return ids if self.live is None else ids[self.live.mask(self.size)]

    def without(self, slots: Int64Array) -> Part:
        """The same with `slots` (distinct, live) dead."""
        live = self.live if self.live is not None else LiveBits.all_live(len(self.segment.rows.ids))
        return Part(self.segment, self.size, live.without(slots))
