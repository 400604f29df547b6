"""Malformed binary values of the vector types, bit and macaddr: PostgreSQL's and pgvector's errors, in their order."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import pytest

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_server.types import binary_decoder

INSUFFICIENT = ("08P01", "insufficient data left in message")
INCORRECT = ("22P03", "incorrect binary data format")


def error_of(oid: int, data: bytes) -> tuple[str, str]:
    with pytest.raises(SqlError) as caught:
        binary_decoder(oid)(data)
    return caught.value.sqlstate, caught.value.message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", INSUFFICIENT),
        (struct.pack(">h", 1), INSUFFICIENT),
        (struct.pack(">hh", 1, 0), INSUFFICIENT),
        (struct.pack(">hhee", 1, 0, 1.5, 2), INCORRECT),
        (struct.pack(">hhe", 1, 1, 1.5), ("22000", "expected unused to be 0, not 1")),
        (struct.pack(">hh", 0, 0), ("22000", "halfvec must have at least 1 dimension")),
        (struct.pack(">hh", -1, 0), ("22000", "halfvec must have at least 1 dimension")),
        (struct.pack(">hh", 16001, 0), ("54000", "halfvec cannot have more than 16000 dimensions")),
        (struct.pack(">hhe", 1, 0, math.inf), ("22000", "infinite value not allowed in halfvec")),
        (struct.pack(">hhe", 1, 0, math.nan), ("22000", "NaN not allowed in halfvec")),
    ],
)
def test_halfvec(data: bytes, expected: tuple[str, str]) -> None:
    assert error_of(registry.HALFVEC, data) == expected


def sparse(header: Sequence[int], indices: Sequence[int] = (), values: Sequence[float] = ()) -> bytes:
    return struct.pack(f">3i{len(indices)}i{len(values)}f", *header, *indices, *values)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", INSUFFICIENT),
        (sparse((0, 0, 0)), ("22000", "sparsevec must have at least 1 dimension")),
        (sparse((1_000_000_001, 0, 0)), ("54000", "sparsevec cannot have more than 1000000000 dimensions")),
        (sparse((5, -1, 0)), ("22000", "sparsevec cannot have negative number of elements")),
        (sparse((5, 6, 0)), ("54000", "sparsevec cannot have more elements than dimensions")),
        (sparse((20000, 16001, 0)), ("54000", "sparsevec cannot have more than 16000 non-zero elements")),
        (sparse((5, 2, 1), (0, 2), (1, 2)), ("22000", "expected unused to be 0, not 1")),
        (sparse((5, 2, 0), (2, 0), (1, 2)), ("22000", "sparsevec indices must be in ascending order")),
        (sparse((5, 2, 0), (0, 0), (1, 2)), ("22000", "sparsevec indices must not contain duplicates")),
        (sparse((5, 2, 0), (0, 5), (1, 2)), ("22000", "sparsevec index out of bounds")),
        (sparse((5, 2, 0), (0, 7)), ("22000", "sparsevec index out of bounds")),
        (sparse((5, 2, 0), (0,)), INSUFFICIENT),
        (sparse((5, 0, 0), (1,)), INCORRECT),
        (sparse((5, 2, 0), (0, 2), (1, 0)), ("22000", "binary representation of sparsevec cannot contain zero values")),
        (sparse((5, 2, 0), (0, 2), (math.inf, 0)), ("22000", "infinite value not allowed in sparsevec")),
        (sparse((5, 2, 0), (0, 2), (1, math.nan)), ("22000", "NaN not allowed in sparsevec")),
    ],
)
def test_sparsevec(data: bytes, expected: tuple[str, str]) -> None:
    assert error_of(registry.SPARSEVEC, data) == expected


@pytest.mark.parametrize("oid", [registry.BIT, registry.VARBIT])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", INSUFFICIENT),
        (struct.pack(">i", 3), INSUFFICIENT),
        (struct.pack(">iBB", 3, 1, 2), INCORRECT),
        (struct.pack(">i", -1), ("22P03", "invalid length in external bit string")),
        (struct.pack(">i", 2**31 - 1), ("22P03", "invalid length in external bit string")),
    ],
)
def test_bits(oid: int, data: bytes, expected: tuple[str, str]) -> None:
    assert error_of(oid, data) == expected


def test_bits_behind_the_last_are_dropped() -> None:
    assert binary_decoder(registry.BIT)(struct.pack(">iB", 3, 0xFF)) == "111"


@pytest.mark.parametrize(
    ("data", "expected"), [(b"12345", ("08P01", "no data left in message")), (b"1234567", INCORRECT)]
)
def test_macaddr(data: bytes, expected: tuple[str, str]) -> None:
    assert error_of(registry.MACADDR, data) == expected
