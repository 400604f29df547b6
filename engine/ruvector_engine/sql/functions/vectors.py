"""pgvector's surface on vector and ruvector: operators, functions, aggregates, in pgvector's words.

A vector is a BLOB of float32, little-endian. Both types share every function; only their names differ.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, aggregate, function, nullable, operator
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.numbers import parse_float4
from ruvector_engine.types.vectors import check_dimensions, check_elements
from ruvector_simd.kernels import distance_inside, squared_l2_inside
from ruvector_simd.metric import Metric
from ruvector_simd.sums import squared_norm_sum

Array: TypeAlias = npt.NDArray[np.float32]
#: An array's elements; those of numeric are texts.
Numbers: TypeAlias = Sequence[float | str | None]

_LITTLE = np.dtype("<f4")
MAX_DIMENSIONS = 16_000
_NEGATIVE_ZERO = np.array([-0.0], _LITTLE).tobytes()


def as_array(blob: bytes) -> Array:
    """The vector's elements, without a copy."""
    return np.frombuffer(blob, _LITTLE)


def _pair(a: bytes, b: bytes) -> tuple[Array, Array]:
    if len(a) != len(b):
        raise SqlError("22000", f"different vector dimensions {len(a) // 4} and {len(b) // 4}")
    return as_array(a), as_array(b)


def l2_squared(a: bytes, b: bytes) -> float:
    """The squared Euclidean distance."""
    return squared_l2_inside(*_pair(a, b))


def _metric(metric: Metric) -> Callable[[bytes, bytes], float]:
    """The distance of a metric's operator."""

    def call(a: bytes, b: bytes) -> float:
        left, right = _pair(a, b)
        return distance_inside(metric, left, right)

    return call


l2, negative_inner_product, cosine, l1 = (
    _metric(m) for m in (Metric.L2, Metric.INNER_PRODUCT, Metric.COSINE, Metric.L1)
)


def inner_product(a: bytes, b: bytes) -> float:
    """The inner product."""
    return -negative_inner_product(a, b)


def spherical(a: bytes, b: bytes) -> float:
    """The angle between two unit vectors, over pi."""
    return float(np.arccos(min(max(inner_product(a, b), -1.0), 1.0)) / np.pi)


def _elementwise(
    operation: Callable[[Array, Array], Array], *, underflow: bool = False
) -> Callable[[bytes, bytes], bytes]:
    def call(a: bytes, b: bytes) -> bytes:
        left, right = _pair(a, b)
        with np.errstate(over="ignore", under="ignore"):
            result = operation(left, right)
        if np.isinf(result).any():
            raise SqlError("22003", "value out of range: overflow")
        if underflow and bool(((result == 0) & (left != 0) & (right != 0)).any()):
            raise SqlError("22003", "value out of range: underflow")
        return result.tobytes()

    return call


_add = _elementwise(lambda a, b: a + b)


