"""Bits under the Hamming distance: hnsw by faiss, ivfflat over centres that faiss has learnt.

faiss's own binary lists take no filter, so which rows are in which list is kept here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ruvector_engine.index.cost import gather_us
from ruvector_engine.index.elements import BIT
from ruvector_engine.index.faiss_calls import OpenMpThreads, search_one_bits
from ruvector_engine.index.graph_search import GraphSearch
from ruvector_engine.index.spec import (
    Cancelled,
    DamagedIndex,
    Effort,
    IndexSpec,
    Int64Array,
    Progress,
    Vectors,
    check_cancelled,
)
from ruvector_engine.index.tombstones import Allowed, LiveBits
from ruvector_engine.index.vectors import lowest
from ruvector_simd import BitMetric, bit_distances, spans, words_for
from ruvector_simd.native import faiss

Words = npt.NDArray[np.uint64]

#: Rows added between two looks at `cancelled`.
_CHUNK = 16_384
_SAMPLES_PER_LIST = 50
_SEED = 1234


def _bits(spec: IndexSpec) -> int:
    """The length that faiss is told: whole words."""
    return words_for(spec.dimensions) * 64


def _cost_dimensions(spec: IndexSpec) -> int:
    return max(1, spec.dimensions // BIT.lightness)


class BinaryGraph(GraphSearch):
    """A faiss IndexBinaryHNSW over slots 0 to n - 1."""

    heap = False  # whose answers among equal distances may be others

    @classmethod
    def built(
        cls,
        spec: IndexSpec,
        vectors: Words,
        threads: int | None,
        progress: Progress | None,
        cancelled: Cancelled | None,
    ) -> BinaryGraph:
        """A graph over `vectors`, slot by slot."""
        empty = cls(spec, faiss.IndexBinaryHNSW(_bits(spec), spec.m))
        empty._add(vectors, threads, progress, cancelled)
        return empty

    def extended(
        self, vectors: Words, threads: int | None, progress: Progress | None, cancelled: Cancelled | None
    ) -> BinaryGraph:
        """A copy with `vectors` in the slots that follow; this one stays as it is."""
        longer = BinaryGraph(self.spec, faiss.clone_binary_index(self.index))
        longer._add(vectors, threads, progress, cancelled)
        return longer

    def _add(self, vectors: Words, threads: int | None, progress: Progress | None, cancelled: Cancelled | None) -> None:
        self.index.hnsw.efConstruction = self.spec.ef_construction
        with OpenMpThreads(threads):
            for start in range(0, len(vectors), _CHUNK):
                check_cancelled(cancelled)
                chunk = np.ascontiguousarray(vectors[start : start + _CHUNK])
                if progress is not None:
                    progress("loading tuples", start, len(vectors))
                self.index.add_c(len(chunk), faiss.swig_ptr(chunk.view(np.uint8)))
        if progress is not None:
            progress("loading tuples", len(vectors), len(vectors))

    def stored_vectors(self) -> Words:
        """The rows as the graph holds them: a view, shape (n, w), good while this object lives."""
        octets = faiss.downcast_IndexBinary(self.index.storage).xb
        flat: Words = faiss.rev_swig_ptr(octets.data(), octets.size()).view(np.uint64)
        return flat.reshape(-1, words_for(self.spec.dimensions))

    def write(self, path: str) -> None:
        """Write the index to a file."""
        faiss.write_index_binary(self.index, path)

    @classmethod
    def read(cls, spec: IndexSpec, path: str, size: int) -> BinaryGraph:
        """The index of a file that `write` made; DamagedIndex when it is not one of `size` rows for `spec`."""
        index = faiss.read_index_binary(path)
        if not isinstance(index, faiss.IndexBinaryHNSW) or index.ntotal != size or index.d != _bits(spec):
            raise DamagedIndex(f"{path} does not hold {size} rows of {spec.dimensions} bits")
        return cls(spec, index)

    @property
    def memory_bytes(self) -> int:
        """Bits and links."""
        return int(self.index.ntotal * (_bits(self.spec) // 8 + (2 * self.spec.m + 2) * 4))

    @property
    def cost_dimensions(self) -> int:
        """See GraphSearch."""
        return _cost_dimensions(self.spec)

    def search(self, query: Words, k: int, parameters: Any) -> Int64Array:
        """See GraphSearch."""
        return search_one_bits(self.index, query.view(np.uint8), k, parameters)

    def nearest_many(
        self, _queries: Vectors, _k: int, _effort: Effort, _live: LiveBits | None, _threads: int | None
    ) -> None:
        """See Searcher."""
        return


class BinaryLists:
    """Rows by the nearest of some centres: a search looks at the lists of the centres nearest to its query.

    `centres` shape (lists, w); `lists` shape (n,): for each slot the number of its list. `vectors` are the segment's.
    """

    kind = "ivfflat"

    def __init__(self, spec: IndexSpec, centres: Words, lists: npt.NDArray[np.int32], vectors: Words) -> None:
        self.spec = spec
        self.centres = centres
        self.lists = lists
        self.vectors = vectors
        self._slots = np.argsort(lists, kind="stable")
        self._starts = np.searchsorted(lists[self._slots], np.arange(len(centres) + 1)).astype(np.int64)

    @classmethod
    def built(
        cls,
        spec: IndexSpec,
        vectors: Words,
        threads: int | None,
        progress: Progress | None,
        cancelled: Cancelled | None,
    ) -> BinaryLists:
        """Lists over `vectors`, at least one, whose centres are learnt from a sample of them."""
        count = min(spec.lists, len(vectors))
        size = min(len(vectors), max(count * _SAMPLES_PER_LIST, 10_000))
        sample = vectors[np.sort(np.random.default_rng(_SEED).choice(len(vectors), size, replace=False))]
        check_cancelled(cancelled)
        if progress is not None:
            progress("performing k-means", 0, len(vectors))
        quantizer = faiss.IndexBinaryFlat(_bits(spec))
        learner = faiss.IndexBinaryIVF(quantizer, _bits(spec), count)
        learner.cp.min_points_per_centroid = 1
        learner.cp.seed = _SEED
        with OpenMpThreads(threads):
            learner.train(sample.view(np.uint8))
        centres = faiss.vector_to_array(quantizer.xb).view(np.uint64).reshape(count, -1)
        empty = cls(spec, centres, np.empty(0, np.int32), vectors[:0])
        return empty._with(vectors, vectors, threads, progress, cancelled)

    def extended(
        self, vectors: Words, threads: int | None, progress: Progress | None, cancelled: Cancelled | None
    ) -> BinaryLists:
        """A copy with `vectors` in the slots that follow; this one stays as it is."""
        return self._with(vectors, np.concatenate((self.vectors, vectors)), threads, progress, cancelled)

    def _with(
        self,
        more: Words,
        together: Words,
        threads: int | None,
        progress: Progress | None,
        cancelled: Cancelled | None,
    ) -> BinaryLists:
        quantizer = faiss.IndexBinaryFlat(_bits(self.spec))
        quantizer.add(self.centres.view(np.uint8))
        parts = [self.lists]
        with OpenMpThreads(threads):
            for start in range(0, len(more), _CHUNK):
                check_cancelled(cancelled)
                chunk = np.ascontiguousarray(more[start : start + _CHUNK])
                if progress is not None:
                    progress("assigning tuples", start, len(more))
                parts.append(quantizer.search(chunk.view(np.uint8), 1)[1][:, 0].astype(np.int32))
        if progress is not None:
            progress("loading tuples", len(more), len(more))
        return BinaryLists(self.spec, self.centres, np.concatenate(parts), together)

    def stored_vectors(self) -> Words:
        """The rows, slot by slot."""
        return self.vectors

    def write(self, path: str) -> None:
        """Write everything to a file."""
        with Path(path).open("wb") as file:
            np.savez(file, centres=self.centres, lists=self.lists, vectors=self.vectors)

    @classmethod
    def read(cls, spec: IndexSpec, path: str, size: int) -> BinaryLists:
        """What `write` wrote; DamagedIndex when it is not of `size` rows for `spec`."""
        with np.load(path) as saved:
            centres, lists, vectors = saved["centres"], saved["lists"], saved["vectors"]
        if len(lists) != size or vectors.shape != (size, words_for(spec.dimensions)):
            raise DamagedIndex(f"{path} does not hold {size} rows of {spec.dimensions} bits")
        return cls(spec, centres, lists, vectors)

    @property
    def memory_bytes(self) -> int:
        """Bits, lists and centres."""
        return self.vectors.nbytes + self.lists.nbytes + self._slots.nbytes + self.centres.nbytes

    def nearest(
        self, query: Words, k: int, effort: Effort, live: LiveBits | None, allowed: Allowed | None
    ) -> Int64Array | None:
        """See Searcher; more lists are visited until it has `k`."""
        lists = len(self.centres)
        probes = min(effort.probes, lists)
        dimensions = _cost_dimensions(self.spec)
        if allowed is not None and gather_us(len(allowed.slots), dimensions) <= self._visit_us(probes):
            return None
        order = bit_distances(BitMetric.HAMMING, query, self.centres).argsort(kind="stable")
        bits = live if allowed is None else allowed.bits
        while True:
            visited = order[:probes]
            starts = self._starts[visited]
            slots = self._slots[spans(starts, self._starts[visited + 1] - starts)]
            if bits is not None:
                slots = slots[bits.test(slots)]
            if len(slots) >= k:
                return slots[lowest(bit_distances(BitMetric.HAMMING, query, self.vectors[slots]), k)]
            if probes == lists:
                return None
            probes = min(lists, probes * 4)

    def nearest_many(
        self, _queries: Vectors, _k: int, _effort: Effort, _live: LiveBits | None, _threads: int | None
    ) -> None:
        """See Searcher."""
        return

    def cost_us(self, _k: int, effort: Effort, allowed: int | None) -> float:
        """See Searcher."""
        cost = self._visit_us(min(effort.probes, len(self.centres)))
        return cost if allowed is None else min(cost, gather_us(allowed, _cost_dimensions(self.spec)))

    def _visit_us(self, probes: int) -> float:
        rows = len(self.centres) + len(self.lists) * probes // len(self.centres)
        return gather_us(rows, _cost_dimensions(self.spec))
