"""hnsw by faiss: search, write, read. Vectors of cosine indexes come in as unit vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruvector_engine.index.cost import filtered_ef, gather_us, graph_us, scan_us
from ruvector_engine.index.faiss_calls import live_selector, search_many, search_one
from ruvector_engine.index.faiss_hnsw_build import Adding, build, extend, holds_halves, settle
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
from ruvector_engine.index.tombstones import Allowed, LiveBits
from ruvector_simd.native import faiss


class HnswGraph:
    """A faiss HNSW index over slots 0 to n - 1."""

    kind = "hnsw"

    def __init__(self, spec: IndexSpec, index: Any) -> None:
        self.spec = spec
        self.index = index
        self._parameters: dict[int, Any] = {}

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

    def write(self, path: str) -> None:
        """Write the index to a file."""
        faiss.write_index(self.index, path)

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
        links = self.index.ntotal * (2 * self.spec.m + 2) * 4
        return int(self.index.ntotal * self.spec.dimensions * (2 if holds_halves(self.spec) else 4) + links)

    def nearest(
        self, query: Float32Array, k: int, effort: Effort, live: LiveBits | None, allowed: Allowed | None
    ) -> Int64Array | None:
        """Slots of `k` near rows among `live` (None: all), or among `allowed` when that is given.

        The search widens until it has `k`. None when an exact scan would be no dearer.
        """
        size, spec = self.index.ntotal, self.spec
        ef = max(effort.ef_search, k)
        exact = scan_us(size, spec.dimensions)
        if allowed is not None:
            ef = filtered_ef(ef, len(allowed.slots), size)
            exact = gather_us(len(allowed.slots), spec.dimensions)
        while graph_us(ef, spec.dimensions, spec.m, size) <= exact:
            bits = live if allowed is None else allowed.bits
            slots = search_one(self.index, query, k, self._search_parameters(ef, bits))
            if len(slots) == k:
                return slots
            if ef >= size:
                break
            ef *= 4
        return None

    def nearest_many(
        self, queries: Float32Array, k: int, effort: Effort, live: LiveBits | None, threads: int | None
    ) -> Int64Array | None:
        """Slots, shape (n, k), near each of n queries, -1 where one has fewer; None when exact scans are no dearer."""
        size, spec = self.index.ntotal, self.spec
        ef = max(effort.ef_search, k)
        if k > size or graph_us(ef, spec.dimensions, spec.m, size) > scan_us(size, spec.dimensions):
            return None
        return search_many(self.index, queries, k, self._search_parameters(ef, live), threads)

    def cost_us(self, k: int, effort: Effort, allowed: int | None) -> float:
        """About how long `nearest`, or the exact scan in its place, takes."""
        size, spec = self.index.ntotal, self.spec
        ef = max(effort.ef_search, k)
        if allowed is None:
            return min(graph_us(ef, spec.dimensions, spec.m, size), scan_us(size, spec.dimensions))
        ef = filtered_ef(ef, allowed, size)
        return min(graph_us(ef, spec.dimensions, spec.m, size), gather_us(allowed, spec.dimensions))

    def _search_parameters(self, ef: int, live: LiveBits | None) -> Any:
        cache = self._parameters if live is None else live.search_parameters
        parameters = cache.get(ef)
        if parameters is None:
            parameters = faiss.SearchParametersHNSW(efSearch=ef)
            # The same answers in 5 % less time at 100,000 x 128; faiss has it for searches without a selector only.
            parameters.bounded_queue = live is not None
            if live is not None:
                parameters.sel = live_selector(live.bits, live.size)
                parameters.referenced_objects = (parameters.sel, live.bits)
            cache[ef] = parameters
        return parameters
