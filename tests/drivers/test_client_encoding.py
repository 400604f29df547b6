"""client_encoding through drivers: what is sent, what comes back, and what the client is told of it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import psycopg2
import pytest
from psycopg import errors
from tests.drivers.conftest import Connection
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

TEXTS = {
    "LATIN1": "é ñ ß",
    "WIN1252": "€ é",
    "WIN1251": "привет",
    "KOI8R": "привет",
    "EUC_JP": "日本語",
    "SJIS": "日本語",
    "EUC_KR": "한국어",
    "UHC": "한국어 뷁",
    "GBK": "中文",
    "GB18030": "中文 😀",
    "BIG5": "中文",
}
EVERYTHING = "SELECT %t::text, %b::text, %s::jsonb::text, %s::text[]"


@pytest.fixture
def opened(server: Postgres | Server, request: pytest.FixtureRequest) -> Iterator[tuple[str, Connection]]:
    """A connection that has asked for an encoding at the start."""
    name = request.param
    with psycopg.connect(server.dsn(), client_encoding=name, autocommit=True) as connection:
        yield name, connection


@pytest.mark.parametrize("opened", TEXTS, indirect=True)
@pytest.mark.parametrize("binary", [False, True])
def test_there_and_back(opened: tuple[str, Connection], binary: bool) -> None:
    name, connection = opened
    text = TEXTS[name]
    assert connection.info.parameter_status("client_encoding") == name
    with connection.cursor(binary=binary) as cursor:
        for _ in range(4):  # the third time it is prepared, and repeated
            row = cursor.execute(EVERYTHING, (text, text, f'"{text}"', [text]))
            assert row.fetchone() == (text, text, f'"{text}"', [text])
        assert cursor.execute("SELECT length(%s::text)", (text,)).fetchone() == (len(text),)


@pytest.mark.parametrize("opened", ["LATIN1", "EUC_JP"], indirect=True)
def test_names_literals_and_errors(opened: tuple[str, Connection]) -> None:
    name, connection = opened
    text = TEXTS[name]
    cursor = connection.execute(f"SELECT '{text}' AS \"{text}\"".encode(connection.info.encoding))
    assert cursor.description is not None
    assert (cursor.description[0].name, cursor.fetchone()) == (text, (text,))
    with pytest.raises(errors.UndefinedTable, match=f'relation "{text}" does not exist'):
        connection.execute(f'SELECT * FROM "{text}"'.encode(connection.info.encoding))
    with pytest.raises(errors.UntranslatableCharacter):
        connection.execute("SELECT chr(8207)")
    assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("opened", ["LATIN1", "SJIS", "GB18030"], indirect=True)
def test_copy(opened: tuple[str, Connection]) -> None:
    name, connection = opened
    text = TEXTS[name]
    connection.execute("DROP TABLE IF EXISTS encoded")
    connection.execute("CREATE TABLE encoded (id int, t text)")
    with connection.cursor() as cursor:
        for options in ("", "(FORMAT csv)", "(FORMAT binary)"):
            cursor.execute("TRUNCATE encoded")
            with cursor.copy(f"COPY encoded FROM STDIN {options}") as copy:
                if "binary" in options:
                    copy.set_types(["int4", "text"])
                    copy.write_row((1, text))
                else:
                    copy.write(f"1{',' if options else chr(9)}{text}\n")
            assert cursor.execute("SELECT t FROM encoded").fetchone() == (text,)
        with cursor.copy("COPY encoded TO STDOUT") as copy:
            assert b"".join(map(bytes, copy)) == f"1\t{text}\n".encode(connection.info.encoding)


def test_the_encoding_changes_under_way(server: Postgres | Server) -> None:
    """Also for a statement that was prepared before, and within a pipeline."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.prepare_threshold = 0
        for name in ("UTF8", "LATIN1", "UTF8", "WIN1252", "UTF8"):
            connection.execute(f"SET client_encoding = '{name}'")
            assert connection.info.parameter_status("client_encoding") == name
            for _ in range(3):
                cursor = connection.execute('SELECT %s::text AS "é"', ("é",))
                assert cursor.description is not None
                assert (cursor.description[0].name, cursor.fetchone()) == ("é", ("é",))
        with connection.transaction(force_rollback=True):
            connection.execute("SET client_encoding = 'LATIN1'")
            assert connection.execute("SELECT 'é'").fetchone() == ("é",)
        assert connection.info.parameter_status("client_encoding") == "UTF8"
        assert connection.execute("SELECT '日'").fetchone() == ("日",)


def test_psycopg2(server: Postgres | Server) -> None:
    connection = psycopg2.connect(server.dsn())
    try:
        connection.set_client_encoding("WIN1252")
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s, '€'", ("ü",))
            assert cursor.fetchone() == ("ü", "€")
    finally:
        connection.close()


def test_an_encoding_that_there_is_not(server: Postgres | Server) -> None:
    with pytest.raises(psycopg.OperationalError, match='invalid value for parameter "client_encoding": "nope"'):
        psycopg.connect(server.dsn(), options="-c client_encoding=nope")
