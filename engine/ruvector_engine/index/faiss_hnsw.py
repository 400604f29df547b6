"""hnsw by faiss: search, write, read. Vectors of cosine indexes come in as unit vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruvector_engine.index.cost import graph_us, scan_us
from ruvector_engine.index.faiss_calls import search_many, search_one
from ruvector_engine.index.faiss_hnsw_build import Adding, build, extend, extended_from, holds_halves, settle
from ruvector_engine.index.graph_search import GraphSearch
from ruvector_engine.index.spec import (
    Cancelled,
    DamagedIndex,
    Effort,
    Float32Array,
    IndexSpec,
    Int64Array,
    Progress,
    Vectors,
)
from ruvector_engine.index.tombstones import LiveBits
from ruvector_simd.native import faiss


class FloatGraph(GraphSearch):
    """A faiss IndexHNSW that takes float32 queries, whatever it keeps of its rows."""

    heap = True

    def write(self, path: str) -> None:
        """Write the index to a file."""
        faiss.write_index(self.index, path)

    @property
    def links_bytes(self) -> int:
        """Bytes of the graph without what it links."""
        return int(self.index.ntotal * (2 * self.spec.m + 2) * 4)

    @property
    def cost_dimensions(self) -> int:
        """See GraphSearch."""
        return self.spec.dimensions

    def search(self, query: Float32Array, k: int, parameters: Any) -> Int64Array:
        """See GraphSearch."""
        return search_one(self.index, query, k, parameters)

    def nearest_many(
        self, queries: Float32Array, k: int, effort: Effort, live: LiveBits | None, threads: int | None
    ) -> Int64Array | None:
        """Slots, shape (n, k), near each of n queries, -1 where one has fewer; None when exact scans are no dearer."""
        size, spec = self.index.ntotal, self.spec
        ef = max(effort.ef_search, k)
        if k > size or graph_us(ef, spec.dimensions, spec.m, size) > scan_us(size, spec.dimensions):
            return None
        return search_many(self.index, queries, k, self.parameters(ef, live), threads)


class HnswGraph(FloatGraph):
    """A graph over slots 0 to n - 1 that holds their vectors."""

    @classmethod
    def built(
        cls,
        spec: IndexSpec,
        vectors: Vectors,
        threads: int | None,
        progress: Progress | None,
        cancelled: Cancelled | None,
    ) -> HnswGraph:
        """A graph over `vectors`, slot by slot."""
        return cls(spec, build(spec, vectors, Adding(threads, progress, cancelled)))

    @classmethod
    def grown(
        cls,
        graph: FloatGraph,
        vectors: Vectors,
        more: Vectors,
        threads: int | None,
        progress: Progress | None,
        cancelled: Cancelled | None,
    ) -> HnswGraph:
        """A copy of `graph`, whose vectors are `vectors`, with `more` in the slots that follow."""
        adding = Adding(threads, progress, cancelled)
        return cls(graph.spec, extended_from(graph.spec, graph.index, vectors, more, adding))

    def extended(
        self, vectors: Vectors, threads: int | None, progress: Progress | None, cancelled: Cancelled | None
    ) -> HnswGraph:
        """A copy with `vectors` in the slots that follow; this one stays as it is."""
        return HnswGraph(self.spec, extend(self.spec, self.index, vectors, Adding(threads, progress, cancelled)))

    def stored_vectors(self) -> Vectors:
        """The rows as the graph holds them: a view, shape (n, d), good while this object lives."""
        storage = faiss.downcast_index(self.index.storage)
        size = self.index.ntotal * self.spec.dimensions
        if holds_halves(self.spec):
            flat = faiss.rev_swig_ptr(storage.codes.data(), 2 * size).view(np.float16)
        else:
            flat = faiss.rev_swig_ptr(storage.get_xb(), size)
        return flat.reshape(-1, self.spec.dimensions)

    @classmethod
    def read(cls, spec: IndexSpec, path: str, size: int) -> HnswGraph:
        """The index of a file that `write` made; DamagedIndex when it is not one of `size` rows for `spec`."""
        index = faiss.read_index(path)
        kind = faiss.IndexHNSWSQ if holds_halves(spec) else faiss.IndexHNSWFlat
        if not isinstance(index, kind) or index.ntotal != size or index.d != spec.dimensions:
            raise DamagedIndex(f"{path} does not hold {size} rows of {spec.dimensions} dimensions")
        settle(index)
        return cls(spec, index)

    @property
    def memory_bytes(self) -> int:
        """Vectors and links."""
        return int(self.index.ntotal * self.spec.dimensions * (2 if holds_halves(self.spec) else 4)) + self.links_bytes
