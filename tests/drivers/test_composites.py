"""Composite types as clients use them: their look-ups in the catalogs, values in text and binary."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import asyncpg
import psycopg
import pytest
from psycopg.types.composite import CompositeInfo, register_composite
from tests.drivers.conftest import Connection
from tests.drivers.test_asyncpg import options


class Part(NamedTuple):
    """Python's side of the type."""

    name: str | None
    price: Decimal | None
    tags: list[str] | None


@pytest.fixture
def table(connection: Connection) -> Iterator[str]:
    """A table with a column of a composite type and one of arrays of it."""
    connection.execute("DROP TABLE IF EXISTS driver_parts")
    connection.execute("DROP TYPE IF EXISTS driver_part")
    connection.execute("CREATE TYPE driver_part AS (name text, price numeric(8,2), tags text[])")
    connection.execute("CREATE TABLE driver_parts (id int PRIMARY KEY, part driver_part, parts driver_part[])")
    yield "driver_parts"
    connection.execute("DROP TABLE driver_parts")
    connection.execute("DROP TYPE driver_part")


def info_of(connection: Connection, name: str = "driver_part") -> CompositeInfo:
    info = CompositeInfo.fetch(connection, name)
    assert info is not None
    return info


def test_the_type_is_found(connection: Connection, table: str) -> None:
    info = info_of(connection)
    assert list(info.field_names) == ["name", "price", "tags"]
    assert list(info.field_types) == [25, 1700, 1009]
    assert list(info_of(connection, table).field_names) == ["id", "part", "parts"]


@pytest.mark.parametrize("binary", [False, True])
def test_registered_values_come_back(connection: Connection, table: str, binary: bool) -> None:
    register_composite(info_of(connection), connection, Part)
    cursor = connection.cursor(binary=binary)
    placeholder = "%b" if binary else "%t"
    nut = Part("nut, hex", Decimal("0.25"), ["m6", 'a"b'])
    bolt = Part(None, None, [])
    row = cursor.execute(
        f"INSERT INTO {table} VALUES (1, {placeholder}, {placeholder}) RETURNING part, parts", (nut, [bolt, None, nut])
    ).fetchone()
    assert row == (nut, [bolt, None, nut])
    found = cursor.execute(f"SELECT (part).price FROM {table} WHERE part = {placeholder}", (nut,)).fetchone()
    assert found == (Decimal("0.25"),)


@pytest.mark.parametrize("binary", [False, True])
def test_whole_rows_come_back(connection: Connection, table: str, binary: bool) -> None:
    connection.execute(f"INSERT INTO {table} VALUES (1, ROW('nut', 1, NULL), '{{}}')")
    register_composite(info_of(connection), connection, Part)
    register_composite(info_of(connection, table), connection)
    row: Any = connection.cursor(binary=binary).execute(f"SELECT t FROM {table} AS t").fetchone()
    assert row is not None
    assert tuple(row[0]) == (1, Part("nut", Decimal("1.00"), None), [])


def test_copy(connection: Connection, table: str) -> None:
    info = info_of(connection)
    register_composite(info, connection, Part)
    nut = Part("nut", Decimal("1.00"), ["x"])
    with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", info.oid, info.array_oid])
        copy.write_row((1, nut, [nut]))
    assert connection.execute(f"SELECT part, parts FROM {table}").fetchone() == (nut, [nut])


def test_asyncpg_introspects(dsn: str, table: str) -> None:
    async def scenario() -> None:
        connection = await asyncpg.connect(**options(dsn))
        try:
            await connection.execute(f"INSERT INTO {table} VALUES ($1, $2, $3)", 1, ("a", Decimal(2), None), [])
            record = await connection.fetchval(f"SELECT part FROM {table}")
            assert dict(record) == {"name": "a", "price": Decimal("2.00"), "tags": None}
            whole = await connection.fetchval(f"SELECT t FROM {table} AS t WHERE part = $1::driver_part", record)
            assert whole["id"] == 1
        finally:
            await connection.close()

    asyncio.run(scenario())


def test_a_field_that_does_not_fit(connection: Connection, table: str) -> None:
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        connection.execute(f"INSERT INTO {table} VALUES (1, ROW('x', 12345678, NULL))")
