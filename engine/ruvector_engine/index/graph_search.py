"""Searching a faiss HNSW graph, whatever its vectors are made of: how wide, at what cost, with which parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from ruvector_engine.index.cost import filtered_ef, gather_us, graph_us, scan_us
from ruvector_engine.index.faiss_calls import live_selector
from ruvector_engine.index.spec import Effort, IndexSpec, Int64Array
from ruvector_engine.index.tombstones import Allowed, LiveBits
from ruvector_simd.native import faiss


class GraphSearch(ABC):
    """A faiss graph over slots 0 to n - 1, to be searched."""

    kind = "hnsw"
    #: Whether searches without a selector keep their candidates in a heap: the same answers in 5 % less time at
    #: 100,000 x 128. faiss has it for searches without a selector only.
    heap: ClassVar[bool]

    def __init__(self, spec: IndexSpec, index: Any) -> None:
        self.spec = spec
        self.index = index
        self._parameters: dict[int, Any] = {}

    @property
    @abstractmethod
    def cost_dimensions(self) -> int:
        """How many float32 dimensions a vector costs as much as."""

    @abstractmethod
    def search(self, query: Any, k: int, parameters: Any) -> Int64Array:
        """The slots of the `k` nearest to `query`, nearest first, fewer where faiss found fewer."""

    def nearest(
        self, query: Any, k: int, effort: Effort, live: LiveBits | None, allowed: Allowed | None
    ) -> Int64Array | None:
        """Slots of `k` near rows among `live` (None: all), or among `allowed` when that is given.

        The search widens until it has `k`. None when an exact scan would be no dearer.
        """
        size, m, dimensions = self.index.ntotal, self.spec.m, self.cost_dimensions
        ef = max(effort.ef_search, k)
        exact = scan_us(size, dimensions)
        if allowed is not None:
            ef = filtered_ef(ef, len(allowed.slots), size)
            exact = gather_us(len(allowed.slots), dimensions)
        while graph_us(ef, dimensions, m, size) <= exact:
            bits = live if allowed is None else allowed.bits
            slots = self.search(query, k, self.parameters(ef, bits))
            if len(slots) == k:
                return slots
            if ef >= size:
                break
            ef *= 4
        return None

    def cost_us(self, k: int, effort: Effort, allowed: int | None) -> float:
        """About how long `nearest`, or the exact scan in its place, takes."""
        size, m, dimensions = self.index.ntotal, self.spec.m, self.cost_dimensions
        ef = max(effort.ef_search, k)
        if allowed is None:
            return min(graph_us(ef, dimensions, m, size), scan_us(size, dimensions))
        ef = filtered_ef(ef, allowed, size)
        return min(graph_us(ef, dimensions, m, size), gather_us(allowed, dimensions))

    def parameters(self, ef: int, live: LiveBits | None) -> Any:
        """faiss's parameters of a search among `live`, made once."""
        cache = self._parameters if live is None else live.search_parameters
        parameters = cache.get(ef)
        if parameters is None:
            parameters = faiss.SearchParametersHNSW(efSearch=ef)
            parameters.bounded_queue = live is not None or not self.heap
            if live is not None:
                parameters.sel = live_selector(live.bits, live.size)
                parameters.referenced_objects = (parameters.sel, live.bits)
            cache[ef] = parameters
        return parameters
