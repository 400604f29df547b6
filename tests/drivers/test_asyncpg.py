"""asyncpg with pgvector-python: binary always, every query prepared, types looked up in the catalogs."""

from __future__ import annotations

import asyncio
import datetime
import decimal
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import numpy as np
import pytest
from pgvector.asyncpg import register_vector
from psycopg.conninfo import conninfo_to_dict
from tests.drivers.conftest import PASSWORD
from tests.oracle.server import Server

NEAREST = "SELECT id FROM driver_items ORDER BY embedding <-> $1 LIMIT $2"

Scenario = Callable[[Any], Awaitable[None]]


def options(dsn: str) -> dict[str, Any]:
    given = conninfo_to_dict(dsn)
    return {"host": given["host"], "port": int(str(given["port"])), "user": given["user"], "database": given["dbname"]}


@pytest.fixture
def run(dsn: str) -> Callable[[Scenario], None]:
    """Run a scenario over a connection with the vector type registered."""

    async def with_connection(scenario: Scenario) -> None:
        connection = await asyncpg.connect(**options(dsn))
        try:
            await register_vector(connection)
            await scenario(connection)
        finally:
            await connection.close()

    return lambda scenario: asyncio.run(with_connection(scenario))


async def fill(connection: Any, rows: int = 20) -> None:
    await connection.executemany(
        "INSERT INTO driver_items (content, embedding) VALUES ($1, $2)",
        [(f"item {number}", np.array([number, 0, 0], dtype=np.float32)) for number in range(1, rows + 1)],
    )


async def ids(connection: Any, query: list[float], limit: int) -> list[int]:
    return [row["id"] for row in await connection.fetch(NEAREST, np.array(query), limit)]


async def delete_and_fail(connection: Any) -> None:
    async with connection.transaction():
        await connection.execute("DELETE FROM driver_items")
        raise ZeroDivisionError


def test_nearest_neighbours(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Any) -> None:
        await fill(connection)
        for _ in range(3):
            assert await ids(connection, [7.2, 0, 0], 3) == [7, 8, 6]
        vector = await connection.fetchval("SELECT embedding FROM driver_items WHERE id = 7")
        assert vector.to_list() == [7, 0, 0]

    run(scenario)


def test_every_column_type_survives(run: Callable[[Scenario], None]) -> None:
    stamp = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.UTC)
    values = ("héllo\n", None, decimal.Decimal("12.50"), '{"a": [1, null, "x"]}', stamp)

    async def scenario(connection: Any) -> None:
        row = await connection.fetchrow(
            "INSERT INTO driver_items (content, category, price, meta, created_at, embedding) "
            "VALUES ($1, $2, $3, $4, $5, $6) RETURNING *",
            *values,
            np.array([0.5, -2.5, 3e10], dtype=np.float32),
        )
        assert tuple(row)[:6] == (1, *values)

    run(scenario)


def test_arrays_are_looked_up(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Any) -> None:
        vectors = await connection.fetchval("SELECT ARRAY['[1,2]'::vector, '[3,4]'::vector]")
        assert [vector.to_list() for vector in vectors] == [[1, 2], [3, 4]]
        assert await connection.fetchval("SELECT $1::int[]", [1, None, 3]) == [1, None, 3]
        assert await connection.fetchval("SELECT id FROM generate_series(1, 9) id WHERE id = ANY($1)", [7]) == 7

    run(scenario)


def test_what_a_prepared_statement_says_of_itself(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Any) -> None:
        statement = await connection.prepare(NEAREST)
        assert [one.name for one in statement.get_parameters()] == ["vector", "int8"]
        assert [(one.name, one.type.name) for one in statement.get_attributes()] == [("id", "int8")]

    run(scenario)


def test_errors_and_transactions(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Any) -> None:
        await fill(connection, 3)
        with pytest.raises(asyncpg.UndefinedTableError) as raised:
            await connection.fetch("SELECT * FROM nowhere")
        assert raised.value.sqlstate == "42P01"
        with pytest.raises(ZeroDivisionError):
            await delete_and_fail(connection)
        assert await connection.fetchval("SELECT count(*) FROM driver_items") == 3
        async with connection.transaction(isolation="serializable"):
            async with connection.transaction():
                assert await ids(connection, [2, 0, 0], 1) == [2]
            await connection.execute("DELETE FROM driver_items WHERE id = 2")
        assert await ids(connection, [2, 0, 0], 1) == [1]

    run(scenario)


def test_a_cursor(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Any) -> None:
        await fill(connection)
        async with connection.transaction():
            found = [row["id"] async for row in connection.cursor("SELECT id FROM driver_items ORDER BY 1", prefetch=7)]
        assert found == list(range(1, 21))

    run(scenario)


def test_copy(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Any) -> None:
        records = [(number, np.array([number, 1, 2], dtype=np.float32)) for number in range(1000)]
        done = await connection.copy_records_to_table("driver_items", records=records, columns=["id", "embedding"])
        assert done == "COPY 1000"
        assert await ids(connection, [500, 1, 2], 1) == [500]
        received = bytearray()

        async def receive(data: bytes) -> None:
            received.extend(data)

        query = "SELECT id, embedding FROM driver_items WHERE id < $1 ORDER BY id"
        await connection.copy_from_query(query, 2, output=receive, format="csv")
        assert received == b'0,"[0,1,2]"\n1,"[1,1,2]"\n'

    run(scenario)


def test_a_timeout_cancels(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Any) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("SELECT pg_sleep(30)", timeout=0.3)
        assert await connection.fetchval("SELECT 1") == 1

    run(scenario)


def test_a_pool(dsn: str) -> None:
    """A connection that goes back to the pool is reset by a script of several statements."""

    async def scenario() -> None:
        async with asyncpg.create_pool(**options(dsn), min_size=1, max_size=2, init=register_vector) as pool:
            async with pool.acquire() as connection:
                await fill(connection)
                await connection.execute("SET application_name = 'borrowed'")
            found = await asyncio.gather(*[ids(pool, [number, 0, 0], 1) for number in range(1, 21)])
            assert found == [[number] for number in range(1, 21)]
            assert await pool.fetchval("SHOW application_name") == ""

    asyncio.run(scenario())


def test_a_password(guarded: Server) -> None:
    async def scenario() -> None:
        connection = await asyncpg.connect(**options(guarded.dsn()), password=PASSWORD)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(**options(guarded.dsn()), password="wrong")

    asyncio.run(scenario())
