"""Values on the wire: what goes out comes back, and nothing that comes in is more than a SqlError."""

from __future__ import annotations

import json
import math
import struct
from contextlib import suppress
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.types import values

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column
from ruvector_engine.types import registry
from ruvector_engine.types.networks import parse_cidr, parse_inet
from ruvector_engine.types.registry import BY_NAME, BY_OID, TypeRef
from ruvector_engine.types.text import DEFAULT_SETTINGS
from ruvector_engine.types.timetzs import pack
from ruvector_server.types import binary_decoder, binary_encoder, row_encoder, text_decoder, text_encoder

VECTOR, INT8, FLOAT8, TEXT = registry.VECTOR, registry.INT8, registry.FLOAT8, registry.TEXT


def same(left: Any, right: Any) -> bool:
    """Equal, where 0.0 and -0.0 are not, and Decimals agree on their scale."""
    if isinstance(left, list):
        if getattr(left, "lower", None) != getattr(right, "lower", None):
            return False
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return type(left) is type(right) and str(left) == str(right)


@given(values.typed_values())
def test_binary_round_trip(typed: tuple[int, Any]) -> None:
    oid, value = typed
    encoded = binary_encoder(oid)(value)
    assert same(binary_decoder(oid)(encoded), value)
    assert same(binary_decoder(oid)(memoryview(encoded)), value)


@given(values.typed_values(), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "-03"]))
def test_text_round_trip(typed: tuple[int, Any], zone: str) -> None:
    oid, value = typed
    settings = {**DEFAULT_SETTINGS, "TimeZone": zone}
    # The hour that summer time repeats reads as its second occurrence.
    if BY_OID[oid].element_oid == registry.TIMESTAMPTZ or oid == registry.TIMESTAMPTZ:
        settings["TimeZone"] = "UTC" if zone == "Europe/Berlin" else zone
    encoded = text_encoder(oid, settings)(value)
    assert same(text_decoder(oid, settings)(encoded), value)


@given(values.SCALARS[registry.INTERVAL], st.sampled_from(["postgres", "postgres_verbose", "iso_8601"]))
def test_interval_styles_read_back(value: tuple[int, int, int], style: str) -> None:
    settings = {**DEFAULT_SETTINGS, "IntervalStyle": style}
    encoded = text_encoder(registry.INTERVAL, settings)(value)
    assert text_decoder(registry.INTERVAL, settings)(encoded) == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(39909248.0)
@example(3.4028234663852886e38)
@example(-3.4028234663852886e38)
@example(1e-45)
def test_vector_text_is_the_shortest(element: float) -> None:
    """No decimal with fewer digits is nearer to it than to another float32: half-way is not enough in PostgreSQL."""
    (printed,) = json.loads(text_encoder(VECTOR)(struct.pack("<f", element)))
    text = text_encoder(VECTOR)(struct.pack("<20f", *[element] * 20)).decode()
    assert set(text.strip("[]").split(",")) == {text_encoder(registry.FLOAT4)(element).decode()}
    digits = len(Decimal(str(printed)).normalize().as_tuple().digits)
    with np.errstate(over="ignore"):  # the one beyond the largest is infinite
        neighbours = [float(np.nextafter(np.float32(element), np.float32(end))) for end in (-np.inf, np.inf)]
    half_way = [(element + neighbour) / 2 for neighbour in neighbours]
    for fewer in range(1, digits):
        shorter = float(f"{element:.{fewer - 1}e}")
        with suppress(OverflowError):
            assert struct.pack("<f", shorter) != struct.pack("<f", element) or shorter in half_way


@given(st.sampled_from(sorted(values.ALL)), st.binary(max_size=40))
def test_garbage_is_a_sql_error(oid: int, data: bytes) -> None:
    for decode in (binary_decoder(oid), text_decoder(oid)):
        with suppress(SqlError):
            assert decode(data) is not None


@given(st.sampled_from(sorted(values.ALL)), st.text("0123456789+-:./ TZjanfebepochinty[]{},\"\\BCeE'P", max_size=25))
def test_nearly_good_text_is_a_sql_error(oid: int, text: str) -> None:
    with suppress(SqlError):
        assert text_decoder(oid)(text.encode()) is not None


