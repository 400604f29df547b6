"""pgvector's surface on halfvec. Distances add float32 in the order of its kernels; results are rounded to float16."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions import vectors
from ruvector_engine.sql.functions.definition import Udf, aggregate, function, nullable, operator
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.halfvecs import from_singles, to_singles
from ruvector_engine.types.vectors import check_dimension_count, check_dimensions, check_elements
from ruvector_simd.sums import fused_lane_sum, products

Array: TypeAlias = npt.NDArray[np.float32]

_NOUN = "halfvec"
_HALF = np.dtype("<f2")


def _check_pair(a: bytes, b: bytes) -> None:
    if len(a) != len(b):
        raise SqlError("22000", f"different halfvec dimensions {len(a) // 2} and {len(b) // 2}")


def _pair(a: bytes, b: bytes) -> tuple[Array, Array]:
    _check_pair(a, b)
    return to_singles(a), to_singles(b)


def l2_squared(a: bytes, b: bytes) -> float:
    """The squared Euclidean distance."""
    left, right = _pair(a, b)
    difference = left - right
    return fused_lane_sum(products(difference, difference))


def l2(a: bytes, b: bytes) -> float:
    """The Euclidean distance."""
    return math.sqrt(l2_squared(a, b))


def inner_product(a: bytes, b: bytes) -> float:
    """The inner product."""
    return fused_lane_sum(products(*_pair(a, b)))


def negative_inner_product(a: bytes, b: bytes) -> float:
    """The negative inner product."""
    return -inner_product(a, b)


def cosine(a: bytes, b: bytes) -> float:
    """One minus the cosine; NaN where a vector is zero."""
    left, right = _pair(a, b)
    product = fused_lane_sum(products(left, right))
    norms = fused_lane_sum(products(left, left)) * fused_lane_sum(products(right, right))
    return 1.0 - min(1.0, max(-1.0, product / math.sqrt(norms))) if norms else math.nan


def l1(a: bytes, b: bytes) -> float:
    """The sum of absolute differences."""
    left, right = _pair(a, b)
    return fused_lane_sum(np.abs(left - right).astype(np.float64))


def spherical(a: bytes, b: bytes) -> float:
    """The angle between two unit vectors, over pi."""
    return math.acos(min(max(inner_product(a, b), -1.0), 1.0)) / math.pi


def _rounded(elements: npt.NDArray[np.floating]) -> bytes:
    """The elements as float16; 22003 when one is too large."""
    with np.errstate(over="ignore", under="ignore"):
        result = elements.astype(_HALF)
    if np.isinf(result).any():
        raise SqlError("22003", "value out of range: overflow")
    return result.tobytes()


def _elementwise(operation: Callable[[Array, Array], Array]) -> Callable[[bytes, bytes], bytes]:
    def call(a: bytes, b: bytes) -> bytes:
        return _rounded(operation(*_pair(a, b)))

    return call


add = _elementwise(lambda a, b: a + b)
_subtract = _elementwise(lambda a, b: a - b)
_product = _elementwise(lambda a, b: a * b)


def multiply(a: bytes, b: bytes) -> bytes:
    """The elements' products; 22003 also when one vanishes."""
    result = _product(a, b)
    if bool(((to_singles(result) == 0) & (to_singles(a) != 0) & (to_singles(b) != 0)).any()):
        raise SqlError("22003", "value out of range: underflow")
    return result


