"""hnsw over codes: a graph that was built from the vectors themselves, which then gave way to codes of theirs.

Built over codes, a graph links what their errors bring together: product codes of 50,000 x 384 then found 17 % of the
nearest. Over codes in the place of vectors, the same graph finds as many as it did.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ruvector_engine.index.faiss_calls import OpenMpThreads
from ruvector_engine.index.faiss_hnsw import FloatGraph, HnswGraph
from ruvector_engine.index.faiss_hnsw_build import settle
from ruvector_engine.index.spec import Cancelled, DamagedIndex, IndexSpec, check_cancelled
from ruvector_quantization import TrainedCodec
from ruvector_simd.native import faiss

#: Rows encoded between two looks at `cancelled`.
_CHUNK = 16_384


class QuantizedGraph(FloatGraph):
    """A graph over slots 0 to n - 1 that holds their codes."""

    def __init__(self, spec: IndexSpec, index: Any) -> None:
        super().__init__(spec, index)
        self._storage = faiss.downcast_index(index.storage)

    @classmethod
    def of(
        cls, graph: HnswGraph, codec: TrainedCodec, threads: int | None, cancelled: Cancelled | None
    ) -> QuantizedGraph:
        """The links of `graph` over codes of what it holds."""
        return cls._filled(graph, faiss.clone_index(codec.index), threads, cancelled)

    def extended(self, graph: HnswGraph, threads: int | None, cancelled: Cancelled | None) -> QuantizedGraph:
        """The same for a graph whose first rows are those of this one, which keep their codes."""
        return self._filled(graph, faiss.clone_index(self._storage), threads, cancelled)

    @classmethod
    def _filled(
        cls, graph: HnswGraph, storage: Any, threads: int | None, cancelled: Cancelled | None
    ) -> QuantizedGraph:
        vectors = graph.stored_vectors()
        with OpenMpThreads(threads):
            for start in range(storage.ntotal, len(vectors), _CHUNK):
                check_cancelled(cancelled)
                chunk = np.ascontiguousarray(vectors[start : start + _CHUNK], np.float32)
                storage.add_c(len(chunk), faiss.swig_ptr(chunk))
        # What faiss calls an IndexHNSWSQ can be written and read whatever its storage is.
        index = faiss.IndexHNSWSQ()
        index.d, index.metric_type, index.ntotal = storage.d, storage.metric_type, storage.ntotal
        index.hnsw, index.is_trained = graph.index.hnsw, True
        index.storage, index.own_fields = storage, False
        index.referenced_objects = (storage,)
        settle(index)
        return cls(graph.spec, index)

    @classmethod
    def read(cls, spec: IndexSpec, path: str, size: int) -> QuantizedGraph:
        """The index of a file that `write` made; DamagedIndex when it is not one of `size` rows for `spec`."""
        index = faiss.read_index(path)
        sizes = (index.ntotal, index.d)
        if not isinstance(index, faiss.IndexHNSWSQ) or sizes != (size, spec.dimensions):
            raise DamagedIndex(f"{path} does not hold codes of {size} rows of {spec.dimensions} dimensions")
        settle(index)
        return cls(spec, index)

    @property
    def memory_bytes(self) -> int:
        """Codes and links."""
        return int(self.index.ntotal * self._storage.code_size) + self.links_bytes
