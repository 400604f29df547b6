"""Composite values in text and on the wire."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.types import values
from tests.types.test_wire_values import same

from ruvector_engine.catalog.composite_types import CompositeDef, row_type
from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.registry import BY_NAME, TypeRef
from ruvector_engine.types.text import format_text, parse_text
from ruvector_server.types import binary_decoder, binary_encoder, text_decoder, text_encoder

TEXTS = BY_NAME["_text"].oid


def composite(*oids: int) -> CompositeDef:
    columns = tuple(ColumnDef(f"c{n}", TypeRef(oid), n) for n, oid in enumerate(oids, 1))
    return CompositeDef(16_700, 16_701, 16_702, "public", "made", "_made", columns)


PAIR = composite(registry.INT4, registry.TEXT)
INNER = composite(registry.NUMERIC, TEXTS, registry.INTERVAL, PAIR.type_oid, PAIR.array_type_oid)
PAIRS = st.tuples(st.none() | values.SCALARS[registry.INT4], st.none() | values.TEXT)
INNERS = st.tuples(
    st.none() | values.SCALARS[registry.NUMERIC],
    st.none() | values.ARRAYS[TEXTS],
    st.none() | values.SCALARS[registry.INTERVAL],
    st.none() | PAIRS,
    st.none() | st.lists(st.none() | PAIRS, max_size=3),
)


def agree(left: Any, right: Any) -> bool:
    if isinstance(left, tuple):
        return isinstance(right, tuple) and len(left) == len(right) and all(map(agree, left, right))
    return same(left, right)


@given(INNERS)
def test_values_come_back(value: tuple[Any, ...]) -> None:
    oid = INNER.type_oid
    assert agree(binary_decoder(oid)(binary_encoder(oid)(value)), value)
    assert agree(text_decoder(oid)(text_encoder(oid)(value)), value)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_an_error(data: bytes) -> None:
    with suppress(SqlError):
        binary_decoder(INNER.type_oid)(data)


@given(st.text(st.sampled_from('(),"\\ a1'), max_size=12))
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    with suppress(SqlError):
        value = parse_text(TypeRef(PAIR.type_oid), text)
        assert parse_text(TypeRef(PAIR.type_oid), format_text(TypeRef(PAIR.type_oid), value)) == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (struct.pack(">i", 3), "wrong number of columns: 3, expected 2"),
        (
            struct.pack(">iIi", 2, 25, -1),
            "binary data has type 25 (text) instead of expected 23 (integer) in record column 1",
        ),
    ],
)
def test_binary_of_another_type(data: bytes, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        binary_decoder(PAIR.type_oid)(data)
    assert (caught.value.sqlstate, caught.value.message) == ("42804", message)


def test_a_tables_rows_have_a_type() -> None:
    table = TableDef(17_000, "app", "T", (ColumnDef("id", TypeRef(registry.INT8), 1),))
    made = row_type(table)
    assert (made.sql_name, made.relation_oid, made.is_row_type) == ('app."T"', 17_000, True)
    assert made.type_oid.pg.array_oid == made.array_type_oid
