"""Text of vectors, and the checks every vector passes, in pgvector's words.

A vector's value is bytes: float32 little-endian. Reading and writing are whole-array work where the text is well
formed; anything else goes through a slow scan that finds the first error.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import overload

import numpy as np
import numpy.typing as npt

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.numbers import format_float4, nearest_float32
from ruvector_engine.types.registry import VECTOR_MAX_DIM
from ruvector_engine.types.textio import C_SPACE, Formatter, TextType, invalid_syntax, plain
from ruvector_simd import about_squared_norm

#: What strtof() takes: groups for hexadecimal, infinity and NaN.
FLOAT = re.compile(
    r"[+-]?(?:(0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?)"
    r"|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|(inf(?:inity)?)|(nan(?:\([a-zA-Z0-9_]*\))?))",
    re.IGNORECASE,
)
_FLOAT32 = np.dtype("<f4")

#: Below this many dimensions, formatting one element after the other is faster than whole arrays.
_SMALL = 12
#: Magnitudes where ten to the power that shifts nine digits before the point is exact in a double.
_LOW_EXPONENT, _HIGH_EXPONENT = -10, 6
_POWERS = np.array([float(f"1e{e}") for e in range(_LOW_EXPONENT, _HIGH_EXPONENT + 1)])
#: _SCALES[i]: what shifts nine digits of a number with 10**(i - 1 + low) <= |x| < 10**(i + low) before the point.
_SCALES = np.array([float(10 ** (9 - e)) for e in range(_LOW_EXPONENT, _HIGH_EXPONENT + 2)])


def check_dimensions(typmod: int, dimensions: int) -> None:
    """Refuse a vector that does not have the dimensions its column or cast asks for (typmod -1: any)."""
    if typmod not in (-1, dimensions):
        raise SqlError("22000", f"expected {typmod} dimensions, not {dimensions}")


class VectorColumn(Sequence[bytes]):
    """Values of a vector column that lie together: `elements`, shape (n, d), float32 little-endian, C order.

    Each item is a value as it is stored; the column as a whole goes to DuckDB without any being made.
    """

    def __init__(self, elements: npt.NDArray[np.float32]) -> None:
        self.elements = elements

    def __len__(self) -> int:
        return len(self.elements)

    def __contains__(self, value: object) -> bool:
        return value is not None and super().__contains__(value)

    @property
    def dimensions(self) -> int:
        """Of each vector."""
        return int(self.elements.shape[1])

    @overload
    def __getitem__(self, place: int) -> bytes: ...

    @overload
    def __getitem__(self, place: slice) -> VectorColumn: ...

    def __getitem__(self, place: int | slice) -> bytes | VectorColumn:
        chosen = self.elements[place]
        return VectorColumn(chosen) if isinstance(place, slice) else chosen.tobytes()

    @staticmethod
    def join(columns: Sequence[VectorColumn]) -> VectorColumn:
        """One after the other; all have the same dimensions."""
        return VectorColumn(np.concatenate([column.elements for column in columns]))


def check_dimension_count(dimensions: int, noun: str = "vector", limit: int = VECTOR_MAX_DIM) -> None:
    """Refuse what no vector of the kind that errors call `noun` may have: nothing, or too many dimensions."""
    if dimensions < 1:
        raise SqlError("22000", f"{noun} must have at least 1 dimension")
    if dimensions > limit:
        raise SqlError("54000", f"{noun} cannot have more than {limit} dimensions")


def check_elements(elements: npt.NDArray[np.float32], noun: str = "vector") -> None:
    """Refuse NaN and infinite elements of a vector (one dimension), naming whichever comes first."""
    # A sum of squares is finite only where every element is; where it is not, it may just have overflowed.
    if math.isfinite(about_squared_norm(elements)):
        return
    finite = np.isfinite(elements)
    if not finite.all():
        raise not_finite(noun, nan=bool(np.isnan(elements[np.argmin(finite)])))


def not_finite(noun: str, *, nan: bool) -> SqlError:
    """The error for an element that is NaN or infinite."""
    return SqlError("22000", f"{'NaN' if nan else 'infinite value'} not allowed in {noun}")


def _apply_typmod(value: bytes, typmod: int, _explicit: bool) -> bytes:
    check_dimensions(typmod, len(value) // 4)
    return value


@dataclass(frozen=True, slots=True)
class VectorKind:
    """How errors speak of a type, and the magnitude from which its elements are out of range."""

    type_name: str
    noun: str = "vector"
    bound: float = math.inf


def vector_parser(kind: VectorKind) -> Callable[[str], bytes]:
    """A reader of "[1,2,3]" as float32 little-endian."""

    def parse(text: str) -> bytes:
        trimmed = text.strip(C_SPACE)
        if trimmed[:1] == "[" and trimmed[-1:] == "]":
            body = trimmed[1:-1]
            dimensions = body.count(",") + 1
            values = _parse_numbers(body)
            if values is not None and len(values) == dimensions <= VECTOR_MAX_DIM:
                with np.errstate(over="ignore"):
                    elements = values.astype(_FLOAT32)
                if (np.abs(elements) < kind.bound).all() and not _ties(values).any():
                    return elements.tobytes()
        return _scan(text, kind)

    return parse


def _parse_numbers(body: str) -> npt.NDArray[np.float64] | None:
    """Comma separated decimals, or None where NumPy sees anything it does not take."""
    if not body or body.isspace() or not body.isascii():
        return None
    try:
        return np.fromstring(body, dtype=np.float64, sep=",")
    except ValueError:
        return None


def _ties(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Where a double lies exactly between two float32 values: rounding it again might not be rounding the text."""
    tied: npt.NDArray[np.bool_] = (values.view(np.int64) & 0x1FFFFFFF) == 0x10000000
    return tied


