"""A segment whose rows are fixed: ids, original vectors, and a graph or lists over them.

A cosine index searches unit vectors by L2. The originals stay beside them, for exact distances, unless every vector
came in with length 1; the other metrics have one copy of each vector (ivfflat, whose lists scatter them, has two).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ruvector_engine.index.faiss_hnsw import HnswGraph
from ruvector_engine.index.faiss_ivf import IvfLists
from ruvector_engine.index.spec import Cancelled, Effort, Float32Array, IndexSpec, Int64Array, Progress
from ruvector_engine.index.tombstones import Allowed, LiveBits
from ruvector_engine.index.vectors import Rows
from ruvector_simd import Metric, about_squared_norm

#: Lists are learnt anew when there are this many times the rows they were learnt from.
_RETRAIN_GROWTH = 4
#: Squared lengths of queries that are searched as they are.
_NEAR_UNIT = (0.25, 4.0)


@dataclass(frozen=True, slots=True)
class Work:
    """How to do a build: OpenMP threads (None: all), whom to tell, whom to ask."""

    threads: int | None = None
    progress: Progress | None = None
    cancelled: Cancelled | None = None


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file of a saved index, as its manifest records it."""

    name: str
    bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """The files of a sealed segment, by what they hold, and their directory."""

    directory: Path
    files: dict[str, SavedFile]


class SealedSegment:
    """Immutable rows under an HnswGraph or IvfLists."""

    def __init__(self, spec: IndexSpec, rows: Rows, searcher: HnswGraph | IvfLists, trained_on: int) -> None:
        self.spec = spec
        self.rows = rows
        self.searcher = searcher
        #: Rows the lists were learnt from; for hnsw, rows at the first build.
        self.trained_on = trained_on
        #: Where this segment was saved, set by whoever saved it.
        self.saved: SavedSegment | None = None

    @classmethod
    def build(cls, spec: IndexSpec, rows: Rows, work: Work) -> SealedSegment:
        """Seal `rows`, at least one. The segment keeps the arrays: they must not change any more."""
        searched = rows.unit_vectors() if spec.metric is Metric.COSINE else rows.vectors
        searcher: HnswGraph | IvfLists
        if spec.method == "hnsw":
            graph = HnswGraph.built(spec, searched, work.threads, work.progress, work.cancelled)
            if searched is rows.vectors:
                rows = Rows(spec.metric, rows.ids, graph.stored_vectors(), rows.squared_norms)
            searcher = graph
        else:
            lists = IvfLists.trained(spec, searched, work.threads, work.progress, work.cancelled)
            searcher = lists.extended(searched, work.threads, work.progress, work.cancelled)
        return cls(spec, rows, searcher, len(rows.ids))

    def extended(self, more: Rows, work: Work) -> SealedSegment:
        """A new segment with `more` in the slots that follow; slots of this one keep their numbers."""
        outgrown = len(self.rows.ids) + len(more.ids) > _RETRAIN_GROWTH * self.trained_on
        if self.spec.method == "ivfflat" and outgrown:
            return SealedSegment.build(self.spec, Rows.join((self.rows, more)), work)
        searched = more.unit_vectors() if self.spec.metric is Metric.COSINE else more.vectors
        searcher = self.searcher.extended(searched, work.threads, work.progress, work.cancelled)
        together = None
        if isinstance(searcher, HnswGraph) and self.shares_vectors and searched is more.vectors:
            together = searcher.stored_vectors()
        return SealedSegment(self.spec, Rows.join((self.rows, more), together), searcher, self.trained_on)

    @property
    def shares_vectors(self) -> bool:
        """Whether the graph's vectors are the originals, kept once."""
        if not isinstance(self.searcher, HnswGraph):
            return False
        return np.may_share_memory(self.rows.vectors, self.searcher.stored_vectors())

    @property
    def kind(self) -> str:
        """`hnsw` or `ivfflat`."""
        return self.searcher.kind

    @property
    def memory_bytes(self) -> int:
        """Bytes held in memory; originals in a mapped file do not count."""
        originals = 0 if self.shares_vectors or is_mapped(self.rows.vectors) else self.rows.vectors.nbytes
        return self.searcher.memory_bytes + self.rows.ids.nbytes + originals

    def nearest(
        self, query: Float32Array, k: int, effort: Effort, size: int, live: LiveBits | None, allowed: Allowed | None
    ) -> Int64Array:
        """See Segment."""
        found = self.searcher.nearest(self._searched(query), k, effort, live, allowed)
        if found is not None:
            return found
        slots = None
        if allowed is not None:
            slots = allowed.slots
        elif live is not None:
            slots = np.flatnonzero(live.mask(size))
        return self.rows.nearest(query, k, slots, size)

    def nearest_many(
        self, queries: Sequence[Float32Array], k: int, effort: Effort, live: LiveBits | None, threads: int | None
    ) -> Int64Array | None:
        """See Segment."""
        searched = np.stack([self._searched(query) for query in queries])
        found = self.searcher.nearest_many(searched, k, effort, live, threads)
        return found if found is not None and found.min() >= 0 else None

    def _searched(self, query: Float32Array) -> Float32Array:
        """What the graph is asked: under cosine, the query at length 1, or near it.

        The order of L2 distances to unit vectors does not depend on the query's length, only their rounding does.
        """
        if self.spec.metric is not Metric.COSINE:
            return query
        norm = about_squared_norm(query)
        if _NEAR_UNIT[0] < norm < _NEAR_UNIT[1] or not 0 < norm < math.inf:
            return query
        return np.divide(query, math.sqrt(norm), dtype=np.float32)

    def cost_us(self, k: int, effort: Effort, _size: int, allowed: int | None) -> float:
        """See Segment."""
        return self.searcher.cost_us(k, effort, allowed)


def is_mapped(array: Float32Array) -> bool:
    """Whether an array lies in a mapped file."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False
