"""halfvec: a vector of float16. A value is bytes: float16 little-endian, 2 bytes a dimension.

Numbers become float32 first and then, half to even, float16, as pgvector rounds them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ruvector_engine.types import registry
from ruvector_engine.types.numbers import format_float4
from ruvector_engine.types.textio import TextType, plain
from ruvector_engine.types.vectors import VectorKind, check_dimensions, format_vector, out_of_range, vector_parser

#: From here on, float32 rounds to an infinite float16.
_BOUND = 65520.0
_HALF = np.dtype("<f2")
_SINGLE = np.dtype("<f4")

_parse_single = vector_parser(VectorKind("halfvec", "halfvec", _BOUND))


def from_singles(elements: npt.NDArray[np.float32]) -> bytes:
    """The elements rounded to float16; 22003 for the first finite one that is too large."""
    too_large = (np.abs(elements) >= _BOUND) & np.isfinite(elements)
    if too_large.any():
        raise out_of_range(format_float4(float(elements[np.argmax(too_large)])), "halfvec")
    with np.errstate(over="ignore", under="ignore"):
        return elements.astype(_HALF).tobytes()


def to_singles(value: bytes) -> npt.NDArray[np.float32]:
    """The elements as float32, which holds every one exactly."""
    return np.frombuffer(value, _HALF).astype(_SINGLE)


def _parse(text: str) -> bytes:
    return from_singles(np.frombuffer(_parse_single(text), _SINGLE))


def _format(value: bytes) -> str:
    return format_vector(to_singles(value).tobytes())


def _apply_typmod(value: bytes, typmod: int, _explicit: bool) -> bytes:
    check_dimensions(typmod, len(value) // 2)
    return value


TEXT_TYPES: dict[int, TextType] = {registry.HALFVEC: plain(_parse, _format, _apply_typmod)}
