"""sparsevec: the elements of a vector that are not zero. Text is "{index:value,...}/dimensions", indices from 1.

A value is bytes, little-endian: int32 dimensions, int32 number of elements, their int32 indices from 0 in ascending
order, their float32 values. No value is zero, so equal vectors are equal bytes.
"""

from __future__ import annotations

import re
import struct

import numpy as np
import numpy.typing as npt

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.numbers import format_float4
from ruvector_engine.types.registry import SPARSEVEC_MAX_DIM, SPARSEVEC_MAX_ELEMENTS
from ruvector_engine.types.textio import TextType, invalid_syntax, plain
from ruvector_engine.types.vectors import (
    FLOAT,
    check_dimension_count,
    check_dimensions,
    float32_of,
    out_of_range,
    skip_space,
)
from ruvector_simd.sparse import SparseVector

_NAME = "sparsevec"
_INTEGER = re.compile(r"[+-]?[0-9]+")
_INT_MAX = 2**31 - 1
_HEADER = struct.Struct("<ii")
_INDEX = np.dtype("<i4")
_VALUE = np.dtype("<f4")


def pack(dimensions: int, indices: npt.NDArray[np.int32], values: npt.NDArray[np.float32]) -> bytes:
    """The value with these elements, their indices ascending; those that are zero are left out."""
    present = values != 0
    if not present.all():
        indices, values = indices[present], values[present]
    return _HEADER.pack(dimensions, len(indices)) + indices.astype(_INDEX).tobytes() + values.astype(_VALUE).tobytes()


def unpack(value: bytes) -> SparseVector:
    """The value's dimensions, indices and values."""
    dimensions, count = _HEADER.unpack_from(value)
    indices = np.frombuffer(value, _INDEX, count, _HEADER.size)
    values = np.frombuffer(value, _VALUE, count, _HEADER.size + _INDEX.itemsize * count)
    return SparseVector(dimensions, indices, values)


def check_size(dimensions: int) -> None:
    """Refuse dimensions that no sparsevec has."""
    check_dimension_count(dimensions, _NAME, SPARSEVEC_MAX_DIM)


def check_element_count(count: int) -> None:
    """Refuse more elements than a sparsevec may have."""
    if count > SPARSEVEC_MAX_ELEMENTS:
        raise SqlError("54000", f"sparsevec cannot have more than {SPARSEVEC_MAX_ELEMENTS} non-zero elements")


def check_indices(dimensions: int, indices: npt.NDArray[np.int32]) -> None:
    """Refuse the first index that is out of bounds, or not above the one before it."""
    outside = (indices < 0) | (indices >= dimensions)
    falling = np.concatenate(([False], indices[1:] <= indices[:-1]))[: len(indices)]
    wrong = outside | falling
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    if outside[first]:
        raise SqlError("22000", "sparsevec index out of bounds")
    if indices[first] == indices[first - 1]:
        raise SqlError("22000", "sparsevec indices must not contain duplicates")
    raise SqlError("22000", "sparsevec indices must be in ascending order")


def _parse(text: str) -> bytes:
    check_element_count(text.count(",") + 1)
    at = skip_space(text, 0)
    if text[at : at + 1] != "{":
        raise invalid_syntax(_NAME, text, detail='Vector contents must start with "{".')
    at = skip_space(text, at + 1)
    elements: list[tuple[int, float]] = []
    if text[at : at + 1] == "}":
        at += 1
    else:
        elements, at = _parse_elements(text, at)
    dimensions = _parse_dimensions(text, skip_space(text, at))
    elements.sort(key=lambda element: element[0])
    indices = np.array([index for index, _ in elements], np.int32)
    check_indices(dimensions, indices)
    return pack(dimensions, indices, np.array([value for _, value in elements], _VALUE))


def _parse_elements(text: str, at: int) -> tuple[list[tuple[int, float]], int]:
    """The elements that are not zero, with indices from 0, and the place behind the closing brace."""
    elements: list[tuple[int, float]] = []
    while True:
        index, at = _integer(text, skip_space(text, at))
        at = skip_space(text, at)
        number = FLOAT.match(text, skip_space(text, at + 1))
        if text[at : at + 1] != ":" or number is None:
            raise invalid_syntax(_NAME, text)
        value = _element(number)
        if value:
            elements.append((max(index - 1, -1), value))
        at = skip_space(text, number.end())
        separator = text[at : at + 1]
        at += 1
        if separator == "}":
            return elements, at
        if separator != ",":
            raise invalid_syntax(_NAME, text)


def _element(match: re.Match[str]) -> float:
    value = float32_of(match, _NAME)
    digits, hexadecimal = match[0].lower().lstrip("+-"), match[1] is not None
    significant = digits[2:].partition("p")[0] if hexadecimal else digits.partition("e")[0]
    underflow = value == 0 and significant.strip("0.") != ""
    if underflow or abs(value) == float("inf"):
        raise out_of_range(match[0], _NAME)
    return value


def _parse_dimensions(text: str, at: int) -> int:
    if text[at : at + 1] != "/":
        raise invalid_syntax(_NAME, text, detail="Unexpected end of input.")
    dimensions, at = _integer(text, skip_space(text, at + 1))
    if skip_space(text, at) != len(text):
        raise invalid_syntax(_NAME, text, detail="Junk after closing.")
    check_size(dimensions)
    return dimensions


def _integer(text: str, at: int) -> tuple[int, int]:
    """A number, kept in the range of int4 for the checks to come, and the place behind it."""
    match = _INTEGER.match(text, at)
    if match is None:
        raise invalid_syntax(_NAME, text)
    # As a float first: int() refuses thousands of digits.
    return int(min(max(float(match[0]), -_INT_MAX), _INT_MAX)), match.end()


def _format(value: bytes) -> str:
    dimensions, indices, values = unpack(value)
    elements = zip(indices.tolist(), values.tolist(), strict=True)
    return f"{{{','.join(f'{index + 1}:{format_float4(element)}' for index, element in elements)}}}/{dimensions}"


def _apply_typmod(value: bytes, typmod: int, _explicit: bool) -> bytes:
    check_dimensions(typmod, _HEADER.unpack_from(value)[0])
    return value


TEXT_TYPES: dict[int, TextType] = {registry.SPARSEVEC: plain(_parse, _format, _apply_typmod)}
