"""ivfflat by faiss: train, fill, search. Vectors of cosine indexes come in as unit vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruvector_engine.index.cost import gather_us
from ruvector_engine.index.faiss_calls import OpenMpThreads, faiss_metric, live_selector, search_many, search_one
from ruvector_engine.index.spec import (
    Cancelled,
    DamagedIndex,
    Effort,
    Float32Array,
    IndexSpec,
    Int64Array,
    Progress,
    Vectors,
    check_cancelled,
)
from ruvector_engine.index.tombstones import Allowed, LiveBits
from ruvector_quantization import LARGEST_SQUARE, BinaryCodec, ProductCodec, TrainedCodec
from ruvector_simd import Metric
from ruvector_simd.native import faiss

#: Rows added between two looks at `cancelled`.
_CHUNK = 16_384

#: k-means: the sample for each list, and how often centres move.
_SAMPLES_PER_LIST = 50
_ITERATIONS = 10
_SEED = 1234


class IvfLists:
    """A faiss IVF index over slots 0 to n - 1."""

    kind = "ivfflat"

    def __init__(self, spec: IndexSpec, index: Any, has_codes: bool) -> None:
        self.spec = spec
        self.index = index
        #: Whether the lists hold codes, whose distances are not exact, and not the vectors.
        self.has_codes = has_codes
        self._parameters: dict[int, Any] = {}

    @classmethod
    def trained(
        cls,
        spec: IndexSpec,
        vectors: Vectors,
        codec: TrainedCodec | None,
        threads: int | None,
        progress: Progress | None,
        cancelled: Cancelled | None,
    ) -> IvfLists:
        """Lists without rows, whose centres are learnt from a sample of `vectors` (at least one row).

        They hold the codes of `codec`, or, without one, the vectors.
        """
        sample = _sample(vectors, max(min(spec.lists, len(vectors)) * _SAMPLES_PER_LIST, 10_000))
        lists = min(spec.lists, len(sample))
        centres: Float32Array | None = None
        with OpenMpThreads(threads):
            for _ in range(_ITERATIONS):
                check_cancelled(cancelled)
                if progress is not None:
                    progress("performing k-means", 0, len(vectors))
                centres = _moved_centres(spec, sample, lists, centres)
        quantizer = faiss.IndexFlat(spec.dimensions, faiss_metric(spec.metric))
        quantizer.add(centres)
        index = _empty(spec, quantizer) if codec is None else _empty_of_codes(codec, quantizer)
        index.referenced_objects = (quantizer,)
        index.is_trained = True
        return cls(spec, index, codec is not None)

    def extended(
        self, vectors: Vectors, threads: int | None, progress: Progress | None, cancelled: Cancelled | None
    ) -> IvfLists:
        """A copy with `vectors` in the slots that follow; this one stays as it is."""
        index = faiss.clone_index(self.index)
        quantizer = faiss.downcast_index(index.quantizer)
        total = len(vectors)
        lists = np.empty(total, np.int64)

        def assign(start: int, chunk: Float32Array) -> None:
            nearest = quantizer.search(chunk, 1)[1][:, 0]
            lists[start : start + len(chunk)] = np.maximum(nearest, 0)  # -1: farther from each than float32 can tell

        def load(start: int, chunk: Float32Array) -> None:
            chosen = lists[start : start + len(chunk)]
            index.add_core(len(chunk), faiss.swig_ptr(chunk), None, faiss.swig_ptr(chosen))

        with OpenMpThreads(threads):
            for phase, step in (("assigning tuples", assign), ("loading tuples", load)):
                for start in range(0, total, _CHUNK):
                    check_cancelled(cancelled)
                    if progress is not None:
                        progress(phase, start, total)
                    step(start, np.ascontiguousarray(vectors[start : start + _CHUNK], np.float32))
        if progress is not None:
            progress("loading tuples", total, total)
        return IvfLists(self.spec, index, self.has_codes)

    def write(self, path: str) -> None:
        """Write the index to a file."""
        faiss.write_index(self.index, path)

    @classmethod
    def read(cls, spec: IndexSpec, path: str, size: int, has_codes: bool) -> IvfLists:
        """The index of a file that `write` made; DamagedIndex when it is not one of `size` rows for `spec`."""
        index = faiss.read_index(path)
        plain = faiss.IndexIVFScalarQuantizer if spec.element == "half" else faiss.IndexIVFFlat
        kind = faiss.IndexIVF if has_codes else plain
        if not isinstance(index, kind) or index.ntotal != size or index.d != spec.dimensions:
            raise DamagedIndex(f"{path} does not hold {size} rows of {spec.dimensions} dimensions")
        return cls(spec, index, has_codes)

    @property
    def memory_bytes(self) -> int:
        """Vectors or codes, slot numbers and centres."""
        d = self.spec.dimensions
        return int(self.index.ntotal * (self.index.code_size + 8) + self.index.nlist * d * 4)

    def nearest(
        self, query: Float32Array, k: int, effort: Effort, live: LiveBits | None, allowed: Allowed | None
    ) -> Int64Array | None:
        """Slots of `k` near rows among `live` (None: all), or among `allowed` when that is given.

        More lists are visited until it has `k`. None when an exact scan would be no dearer.
        """
        lists = self.index.nlist
        probes = min(effort.probes, lists)
        if allowed is not None and gather_us(len(allowed.slots), self.spec.dimensions) <= self._visit_us(probes):
            return None
        while True:
            bits = live if allowed is None else allowed.bits
            slots = search_one(self.index, query, k, self._search_parameters(probes, bits))
            if len(slots) == k:
                return slots
            if probes == lists:
                return None
            probes = min(lists, probes * 4)

    def nearest_many(
        self, queries: Float32Array, k: int, effort: Effort, live: LiveBits | None, threads: int | None
    ) -> Int64Array | None:
        """Slots, shape (n, k), near each of n queries, -1 where one has fewer; None when exact scans are no dearer."""
        if k > self.index.ntotal:
            return None
        probes = min(effort.probes, self.index.nlist)
        return search_many(self.index, queries, k, self._search_parameters(probes, live), threads)

    def cost_us(self, _k: int, effort: Effort, allowed: int | None) -> float:
        """About how long `nearest`, or the exact scan in its place, takes."""
        cost = self._visit_us(min(effort.probes, self.index.nlist))
        return cost if allowed is None else min(cost, gather_us(allowed, self.spec.dimensions))

    def _visit_us(self, probes: int) -> float:
        rows = self.index.nlist + self.index.ntotal * probes // self.index.nlist
        return gather_us(rows, self.spec.dimensions)

    def _search_parameters(self, probes: int, live: LiveBits | None) -> Any:
        cache = self._parameters if live is None else live.search_parameters
        parameters = cache.get(probes)
        if parameters is None:
            parameters = faiss.SearchParametersIVF(nprobe=probes)
            if live is not None:
                parameters.sel = live_selector(live.bits, live.size)
                parameters.referenced_objects = (parameters.sel, live.bits)
            cache[probes] = parameters
        return parameters


def _empty(spec: IndexSpec, centres: Any) -> Any:
    """Lists of vectors."""
    d, lists, metric = spec.dimensions, centres.ntotal, centres.metric_type
    if spec.element == "half":
        return faiss.IndexIVFScalarQuantizer(centres, d, lists, faiss.ScalarQuantizer.QT_fp16, metric, False)
    return faiss.IndexIVFFlat(centres, d, lists, metric)


def _empty_of_codes(codec: TrainedCodec, centres: Any) -> Any:
    """Lists of codes."""
    d, lists, metric = codec.dimensions, centres.ntotal, centres.metric_type
    if isinstance(codec, ProductCodec):
        bits = codec.index.pq.nbits
        index = faiss.IndexIVFPQ(centres, d, lists, codec.parts, bits, metric)
        index.pq, index.by_residual = codec.index.pq, False
        return index
    if isinstance(codec, BinaryCodec):  # around the centre of its list, not around the mean of all
        index = faiss.IndexIVFRaBitQ(centres, d, lists, metric)
        index.qb = codec.index.qb
        return index
    index = faiss.IndexIVFScalarQuantizer(centres, d, lists, codec.index.sq.qtype, metric, False)
    index.sq = codec.index.sq
    return index


def _sample(vectors: Vectors, count: int) -> Float32Array:
    """Up to `count` of the vectors whose centres can be told; the origin where there are none."""
    if len(vectors) > count:
        chosen = np.random.default_rng(_SEED).choice(len(vectors), count, replace=False)
        chosen.sort()
        vectors = vectors[chosen]
    sample = np.ascontiguousarray(vectors, np.float32)
    short = np.einsum("nd,nd->n", sample, sample, dtype=np.float64) <= LARGEST_SQUARE
    if not short.all():
        sample = sample[short]
    return sample if len(sample) else np.zeros((1, sample.shape[1]), np.float32)


def _moved_centres(spec: IndexSpec, sample: Float32Array, lists: int, centres: Float32Array | None) -> Float32Array:
    """One iteration of k-means from `centres` (None: from random rows)."""
    clustering = faiss.Clustering(spec.dimensions, lists)
    clustering.niter = 1
    clustering.seed = _SEED
    clustering.spherical = spec.metric in (Metric.COSINE, Metric.INNER_PRODUCT)
    clustering.min_points_per_centroid = 1
    clustering.max_points_per_centroid = len(sample)
    if centres is not None:
        faiss.copy_array_to_vector(centres.reshape(-1), clustering.centroids)
    clustering.train(sample, faiss.IndexFlat(spec.dimensions, faiss_metric(spec.metric)))
    moved: Float32Array = faiss.vector_to_array(clustering.centroids).reshape(lists, spec.dimensions)
    return moved
