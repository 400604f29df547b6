"""RuVector's functions of sparse vectors, over sparsevec: the text form is pgvector's, with indices from 1.

Each also takes texts, as RuVector's command line client sends them. Results that are distances, scores or norms are
real, as documented there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions import sparsevecs, vectors
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.float_sql import as_real
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.sparsevecs import check_element_count, check_indices, check_size, pack, unpack
from ruvector_engine.types.vectors import check_elements

K1, B = 1.2, 0.75


def cosine_similarity(a: bytes, b: bytes) -> float:
    """The cosine; 0 where a vector is zero, unlike pgvector's distance."""
    distance = sparsevecs.cosine(a, b)
    return 0.0 if math.isnan(distance) and not (_length(a) and _length(b)) else 1.0 - distance


def _length(a: bytes) -> int:
    return len(unpack(a).values)


def of_pairs(indices: Sequence[int | None], values: vectors.Numbers, dimensions: int) -> bytes:
    """A sparsevec from indices, which count from 1 as in its text and come in any order, and their values."""
    check_size(dimensions)
    if len(indices) != len(values):
        raise SqlError("22023", f"indices and values must have the same length, not {len(indices)} and {len(values)}")
    vectors.check_array(values)
    if None in indices:
        raise SqlError("22004", "array must not contain nulls")
    check_element_count(len(indices))
    places = np.asarray(indices, np.int64) - 1
    if len(places) and not 0 <= places.min() <= places.max() < dimensions:
        raise SqlError("22000", "sparsevec index out of bounds")
    order = np.argsort(places, kind="stable")
    ascending = places[order].astype(np.int32)
    check_indices(dimensions, ascending)
    elements = vectors.single_elements(values)
    check_elements(elements, "sparsevec")
    return pack(dimensions, ascending, elements[order])


def to_floats(a: bytes) -> list[float]:
    """Every element, zeros too."""
    return vectors.to_floats(sparsevecs.to_vector(a, -1))


def top_k(a: bytes, k: int) -> bytes:
    """The `k` elements of the largest absolute values, those with lower indices first where these are equal."""
    if k < 0:
        raise SqlError("22023", "k must not be negative")
    dimensions, indices, values = unpack(a)
    kept = np.sort(np.argsort(-np.abs(values), kind="stable")[:k])
    return pack(dimensions, indices[kept], values[kept])


def prune(a: bytes, threshold: float) -> bytes:
    """The elements whose absolute values reach the threshold."""
    dimensions, indices, values = unpack(a)
    kept = np.abs(values) >= np.float32(threshold)
    return pack(dimensions, indices[kept], values[kept])


def bm25(query: bytes, document: bytes, length: float, average: float, k1: float, b: float) -> float:
    """Okapi BM25 of a document: `query` has the terms' inverse document frequencies, `document` their counts in it.

    The sum over common terms of idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average)).
    """
    left, right = sparsevecs.pair(query, document)
    if not (length >= 0 and average > 0):
        raise SqlError("22023", "document length must not be negative, and the average length must be greater than 0")
    if not (k1 >= 0 and 0 <= b <= 1):
        raise SqlError("22023", "k1 must not be negative, and b must be between 0 and 1")
    if (right.values < 0).any():
        raise SqlError("22023", "term frequencies must not be negative")
    _, in_query, in_document = np.intersect1d(left.indices, right.indices, assume_unique=True, return_indices=True)
    weights, counts = left.values[in_query].astype(np.float64), right.values[in_document].astype(np.float64)
    return float((weights * counts * (k1 + 1) / (counts + k1 * (1 - b + b * length / average))).sum())


_PAIRS: dict[str, Callable[[bytes, bytes], float]] = {
    "dot": sparsevecs.inner_product,
    "cosine": cosine_similarity,
    "euclidean": sparsevecs.l2,
    "manhattan": sparsevecs.l1,
}


def _bm25(query: str, document: str, length: str, average: str, k1: str = str(K1), b: str = str(B)) -> str:
    arguments = (query, document, length, average, k1, b)
    return as_real(f"rv_ruvector_sparse_bm25({', '.join(arguments)})", *arguments)


def _distance(name: str) -> Callable[[str, str], str]:
    return lambda a, b: as_real(f"rv_ruvector_sparse_{name}({a}, {b})", a, b)


def _overloads(
    name: str, args: str, result: str, template: Callable[..., str], *, defaults: int = 0
) -> Iterator[FunctionDef]:
    """The function of sparsevecs, and the same of their texts."""
    given = args.split(",")

    def of_texts(*texts: str) -> str:
        return template(
            *(
                f"rv_sparsevec_in({text})" if type_name == "sparsevec" else text
                for type_name, text in zip(given, texts, strict=False)  # defaults may be left out
            )
        )

    yield function(name, args, result, template, defaults=defaults)
    yield function(name, args.replace("sparsevec", "text"), result, of_texts, defaults=defaults)


def _functions() -> Iterator[FunctionDef]:
    for name in _PAIRS:
        yield from _overloads(f"ruvector_sparse_{name}", "sparsevec,sparsevec", "float4", _distance(name))
    numbers = "float4,float4,float4,float4"
    yield from _overloads("ruvector_sparse_bm25", f"sparsevec,sparsevec,{numbers}", "float4", _bm25, defaults=2)
    one: dict[str, tuple[str, str, str]] = {
        "nnz": ("sparsevec", "int4", "rv_ruvector_sparse_nnz({0})"),
        "dim": ("sparsevec", "int4", "rv_ruvector_sparse_dim({0})"),
        "norm": ("sparsevec", "float4", "CAST(rv_sparsevec_norm({0}) AS FLOAT)"),
        "top_k": ("sparsevec,int4", "sparsevec", "rv_ruvector_sparse_top_k({0}, {1})"),
        "prune": ("sparsevec,float4", "sparsevec", "rv_ruvector_sparse_prune({0}, {1})"),
        "to_dense": ("sparsevec", "float4[]", "rv_ruvector_sparse_to_dense({0})"),
    }
    for name, (args, result, template) in one.items():
        yield from _overloads(f"ruvector_sparse_{name}", args, result, template.format)
    yield function("ruvector_to_sparse", "int4[],float4[],int4", "sparsevec", "rv_ruvector_to_sparse({0}, {1}, {2})")
    yield function("ruvector_dense_to_sparse", "float4[]", "sparsevec", "rv_sparsevec_of({0}, -1)")


FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())

_BLOB, _REAL, _INT = "BLOB", "FLOAT", "INTEGER"
UDFS: tuple[Udf, ...] = (
    *(Udf(f"rv_ruvector_sparse_{name}", call, (_BLOB, _BLOB), "DOUBLE") for name, call in _PAIRS.items()),
    Udf("rv_ruvector_sparse_bm25", bm25, (_BLOB, _BLOB, _REAL, _REAL, _REAL, _REAL), "DOUBLE"),
    Udf("rv_ruvector_sparse_nnz", _length, (_BLOB,), _INT),
    Udf("rv_ruvector_sparse_dim", lambda a: unpack(a).dimensions, (_BLOB,), _INT),
    Udf("rv_ruvector_sparse_top_k", top_k, (_BLOB, _INT), _BLOB),
    Udf("rv_ruvector_sparse_prune", prune, (_BLOB, _REAL), _BLOB),
    Udf("rv_ruvector_sparse_to_dense", to_floats, (_BLOB,), "FLOAT[]"),
    Udf("rv_ruvector_to_sparse", of_pairs, ("INTEGER[]", "FLOAT[]", _INT), _BLOB),
)
