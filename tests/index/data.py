"""Clustered vectors, as embeddings are, and the recall of an answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ruvector_engine.index import IndexSpec, VectorIndex
from ruvector_engine.index.elements import element_of
from ruvector_engine.index.spec import Quantization, Query, Vectors
from ruvector_engine.sql.functions import bits, halfvecs, sparsevecs
from ruvector_engine.types.halfvecs import from_singles
from ruvector_engine.types.sparsevecs import pack
from ruvector_simd import AnyMetric, BitMetric, Metric, distance, nearest

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]


def clustered(count: int, dimensions: int, seed: int = 0) -> Float32Array:
    """`count` vectors around twenty centres, none of unit length."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((20, dimensions))
    points = centres[rng.integers(0, 20, count)] + 0.6 * rng.standard_normal((count, dimensions))
    return points.astype(np.float32)


def all_specs(dimensions: int, lists: int, m: int = 16, ef_construction: int = 64) -> list[IndexSpec]:
    """An IndexSpec for each method, element and metric that go together."""
    kinds: list[tuple[str, AnyMetric, str]] = [("hnsw", m, e) for e in ("single", "half", "sparse") for m in Metric]
    kinds += [("ivfflat", m, e) for e in ("single", "half") for m in Metric if m is not Metric.L1]
    kinds += [("hnsw", BitMetric.HAMMING, "bit"), ("hnsw", BitMetric.JACCARD, "bit")]
    kinds += [("ivfflat", BitMetric.HAMMING, "bit")]
    return [
        IndexSpec(method, metric, dimensions, m, ef_construction, lists, element)  # type: ignore[arg-type]
        for method, metric, element in kinds
    ]


def quantized_specs(
    dimensions: int, lists: int, parts: int, m: int = 16, ef_construction: int = 64, centroids: int = 16
) -> list[IndexSpec]:
    """An IndexSpec for each method, element, metric and kind of codes that go together."""
    plain = all_specs(dimensions, lists, m, ef_construction)
    served = [spec for spec in plain if spec.element in ("single", "half") and spec.metric is not Metric.L1]
    kinds: list[tuple[Quantization, int, int]] = [(name, 0, 0) for name in ("f16", "sq8", "sq4", "binary")]
    kinds.append(("pq", parts, centroids))
    return [
        replace(spec, quantization=name, parts=of_parts, centroids=of_centroids)
        for spec in served
        for name, of_parts, of_centroids in kinds
    ]


def plain_metric(spec: IndexSpec) -> Metric:
    """The metric of an index over anything but bits."""
    assert isinstance(spec.metric, Metric)
    return spec.metric


def spec_name(spec: IndexSpec) -> str:
    """For pytest's ids."""
    return "-".join((spec.method, spec.metric.value, spec.element, *({spec.quantization} - {"none"})))


def stored(spec: IndexSpec, numbers: Float32Array) -> bytes | str:
    """A vector of the index's type with these numbers, as the engine stores it; bits are set where one is positive.

    Sparse vectors keep the numbers that are large.
    """
    if spec.element == "half":
        return from_singles(numbers)
    if spec.element == "bit":
        return "".join("1" if number > 0 else "0" for number in numbers.tolist())
    if spec.element == "sparse":
        kept = np.flatnonzero(np.abs(numbers) >= 0.5).astype(np.int32)
        return pack(len(numbers), kept, numbers[kept])
    return numbers.astype("<f4").tobytes()


def vectors_of(spec: IndexSpec, rows: Float32Array) -> Vectors:
    """`stored` rows as an index takes them."""
    return element_of(spec).of_values([stored(spec, row) for row in rows], spec.dimensions)


def query_of(spec: IndexSpec, numbers: Float32Array) -> Query:
    """`stored` numbers as an index is asked."""
    return element_of(spec).query(stored(spec, numbers))


def plain_distance(spec: IndexSpec, row: Float32Array, query: Float32Array) -> float:
    """The distance as the operator computes it for one row: what indexes and matrix kernels are held against."""
    left, right = stored(spec, row), stored(spec, query)
    if isinstance(left, str) or isinstance(right, str):
        by_bits = bits.hamming if spec.metric is BitMetric.HAMMING else bits.jaccard
        return by_bits(str(left), str(right))
    assert isinstance(spec.metric, Metric)
    if spec.element == "single":
        return distance(spec.metric, np.frombuffer(right, np.float32), np.frombuffer(left, np.float32))
    module = halfvecs if spec.element == "half" else sparsevecs
    name = {Metric.INNER_PRODUCT: "negative_inner_product"}.get(spec.metric, spec.metric.value)
    found: float = getattr(module, name)(left, right)
    return found


def recall(
    index: VectorIndex,
    rows: dict[int, Float32Array],
    metric: Metric,
    queries: Float32Array,
    allowed: Int64Array | None = None,
    ef_search: int = 64,
    probes: int = 8,
) -> float:
    """The share of the true ten nearest that `search` finds, over all queries."""
    ids = np.array(sorted(rows), np.int64) if allowed is None else allowed[np.isin(allowed, list(rows))]
    matrix = np.stack([rows[i] for i in ids.tolist()])
    hits = 0
    for query in queries:
        truth = ids[nearest(metric, query, matrix, 10)[0]]
        found, _ = index.search(query, 10, ef_search=ef_search, probes=probes, allowed=allowed)
        assert len(found) == min(10, len(ids))
        hits += len(np.intersect1d(truth, found))
    return hits / (len(queries) * min(10, len(ids)))


def recall_of_kind(
    index: VectorIndex,
    rows: dict[int, Float32Array],
    queries: Float32Array,
    allowed: Int64Array | None = None,
    ef_search: int = 64,
) -> float:
    """The same for any kind of index: a row is right when it is no farther than the tenth nearest."""
    spec, element = index.spec, element_of(index.spec)
    ids = np.array(sorted(rows), np.int64) if allowed is None else allowed[np.isin(allowed, list(rows))]
    vectors = vectors_of(spec, np.stack([rows[i] for i in ids.tolist()]))
    hits, count = 0, min(10, len(ids))
    for numbers in queries:
        query = query_of(spec, numbers)
        farthest = element.nearest(spec.metric, query, vectors, count)[1][-1]
        found, distances = index.search(query, 10, ef_search=ef_search, probes=8, allowed=allowed)
        assert len(found) == count
        assert np.isin(found, ids).all()
        hits += int((distances <= farthest + 1e-6 * abs(farthest)).sum())
    return hits / (len(queries) * count)
