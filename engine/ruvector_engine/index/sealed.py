"""A segment whose rows are fixed: ids, original vectors, and a graph or lists over them, or whatever suits them.

A cosine index searches unit vectors by L2. The originals stay beside them, for exact distances, unless every vector
came in with length 1; the other metrics have one copy of each vector (ivfflat, whose lists scatter them, has two).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ruvector_engine.index.faiss_binary import BinaryGraph, BinaryLists
from ruvector_engine.index.faiss_hnsw import HnswGraph
from ruvector_engine.index.faiss_ivf import IvfLists
from ruvector_engine.index.searcher import InvertedLists, Scan
from ruvector_engine.index.spec import Cancelled, Effort, IndexSpec, Int64Array, Progress, Query
from ruvector_engine.index.tombstones import Allowed, LiveBits
from ruvector_engine.index.vectors import Rows
from ruvector_simd import BitMetric, Metric, about_squared_norm

FaissSearcher: TypeAlias = HnswGraph | IvfLists | BinaryGraph | BinaryLists
#: What is made from the rows whenever they are read.
RowsSearcher: TypeAlias = Scan | InvertedLists

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
    """Immutable rows under a searcher."""

    def __init__(self, spec: IndexSpec, rows: Rows, searcher: FaissSearcher | RowsSearcher, trained_on: int) -> None:
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
        made_of_rows = rows_searcher(spec)
        if made_of_rows is not None:
            if work.progress is not None:
                work.progress("loading tuples", len(rows.ids), len(rows.ids))
            return cls(spec, rows, made_of_rows(spec, rows), len(rows.ids))
        searched = rows.unit_vectors() if spec.metric is Metric.COSINE else rows.vectors
        how = (work.threads, work.progress, work.cancelled)
        searcher: FaissSearcher
        if spec.element == "bit":
            kind: type[BinaryGraph | BinaryLists] = BinaryGraph if spec.method == "hnsw" else BinaryLists
            searcher = kind.built(spec, searched, *how)
        elif spec.method == "hnsw":
            searcher = HnswGraph.built(spec, searched, *how)
        else:
            searcher = IvfLists.trained(spec, searched, *how).extended(searched, *how)
        stored = None if isinstance(searcher, IvfLists) else searcher.stored_vectors()
        if stored is not None and searched is rows.vectors and stored.dtype == searched.dtype:
            rows = type(rows)(spec.metric, rows.ids, stored, rows.sizes)
        return cls(spec, rows, searcher, len(rows.ids))

    def extended(self, more: Rows, work: Work) -> SealedSegment:
        """A new segment with `more` in the slots that follow; slots of this one keep their numbers."""
        outgrown = len(self.rows.ids) + len(more.ids) > _RETRAIN_GROWTH * self.trained_on
        if (self.spec.method == "ivfflat" and outgrown) or isinstance(self.searcher, (Scan, InvertedLists)):
            return SealedSegment.build(self.spec, Rows.join((self.rows, more)), work)
        searched = more.unit_vectors() if self.spec.metric is Metric.COSINE else more.vectors
        searcher = self.searcher.extended(searched, work.threads, work.progress, work.cancelled)
        together = None
        if not isinstance(searcher, IvfLists) and self.shares_vectors and searched is more.vectors:
            together = searcher.stored_vectors()
        return SealedSegment(self.spec, Rows.join((self.rows, more), together), searcher, self.trained_on)

    @property
    def shares_vectors(self) -> bool:
        """Whether the searcher's vectors are the originals, kept once."""
        if isinstance(self.searcher, (IvfLists, Scan, InvertedLists)):
            return False
        return np.may_share_memory(self.rows.vectors, self.searcher.stored_vectors())

    @property
    def kind(self) -> str:
        """`hnsw` or `ivfflat`; `inverted` or `scan` where something else serves better."""
        return self.searcher.kind

    @property
    def memory_bytes(self) -> int:
        """Bytes held in memory; originals in a mapped file do not count."""
        originals = 0 if self.shares_vectors or is_mapped(self.rows.vectors) else self.rows.vectors.nbytes
        return self.searcher.memory_bytes + self.rows.ids.nbytes + originals

    @property
    def sorts(self) -> bool:
        """Whether what the searcher finds comes in the order of the exact distances, but for rounding.

        Unit vectors rounded to halves do not.
        """
        return self.spec.element != "half" or self.spec.metric is not Metric.COSINE

    def nearest(
        self, query: Query, k: int, effort: Effort, size: int, live: LiveBits | None, allowed: Allowed | None
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
        self, queries: Sequence[Query], k: int, effort: Effort, live: LiveBits | None, threads: int | None
    ) -> Int64Array | None:
        """See Segment."""
        if self.spec.element not in ("single", "half"):
            return None  # they are searched one by one
        searched = np.stack([self._searched(query) for query in queries])
        found = self.searcher.nearest_many(searched, k, effort, live, threads)
        return found if found is not None and found.min() >= 0 else None

    def _searched(self, query: Query) -> Query:
        """What the graph is asked: under cosine, the query at length 1, or near it.

        The order of L2 distances to unit vectors does not depend on the query's length, only their rounding does.
        """
        if self.spec.metric is not Metric.COSINE or self.spec.element == "sparse":
            return query
        norm = about_squared_norm(query)
        if _NEAR_UNIT[0] < norm < _NEAR_UNIT[1] or not 0 < norm < math.inf:
            return query
        return np.divide(query, math.sqrt(norm), dtype=np.float32)

    def cost_us(self, k: int, effort: Effort, _size: int, allowed: int | None) -> float:
        """See Segment."""
        return self.searcher.cost_us(k, effort, allowed)


def rows_searcher(spec: IndexSpec) -> type[RowsSearcher] | None:
    """What searches where faiss does not."""
    if spec.element == "sparse":
        return InvertedLists
    return Scan if spec.metric is BitMetric.JACCARD else None


def is_mapped(array: Any) -> bool:
    """Whether an array lies in a mapped file."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False