BAD_BINARY = [
    ("bool", b"", "08P01", "no data left in message"),
    ("int4", b"\0\0\0", "08P01", "insufficient data left in message"),
    ("int4", b"\0\0\0\0\0", "22P03", "incorrect binary data format"),
    ("text", b"\xff", "22021", 'invalid byte sequence for encoding "UTF8": 0xff'),
    ("text", b"a\0", "22021", 'invalid byte sequence for encoding "UTF8": 0x00'),
    ("text", b"\xe2\x82", "22021", 'invalid byte sequence for encoding "UTF8": 0xe2 0x82'),
    ("name", b"a" * 64, "42622", "identifier too long"),
    ("date", struct.pack(">i", -2_451_546), "22008", "date out of range"),
    ("timestamp", struct.pack(">q", 2**63 - 2), "22008", "timestamp out of range"),
    ("time", struct.pack(">q", -1), "22008", "time out of range"),
    ("numeric", struct.pack(">HhHHH", 1, 0, 0, 0, 10_000), "22P03", 'invalid digit in external "numeric" value'),
    ("numeric", struct.pack(">HhHHH", 1, 0, 5, 0, 1), "22P03", 'invalid sign in external "numeric" value'),
    ("numeric", struct.pack(">HhHHH", 1, 0, 0, 20_000, 1), "22P03", 'invalid scale in external "numeric" value'),
    ("jsonb", b"\x02{}", "XX000", "unsupported jsonb version number 2"),
    ("jsonb", b"\x01{a", "22P02", "invalid input syntax for type json"),
    ("inet", b"\x05\x20\0\4\1\2\3\4", "22P03", 'invalid address family in external "inet" value'),
    ("inet", b"\x02\x21\0\4\1\2\3\4", "22P03", 'invalid bits in external "inet" value'),
    ("cidr", b"\x02\x08\1\4\1\2\3\4", "22P03", 'invalid external "cidr" value'),
    ("cidr", b"\x02\x21\1\4\1\2\3\4", "22P03", 'invalid bits in external "cidr" value'),
    ("macaddr8", b"\1\2\3\4\5", "08P01", "no data left in message"),
    ("timetz", struct.pack(">qi", 0, 57_600), "22009", "time zone displacement out of range"),
    ("timetz", struct.pack(">qi", -1, 0), "22008", "time out of range"),
    ("_int4", struct.pack(">iii", 7, 0, 23), "54000", "number of array dimensions (7) exceeds the maximum allowed (6)"),
    ("_int4", struct.pack(">iii", -1, 0, 23), "22P03", "invalid number of dimensions: -1"),
    ("_int4", struct.pack(">iiiii", 1, 2, 23, 1, 1), "22P03", "invalid array flags"),
    ("_int4", struct.pack(">iiiii", 1, 0, 23, -1, 1), "54000", "array size exceeds the maximum allowed (134217727)"),
    (
        "_int4",
        struct.pack(">iiiii", 1, 0, 25, 0, 0),
        "42804",
        "binary data has array element type 25 (text) instead of expected 23 (integer)",
    ),
    ("vector", b"", "08P01", "insufficient data left in message"),
    ("vector", struct.pack(">hhf", 1, 1, 1.0), "22000", "expected unused to be 0, not 1"),
    ("vector", struct.pack(">hh", 0, 0), "22000", "vector must have at least 1 dimension"),
    ("vector", struct.pack(">hh", 17_000, 0), "54000", "vector cannot have more than 16000 dimensions"),
    ("vector", struct.pack(">hhf", 1, 0, math.nan), "22000", "NaN not allowed in vector"),
    ("vector", struct.pack(">hhf", 1, 0, -math.inf), "22000", "infinite value not allowed in vector"),
    ("vector", struct.pack(">hhff", 1, 0, 1.0, 2.0), "22P03", "incorrect binary data format"),
    ("vector", struct.pack(">hhff", 3, 0, 1.0, 2.0), "08P01", "insufficient data left in message"),
]


