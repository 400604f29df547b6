"""Ranges as clients use them: psycopg's Range and asyncpg's, in text and binary."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg.types.range import Int4Range, Range, RangeInfo
from tests.drivers.conftest import Connection
from tests.drivers.test_asyncpg import options

JANUARY = (datetime.date(2024, 1, 1), datetime.date(2024, 2, 1))
NOON = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)
VALUES: tuple[Range[Any], ...] = (
    Range(1, 5),
    Range(2**40, None),
    Range(Decimal("1.50"), Decimal(3), "(]"),
    Range(*JANUARY),
    Range(None, NOON, "()"),
)


@pytest.fixture
def table(connection: Connection) -> Iterator[str]:
    """A table with a column of most range types."""
    connection.execute("DROP TABLE IF EXISTS driver_spans")
    connection.execute(
        "CREATE TABLE driver_spans (i int4range, b int8range, n numrange, d daterange, t tstzrange, many int4range[])"
    )
    yield "driver_spans"
    connection.execute("DROP TABLE driver_spans")


@pytest.mark.parametrize("binary", [False, True])
def test_psycopg_round_trip(connection: Connection, table: str, binary: bool) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    cursor = connection.cursor(binary=binary)
    place = "%b" if binary else "%t"
    many = [Int4Range(1, 2), None, Int4Range(empty=True)]
    insert = f"INSERT INTO {table} VALUES ({', '.join([place] * 6)}) RETURNING *"
    row: Any = cursor.execute(insert, (*VALUES, many)).fetchone()
    assert row == (*VALUES, many)
    found = cursor.execute(f"SELECT count(*) FROM {table} WHERE n = {place} AND i @> 4", (VALUES[2],)).fetchone()
    assert found == (1,)


def test_the_types_are_found(connection: Connection) -> None:
    info = RangeInfo.fetch(connection, "daterange")
    assert info is not None
    assert (info.oid, info.array_oid, info.subtype_oid) == (3912, 3913, 1082)


def test_canonical_form(connection: Connection) -> None:
    found = connection.execute("SELECT %s::int4range, %s::daterange", (Range(1, 4, "[]"), Range(*JANUARY, "(]")))
    day = datetime.timedelta(days=1)
    assert found.fetchone() == (Range(1, 5), Range(JANUARY[0] + day, JANUARY[1] + day))


def test_binary_copy(connection: Connection, table: str) -> None:
    with connection.cursor().copy(f"COPY {table} (i, n) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4range", "numrange"])
        copy.write_row((Range(3, 7), Range(Decimal(1), None)))
    assert connection.execute(f"SELECT i, n FROM {table}").fetchone() == (Range(3, 7), Range(Decimal(1), None))


def test_bounds_the_wrong_way_round(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.DataException, match="range lower bound must be less than or equal"):
        connection.execute("SELECT %b", (Int4Range(5, 1),))


def test_asyncpg_round_trip(dsn: str, table: str) -> None:
    async def scenario() -> None:
        connection = await asyncpg.connect(**options(dsn))
        try:
            spans = (asyncpg.Range(1, 5), asyncpg.Range(Decimal(1), None), asyncpg.Range(*JANUARY))
            row = await connection.fetchrow(
                f"INSERT INTO {table} (i, n, d) VALUES ($1, $2, $3) RETURNING i, n, d", *spans
            )
            assert tuple(row) == spans
            await connection.execute(f"UPDATE {table} SET many = $1", [asyncpg.Range(empty=True), spans[0]])
            assert await connection.fetchval(f"SELECT many[2] FROM {table}") == spans[0]
            assert await connection.fetchval(f"SELECT d && $1 FROM {table}", spans[2]) is True
        finally:
            await connection.close()

    asyncio.run(scenario())
