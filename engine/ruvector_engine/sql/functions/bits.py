"""bit and varbit, which DuckDB holds as text of "0" and "1": operators and functions, and pgvector's distances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions import vectors
from ruvector_engine.sql.functions.definition import Udf, aggregate, function, nullable, operator
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.bits import fit_bit, fit_varbit, parse_bits
from ruvector_engine.types.halfvecs import to_singles

_ZERO = np.uint8(ord("0"))
_INT_BITS, _BIGINT_BITS = 32, 64


def _number(bits: str) -> int:
    return int(bits or "0", 2)


def _text(number: int, length: int) -> str:
    return f"{number:0{length}b}" if length else ""


def _bitwise(name: str, operation: Callable[[int, int], int]) -> Callable[[str, str], str]:
    def call(a: str, b: str) -> str:
        if len(a) != len(b):
            raise SqlError("22026", f"cannot {name} bit strings of different sizes")
        return _text(operation(_number(a), _number(b)), len(a))

    return call


_OPERATIONS = {
    "and": _bitwise("AND", lambda a, b: a & b),
    "or": _bitwise("OR", lambda a, b: a | b),
    "xor": _bitwise("XOR", lambda a, b: a ^ b),
}


def shift_left(bits: str, count: int) -> str:
    """The bits moved to the left (to the right by a negative count), zeros in their place."""
    kept, zeros = min(abs(count), len(bits)), "0" * min(abs(count), len(bits))
    return bits[kept:] + zeros if count >= 0 else zeros + bits[: len(bits) - kept]


def get_bit(bits: str, index: int) -> int:
    """The bit at an index from the left."""
    _check_index(bits, index)
    return int(bits[index])


def set_bit(bits: str, index: int, value: int) -> str:
    """The bits with another one at an index from the left."""
    _check_index(bits, index)
    if value not in (0, 1):
        raise SqlError("22023", "new bit must be 0 or 1")
    return f"{bits[:index]}{value}{bits[index + 1 :]}"


def _check_index(bits: str, index: int) -> None:
    if not 0 <= index < len(bits):
        raise SqlError("2202E", f"bit index {index} out of valid range (0..{len(bits) - 1})")


def substring(bits: str, start: int, count: int) -> str:
    """`count` bits from the 1-based `start`, as far as there are any."""
    if count < 0:
        raise SqlError("22011", "negative substring length not allowed")
    return bits[max(start - 1, 0) : max(start - 1 + count, 0)]


def overlay(bits: str, other: str, start: int, count: int) -> str:
    """The bits with `other` in place of `count` of them."""
    if start <= 0:
        raise SqlError("22011", "negative substring length not allowed")
    return bits[: start - 1] + other + bits[max(start - 1 + count, 0) :]


def position(bits: str, wanted: str) -> int:
    """Where `wanted` begins, from 1; 0 when it is nowhere, or when there are no bits at all."""
    return bits.find(wanted) + 1 if bits else 0


def from_integer(value: int, width: int, length: int) -> str:
    """The lowest `length` bits of a number of `width` bits in two's complement; its sign goes on to the left."""
    bits = _text(value & ((1 << width) - 1), width)
    return bits[width - length :] if length <= width else bits.rjust(length, "1" if value < 0 else "0")


def to_integer(bits: str, width: int) -> int:
    """The bits as a number in two's complement."""
    if len(bits) > width:
        raise SqlError("22003", f"{'integer' if width == _INT_BITS else 'bigint'} out of range")
    number = _number(bits)
    return number - (1 << width) if number >> (width - 1) else number


def _check_lengths(a: str, b: str) -> None:
    if len(a) != len(b):
        raise SqlError("22000", f"different bit lengths {len(a)} and {len(b)}")


def hamming(a: str, b: str) -> float:
    """The number of bits that differ."""
    _check_lengths(a, b)
    return float((_number(a) ^ _number(b)).bit_count())


def jaccard(a: str, b: str) -> float:
    """One minus the share of the bits set in both among those set in either."""
    _check_lengths(a, b)
    left, right = _number(a), _number(b)
    both = (left & right).bit_count()
    return 1.0 - both / (left | right).bit_count() if both else 1.0


def quantize_vector(vector: bytes) -> str:
    """A bit for each element: whether it is above zero."""
    return ((vectors.as_array(vector) > 0).view(np.uint8) + _ZERO).tobytes().decode("ascii")


def quantize_halfvec(halfvec: bytes) -> str:
    """A bit for each element: whether it is above zero."""
    return quantize_vector(to_singles(halfvec).tobytes())


def _reduced(name: str) -> Callable[[Sequence[str | None]], str | None]:
    def call(values: Sequence[str | None]) -> str | None:
        result: str | None = None
        for value in values:
            if value is not None:
                result = value if result is None else _OPERATIONS[name](result, value)
        return result

    return call


