"""COPY's formats: against PostgreSQL's answers, cut anywhere, and there and back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracle.postgres import Postgres
from tests.types import values
from tests.types.recorded_copy import CopyCase, RowSink, answer_here, answer_there, load

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column, CopyIn, CopyOptions, Origin
from ruvector_engine.types import registry
from ruvector_engine.types.registry import TypeRef
from ruvector_server.copy import batches, copy_decoder, copy_encoder, lines

CASES = load()
TEXT = CopyOptions()
CSV = CopyOptions(format="csv", delimiter=",", null="")
BINARY = CopyOptions(format="binary")


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1 << 20, 1, 2, 7])
def test_recorded(size: int) -> None:
    assert [case for case in CASES if answer_here(case, cut(case.data, size)) != case.answer] == []


@given(st.data())
def test_cut_anywhere(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES))
    places = sorted(data.draw(st.lists(st.integers(0, len(case.data)), max_size=5)))
    pieces = [case.data[start:end] for start, end in zip([0, *places], [*places, len(case.data)], strict=True)]
    assert answer_here(case, pieces) == case.answer


@pytest.mark.slow
def test_records_are_true(postgres: Postgres) -> None:
    with psycopg.connect(postgres.dsn(), prepare_threshold=None) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.commit()
        assert [case for case in CASES if answer_there(connection, case) != case.answer] == []


def decode(data: bytes, columns: Sequence[Column], options: CopyOptions, size: int = 1 << 20) -> list[tuple[Any, ...]]:
    sink = RowSink()
    decoder = copy_decoder(CopyIn("items", tuple(columns), options, sink))
    for piece in cut(data, size):
        decoder.feed(piece)
    decoder.finish()
    return sink.rows


def encode(rows: Sequence[tuple[Any, ...]], columns: Sequence[Column], options: CopyOptions) -> bytes:
    encoder = copy_encoder(columns, options)
    return encoder.header() + b"".join(encoder.rows(rows)) + encoder.trailer()


#: A "char" of a zero byte is no text; arrays inside would take the space of this test for themselves.
ROUND_TRIP_TYPES = sorted(oid for oid in values.SCALARS if oid != registry.BY_NAME["char"].oid)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], list[tuple[Any, ...]]]:
    oids = draw(st.lists(st.sampled_from(ROUND_TRIP_TYPES), min_size=1, max_size=4))
    columns = [Column(f"c{i}", TypeRef(oid)) for i, oid in enumerate(oids)]
    row = st.tuples(*[st.none() | values.SCALARS[oid] for oid in oids])
    return columns, draw(st.lists(row, max_size=5))


OPTIONS = [
    TEXT,
    CopyOptions(delimiter="|", null="nothing", header="on"),
    CopyOptions(delimiter=" "),
    CSV,
    CopyOptions(format="csv", delimiter=";", null="N", quote="'", escape="\\", header="match"),
    CopyOptions(format="csv", delimiter=",", null="", force_quote=None, header="on"),
    BINARY,
]


@given(tables(), st.sampled_from(OPTIONS), st.sampled_from([1, 3, 64, 1 << 20]))
def test_round_trip(table: tuple[list[Column], list[tuple[Any, ...]]], options: CopyOptions, size: int) -> None:
    columns, rows = table
    copied = decode(encode(rows, columns, options), columns, options, size)
    assert list(map(str, copied)) == list(map(str, rows))


@given(st.binary(max_size=60), st.sampled_from(OPTIONS), st.integers(1, 9))
def test_garbage_is_a_sql_error(data: bytes, options: CopyOptions, size: int) -> None:
    columns = [Column("id", TypeRef(registry.INT4)), Column("v", TypeRef(registry.VECTOR))]
    header = b"PGCOPY\n\xff\r\n\0" + bytes(8) if options.format == "binary" else b""
    outcomes = []
    for piece_size in (size, 1 << 20):
        try:
            outcomes.append(str(decode(header + data, columns, options, piece_size)))
        except SqlError as error:
            outcomes.append(f"{error} {error.context}")
    assert outcomes[0] == outcomes[1]


#: As PostgreSQL writes them.
OUTPUT = [
    ("x\ty\n\\z\r\b\f\v\x07\x7f", TEXT, b"x\\ty\\n\\\\z\\r\\b\\f\\v\x07\x7f\n"),
    ("", TEXT, b"\n"),
    (None, TEXT, b"\\N\n"),
    ("\\N", TEXT, b"\\\\N\n"),
    ("\\.", TEXT, b"\\\\.\n"),
    ("a b", CopyOptions(delimiter=" "), b"a\\ b\n"),
    ("x\ty\n\\z", CSV, b'"x\ty\n\\z"\n'),
    (None, CSV, b"\n"),
    ("", CSV, b'""\n'),
    ("\\.", CSV, b'"\\."\n'),
    ('a"b', CSV, b'"a""b"\n'),
    (" a ", CSV, b" a \n"),
    ("é", CSV, "é\n".encode()),
    ("N", CopyOptions(format="csv", delimiter=",", null="N"), b'"N"\n'),
    ("", CopyOptions(format="csv", delimiter=",", null="N"), b"\n"),
    ("a'\\b", CopyOptions(format="csv", delimiter=";", null="", quote="'", escape="\\"), b"'a\\'\\\\b'\n"),
    ("a", CopyOptions(format="csv", delimiter=",", null="", force_quote=None), b'"a"\n'),
    ("a", CopyOptions(format="csv", delimiter=",", null="", force_quote=frozenset({"x,y"})), b'"a"\n'),
]


@pytest.mark.parametrize(("value", "options", "expected"), OUTPUT)
def test_output(value: str | None, options: CopyOptions, expected: bytes) -> None:
    assert encode([(value,)], [Column("x,y", TypeRef(registry.TEXT))], options) == expected


def test_end_marker_look_alikes_are_quoted_only_alone() -> None:
    columns = [Column("a", TypeRef(registry.TEXT)), Column("b", TypeRef(registry.INT4))]
    assert encode([("\\.", 1)], columns, CSV) == b"\\.,1\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (CopyOptions(header="on"), b"x\\ty\\\\\tb\n"),
        (CopyOptions(format="csv", delimiter="\t", null="", header="on"), b'"x\ty\\"\tb\n'),
        (CSV, b""),
        (BINARY, b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"),
    ],
)
def test_header(options: CopyOptions, expected: bytes) -> None:
    columns = [Column("x\ty\\", TypeRef(registry.TEXT)), Column("b", TypeRef(registry.TEXT))]
    assert copy_encoder(columns, options).header() == expected


def test_one_payload_a_row() -> None:
    columns = [Column("a", TypeRef(registry.INT4)), Column("b", TypeRef(registry.TEXT))]
    encoder = copy_encoder(columns, BINARY)
    assert encoder.rows([(1, None), (2, "x")]) == [
        struct.pack(">hiii", 2, 4, 1, -1),
        struct.pack(">hiii", 2, 4, 2, 1) + b"x",
    ]
    assert encoder.trailer() == b"\xff\xff"


class CountingSink(RowSink):
    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def append(self, columns: Sequence[Sequence[Any]], origin: Origin) -> None:
        self.sizes.append(len(columns[0]))
        assert len(origin.numbers) == len(columns[0])
        super().append(columns, origin)


@pytest.mark.parametrize("options", [TEXT, CSV, BINARY])
def test_rows_reach_the_sink_in_batches(options: CopyOptions) -> None:
    columns = (Column("id", TypeRef(registry.INT4)), Column("name", TypeRef(registry.TEXT)))
    rows = [(i, f"name {i}") for i in range(3 * batches.MAX_BATCH_ROWS)]
    sink = CountingSink()
    decoder = copy_decoder(CopyIn("items", columns, options, sink))
    for piece in cut(encode(rows, columns, options), 10_000):
        decoder.feed(piece)
    assert len(sink.sizes) >= 2
    decoder.finish()
    assert sink.rows == rows
    assert max(sink.sizes) < 2 * batches.MAX_BATCH_ROWS


def test_large_values_are_batched_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_BATCH_BYTES", 1000)
    columns = (Column("b", TypeRef(registry.BYTEA)),)
    sink = CountingSink()
    decoder = copy_decoder(CopyIn("items", columns, BINARY, sink))
    for piece in cut(encode([(bytes(400),)] * 10, columns, BINARY), 100):
        decoder.feed(piece)
    decoder.finish()
    assert sink.sizes == [3, 3, 3, 1]


def test_endless_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    decoder = copy_decoder(CopyIn("items", (Column("a", TypeRef(registry.TEXT)),), TEXT, RowSink()))
    decoder.feed(b"a\n")
    for _ in range(10):
        decoder.feed(b"x" * 100)
    with pytest.raises(SqlError, match="COPY line exceeds the maximum allowed size") as caught:
        decoder.feed(b"x")
    assert caught.value.context == "COPY items, line 2"


def test_times_are_read_in_the_session_zone() -> None:
    sink = RowSink()
    copy = CopyIn("items", (Column("t", TypeRef(registry.TIMESTAMPTZ)),), TEXT, sink)
    decoder = copy_decoder(copy, {"TimeZone": "Asia/Tokyo"})
    decoder.feed(b"2000-01-01 09:00\n")
    decoder.finish()
    assert sink.rows == [(0,)]


def test_earlier_lines_fail_first() -> None:
    """Whatever is wrong in a later line, or in a later column of the same piece."""
    case = CopyCase(b"1\ta\tx\nx\tb\t1\n\xff\n", {}, 3, [])
    answer = answer_here(case, [case.data])
    assert isinstance(answer, dict)
    assert answer["error"][-1] == 'COPY items, line 1, column price: "x"'
