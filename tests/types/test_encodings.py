"""Encodings: their tables against PostgreSQL's, and text that is cut anywhere."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracle.postgres import Postgres
from tests.types.record_encodings import MULTI_BYTE, sequences, tables_of
from tests.types.recorded_copy import RowSink

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column, CopyIn, CopyOptions
from ruvector_engine.types import registry
from ruvector_engine.types.encodings import AS_UTF8, NAMES, is_served, known_encoding, reader, writer
from ruvector_engine.types.registry import TypeRef
from ruvector_server.copy import copy_decoder, copy_encoder

SERVED = [name for name in NAMES if is_served(name) and name not in AS_UTF8]


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVED)
def test_tables_are_postgres_s(postgres: Postgres, name: str) -> None:
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        to_bytes, to_text = tables_of(connection, name)
    write, read = writer(name), reader(name)
    for point in (*range(1, 0xD800), *range(0xE000, 0x10000)):
        assert written(write, chr(point)) == to_bytes.get(chr(point)), hex(point)
    for sequence in sequences(name):
        assert was_read(read, sequence) == to_text.get(sequence), sequence


def written(write: object, character: str) -> bytes | None:
    assert callable(write)
    try:
        result: bytes = write(character)
    except SqlError:
        return None
    return result


def was_read(read: object, sequence: bytes) -> str | None:
    assert callable(read)
    try:
        text: str = read(sequence)
    except SqlError:
        return None
    return text if len(text) == 1 else None


@pytest.mark.parametrize("name", SERVED)
def test_every_character_that_is_written_alone_is_written_in_a_text(name: str) -> None:
    write = writer(name)
    characters = [chr(point) for point in range(1, 0xD800) if written(write, chr(point)) is not None]
    assert write("".join(characters)) == b"".join(map(write, characters))


@pytest.mark.parametrize("name", SERVED)
def test_zero_bytes_are_refused(name: str) -> None:
    with pytest.raises(SqlError, match="0x00") as caught:
        reader(name)(b"a\0b")
    assert caught.value.sqlstate == "22021"


def test_names_are_found_in_any_spelling() -> None:
    spellings = ("utf-8", "Unicode", "latin-1", "ISO_8859-15", "win_1252", "Shift JIS")
    assert [*map(known_encoding, spellings)] == ["UTF8", "UTF8", "LATIN1", "LATIN9", "WIN1252", "SJIS"]
    assert [*map(known_encoding, ("", "cp1252", "utf16", "étf8"))] == [None, None, None, None]


#: Characters of each of these encodings.
CHARACTERS = {
    "EUC_JP": "a\t日本語ｱ",
    "SJIS": "a\t日本語ｱ表",
    "GB18030": "a\t中文é€😀",
    "GBK": "a\t中文",
    "LATIN1": "a\té",
}


@given(st.data())
def test_copy_data_may_be_cut_anywhere(data: st.DataObject) -> None:
    """Within a character too."""
    name = data.draw(st.sampled_from(sorted(CHARACTERS)))
    texts = data.draw(st.lists(st.text(CHARACTERS[name], max_size=20), max_size=5))
    size = data.draw(st.integers(1, 7))
    columns = (Column("t", TypeRef(registry.TEXT)),)
    settings = {"client_encoding": name}
    encoded = b"".join(copy_encoder(columns, CopyOptions(), settings).rows([(text,) for text in texts]))
    sink = RowSink()
    decoder = copy_decoder(CopyIn("items", columns, CopyOptions(), sink), settings)
    for at in range(0, len(encoded), size):
        decoder.feed(encoded[at : at + size])
    decoder.finish()
    assert sink.rows == [(text,) for text in texts]


@pytest.mark.parametrize("name", MULTI_BYTE)
def test_data_that_ends_within_a_character(name: str) -> None:
    decoder = copy_decoder(
        CopyIn("items", (Column("t", TypeRef(registry.TEXT)),), CopyOptions(encoding=name), RowSink())
    )
    decoder.feed(b"whole\n\x81")
    with pytest.raises(SqlError, match="invalid byte sequence") as caught:
        decoder.finish()
    assert caught.value.context == "COPY items, line 2"
