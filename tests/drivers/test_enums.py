"""Enums as clients use them: their look-ups in the catalogs, values in text and binary."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterator
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg.types.enum import EnumInfo, register_enum
from tests.drivers.conftest import Connection
from tests.drivers.test_asyncpg import options


class Mood(enum.Enum):
    """Python's side of the type."""

    SAD = "sad"
    OK = "ok"
    HAPPY = "happy"


@pytest.fixture
def table(connection: Connection) -> Iterator[str]:
    """A table with a column of an enum and one of arrays of it."""
    connection.execute("DROP TABLE IF EXISTS driver_moods")
    connection.execute("DROP TYPE IF EXISTS driver_mood")
    connection.execute("CREATE TYPE driver_mood AS ENUM ('sad', 'ok', 'happy')")
    connection.execute("CREATE TABLE driver_moods (id int PRIMARY KEY, mood driver_mood, moods driver_mood[])")
    yield "driver_moods"
    connection.execute("DROP TABLE driver_moods")
    connection.execute("DROP TYPE driver_mood")


def info_of(connection: Connection) -> EnumInfo:
    info = EnumInfo.fetch(connection, "driver_mood")
    assert info is not None
    return info


def test_the_type_is_found(connection: Connection, table: str) -> None:
    info = info_of(connection)
    assert info.labels == ["sad", "ok", "happy"]
    assert connection.execute("SELECT typname FROM pg_type WHERE oid = %s", (info.array_oid,)).fetchone() == (
        "_driver_mood",
    )


@pytest.mark.parametrize("binary", [False, True])
def test_registered_values_come_back(connection: Connection, table: str, binary: bool) -> None:
    register_enum(info_of(connection), connection, Mood, mapping={member: member.value for member in Mood})
    cursor = connection.cursor(binary=binary)
    placeholder = "%b" if binary else "%t"
    row = cursor.execute(
        f"INSERT INTO {table} VALUES (1, {placeholder}, {placeholder}) RETURNING mood, moods",
        (Mood.OK, [Mood.SAD, None, Mood.HAPPY]),
    ).fetchone()
    assert row == (Mood.OK, [Mood.SAD, None, Mood.HAPPY])
    found = cursor.execute(f"SELECT id FROM {table} WHERE mood > {placeholder}", (Mood.SAD,)).fetchone()
    assert found == (1,)
    found = cursor.execute(f"SELECT id FROM {table} WHERE mood = ANY({placeholder})", ([Mood.OK],)).fetchone()
    assert found == (1,)


def test_binary_copy(connection: Connection, table: str) -> None:
    cursor = connection.cursor()
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "text"])
        copy.write_row((1, "ok", None))
    with cursor.copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "text"])
        assert list(copy.rows()) == [(1, "ok", None)]
    with pytest.raises(psycopg.errors.InvalidTextRepresentation, match='input value for enum driver_mood: "no"'):
        _copy_one(cursor, table, "no")


def _copy_one(cursor: psycopg.Cursor[tuple[object, ...]], table: str, label: str) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "text"])
        copy.write_row((2, label, None))


def test_a_statement_outlives_changes_of_the_type(connection: Connection, table: str) -> None:
    insert = f"INSERT INTO {table} (id, mood) VALUES (%s, %s::driver_mood) RETURNING mood"
    assert connection.execute(insert, (1, "ok"), prepare=True).fetchone() == ("ok",)
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        connection.execute(insert, (2, "meh"), prepare=True)
    with psycopg.connect(connection.info.dsn, autocommit=True) as other:
        other.execute("ALTER TYPE driver_mood ADD VALUE 'meh' BEFORE 'ok'")
        other.execute("ALTER TYPE driver_mood RENAME VALUE 'ok' TO 'fine'")
    assert connection.execute(insert, (2, "meh"), prepare=True).fetchone() == ("meh",)
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        connection.execute(insert, (3, "ok"), prepare=True)
    rows = connection.execute(f"SELECT mood FROM {table} ORDER BY mood").fetchall()
    assert rows == [("meh",), ("fine",)]


def test_asyncpg(connection: Connection, table: str, dsn: str) -> None:
    async def scenario() -> None:
        client: Any = await asyncpg.connect(**options(dsn))
        try:
            row = await client.fetchrow(
                f"INSERT INTO {table} VALUES ($1, $2, $3) RETURNING mood, moods", 1, "happy", ["ok", None]
            )
            assert tuple(row) == ("happy", ["ok", None])
            assert await client.fetchval(f"SELECT count(*) FROM {table} WHERE mood > $1", "ok") == 1
            with pytest.raises(asyncpg.exceptions.InvalidTextRepresentationError):
                await client.execute(f"INSERT INTO {table} VALUES (2, $1, NULL)", "nope")
            await client.copy_records_to_table(table, records=[(5, "sad", ["sad"])])
            assert await client.fetchval(f"SELECT moods FROM {table} WHERE id = 5") == ["sad"]
        finally:
            await client.close()

    asyncio.run(scenario())