def concatenate(a: bytes, b: bytes) -> bytes:
    """a || b."""
    _check_dimensions((len(a) + len(b)) // 4)
    return a + b


def compare(a: bytes, b: bytes) -> int:
    """-1, 0 or 1: element by element, then the shorter one first."""
    if a == b:
        return 0
    left, right = as_array(a), as_array(b)
    common = min(len(left), len(right))
    differing = np.flatnonzero(left[:common] != right[:common])
    if len(differing):
        first = differing[0]
        return -1 if left[first] < right[first] else 1
    return (len(left) > len(right)) - (len(left) < len(right))


def sort_key(a: bytes) -> bytes:
    """Bytes that sort as pgvector sorts vectors, equal for equal vectors (-0 and 0 are)."""
    bits = (as_array(a) + np.float32(0)).view(np.int32)
    flipped = np.where(bits < 0, ~bits, bits ^ np.int32(-(2**31))).astype(">i4")
    return flipped.tobytes()


def identity(a: bytes) -> bytes:
    """Bytes that are equal for equal vectors: those of the vector, with 0 for each -0."""
    # Few vectors have these four bytes in a row, in place or across two elements.
    return (as_array(a) + np.float32(0)).tobytes() if _NEGATIVE_ZERO in a else a


def norm(a: bytes) -> float:
    """The Euclidean norm, accumulated in float64."""
    return math.sqrt(squared_norm_sum(as_array(a)))


def normalize(a: bytes) -> bytes:
    """The vector divided by its norm; zero stays zero."""
    length = norm(a)
    if length == 0:
        return bytes(len(a))
    result = (as_array(a).astype(np.float64) / length).astype(_LITTLE)
    if np.isinf(result).any():
        raise SqlError("22003", "value out of range: overflow")
    return result.tobytes()


def subvector(a: bytes, start: int, count: int) -> bytes:
    """`count` elements from the 1-based `start`."""
    if count < 1:
        raise SqlError("22000", "vector must have at least 1 dimension")
    size = len(a) // 4
    end = min(start + count, size + 1)
    begin = max(start, 1)
    if start > size or end <= begin:
        raise SqlError("22000", "vector must have at least 1 dimension")
    return a[(begin - 1) * 4 : (end - 1) * 4]


def _check_dimensions(size: int) -> None:
    if size < 1:
        raise SqlError("22000", "vector must have at least 1 dimension")
    if size > MAX_DIMENSIONS:
        raise SqlError("54000", f"vector cannot have more than {MAX_DIMENSIONS} dimensions")


def from_numbers(values: Numbers, dimensions: int) -> bytes:
    """A vector of so many dimensions (-1: of any number) from an array's elements."""
    check_array(values)
    _check_dimensions(len(values))
    check_dimensions(dimensions, len(values))
    result = single_elements(values)
    check_elements(result)
    return result.tobytes()


def to_wire(a: bytes) -> bytes:
    """The vector in pgvector's binary format."""
    elements = as_array(a)
    return struct.pack(">hh", len(elements), 0) + elements.astype(">f4").tobytes()


def check_array(values: Numbers) -> None:
    """Refuse an array that no vector can be made of: one of several dimensions, or with NULLs."""
    if any(isinstance(v, list) for v in values):
        raise SqlError("22000", "array must be 1-D")
    if any(v is None for v in values):
        raise SqlError("22004", "array must not contain nulls")


def single_elements(values: Numbers) -> Array:
    """An array's elements as float32: infinite where a number is too large, 22003 where a numeric's text is."""
    if values and isinstance(values[0], str):
        return np.array([parse_float4(str(v)) for v in values], _LITTLE)
    with np.errstate(over="ignore"):
        return np.array(values, dtype=np.float64).astype(_LITTLE)


def of_array(type_name: str, element: str, array: str, dimensions: str) -> str:
    """DuckDB's SQL of a vector of an array's elements. Numerics go as text, for a float32 is read from that."""
    form, udf = ("VARCHAR[]", "_of_text") if element == "numeric" else ("DOUBLE[]", "_of")
    return f"rv_{type_name}{udf}(CAST({array} AS {form}), {dimensions})"


def check_typmod(a: bytes, dimensions: int) -> bytes:
    """The vector, when it has that many dimensions; -1: of any number."""
    check_dimensions(dimensions, len(a) // 4)
    return a


def to_floats(a: bytes) -> list[float]:
    """The elements as an array of real."""
    return [float(v) for v in as_array(a)]


def total(vectors: Sequence[bytes | None]) -> bytes | None:
    """sum(vector), in float32."""
    present = [v for v in vectors if v is not None]
    if not present:
        return None
    result = present[0]
    for blob in present[1:]:
        result = _add(result, blob)
    return result


def average(vectors: Sequence[bytes | None]) -> bytes | None:
    """avg(vector): summed in float64, as pgvector does."""
    present = [v for v in vectors if v is not None]
    if not present:
        return None
    result = as_array(present[0]).astype(np.float64)
    for blob in present[1:]:
        _same_length(result, blob)
        result = result + as_array(blob)
    return (result / len(present)).astype(_LITTLE).tobytes()


def _same_length(sum_so_far: npt.NDArray[np.floating], blob: bytes) -> None:
    if len(sum_so_far) != len(blob) // 4:
        raise SqlError("22000", f"expected {len(sum_so_far)} dimensions, not {len(blob) // 4}")


_DISTANCES = {"<->": "rv_l2", "<#>": "rv_negative_ip", "<=>": "rv_cosine", "<+>": "rv_l1"}
#: Sums of differences' absolute values and squares are never NaN.
_NEVER_NAN = ("rv_l2", "rv_l2_squared", "rv_l1")


def _distance(udf: str) -> str:
    """DuckDB takes a NaN from Python for NULL."""
    call = f"{udf}({{0}}, {{1}})"
    return call if udf in _NEVER_NAN else f"rv_nan_or_null({call}, {{0}}, {{1}})"


def _operators() -> Iterator[FunctionDef]:
    for name in ("vector", "ruvector"):
        pair = f"{name},{name}"
        for symbol, udf in _DISTANCES.items():
            yield operator(symbol, pair, "float8", _distance(udf))
        for symbol, udf in (
            ("+", "rv_vector_add"),
            ("-", "rv_vector_sub"),
            ("*", "rv_vector_mul"),
            ("||", "rv_vector_concat"),
        ):
            yield operator(symbol, pair, name, f"{udf}({{0}}, {{1}})")
        for symbol in ("=", "<>"):
            yield operator(symbol, pair, "bool", f"(rv_vector_identity({{0}}) {symbol} rv_vector_identity({{1}}))")
        for symbol in ("<", "<=", ">", ">="):
            yield operator(symbol, pair, "bool", f"(rv_vector_cmp({{0}}, {{1}}) {symbol} 0)")


_DISTANCE_FUNCTIONS = {
    "l2_distance": "rv_l2",
    "inner_product": "rv_ip",
    "cosine_distance": "rv_cosine",
    "l1_distance": "rv_l1",
}
#: Functions of pgvector's that no other type has: a ruvector becomes a vector for them.
_OF_VECTORS_ALONE = {
    "vector_l2_squared_distance": "rv_l2_squared",
    "vector_negative_inner_product": "rv_negative_ip",
    "vector_spherical_distance": "rv_spherical",
}


def _functions() -> Iterator[FunctionDef]:
    for label, udf in _OF_VECTORS_ALONE.items():
        yield function(label, "vector,vector", "float8", _distance(udf))
        yield function(f"ru{label}", "ruvector,ruvector", "float8", _distance(udf))
    for name in ("vector", "ruvector"):
        yield function(f"{name}_cmp", f"{name},{name}", "int4", "rv_vector_cmp({0}, {1})")
    yield function("vector_norm", "vector", "float8", "rv_vector_norm({0})")
    for name in ("vector", "ruvector"):
        for label, udf in _DISTANCE_FUNCTIONS.items():
            yield function(label, f"{name},{name}", "float8", _distance(udf))
        yield function("vector_dims", name, "int4", "CAST(octet_length({0}) // 4 AS INTEGER)")
        yield function("l2_normalize", name, name, "rv_vector_normalize({0})")
        yield function("subvector", f"{name},int4,int4", name, "rv_subvector({0}, {1}, {2})")


def _aggregates() -> Iterator[FunctionDef]:
    for name in ("vector", "ruvector"):
        yield aggregate("avg", name, name, lambda call, a: f"rv_vector_avg({call('list', a)})")
        yield aggregate("sum", name, name, lambda call, a: f"rv_vector_sum({call('list', a)})")


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = (*_functions(), *_aggregates())

_TWO = ("BLOB", "BLOB")
UDFS: tuple[Udf, ...] = (
    Udf("rv_l2", l2, _TWO, "DOUBLE"),
    Udf("rv_l2_squared", l2_squared, _TWO, "DOUBLE"),
    Udf("rv_ip", inner_product, _TWO, "DOUBLE"),
    Udf("rv_negative_ip", negative_inner_product, _TWO, "DOUBLE"),
    Udf("rv_cosine", cosine, _TWO, "DOUBLE"),
    Udf("rv_l1", l1, _TWO, "DOUBLE"),
    Udf("rv_spherical", spherical, _TWO, "DOUBLE"),
    Udf("rv_vector_add", _add, _TWO, "BLOB"),
    Udf("rv_vector_sub", _elementwise(lambda a, b: a - b), _TWO, "BLOB"),
    Udf("rv_vector_mul", _elementwise(lambda a, b: a * b, underflow=True), _TWO, "BLOB"),
    Udf("rv_vector_concat", concatenate, _TWO, "BLOB"),
    Udf("rv_vector_cmp", compare, _TWO, "INTEGER"),
    Udf("rv_vector_key", sort_key, ("BLOB",), "BLOB"),
    Udf("rv_vector_plain_zeros", identity, ("BLOB",), "BLOB"),
    Udf("rv_vector_norm", norm, ("BLOB",), "DOUBLE"),
    Udf("rv_vector_normalize", normalize, ("BLOB",), "BLOB"),
    Udf("rv_subvector", subvector, ("BLOB", "INTEGER", "INTEGER"), "BLOB"),
    Udf("rv_vector_of", from_numbers, ("DOUBLE[]", "INTEGER"), "BLOB"),
    Udf("rv_vector_of_text", from_numbers, ("VARCHAR[]", "INTEGER"), "BLOB"),
    Udf("rv_vector_floats", to_floats, ("BLOB",), "FLOAT[]"),
    Udf("rv_vector_typmod", check_typmod, ("BLOB", "INTEGER"), "BLOB"),
    nullable("rv_vector_sum", total, ("BLOB[]",), "BLOB"),
    nullable("rv_vector_avg", average, ("BLOB[]",), "BLOB"),
)
