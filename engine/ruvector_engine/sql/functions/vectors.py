"""pgvector's surface on vector and ruvector: operators, functions, aggregates, in pgvector's words.

A vector is a BLOB of float32, little-endian. Both types share every function; only their names differ.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, aggregate, function, nullable, operator
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_simd.kernels import distance
from ruvector_simd.metric import Metric

Array: TypeAlias = npt.NDArray[np.float32]

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
    left, right = _pair(a, b)
    difference = left - right
    return float(np.dot(difference, difference))


def _metric(metric: Metric) -> Callable[[bytes, bytes], float]:
    """The distance of a metric's operator."""

    def call(a: bytes, b: bytes) -> float:
        left, right = _pair(a, b)
        return distance(metric, left, right)

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
    values = as_array(a).astype(np.float64)
    return float(np.sqrt(np.dot(values, values)))


def normalize(a: bytes) -> bytes:
    """The vector divided by its norm; the zero vector stays."""
    length = norm(a)
    if length == 0:
        return a
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


def from_numbers(values: Sequence[float | None]) -> bytes:
    """A vector from an array's elements."""
    _check_dimensions(len(values))
    result = single_elements(values)
    if np.isnan(result).any():
        raise SqlError("22000", "NaN not allowed in vector")
    if np.isinf(result).any():
        raise SqlError("22000", "infinite value not allowed in vector")
    return result.tobytes()


def from_numbers_of(values: Sequence[float | None], dimensions: int) -> bytes:
    """A vector of so many dimensions from an array's elements; -1: of any number."""
    vector = from_numbers(values)
    return vector if dimensions == -1 else check_typmod(vector, dimensions)


def to_wire(a: bytes) -> bytes:
    """The vector in pgvector's binary format."""
    elements = as_array(a)
    return struct.pack(">hh", len(elements), 0) + elements.astype(">f4").tobytes()


def single_elements(values: Sequence[float | None]) -> Array:
    """An array's elements as float32; infinite where too large."""
    if any(isinstance(v, list) for v in values):
        raise SqlError("22000", "array must be 1-D")
    if any(v is None for v in values):
        raise SqlError("22004", "array must not contain nulls")
    with np.errstate(over="ignore"):
        return np.array(values, dtype=np.float64).astype(_LITTLE)


def check_typmod(a: bytes, dimensions: int) -> bytes:
    """The vector, when it has that many dimensions."""
    if len(a) // 4 != dimensions:
        raise SqlError("22000", f"expected {dimensions} dimensions, not {len(a) // 4}")
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


def _distance(udf: str) -> str:
    """DuckDB takes a NaN from Python for NULL, and a cosine distance may be NaN."""
    return f"rv_nan_or_null({udf}({{0}}, {{1}}), {{0}}, {{1}})" if udf == "rv_cosine" else f"{udf}({{0}}, {{1}})"


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


def _functions() -> Iterator[FunctionDef]:
    for name in ("vector", "ruvector"):
        pair = f"{name},{name}"
        for label, udf in (
            ("l2_distance", "rv_l2"),
            ("inner_product", "rv_ip"),
            ("cosine_distance", "rv_cosine"),
            ("l1_distance", "rv_l1"),
            ("vector_l2_squared_distance", "rv_l2_squared"),
            ("vector_negative_inner_product", "rv_negative_ip"),
            ("vector_spherical_distance", "rv_spherical"),
        ):
            yield function(label, pair, "float8", _distance(udf))
        yield function("vector_cmp", pair, "int4", "rv_vector_cmp({0}, {1})")
        yield function("vector_dims", name, "int4", "CAST(octet_length({0}) // 4 AS INTEGER)")
        yield function("vector_norm", name, "float8", "rv_vector_norm({0})")
        yield function("l2_normalize", name, name, "rv_vector_normalize({0})")
        yield function("subvector", f"{name},int4,int4", name, "rv_subvector({0}, {1}, {2})")


def _conversions() -> Iterator[FunctionDef]:
    for element in ("int4", "float4", "float8", "numeric"):
        numbers = "rv_vector_of_size(CAST({0} AS DOUBLE[]), {1})"
        yield function("array_to_vector", f"{element}[],int4,bool", "vector", numbers)
    yield function("vector_to_float4", "vector,int4,bool", "float4[]", "rv_vector_floats({0})")
    yield function("vector_send", "vector", "bytea", "rv_vector_send({0})")


def _aggregates() -> Iterator[FunctionDef]:
    for name in ("vector", "ruvector"):
        yield aggregate("avg", name, name, lambda call, a: f"rv_vector_avg({call('list', a)})")
        yield aggregate("sum", name, name, lambda call, a: f"rv_vector_sum({call('list', a)})")


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = (*_functions(), *_conversions(), *_aggregates())

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
    Udf("rv_vector_of", from_numbers, ("DOUBLE[]",), "BLOB"),
    Udf("rv_vector_of_size", from_numbers_of, ("DOUBLE[]", "INTEGER"), "BLOB"),
    Udf("rv_vector_send", to_wire, ("BLOB",), "BLOB"),
    Udf("rv_vector_floats", to_floats, ("BLOB",), "FLOAT[]"),
    Udf("rv_vector_typmod", check_typmod, ("BLOB", "INTEGER"), "BLOB"),
    nullable("rv_vector_sum", total, ("BLOB[]",), "BLOB"),
    nullable("rv_vector_avg", average, ("BLOB[]",), "BLOB"),
)
