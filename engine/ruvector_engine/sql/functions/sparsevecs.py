"""pgvector's surface on sparsevec: float32 sums over the elements by ascending index, in the order of its kernels."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions import vectors
from ruvector_engine.sql.functions.definition import Udf, function, operator
from ruvector_engine.sql.functions.halfvecs import comparison_operators, distance_template
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.halfvecs import from_singles, to_singles
from ruvector_engine.types.sparsevecs import check_element_count, check_size, pack, unpack
from ruvector_engine.types.vectors import check_dimension_count, check_dimensions, check_elements
from ruvector_simd.sparse import (
    SparseVector,
    sparse_cosine,
    sparse_inner_product,
    sparse_l1,
    sparse_squared_l2,
)

Array: TypeAlias = npt.NDArray[np.float32]

_NOUN = "sparsevec"
_LOWEST = np.int32(-(2**31))


def pair(a: bytes, b: bytes) -> tuple[SparseVector, SparseVector]:
    """Both taken apart; 22000 when their dimensions differ."""
    left, right = unpack(a), unpack(b)
    if left.dimensions != right.dimensions:
        raise SqlError("22000", f"different sparsevec dimensions {left.dimensions} and {right.dimensions}")
    return left, right


def l2_squared(a: bytes, b: bytes) -> float:
    """The squared Euclidean distance."""
    return sparse_squared_l2(*pair(a, b))


def l2(a: bytes, b: bytes) -> float:
    """The Euclidean distance."""
    return math.sqrt(l2_squared(a, b))


def inner_product(a: bytes, b: bytes) -> float:
    """The inner product."""
    return sparse_inner_product(*pair(a, b))


def negative_inner_product(a: bytes, b: bytes) -> float:
    """The negative inner product."""
    return -inner_product(a, b)


def cosine(a: bytes, b: bytes) -> float:
    """One minus the cosine; NaN where a vector is zero."""
    return sparse_cosine(*pair(a, b))


def l1(a: bytes, b: bytes) -> float:
    """The sum of absolute differences."""
    return sparse_l1(*pair(a, b))


def sort_key(a: bytes) -> bytes:
    """Bytes that sort as pgvector sorts sparsevecs: as the whole vectors would, then by dimensions.

    Three numbers an element: its sign, its index, its value; the earlier a positive element, the greater the vector,
    the earlier a negative one, the smaller. The end of the vector is below whatever may stand there.
    """
    dimensions, indices, values = unpack(a)
    positive = values > 0
    bits = values.view(np.int32)
    key = np.zeros((len(values) + 1, 3), ">u4")
    key[:-1, 0] = np.where(positive, 2, 1)
    key[:-1, 1] = np.where(positive, ~indices, indices).view(np.uint32)
    key[:-1, 2] = np.where(bits < 0, ~bits, bits ^ _LOWEST).view(np.uint32)
    key[-1] = (1, dimensions, 0)
    return key.tobytes()


def compare(a: bytes, b: bytes) -> int:
    """-1, 0 or 1."""
    left, right = sort_key(a), sort_key(b)
    return (left > right) - (left < right)


def norm(a: bytes) -> float:
    """The Euclidean norm, accumulated in float64."""
    return vectors.norm(unpack(a)[2].tobytes())


def normalize(a: bytes) -> bytes:
    """The sparsevec divided by its norm; the zero vector stays."""
    dimensions, indices, values = unpack(a)
    length = norm(a)
    if not length:
        return a
    with np.errstate(over="ignore", under="ignore"):
        result = (values.astype(np.float64) / length).astype(np.float32)
    if np.isinf(result).any():
        raise SqlError("22003", "value out of range: overflow")
    return pack(dimensions, indices, result)


def _of_dense(elements: Array) -> bytes:
    indices = np.flatnonzero(elements)
    check_element_count(len(indices))
    return pack(len(elements), indices.astype(np.int32), elements[indices])


def _to_dense(a: bytes, noun: str, wanted: int) -> Array:
    dimensions, indices, values = unpack(a)
    check_dimension_count(dimensions, noun)
    check_dimensions(wanted, dimensions)
    elements = np.zeros(dimensions, np.float32)
    elements[indices] = values
    return elements


def from_numbers(values: vectors.Numbers, dimensions: int) -> bytes:
    """A sparsevec of so many dimensions (-1: of any number) from an array's elements."""
    vectors.check_array(values)
    check_size(len(values))
    check_dimensions(dimensions, len(values))
    elements = vectors.single_elements(values)
    check_elements(elements, _NOUN)
    return _of_dense(elements)


