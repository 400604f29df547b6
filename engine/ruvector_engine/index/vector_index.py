"""One CREATE INDEX: committed rows in segments, searched without locks.

What a search sees is one immutable `_State`; whoever changes the index publishes another. Writers (`apply`, and
maintenance when it swaps segments) take the lock for the time of a copy; searches take none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ruvector_engine.index.elements import element_of
from ruvector_engine.index.files import load_parts, save_parts
from ruvector_engine.index.flat import FlatSegment, flat_capacity
from ruvector_engine.index.merge import MergePlan, choose_merge, run_merge
from ruvector_engine.index.sealed import SealedSegment, Work
from ruvector_engine.index.segment import Part
from ruvector_engine.index.spec import (
    Cancelled,
    Effort,
    Float64Array,
    IndexSpec,
    Int64Array,
    Progress,
    Query,
    Vectors,
)
from ruvector_engine.index.vectors import Rows
from ruvector_simd import BitMetric, Metric

_NO_IDS = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class _State:
    """All a search looks at. The growing segment, when there is one, is the last part."""

    parts: tuple[Part, ...]
    unindexed: Int64Array  # ids in ascending order: zero vectors, which have no cosine


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """One segment, for index statistics."""

    kind: str
    rows: int
    dead: int
    memory_bytes: int
    has_codes: bool


class VectorIndex:
    """Ids and their vectors, nearest first. Safe to search from any number of threads at any time.

    An id names one version of one vector: it is added at most once and never comes back after it was deleted.
    """

    def __init__(
        self,
        spec: IndexSpec,
        parts: Sequence[Part] = (),
        unindexed: Int64Array = _NO_IDS,
        directory: Path | None = None,
    ) -> None:
        """`directory` is where files of originals may be that codes stand for; without one they stay in memory."""
        if spec.method == "ivfflat" and spec.metric in (Metric.L1, BitMetric.JACCARD):
            raise ValueError(f"ivfflat does not serve the {spec.metric.name} distance")
        if spec.method == "ivfflat" and spec.element == "sparse":
            raise ValueError("ivfflat does not serve sparse vectors")
        if spec.quantization != "none" and (spec.element not in ("single", "half") or spec.metric is Metric.L1):
            raise ValueError(f"codes do not serve the {spec.metric.name} distance of {spec.element} elements")
        self.spec = spec
        #: Called, from any thread, when `maintain` has something to do.
        self.on_maintenance_due: Callable[[], None] | None = None
        #: How long `build` took; None for an index that was not built by it.
        self.build_seconds: float | None = None
        self._directory = directory
        self._state = _State(tuple(parts), unindexed)
        self._growing: FlatSegment | None = None
        self._lock = threading.Lock()
        self._maintenance_lock = threading.Lock()

    @classmethod
    def build(
        cls,
        spec: IndexSpec,
        ids: Int64Array,
        vectors: Vectors,
        *,
        directory: Path | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> VectorIndex:
        """Index rows at once, on every processor. `ids` shape (n,), distinct; `vectors` as `spec`'s elements lie.

        The index may keep `vectors`: they must not change afterwards. `cancelled` is asked every second or so, and a
        yes raises BuildCancelled.
        """
        started = time.monotonic()
        rows, unindexed = _split_zero(spec, *_checked(spec, ids, vectors))
        index = cls(spec, unindexed=np.sort(unindexed), directory=directory)
        if len(rows.ids):
            work = Work(progress=progress, cancelled=cancelled, directory=directory)
            segment = SealedSegment.build(spec, rows, work)
            index._state = replace(index._state, parts=(Part(segment, len(rows.ids)),))
        index.build_seconds = time.monotonic() - started
        return index

    # -- changes -----------------------------------------------------------------------------------------------

    def apply(self, added_ids: Int64Array, added_vectors: Vectors, deleted_ids: Int64Array) -> None:
        """Add rows and delete others: a search sees all of it or nothing. One caller at a time, in commit order.

        Deleted ids that are not in the index are ignored: rows whose vector is NULL never were.
        """
        added, zero_ids = _split_zero(self.spec, *_checked(self.spec, added_ids, added_vectors))
        with self._lock:
            parts = list(self._state.parts)
            unindexed = self._state.unindexed
            if len(added.ids):
                self._append(parts, added)
            if len(zero_ids):
                unindexed = np.union1d(unindexed, zero_ids)
            if len(deleted_ids):
                _bury(parts, np.unique(deleted_ids))
                unindexed = np.setdiff1d(unindexed, deleted_ids, assume_unique=False)
            parts = [part for part in parts if part.live_count]
            if not parts or parts[-1].segment is not self._growing:
                self._growing = None
            self._state = _State(tuple(parts), unindexed)
        if self.on_maintenance_due is not None and self._merge_plan(everything=False) is not None:
            self.on_maintenance_due()

    def add(self, ids: Int64Array, vectors: Vectors) -> None:
        """`apply` without deletions."""
        self.apply(ids, vectors, _NO_IDS)

    def delete(self, ids: Int64Array) -> None:
        """`apply` without additions."""
        self.apply(_NO_IDS, element_of(self.spec).zeros(0, self.spec.dimensions), ids)

    def _append(self, parts: list[Part], rows: Rows) -> None:
        """Put rows into the growing segment, or, when it has no room for them, into one of their own."""
        growing = self._growing
        capacity = flat_capacity(self.spec.dimensions)
        if growing is None or growing.room < len(rows.ids):
            growing = FlatSegment(self.spec, max(capacity, len(rows.ids)))
            parts.append(Part(growing, 0))
        size = growing.append(rows)
        parts[-1] = replace(parts[-1], size=size)
        self._growing = growing if growing.room else None

    # -- searches ----------------------------------------------------------------------------------------------

    def search(
        self,
        query: Query,
        k: int,
        *,
        ef_search: int = 40,
        probes: int = 1,
        allowed: Int64Array | None = None,
    ) -> tuple[Int64Array, Float64Array]:
        """Ids and distances of the `k` nearest live rows, nearest first; fewer only when fewer are live.

        `query` is what `Element.query` makes. `allowed`, ids in ascending order, limits the answer to them.
        Distances are pgvector's. Zero vectors of a cosine index come last, at distance NaN.
        """
        state = self._state
        effort = Effort(ef_search, probes)
        if len(state.parts) == 1:
            ids, distances = state.parts[0].search(query, k, effort, allowed)
        else:
            ids, distances = _search_parts(state.parts, query, k, effort, allowed)
        if len(ids) < k and len(state.unindexed):
            more = state.unindexed if allowed is None else np.intersect1d(state.unindexed, allowed, assume_unique=True)
            more = more[: k - len(ids)]
            return np.concatenate((ids, more)), np.concatenate((distances, np.full(len(more), np.nan)))
        return ids, distances

    def search_ids(self, query: Query, k: int, *, ef_search: int = 40, probes: int = 1) -> Int64Array:
        """`search` for the ids alone: of one sealed segment in faiss's own order, which spares the exact distances."""
        parts = self._state.parts
        if len(parts) == 1 and k <= parts[0].live_count and _sorts(parts[0]):
            segment, size, live = parts[0].segment, parts[0].size, parts[0].live
            return segment.rows.ids[segment.nearest(query, k, Effort(ef_search, probes), size, live, None)]
        return self.search(query, k, ef_search=ef_search, probes=probes)[0]

    @property
    def state(self) -> object:
        """What a search looks at now: another object after every change. What is derived from it may be kept."""
        return self._state

    def search_many(
        self,
        queries: Sequence[Query],
        k: int,
        *,
        ef_search: int = 40,
        probes: int = 1,
        threads: int | None = None,
    ) -> list[tuple[Int64Array, Float64Array]]:
        """`search` for each query, shape (d,), on up to `threads` processors at once (None: all)."""
        parts = self._state.parts
        if len(queries) < 2 or k > sum(part.live_count for part in parts):
            return [self.search(query, k, ef_search=ef_search, probes=probes) for query in queries]
        by_part = [part.search_many(queries, k, Effort(ef_search, probes), threads) for part in parts]
        return by_part[0] if len(parts) == 1 else [_merged(answers, k) for answers in zip(*by_part, strict=True)]

    def search_many_ids(
        self,
        queries: Sequence[Query],
        k: int,
        *,
        ef_search: int = 40,
        probes: int = 1,
        threads: int | None = None,
    ) -> list[Int64Array]:
        """`search_ids` for each query, as `search_many`."""
        if len(queries) < 2:
            return [self.search_ids(query, k, ef_search=ef_search, probes=probes) for query in queries]
        parts = self._state.parts
        if len(parts) == 1 and k <= parts[0].live_count and _sorts(parts[0]):
            segment = parts[0].segment
            found = segment.nearest_many(queries, k, Effort(ef_search, probes), parts[0].live, threads)
            if found is not None:
                return list(segment.rows.ids[found])
        return [ids for ids, _ in self.search_many(queries, k, ef_search=ef_search, probes=probes, threads=threads)]

    def cost_us(self, k: int, *, ef_search: int = 40, probes: int = 1, allowed: int | None = None) -> float:
        """About how many microseconds `search` will take; `allowed` is the number of ids the filter lets through."""
        effort = Effort(ef_search, probes)
        return sum(part.segment.cost_us(k, effort, part.size, allowed) for part in self._state.parts)

    def vectors_of(self, ids: Int64Array) -> Vectors:
        """The original vectors of live `ids`, one after the other. KeyError names an id that is not live here."""
        state, element = self._state, element_of(self.spec)
        found = np.isin(ids, state.unindexed)
        places = [np.flatnonzero(found)]
        pieces = [element.zeros(len(places[0]), self.spec.dimensions)]
        for part in state.parts:
            slots = part.locate(ids)
            here = slots >= 0
            places.append(np.flatnonzero(here))
            pieces.append(part.segment.rows.select(slots[here]).vectors)
            found |= here
        if not found.all():
            raise KeyError(int(ids[~found][0]))
        order = np.argsort(np.concatenate(places))
        joined = element.rows(self.spec.metric, order, element.rows.joined(pieces))
        return joined.select(order).vectors

    def ids(self) -> Int64Array:
        """Every live id, ascending, zero vectors included. Takes time in proportion to the index, unlike `contains`."""
        state = self._state
        return np.sort(np.concatenate([state.unindexed, *(part.live_ids() for part in state.parts)]))

    def contains(self, ids: Int64Array) -> npt.NDArray[np.bool_]:
        """Which of `ids` are live here, shape (n,)."""
        state = self._state
        found = np.isin(ids, state.unindexed)
        for part in state.parts:
            found |= part.locate(ids) >= 0
        return found

    @property
    def has_unsaved_segments(self) -> bool:
        """Whether a sealed segment is in no save: after a crash it would have to be built again."""
        return any(isinstance(p.segment, SealedSegment) and p.segment.saved is None for p in self._state.parts)

    # -- statistics --------------------------------------------------------------------------------------------

    @property
    def live_count(self) -> int:
        """Rows that a search can return."""
        state = self._state
        return len(state.unindexed) + sum(part.live_count for part in state.parts)

    @property
    def memory_bytes(self) -> int:
        """Bytes held in memory; mapped files do not count."""
        return sum(part.segment.memory_bytes for part in self._state.parts)

    @property
    def tables_bytes(self) -> int:
        """Bytes of what codes are read by, beside `memory_bytes`."""
        return sum(part.segment.tables_bytes for part in self._state.parts)

    def segments(self) -> list[SegmentInfo]:
        """The segments as they are now."""
        return [
            SegmentInfo(p.segment.kind, p.size, p.size - p.live_count, p.segment.memory_bytes, p.segment.has_codes)
            for p in self._state.parts
        ]

    # -- maintenance -------------------------------------------------------------------------------------------

    def maintain(
        self, *, everything: bool = False, threads: int | None = None, cancelled: Cancelled | None = None
    ) -> bool:
        """Do one piece of upkeep, if any is due: seal gathered rows, merge small segments, drop dead rows.

        Readers and `apply` go on meanwhile. With `everything`, all rows end in one sealed segment without dead
        rows. Returns whether something was done; BuildCancelled leaves the index as it was.
        """
        with self._maintenance_lock:
            with self._lock:
                plan = self._merge_plan(everything=everything)
                if plan is None:
                    return False
                if self._growing is not None and any(p.segment is self._growing for p in plan.parts):
                    self._growing = None
            merged = run_merge(self.spec, plan, Work(threads, cancelled=cancelled, directory=self._directory))
            with self._lock:
                self._swap(plan, merged)
            return True

    def _merge_plan(self, *, everything: bool) -> MergePlan | None:
        enough = flat_capacity(self.spec.dimensions) // 4
        return choose_merge(self._state.parts, self._growing, enough, everything=everything)

    def _swap(self, plan: MergePlan, merged: Part) -> None:
        """Publish `merged` in the place of the plan's parts, less what was deleted since these were read."""
        now = {id(part.segment): part for part in self._state.parts}
        for before in plan.parts:
            after = now.pop(id(before.segment), None)
            gone = before.live_ids() if after is None else before.live_ids_dead_in(after)
            slots = merged.find(gone)
            if len(slots):
                merged = merged.without(slots)
        parts = tuple(now.values())
        self._state = replace(self._state, parts=(merged, *parts) if merged.live_count else parts)

    # -- files -------------------------------------------------------------------------------------------------

    def save(self, directory: Path) -> None:
        """Write what changed since the last save into `directory`; a crash leaves the former save or this one."""
        with self._maintenance_lock:
            state = self._state
            save_parts(directory, self.spec, state.parts, state.unindexed)

    @classmethod
    def load(cls, directory: Path, spec: IndexSpec) -> VectorIndex:
        """The index as it was saved. DamagedIndex when the files are not whole or not of this `spec`."""
        parts, unindexed = load_parts(directory, spec)
        return cls(spec, parts, unindexed, directory.parent)