def _scan(text: str, kind: VectorKind) -> bytes:
    """Read element by element, as pgvector does: the first error found is the one reported."""
    at = skip_space(text, 0)
    if text[at : at + 1] != "[":
        raise invalid_syntax(kind.type_name, text, detail='Vector contents must start with "[".')
    at = skip_space(text, at + 1)
    if text[at : at + 1] == "]":
        check_dimension_count(0, kind.noun)
    elements: list[float] = []
    while True:
        if len(elements) == VECTOR_MAX_DIM:
            check_dimension_count(len(elements) + 1, kind.noun)
        match = FLOAT.match(text, skip_space(text, at))
        if match is None:
            raise invalid_syntax(kind.type_name, text)
        elements.append(_element(match, kind))
        at = skip_space(text, match.end())
        separator = text[at : at + 1]
        at += 1
        if separator == "]":
            break
        if separator != ",":
            raise invalid_syntax(kind.type_name, text)
    if skip_space(text, at) != len(text):
        raise invalid_syntax(kind.type_name, text, detail="Junk after closing right brace.")
    return struct.pack(f"<{len(elements)}f", *elements)


def skip_space(text: str, at: int) -> int:
    """The first place from `at` on without white space."""
    while at < len(text) and text[at] in C_SPACE:
        at += 1
    return at


def _element(match: re.Match[str], kind: VectorKind) -> float:
    value = float32_of(match, kind.noun)
    if not abs(value) < kind.bound:
        raise out_of_range(match[0], kind.type_name)
    return value


def float32_of(match: re.Match[str], noun: str) -> float:
    """The float32 next to what FLOAT matched, infinite for what is beyond; 22000 where the text itself says so."""
    hexadecimal, infinite, nan = match.groups()
    if infinite or nan:
        raise not_finite(noun, nan=nan is not None)
    number = match[0]
    try:
        return _hexadecimal(number) if hexadecimal else nearest_float32(number, _finite(number))
    except OverflowError:
        return math.inf


def out_of_range(number: str, type_name: str) -> SqlError:
    """The error for a number that the type cannot hold."""
    return SqlError("22003", f'"{number}" is out of range for type {type_name}')


def _finite(number: str) -> float:
    """The nearest double; OverflowError where Python's float() has infinity for a number too large."""
    value = float(number)
    if math.isinf(value):
        raise OverflowError
    return value


def _hexadecimal(number: str) -> float:
    rounded: float = struct.unpack("<f", struct.pack("<f", float.fromhex(number)))[0]
    return rounded


def format_vector(value: bytes) -> str:
    """ "[1,2,3]": the shortest decimals that read back as the same float32 values."""
    dimensions = len(value) // 4
    if dimensions < _SMALL:
        return f"[{','.join(map(format_float4, struct.unpack(f'<{dimensions}f', value)))}]"
    elements = np.frombuffer(value, dtype=_FLOAT32)
    with np.errstate(over="ignore", invalid="ignore"):
        shortest, exceptions = _shortest(elements)
    text = _template(dimensions) % tuple(shortest.tolist())
    if not len(exceptions):
        return text
    parts = text[1:-1].split(",")
    for index in exceptions:
        parts[index] = format_float4(float(elements[index]))
    return f"[{','.join(parts)}]"


@cache
def _template(dimensions: int) -> str:
    return f"[{','.join(['%.9g'] * dimensions)}]"


def _shortest(elements: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Doubles whose nine significant digits are the shortest text, and the indices where they are not to be trusted."""
    values = elements.astype(np.float64)
    magnitudes = np.abs(values)
    scales = _SCALES[np.searchsorted(_POWERS, magnitudes, side="right")]
    shortest = np.rint(values * scales) / scales
    for fewer in (10.0, 100.0, 1000.0):
        scaled = scales / fewer
        candidates = np.rint(values * scaled) / scaled
        # Pushed outwards by about one unit of a double, so that a decimal exactly between two float32 values is not
        # taken: PostgreSQL does not rely on the reader's rounding of ties either.
        outwards = candidates + (candidates - values) * 2.0**-27
        np.copyto(shortest, candidates, where=outwards.astype(np.float32) == elements)
    doubtful = (magnitudes >= _POWERS[-1]) | ((magnitudes < _POWERS[0]) & (magnitudes != 0.0))
    # Next to a power of two, the numbers below lie closer than those above.
    doubtful |= ((elements.view(np.uint32) & 0x7FFFFF) == 0) & (shortest != values)
    return shortest, np.flatnonzero(doubtful)


def _vector_type(oid: int) -> TextType:
    write: Formatter = format_vector
    return plain(vector_parser(VectorKind(registry.BY_OID[oid].sql_name)), write, _apply_typmod)


TEXT_TYPES: dict[int, TextType] = {oid: _vector_type(oid) for oid in registry.VECTOR_TYPES}
