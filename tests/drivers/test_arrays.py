"""Arrays of several dimensions through drivers that send and read them in text and binary."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import asyncpg
import psycopg
import pytest
from tests.drivers.conftest import Connection
from tests.drivers.test_asyncpg import options

CUBE = [[[1, 2], [3, None]], [[5, 6], [7, 8]]]


@pytest.mark.parametrize("binary", [False, True])
def test_psycopg_round_trip(connection: Connection, binary: bool) -> None:
    connection.execute("DROP TABLE IF EXISTS driver_cubes")
    connection.execute(
        "CREATE TABLE driver_cubes (id int PRIMARY KEY, plain int[], cube int[][][], prices numeric[][])"
    )
    place = "%b" if binary else "%t"
    prices = [[Decimal("1.50"), None], [Decimal(3), Decimal("-0.01")]]
    insert = f"INSERT INTO driver_cubes VALUES (%s, {place}, {place}, {place})"
    connection.execute(insert, (1, CUBE, CUBE, prices))
    connection.execute(insert, (2, [1, 2], [[9]], []))
    cursor = connection.cursor(binary=binary)
    rows: list[Any] = cursor.execute("SELECT plain, cube, prices FROM driver_cubes ORDER BY id").fetchall()
    assert rows == [(CUBE, CUBE, prices), ([1, 2], [[9]], [])]
    assert cursor.execute(f"SELECT id FROM driver_cubes WHERE cube = {place}::int[]", (CUBE,)).fetchall() == [(1,)]
    same = cursor.execute(f"SELECT {place}::int[], array_ndims({place}::int[])", (CUBE, [1])).fetchone()
    assert same == (CUBE, 1)


@pytest.mark.parametrize("binary", [False, True])
def test_one_prepared_statement_takes_every_shape(connection: Connection, binary: bool) -> None:
    cursor = connection.cursor(binary=binary)
    values: list[tuple[list[Any], int]] = [([1], 1), (CUBE, 8), ([], 0), ([[1], [2]], 2), ([3, 4], 2)]
    for value, count in values:
        found = cursor.execute("SELECT %b::int[], cardinality(%b::int[])", (value, value), prepare=True).fetchone()
        assert found == (value, count)


def test_asyncpg_round_trip(dsn: str) -> None:
    async def scenario() -> None:
        connection = await asyncpg.connect(**options(dsn))
        try:
            await connection.execute(
                "DROP TABLE IF EXISTS driver_grids; CREATE TABLE driver_grids (id int, g text[][])"
            )
            grid = [["a", None], ["c,d", '"']]
            insert = await connection.prepare("INSERT INTO driver_grids VALUES ($1, $2)")
            await insert.executemany([(1, grid), (2, ["x"]), (3, [])])
            await connection.copy_records_to_table("driver_grids", records=[(4, [["p"], ["q"]])])
            rows = await connection.fetch("SELECT g FROM driver_grids ORDER BY id")
            assert [row["g"] for row in rows] == [grid, ["x"], [], [["p"], ["q"]]]
            assert await connection.fetchval("SELECT g[2][1] FROM driver_grids WHERE g = $1", grid) == "c,d"
        finally:
            await connection.close()

    asyncio.run(scenario())


def test_lower_bounds_survive_binary_copy(connection: Connection) -> None:
    connection.execute("DROP TABLE IF EXISTS driver_bounds; CREATE TABLE driver_bounds (a int[])")
    connection.execute("INSERT INTO driver_bounds VALUES ('[-1:0][2:3]={{1,2},{3,4}}'), ('[0:0]={7}'), ('{8}')")
    with connection.cursor().copy("COPY driver_bounds TO STDOUT (FORMAT binary)") as copy:
        data = b"".join(bytes(part) for part in copy)
    connection.execute("TRUNCATE driver_bounds")
    with connection.cursor().copy("COPY driver_bounds FROM STDIN (FORMAT binary)") as copy:
        copy.write(data)
    rows = connection.execute("SELECT a::text FROM driver_bounds ORDER BY a").fetchall()
    assert rows == [("[-1:0][2:3]={{1,2},{3,4}}",), ("[0:0]={7}",), ("{8}",)]


def test_an_array_of_several_dimensions_is_no_vector(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.DataException, match="array must be 1-D"):
        connection.execute("SELECT %s::float8[]::vector", ([[1.0, 2.0]],))