def check_typmod(a: bytes, dimensions: int) -> bytes:
    """The sparsevec, when it has that many dimensions."""
    check_dimensions(dimensions, unpack(a)[0])
    return a


def to_wire(a: bytes) -> bytes:
    """The sparsevec in pgvector's binary format."""
    dimensions, indices, values = unpack(a)
    header = struct.pack(">iii", dimensions, len(indices), 0)
    return header + indices.astype(">i4").tobytes() + values.astype(">f4").tobytes()


def to_vector(a: bytes, dimensions: int) -> bytes:
    """sparsevec::vector(dimensions); -1: of any number."""
    return _to_dense(a, "vector", dimensions).tobytes()


def from_vector(a: bytes, dimensions: int) -> bytes:
    """vector::sparsevec(dimensions); -1: of any number."""
    vectors.check_typmod(a, dimensions)
    return _of_dense(vectors.as_array(a))


def to_halfvec(a: bytes, dimensions: int) -> bytes:
    """sparsevec::halfvec(dimensions); -1: of any number."""
    return from_singles(_to_dense(a, "halfvec", dimensions))


def from_halfvec(a: bytes, dimensions: int) -> bytes:
    """halfvec::sparsevec(dimensions); -1: of any number."""
    elements = to_singles(a)
    check_dimensions(dimensions, len(elements))
    return _of_dense(elements)


_METRICS: dict[str, Callable[[bytes, bytes], float]] = {
    "l2": l2,
    "l2_squared": l2_squared,
    "ip": inner_product,
    "negative_ip": negative_inner_product,
    "cosine": cosine,
    "l1": l1,
}
_DISTANCES = {"<->": "l2", "<#>": "negative_ip", "<=>": "cosine", "<+>": "l1"}
_DISTANCE_FUNCTIONS = {
    "l2_distance": "l2",
    "inner_product": "ip",
    "cosine_distance": "cosine",
    "l1_distance": "l1",
    "sparsevec_l2_squared_distance": "l2_squared",
    "sparsevec_negative_inner_product": "negative_ip",
}


def _operators() -> Iterator[FunctionDef]:
    for symbol, metric in _DISTANCES.items():
        yield operator(symbol, "sparsevec,sparsevec", "float8", distance_template("sparsevec", metric))
    yield from comparison_operators("sparsevec")


def _functions() -> Iterator[FunctionDef]:
    for name, metric in _DISTANCE_FUNCTIONS.items():
        yield function(name, "sparsevec,sparsevec", "float8", distance_template("sparsevec", metric))
    yield function("sparsevec_cmp", "sparsevec,sparsevec", "int4", "rv_sparsevec_cmp({0}, {1})")
    yield function("l2_norm", "sparsevec", "float8", "rv_sparsevec_norm({0})")
    yield function("l2_normalize", "sparsevec", "sparsevec", "rv_sparsevec_normalize({0})")


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())

_ONE, _TWO = ("BLOB",), ("BLOB", "BLOB")
UDFS: tuple[Udf, ...] = (
    *(Udf(f"rv_sparsevec_{name}", call, _TWO, "DOUBLE") for name, call in _METRICS.items()),
    Udf("rv_sparsevec_cmp", compare, _TWO, "INTEGER"),
    Udf("rv_sparsevec_key", sort_key, _ONE, "BLOB"),
    Udf("rv_sparsevec_norm", norm, _ONE, "DOUBLE"),
    Udf("rv_sparsevec_normalize", normalize, _ONE, "BLOB"),
    Udf("rv_sparsevec_of", from_numbers, ("DOUBLE[]", "INTEGER"), "BLOB"),
    Udf("rv_sparsevec_of_text", from_numbers, ("VARCHAR[]", "INTEGER"), "BLOB"),
    Udf("rv_sparsevec_typmod", check_typmod, ("BLOB", "INTEGER"), "BLOB"),
    Udf("rv_sparsevec_to_vector", to_vector, ("BLOB", "INTEGER"), "BLOB"),
    Udf("rv_vector_to_sparsevec", from_vector, ("BLOB", "INTEGER"), "BLOB"),
    Udf("rv_sparsevec_to_halfvec", to_halfvec, ("BLOB", "INTEGER"), "BLOB"),
    Udf("rv_halfvec_to_sparsevec", from_halfvec, ("BLOB", "INTEGER"), "BLOB"),
)