def _checked(spec: IndexSpec, ids: Int64Array, vectors: Vectors) -> tuple[Int64Array, Vectors]:
    """The arrays in the form the kernels take. ValueError for a wrong shape."""
    ids = np.ascontiguousarray(ids, np.int64)
    return ids, element_of(spec).checked(vectors, len(ids), spec.dimensions)


def _split_zero(spec: IndexSpec, ids: Int64Array, vectors: Vectors) -> tuple[Rows, Int64Array]:
    """Rows that can be indexed, and the ids of those that cannot: under cosine, vectors without a usable norm."""
    rows = element_of(spec).rows(spec.metric, ids, vectors)
    if spec.metric is not Metric.COSINE or not len(ids):
        return rows, _NO_IDS
    assert rows.sizes is not None
    usable = (rows.sizes > 0) & np.isfinite(rows.sizes)
    return (rows, _NO_IDS) if usable.all() else (rows.select(np.flatnonzero(usable)), ids[~usable])


def _sorts(part: Part) -> bool:
    """Whether the part's segment proposes slots in the order of their distances."""
    return isinstance(part.segment, SealedSegment) and part.segment.sorts


def _bury(parts: list[Part], deleted: Int64Array) -> None:
    """Mark `deleted` (distinct ids) dead in whichever parts hold them."""
    for i, part in enumerate(parts):
        slots = part.find(deleted)
        if len(slots):
            parts[i] = part.without(slots)


def _search_parts(
    parts: Sequence[Part], query: Query, k: int, effort: Effort, allowed: Int64Array | None
) -> tuple[Int64Array, Float64Array]:
    """The `k` nearest over several parts."""
    return _merged([part.search(query, k, effort, allowed) for part in parts], k)


def _merged(answers: Sequence[tuple[Int64Array, Float64Array]], k: int) -> tuple[Int64Array, Float64Array]:
    """The `k` nearest of the answers of several parts."""
    ids = np.concatenate([_NO_IDS, *(ids for ids, _ in answers)])
    distances = np.concatenate([np.empty(0), *(distances for _, distances in answers)])
    order = distances.argsort(kind="stable")[:k]
    return ids[order], distances[order]