def concatenate(a: bytes, b: bytes) -> bytes:
    """a || b."""
    check_dimension_count((len(a) + len(b)) // 2, _NOUN)
    return a + b


def compare(a: bytes, b: bytes) -> int:
    """-1, 0 or 1: element by element, then the shorter one first."""
    return vectors.compare(to_singles(a).tobytes(), to_singles(b).tobytes())


def sort_key(a: bytes) -> bytes:
    """Bytes that sort as pgvector sorts halfvecs, equal for equal ones."""
    return vectors.sort_key(to_singles(a).tobytes())


def norm(a: bytes) -> float:
    """The Euclidean norm, accumulated in float64."""
    return vectors.norm(to_singles(a).tobytes())


def normalize(a: bytes) -> bytes:
    """The halfvec divided by its norm; the zero vector stays zero."""
    length = norm(a)
    return _rounded(to_singles(a).astype(np.float64) / length) if length else bytes(len(a))


def subvector(a: bytes, start: int, count: int) -> bytes:
    """`count` elements from the 1-based `start`."""
    first = max(start, 1) - 1
    result = a[first * 2 : (start + count - 1) * 2] if count > 0 and start + count > 1 else b""
    check_dimension_count(len(result) // 2, _NOUN)
    return result


def from_numbers(values: vectors.Numbers, dimensions: int) -> bytes:
    """A halfvec of so many dimensions (-1: of any number) from an array's elements."""
    vectors.check_array(values)
    check_dimension_count(len(values), _NOUN)
    check_dimensions(dimensions, len(values))
    elements = vectors.single_elements(values)
    result = from_singles(elements)
    check_elements(elements, _NOUN)
    return result


def check_typmod(a: bytes, dimensions: int) -> bytes:
    """The halfvec, when it has that many dimensions."""
    check_dimensions(dimensions, len(a) // 2)
    return a


def to_floats(a: bytes) -> list[float]:
    """The elements as an array of real."""
    return [float(value) for value in to_singles(a)]


def to_wire(a: bytes) -> bytes:
    """The halfvec in pgvector's binary format."""
    return struct.pack(">hh", len(a) // 2, 0) + np.frombuffer(a, _HALF).astype(">f2").tobytes()


def to_vector(a: bytes, dimensions: int) -> bytes:
    """halfvec::vector(dimensions); -1: of any number."""
    check_typmod(a, dimensions)
    return to_singles(a).tobytes()


def from_vector(a: bytes, dimensions: int) -> bytes:
    """vector::halfvec(dimensions); -1: of any number."""
    vectors.check_typmod(a, dimensions)
    return from_singles(vectors.as_array(a))


def total(halfvecs: Sequence[bytes | None]) -> bytes | None:
    """sum(halfvec), rounded to float16 at each step."""
    present = [v for v in halfvecs if v is not None]
    if not present:
        return None
    result = present[0]
    for blob in present[1:]:
        result = add(result, blob)
    return result


def average(halfvecs: Sequence[bytes | None]) -> bytes | None:
    """avg(halfvec): summed in float64."""
    present = [v for v in halfvecs if v is not None]
    if not present:
        return None
    result = to_singles(present[0]).astype(np.float64)
    for blob in present[1:]:
        check_dimensions(len(result), len(blob) // 2)
        result = result + to_singles(blob)
    return from_singles((result / len(present)).astype(np.float32))


_DISTANCES = {"<->": "l2", "<#>": "negative_ip", "<=>": "cosine", "<+>": "l1"}
_DISTANCE_FUNCTIONS = {
    "l2_distance": "l2",
    "inner_product": "ip",
    "cosine_distance": "cosine",
    "l1_distance": "l1",
    "halfvec_l2_squared_distance": "l2_squared",
    "halfvec_negative_inner_product": "negative_ip",
    "halfvec_spherical_distance": "spherical",
}
_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "||": "concat"}


def distance_template(type_name: str, metric: str) -> str:
    """DuckDB's SQL of a distance: it takes a NaN from Python for NULL.

    Sums of differences' absolute values and squares are never NaN.
    """
    call = f"rv_{type_name}_{metric}({{0}}, {{1}})"
    return call if metric in ("l1", "l2", "l2_squared") else f"rv_nan_or_null({call}, {{0}}, {{1}})"


def comparison_operators(type_name: str) -> Iterator[FunctionDef]:
    """The operators of a btree operator class, by the type's sort key."""
    for symbol in ("=", "<>", "<", "<=", ">", ">="):
        template = f"(rv_{type_name}_key({{0}}) {symbol} rv_{type_name}_key({{1}}))"
        yield operator(symbol, f"{type_name},{type_name}", "bool", template)


def _operators() -> Iterator[FunctionDef]:
    pair = "halfvec,halfvec"
    for symbol, metric in _DISTANCES.items():
        yield operator(symbol, pair, "float8", distance_template("halfvec", metric))
    for symbol, name in _ARITHMETIC.items():
        yield operator(symbol, pair, "halfvec", f"rv_halfvec_{name}({{0}}, {{1}})")
    yield from comparison_operators("halfvec")


def _functions() -> Iterator[FunctionDef]:
    pair = "halfvec,halfvec"
    for name, metric in _DISTANCE_FUNCTIONS.items():
        yield function(name, pair, "float8", distance_template("halfvec", metric))
    yield function("halfvec_cmp", pair, "int4", "rv_halfvec_cmp({0}, {1})")
    yield function("vector_dims", "halfvec", "int4", "CAST(octet_length({0}) // 2 AS INTEGER)")
    yield function("l2_norm", "halfvec", "float8", "rv_halfvec_norm({0})")
    yield function("l2_normalize", "halfvec", "halfvec", "rv_halfvec_normalize({0})")
    yield function("subvector", "halfvec,int4,int4", "halfvec", "rv_halfvec_subvector({0}, {1}, {2})")
    yield aggregate("avg", "halfvec", "halfvec", lambda call, a: f"rv_halfvec_avg({call('list', a)})")
    yield aggregate("sum", "halfvec", "halfvec", lambda call, a: f"rv_halfvec_sum({call('list', a)})")


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())

_TWO = ("BLOB", "BLOB")
_METRICS: dict[str, Callable[[bytes, bytes], float]] = {
    "l2": l2,
    "l2_squared": l2_squared,
    "ip": inner_product,
    "negative_ip": negative_inner_product,
    "cosine": cosine,
    "l1": l1,
    "spherical": spherical,
}
UDFS: tuple[Udf, ...] = (
    *(Udf(f"rv_halfvec_{name}", call, _TWO, "DOUBLE") for name, call in _METRICS.items()),
    Udf("rv_halfvec_add", add, _TWO, "BLOB"),
    Udf("rv_halfvec_sub", _subtract, _TWO, "BLOB"),
    Udf("rv_halfvec_mul", multiply, _TWO, "BLOB"),
    Udf("rv_halfvec_concat", concatenate, _TWO, "BLOB"),
    Udf("rv_halfvec_cmp", compare, _TWO, "INTEGER"),
    Udf("rv_halfvec_key", sort_key, ("BLOB",), "BLOB"),
    Udf("rv_halfvec_norm", norm, ("BLOB",), "DOUBLE"),
    Udf("rv_halfvec_normalize", normalize, ("BLOB",), "BLOB"),
    Udf("rv_halfvec_subvector", subvector, ("BLOB", "INTEGER", "INTEGER"), "BLOB"),
    Udf("rv_halfvec_of", from_numbers, ("DOUBLE[]", "INTEGER"), "BLOB"),
    Udf("rv_halfvec_of_text", from_numbers, ("VARCHAR[]", "INTEGER"), "BLOB"),
    Udf("rv_halfvec_floats", to_floats, ("BLOB",), "FLOAT[]"),
    Udf("rv_halfvec_typmod", check_typmod, ("BLOB", "INTEGER"), "BLOB"),
    Udf("rv_halfvec_to_vector", to_vector, ("BLOB", "INTEGER"), "BLOB"),
    Udf("rv_vector_to_halfvec", from_vector, ("BLOB", "INTEGER"), "BLOB"),
    nullable("rv_halfvec_sum", total, ("BLOB[]",), "BLOB"),
    nullable("rv_halfvec_avg", average, ("BLOB[]",), "BLOB"),
)