def _operators() -> Iterator[FunctionDef]:
    for name in ("bit", "varbit"):
        for symbol in ("=", "<>", "<", "<=", ">", ">="):
            yield operator(symbol, f"{name},{name}", "bool", f"({{0}} {symbol} {{1}})")
    yield operator("||", "varbit,varbit", "varbit", "({0} || {1})")
    for symbol, name in (("&", "and"), ("|", "or"), ("#", "xor")):
        yield operator(symbol, "bit,bit", "bit", f"rv_bit_{name}({{0}}, {{1}})")
    yield operator("~", "bit", "bit", "translate({0}, '01', '10')")
    yield operator("<<", "bit,int4", "bit", "rv_bit_shift({0}, {1})")
    yield operator(">>", "bit,int4", "bit", "rv_bit_shift({0}, - {1})")
    yield operator("<~>", "bit,bit", "float8", "rv_bit_hamming({0}, {1})")
    yield operator("<%>", "bit,bit", "float8", "rv_bit_jaccard({0}, {1})")


def _functions() -> Iterator[FunctionDef]:
    for name in ("length", "bit_length"):
        yield function(name, "bit", "int4", "CAST(length({0}) AS INTEGER)")
    yield function("octet_length", "bit", "int4", "CAST((length({0}) + 7) // 8 AS INTEGER)")
    yield function("bit_count", "bit", "int8", "CAST(length(replace({0}, '0', '')) AS BIGINT)")
    yield function("get_bit", "bit,int4", "int4", "rv_bit_get({0}, {1})")
    yield function("set_bit", "bit,int4,int4", "bit", "rv_bit_set({0}, {1}, {2})")
    yield function("substring", "bit,int4,int4", "bit", "rv_bit_substring({0}, {1}, {2})")
    yield function("substring", "bit,int4", "bit", "rv_bit_substring({0}, {1}, CAST(length({0}) AS INTEGER) + 1)")
    yield function("overlay", "bit,bit,int4,int4", "bit", "rv_bit_overlay({0}, {1}, {2}, {3})")
    yield function("overlay", "bit,bit,int4", "bit", "rv_bit_overlay({0}, {1}, {2}, CAST(length({1}) AS INTEGER))")
    yield function("position", "bit,bit", "int4", "rv_bit_position({0}, {1})")
    yield function("hamming_distance", "bit,bit", "float8", "rv_bit_hamming({0}, {1})")
    yield function("jaccard_distance", "bit,bit", "float8", "rv_bit_jaccard({0}, {1})")
    for name in ("vector", "halfvec"):
        yield function("binary_quantize", name, "bit", f"rv_{name}_quantize({{0}})")
    for name in _OPERATIONS:
        yield aggregate(f"bit_{name}", "bit", "bit", _aggregate(f"rv_bits_{name}"))


def _aggregate(udf: str) -> Callable[[Callable[..., str], str], str]:
    return lambda call, a: f"{udf}({call('list', a)})"


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())

_BITS, _INT, _BOOL = "VARCHAR", "INTEGER", "BOOLEAN"
_TWO = (_BITS, _BITS)
UDFS: tuple[Udf, ...] = (
    *(Udf(f"rv_bit_{name}", call, _TWO, _BITS) for name, call in _OPERATIONS.items()),
    *(nullable(f"rv_bits_{name}", _reduced(name), (f"{_BITS}[]",), _BITS) for name in _OPERATIONS),
    Udf("rv_bit_in", parse_bits, (_BITS,), _BITS),
    Udf("rv_bit_typmod", fit_bit, (_BITS, _INT, _BOOL), _BITS),
    Udf("rv_varbit_typmod", fit_varbit, (_BITS, _INT, _BOOL), _BITS),
    Udf("rv_bit_of_integer", from_integer, ("BIGINT", _INT, _INT), _BITS),
    Udf("rv_bit_to_int4", lambda bits: to_integer(bits, _INT_BITS), (_BITS,), _INT),
    Udf("rv_bit_to_int8", lambda bits: to_integer(bits, _BIGINT_BITS), (_BITS,), "BIGINT"),
    Udf("rv_bit_shift", shift_left, (_BITS, _INT), _BITS),
    Udf("rv_bit_get", get_bit, (_BITS, _INT), _INT),
    Udf("rv_bit_set", set_bit, (_BITS, _INT, _INT), _BITS),
    Udf("rv_bit_substring", substring, (_BITS, _INT, _INT), _BITS),
    Udf("rv_bit_overlay", overlay, (_BITS, _BITS, _INT, _INT), _BITS),
    Udf("rv_bit_position", position, _TWO, _INT),
    Udf("rv_bit_hamming", hamming, _TWO, "DOUBLE"),
    Udf("rv_bit_jaccard", jaccard, _TWO, "DOUBLE"),
    Udf("rv_vector_quantize", quantize_vector, ("BLOB",), _BITS),
    Udf("rv_halfvec_quantize", quantize_halfvec, ("BLOB",), _BITS),
)
