"""psycopg 3 with asyncio: the same protocol from another event loop, pipelines, cursors, COPY, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import psycopg
import pytest
from pgvector import Vector
from pgvector.psycopg import register_vector_async
from psycopg import errors
from tests.drivers.conftest import PASSWORD
from tests.oracle.server import Server

NEAREST = "SELECT id FROM driver_items ORDER BY embedding <-> %s LIMIT %s"

Connection = psycopg.AsyncConnection[tuple[object, ...]]
Scenario = Callable[[Connection], Awaitable[None]]


@pytest.fixture
def run(dsn: str) -> Callable[[Scenario], None]:
    """Run a scenario over an autocommit connection with the vector type registered, and twenty rows to search."""

    async def with_connection(scenario: Scenario) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await register_vector_async(connection)
            vectors = [(np.array([number, 0, 0], dtype=np.float32),) for number in range(1, 21)]
            await connection.cursor().executemany("INSERT INTO driver_items (embedding) VALUES (%s)", vectors)
            await scenario(connection)

    return lambda scenario: asyncio.run(with_connection(scenario))


async def ids(connection: Connection, query: list[float], limit: int) -> list[object]:
    cursor = await connection.execute(NEAREST, (Vector(query), limit))
    return [row[0] for row in await cursor.fetchall()]


def test_nearest_neighbours(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Connection) -> None:
        assert await ids(connection, [7.2, 0, 0], 3) == [7, 8, 6]

    run(scenario)


def test_a_pipeline(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Connection) -> None:
        async with connection.pipeline():
            found = await asyncio.gather(*[ids(connection, [number, 0, 0], 1) for number in range(1, 21)])
        assert found == [[number] for number in range(1, 21)]

    run(scenario)


def test_a_server_side_cursor(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Connection) -> None:
        async with connection.transaction(), connection.cursor("reader") as cursor:
            cursor.itersize = 7
            await cursor.execute("SELECT id FROM driver_items ORDER BY id")
            assert [row[0] async for row in cursor] == list(range(1, 21))

    run(scenario)


def test_copy(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Connection) -> None:
        query = "COPY (SELECT id, embedding FROM driver_items WHERE id < 3 ORDER BY id) TO STDOUT"
        async with connection.cursor().copy(query) as copy:
            data = b"".join([bytes(chunk) async for chunk in copy])
        assert data == b"1\t[1,0,0]\n2\t[2,0,0]\n"
        async with connection.cursor().copy("COPY driver_items (id, embedding) FROM STDIN") as copy:
            for number in (901, 902):
                await copy.write_row((number, np.array([number, 0, 0])))
        assert await ids(connection, [901.4, 0, 0], 2) == [901, 902]

    run(scenario)


def test_an_error_and_a_rollback(run: Callable[[Scenario], None]) -> None:
    async def delete_and_fail(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute("DELETE FROM driver_items")
            await connection.execute("SELECT * FROM nowhere")

    async def scenario(connection: Connection) -> None:
        with pytest.raises(errors.UndefinedTable):
            await delete_and_fail(connection)
        assert await ids(connection, [7, 0, 0], 1) == [7]

    run(scenario)


def test_a_cancelled_task(run: Callable[[Scenario], None]) -> None:
    async def scenario(connection: Connection) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(connection.execute("SELECT pg_sleep(30)"), 0.3)
        assert await ids(connection, [7, 0, 0], 1) == [7]

    run(scenario)


def test_a_password(guarded: Server) -> None:
    async def scenario() -> None:
        async with await psycopg.AsyncConnection.connect(guarded.dsn(), password=PASSWORD) as connection:
            cursor = await connection.execute("SELECT 1")
            assert await cursor.fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            await psycopg.AsyncConnection.connect(guarded.dsn(), password="wrong")

    asyncio.run(scenario())