@pytest.mark.parametrize(("type_name", "data", "sqlstate", "message"), BAD_BINARY)
def test_bad_binary(type_name: str, data: bytes, sqlstate: str, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        binary_decoder(BY_NAME[type_name].oid)(data)
    assert (caught.value.sqlstate, caught.value.message) == (sqlstate, message)


#: What PostgreSQL sends for these values.
BINARY = [
    ("interval", (0, 1, 0), "00000000000000000000000100000000"),
    ("numeric", Decimal("1.5"), "000200000000000100011388"),
    ("numeric", Decimal("-1234567.891"), "0003000140000003007b11d722ce"),
    ("numeric", Decimal("0.00"), "0000000000000002"),
    ("numeric", Decimal("10000000000"), "00010002000000000064"),
    ("numeric", Decimal("NaN"), "00000000c0000000"),
    ("numeric", Decimal("-Infinity"), "00000000f0000020"),
    ("numeric", Decimal("0.00012"), "0002ffff00000005000107d0"),
    ("numeric", Decimal("12345.6789"), "0003000100000004000109291a85"),
    ("_int4", [1, None, 3], "00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003"),
    ("_int4", [], "000000000000000000000017"),
    ("int2vector", [1, 2], "0000000100000000000000150000000200000000000000020001000000020002"),
    ("vector", struct.pack("<2f", 1, 2), "000200003f80000040000000"),
    ("jsonb", '{"a": 1}', "017b2261223a20317d"),
    ("inet", parse_inet("1.2.3.4"), "0220000401020304"),
    ("inet", parse_inet("1.2.3.4/8"), "0208000401020304"),
    ("cidr", parse_cidr("10.0.0.0/8"), "020801040a000000"),
    ("macaddr8", "08:00:2b:01:02:03:04:05", "08002b0102030405"),
    ("xid8", 2**64 - 1, "ffffffffffffffff"),
    ("timetz", pack(0, -3600), "0000000000000000fffff1f0"),
]


@pytest.mark.parametrize(("type_name", "value", "expected"), BINARY)
def test_binary_bytes(type_name: str, value: object, expected: str) -> None:
    assert binary_encoder(BY_NAME[type_name].oid)(value).hex() == expected


def test_dangling_numeric_digits_are_cut() -> None:
    data = struct.pack(">HhHHHHH", 3, 0, 0, 2, 1, 2345, 6789)
    assert str(binary_decoder(registry.NUMERIC)(data)) == "1.23"


def expected_row(fields: list[bytes | None]) -> bytes:
    body = struct.pack(">h", len(fields))
    for field in fields:
        body += struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field
    return b"D" + struct.pack(">i", len(body) + 4) + body


@st.composite
def row_batches(draw: st.DrawFn) -> tuple[list[int], list[int], list[tuple[Any, ...]]]:
    oids = draw(st.lists(st.sampled_from([INT8, FLOAT8, registry.INT4, registry.BOOL, TEXT, VECTOR]), max_size=4))
    formats = [draw(st.sampled_from([0, 1])) for _ in oids]
    row = st.tuples(*[st.none() | values.ALL[oid] for oid in oids])
    return oids, formats, draw(st.lists(row, max_size=4))


@given(row_batches())
def test_row_encoder(batch: tuple[list[int], list[int], list[tuple[Any, ...]]]) -> None:
    oids, formats, rows = batch
    encode = row_encoder([Column("c", TypeRef(oid)) for oid in oids], formats, DEFAULT_SETTINGS)
    encoders = [binary_encoder(oid) if code else text_encoder(oid) for oid, code in zip(oids, formats, strict=True)]
    expected = [
        expected_row([None if value is None else write(value) for value, write in zip(row, encoders, strict=True)])
        for row in rows
    ]
    assert encode(rows) == b"".join(expected)


def test_every_type_has_codecs() -> None:
    for pg_type in registry.ALL_TYPES:
        binary_decoder(pg_type.oid)
        binary_encoder(pg_type.oid)
        text_decoder(pg_type.oid)
        text_encoder(pg_type.oid)


def test_no_null_is_mistaken_for_false() -> None:
    encode = row_encoder([Column("c", TypeRef(registry.BOOL))], [1], DEFAULT_SETTINGS)
    assert encode([(None,)]) == expected_row([None])


_DIGITS = "1" * 5000
_LONG_TEXTS = [
    _DIGITS,
    "0" * 5000 + "1",
    f"{_DIGITS}x",
    f"-{_DIGITS}",
    f"{_DIGITS} days",
    f"00:{_DIGITS}",
    f"1e{_DIGITS}",
    f"0x{_DIGITS}",
    f"2024-01-{_DIGITS}",
    f"2024-01-01 00:00+{_DIGITS}",
    f"P{_DIGITS}D",
    f"[{_DIGITS}]",
    f"[{_DIGITS}x]",
    f"{{{_DIGITS}}}",
    f"[1:{_DIGITS}]={{1}}",
    f'{{"a": {_DIGITS}}}',
    f"1 {' ' * 5000} x",
]


@pytest.mark.parametrize("oid", sorted(values.ALL))
def test_long_text(oid: int) -> None:
    """Nothing trips over Python's own limit on the digits of an integer."""
    for text in _LONG_TEXTS:
        with suppress(SqlError):
            assert text_decoder(oid)(text.encode()) is not None


def test_long_negative_numerics_keep_their_digits() -> None:
    value = Decimal("-10000000000000000000000000000.0000000001")
    assert same(binary_decoder(registry.NUMERIC)(binary_encoder(registry.NUMERIC)(value)), value)
