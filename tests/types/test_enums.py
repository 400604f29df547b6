"""Enums' values in text and on the wire, and OIDs that know their type."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvector_engine.catalog.enum_types import EnumDef, EnumValue
from ruvector_engine.errors import SqlError
from ruvector_engine.types.registry import BY_OID, INT4, TypeRef
from ruvector_engine.types.text import format_text, parse_text
from ruvector_server.types import binary_decoder, binary_encoder, text_decoder, text_encoder

LABELS = ("", "sad", "NULL", "with blank", 'quote " and \\', "komma,", "{brace}", "ü" * 31)


def mood(name: str = "mood") -> EnumDef:
    return EnumDef(
        16_600, 16_601, "public", name, f"_{name}", tuple(EnumValue(1, v, n) for n, v in enumerate(LABELS, 1))
    )


ARRAYS = st.lists(st.none() | st.sampled_from(LABELS), max_size=6)


@given(st.sampled_from(LABELS))
def test_labels_come_back(label: str) -> None:
    oid = mood().type_oid
    assert binary_decoder(oid)(binary_encoder(oid)(label)) == label
    assert text_decoder(oid)(text_encoder(oid)(label)) == label
    assert parse_text(TypeRef(oid), format_text(TypeRef(oid), label)) == label


@given(ARRAYS)
def test_arrays_come_back(value: list[Any]) -> None:
    oid = mood().array_type_oid
    assert binary_decoder(oid)(binary_encoder(oid)(value)) == value
    assert text_decoder(oid)(text_encoder(oid)(value)) == value


@given(st.binary(max_size=40))
def test_garbage_is_a_sql_error(data: bytes) -> None:
    for decode in (binary_decoder(mood().array_type_oid), text_decoder(mood().array_type_oid)):
        with suppress(SqlError):
            assert isinstance(decode(data), list)


@given(st.text(max_size=10).filter(lambda text: text not in LABELS))
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(SqlError) as raised:
        parse_text(TypeRef(mood("Odd One").type_oid), text)
    assert raised.value.sqlstate == "22P02"
    assert raised.value.message == f'invalid input value for enum "Odd One": "{text}"'


def test_an_oid_knows_its_type() -> None:
    oid, array_oid = mood().type_oid, mood().array_type_oid
    assert BY_OID[oid].sql_name == "mood"
    assert BY_OID[array_oid].element_oid is not None
    assert BY_OID[BY_OID[array_oid].element_oid].name == "mood"
    assert BY_OID[BY_OID[oid].array_oid].sql_name == "mood[]"
    assert oid == 16_600
    assert oid != array_oid
    assert hash(oid) == hash(16_600)
    assert 16_600 not in BY_OID
    assert BY_OID.get(INT4) is BY_OID[INT4]
