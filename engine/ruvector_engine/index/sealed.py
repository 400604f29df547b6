"""A segment whose rows are fixed: ids, original vectors, and a graph or lists over them, or whatever suits them.

A cosine index searches unit vectors by L2. The originals stay beside them, for exact distances, unless every vector
came in with length 1; the other metrics have one copy of each vector (ivfflat, whose lists scatter them, has two). With
codes in the place of vectors the originals are in a mapped file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ruvector_engine.index.codes import can_hold, candidates, in_a_file, learnt_codec, rows_for_codes, tables_bytes
from ruvector_engine.index.faiss_binary import BinaryGraph, BinaryLists
from ruvector_engine.index.faiss_hnsw import HnswGraph
from ruvector_engine.index.faiss_ivf import IvfLists
from ruvector_engine.index.faiss_quantized import QuantizedGraph
from ruvector_engine.index.searcher import InvertedLists, Scan
from ruvector_engine.index.spec import Cancelled, Effort, IndexSpec, Int64Array, Progress, Query, Vectors
from ruvector_engine.index.tombstones import Allowed, LiveBits
from ruvector_engine.index.vectors import Rows
from ruvector_simd import BitMetric, Metric, about_squared_norm

FaissSearcher: TypeAlias = HnswGraph | QuantizedGraph | IvfLists | BinaryGraph | BinaryLists
#: What is made from the rows whenever they are read.
RowsSearcher: TypeAlias = Scan | InvertedLists

#: Lists are learnt anew when there are this many times the rows they were learnt from.
_RETRAIN_GROWTH = 4
#: Squared lengths of queries that are searched as they are.
_NEAR_UNIT = (0.25, 4.0)


@dataclass(frozen=True, slots=True)
class Work:
    """How to do a build: OpenMP threads (None: all), whom to tell, whom to ask.

    Originals that codes stand for go to a file in `directory`; without one they stay in memory.
    """

    threads: int | None = None
    progress: Progress | None = None
    cancelled: Cancelled | None = None
    directory: Path | None = None

    @property
    def how(self) -> tuple[int | None, Progress | None, Cancelled | None]:
        """What searchers are told of it."""
        return self.threads, self.progress, self.cancelled


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
        #: See Segment.
        self.has_codes = isinstance(searcher, QuantizedGraph) or (isinstance(searcher, IvfLists) and searcher.has_codes)
        #: Whether what the searcher finds comes in the order of the exact distances, but for rounding. Unit vectors
        #: rounded to halves do not, nor do codes.
        self.sorts = not self.has_codes and (spec.element != "half" or spec.metric is not Metric.COSINE)
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
        searched = _searched(rows)
        if spec.element == "bit":
            kind: type[BinaryGraph | BinaryLists] = BinaryGraph if spec.method == "hnsw" else BinaryLists
            bits = kind.built(spec, searched, *work.how)
            return cls(spec, _sharing(rows, searched, bits), bits, len(rows.ids))
        if spec.method == "hnsw":
            graph = HnswGraph.built(spec, searched, *work.how)
            return cls._of_graph(graph, _sharing(rows, searched, graph), len(rows.ids), work)
        codec = learnt_codec(spec, searched, work.threads, work.cancelled)
        lists = IvfLists.trained(spec, searched, codec, *work.how).extended(searched, *work.how)
        if codec is not None:
            rows = rows.with_vectors(in_a_file(rows.vectors, work.directory))
        return cls(spec, rows, lists, len(rows.ids))

    @classmethod
    def _of_graph(cls, graph: HnswGraph, rows: Rows, trained_on: int, work: Work) -> SealedSegment:
        """A segment under codes of what `graph` holds, or under the graph itself where there are to be no codes."""
        codec = learnt_codec(graph.spec, graph.stored_vectors(), work.threads, work.cancelled)
        if codec is None:
            return cls(graph.spec, rows, graph, trained_on)
        searcher = QuantizedGraph.of(graph, codec, work.threads, work.cancelled)
        return cls(graph.spec, rows.with_vectors(in_a_file(rows.vectors, work.directory)), searcher, len(rows.ids))

    def extended(self, more: Rows, work: Work) -> SealedSegment:
        """A new segment with `more` in the slots that follow; slots of this one keep their numbers."""
        size = len(self.rows.ids) + len(more.ids)
        outgrown = size > _RETRAIN_GROWTH * self.trained_on
        if isinstance(self.searcher, (HnswGraph, QuantizedGraph)):
            return self._extended_graph(self.searcher, more, outgrown, work)
        searched = _searched(more)
        wants_codes = self.spec.quantization != "none" and size >= rows_for_codes(self.spec)
        other_form = self.has_codes != (wants_codes and can_hold(self.spec, searched))
        anew = self.spec.method == "ivfflat" and (outgrown or other_form)
        if anew or isinstance(self.searcher, (Scan, InvertedLists)):
            return SealedSegment.build(self.spec, Rows.join((self.rows, more)), work)
        searcher = self.searcher.extended(searched, *work.how)
        together = None
        if not isinstance(searcher, IvfLists) and self.shares_vectors and searched is more.vectors:
            together = searcher.stored_vectors()
        rows = Rows.join((self.rows, more), together)
        if self.has_codes:
            rows = rows.with_vectors(in_a_file(rows.vectors, work.directory))
        return SealedSegment(self.spec, rows, searcher, self.trained_on)

    def _extended_graph(
        self, searcher: HnswGraph | QuantizedGraph, more: Rows, outgrown: bool, work: Work
    ) -> SealedSegment:
        """`extended` for hnsw. Rows are linked by their vectors, which give way to codes again."""
        searched = _searched(more)
        if isinstance(searcher, HnswGraph):
            graph = searcher.extended(searched, *work.how)
            shared = self.shares_vectors
        else:
            before = _searched(self.rows)
            graph = HnswGraph.grown(searcher, before, searched, *work.how)
            shared = before is self.rows.vectors
        rows = Rows.join((self.rows, more), graph.stored_vectors() if shared and searched is more.vectors else None)
        if isinstance(searcher, HnswGraph) or outgrown or self.spec.quantization != "pq":
            return self._of_graph(graph, rows, self.trained_on, work)
        # To learn product codes takes seconds: the rows that have some keep them.
        coded = searcher.extended(graph, work.threads, work.cancelled)
        rows = rows.with_vectors(in_a_file(rows.vectors, work.directory))
        return SealedSegment(self.spec, rows, coded, self.trained_on)

    @property
    def shares_vectors(self) -> bool:
        """Whether the searcher's vectors are the originals, kept once."""
        if isinstance(self.searcher, (QuantizedGraph, IvfLists, Scan, InvertedLists)):
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
    def tables_bytes(self) -> int:
        """See Segment."""
        return tables_bytes(self.spec) if self.has_codes else 0

    def nearest(
        self, query: Query, k: int, effort: Effort, size: int, live: LiveBits | None, allowed: Allowed | None
    ) -> Int64Array:
        """See Segment."""
        wanted = k
        if self.has_codes:
            counting = len(allowed.slots) if allowed is not None else size - (0 if live is None else live.dead)
            wanted = candidates(self.spec, k, effort, counting)
        found = self.searcher.nearest(self._searched(query), wanted, effort, live, allowed)
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
        searched = np.concatenate([self._searched(query) for query in queries]).reshape(len(queries), -1)
        if self.has_codes:
            k = candidates(self.spec, k, effort, len(self.rows.ids) - (0 if live is None else live.dead))
        found = self.searcher.nearest_many(searched, k, effort, live, threads)
        return found if found is not None and min(found[:, -1].tolist()) >= 0 else None  # -1 comes last

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
        if self.has_codes:
            k = candidates(self.spec, k, effort, len(self.rows.ids) if allowed is None else allowed)
        return self.searcher.cost_us(k, effort, allowed)


def _searched(rows: Rows) -> Vectors:
    """What graphs and lists hold of the rows."""
    return rows.unit_vectors() if rows.metric is Metric.COSINE else rows.vectors


def _sharing(rows: Rows, searched: Vectors, searcher: HnswGraph | BinaryGraph | BinaryLists) -> Rows:
    """The rows with the searcher's copy of the vectors as the originals, where that is what they are."""
    stored = searcher.stored_vectors()
    return rows.with_vectors(stored) if searched is rows.vectors and stored.dtype == searched.dtype else rows


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
