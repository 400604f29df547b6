"""psycopg 3 with pgvector-python: text and binary, prepared, many rows, COPY, cursors, pipelines, cancellation."""

from __future__ import annotations

import datetime
import decimal
import threading
import time

import numpy as np
import psycopg
import pytest
from pgvector import Vector
from psycopg import errors
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from tests.drivers.conftest import Connection
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

NEAREST = "SELECT id FROM driver_items ORDER BY embedding <-> %s LIMIT %s"


def fill(connection: Connection, rows: int = 20) -> None:
    connection.cursor().executemany(
        "INSERT INTO driver_items (content, embedding) VALUES (%s, %s)",
        [(f"item {number}", np.array([number, 0, 0], dtype=np.float32)) for number in range(1, rows + 1)],
    )


def ids(connection: Connection, query: list[float], limit: int, *, binary: bool, prepare: bool) -> list[object]:
    cursor = connection.cursor(binary=binary)
    cursor.execute(NEAREST, (Vector(query), limit), prepare=prepare)
    return [row[0] for row in cursor]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("prepare", [False, True])
def test_nearest_neighbours(connection: Connection, binary: bool, prepare: bool) -> None:
    fill(connection)
    for _ in range(3):
        assert ids(connection, [7.2, 0, 0], 3, binary=binary, prepare=prepare) == [7, 8, 6]


@pytest.mark.parametrize("binary", [False, True])
def test_every_column_type_survives(connection: Connection, binary: bool) -> None:
    stamp = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.UTC)
    embedding = np.array([0.1, -2.5, 3e10], dtype=np.float32)
    values = ("héllo\n", None, decimal.Decimal("12.50"), Jsonb({"a": [1, None, "x"]}), stamp, embedding)
    cursor = connection.cursor(binary=binary)
    row = cursor.execute(
        "INSERT INTO driver_items (content, category, price, meta, created_at, embedding) "
        "VALUES (%s, %s, %s, %s, %s, %s) RETURNING *",
        values,
    ).fetchone()
    assert row is not None
    assert row[:6] == (1, "héllo\n", None, decimal.Decimal("12.50"), {"a": [1, None, "x"]}, stamp)
    assert row[6] == Vector(embedding)


@pytest.mark.parametrize("binary", [False, True])
def test_parameters_of_every_type(connection: Connection, binary: bool) -> None:
    cursor = connection.cursor(binary=binary)
    row = cursor.execute(
        "SELECT %s::int8, %s::float8, %s::text, %s::bool, %s::date, %s::int[], %s::bytea",
        (2**40, 0.1, "x", True, datetime.date(2024, 2, 29), [1, 2, 3], b"\x00\xff"),
    ).fetchone()
    assert row == (2**40, 0.1, "x", True, datetime.date(2024, 2, 29), [1, 2, 3], b"\x00\xff")


def test_executemany_returning(connection: Connection) -> None:
    cursor = connection.cursor()
    cursor.executemany(
        "INSERT INTO driver_items (embedding) VALUES (%s) RETURNING id", [(Vector([1, 2, 3]),)] * 3, returning=True
    )
    found = []
    while True:
        found += cursor.fetchall()
        if not cursor.nextset():
            break
    assert found == [(1,), (2,), (3,)]


def test_copy_binary(connection: Connection) -> None:
    with connection.cursor().copy("COPY driver_items (id, embedding) FROM STDIN WITH (FORMAT BINARY)") as copy:
        copy.set_types(["int8", "vector"])
        for number in range(1000):
            copy.write_row((number, np.array([number, 1, 2], dtype=np.float32)))
    assert connection.execute("SELECT count(*) FROM driver_items").fetchone() == (1000,)
    with connection.cursor().copy(
        "COPY (SELECT id, embedding FROM driver_items ORDER BY id) TO STDOUT WITH (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["int8", "vector"])
        rows = list(copy.rows())
    assert rows[7] == (7, Vector([7, 1, 2]))
    assert len(rows) == 1000


@pytest.mark.parametrize("options", ["", "WITH (FORMAT csv)"])
def test_copy_text(connection: Connection, options: str) -> None:
    fill(connection, 5)
    with connection.cursor().copy(f"COPY driver_items (id, embedding) TO STDOUT {options}") as copy:
        data = b"".join(bytes(chunk) for chunk in copy)
    connection.execute("TRUNCATE driver_items")
    with connection.cursor().copy(f"COPY driver_items (id, embedding) FROM STDIN {options}") as copy:
        copy.write(data)
    assert ids(connection, [3, 0, 0], 1, binary=False, prepare=False) == [3]


def test_copy_that_the_client_gives_up(connection: Connection) -> None:
    def give_up() -> None:
        with connection.cursor().copy("COPY driver_items (id) FROM STDIN") as copy:
            copy.write_row((1,))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        give_up()
    assert connection.execute("SELECT count(*) FROM driver_items").fetchone() == (0,)


def test_server_side_cursor(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO driver_items (content) SELECT 'x' FROM generate_series(1, 500)")
        with connection.cursor("reader") as cursor:
            cursor.itersize = 100
            cursor.execute("SELECT id FROM driver_items ORDER BY id")
            assert [row[0] for row in cursor] == list(range(1, 501))


def test_server_side_cursor_with_parameters(connection: Connection) -> None:
    """Named cursors are DECLAREd with the parameters bound, in order of distance too, and scroll when asked to."""
    fill(connection)
    with connection.transaction():
        with connection.cursor("reader") as cursor:
            cursor.execute("SELECT id FROM driver_items WHERE id < %s ORDER BY id", (4,))
            assert cursor.fetchall() == [(1,), (2,), (3,)]
        with connection.cursor("nearest", scrollable=True) as cursor:
            cursor.execute(NEAREST, (Vector([7.2, 0, 0]), 3))
            assert cursor.fetchall() == [(7,), (8,), (6,)]
            cursor.scroll(0, mode="absolute")
            assert cursor.fetchone() == (7,)


def test_streaming(connection: Connection) -> None:
    stream = connection.cursor().stream("SELECT g FROM generate_series(1, %s) g", (1000,))
    assert [row[0] for row in stream] == list(range(1, 1001))


def test_pipeline(connection: Connection) -> None:
    with connection.pipeline():
        fill(connection, 5)
        first = connection.execute(NEAREST, (Vector([2, 0, 0]), 1))
        second = connection.execute(NEAREST, (Vector([4, 0, 0]), 1))
    assert first.fetchone() == (2,)
    assert second.fetchone() == (4,)


def test_pipeline_after_an_error(connection: Connection) -> None:
    def run() -> None:
        with connection.pipeline() as pipeline:
            connection.execute("SELECT 1")
            connection.execute("SELECT * FROM nowhere")
            connection.execute("SELECT 2")
            pipeline.sync()

    with pytest.raises(errors.UndefinedTable):
        run()
    assert connection.execute("SELECT 3").fetchone() == (3,)


def test_transactions(dsn: str) -> None:
    with psycopg.connect(dsn) as connection, psycopg.connect(dsn, autocommit=True) as other:
        count = "SELECT count(*) FROM driver_items"
        connection.execute("INSERT INTO driver_items (content) VALUES ('mine')")
        assert connection.execute(count).fetchone() == (1,)
        assert other.execute(count).fetchone() == (0,)
        connection.commit()
        assert other.execute(count).fetchone() == (1,)
        connection.execute("DELETE FROM driver_items")
        connection.rollback()
        assert other.execute(count).fetchone() == (1,)
        with pytest.raises(errors.UndefinedColumn):
            connection.execute("SELECT nope FROM driver_items")
        with pytest.raises(errors.InFailedSqlTransaction):
            connection.execute(count)
        connection.rollback()
        assert connection.execute(count).fetchone() == (1,)


def test_errors_carry_their_fields(connection: Connection) -> None:
    with pytest.raises(errors.DataException, match="expected 3 dimensions, not 2"):
        connection.execute("INSERT INTO driver_items (embedding) VALUES (%s)", (Vector([1, 2]),))
    with pytest.raises(errors.UniqueViolation) as caught:
        connection.execute("INSERT INTO driver_items (id) VALUES (1), (1)")
    diagnostics = caught.value.diag
    assert diagnostics.severity == "ERROR"
    assert diagnostics.constraint_name == "driver_items_pkey"
    assert diagnostics.table_name == "driver_items"
    assert diagnostics.message_detail == "Key (id)=(1) already exists."
    with pytest.raises(errors.SyntaxError) as caught_syntax:
        connection.execute("SELECT 1 FORM x y")
    assert caught_syntax.value.diag.statement_position is not None


def test_cancel(connection: Connection) -> None:
    failures: list[BaseException] = []

    def sleep() -> None:
        try:
            connection.execute("SELECT pg_sleep(30)")
        except psycopg.Error as error:
            failures.append(error)

    thread = threading.Thread(target=sleep)
    thread.start()
    while thread.is_alive():  # a request that arrives before the statement does nothing, so ask again
        time.sleep(0.1)
        connection.cancel_safe()
    assert isinstance(failures[0], errors.QueryCanceled)
    assert failures[0].diag.message_primary == "canceling statement due to user request"
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_lost_client_harms_nobody(dsn: str, connection: Connection) -> None:
    with psycopg.connect(dsn) as victim:
        victim.execute("INSERT INTO driver_items (content) VALUES ('never committed')")
        victim.pgconn.finish()
    assert connection.execute("SELECT count(*) FROM driver_items").fetchone() == (0,)


def test_dict_rows_know_the_column_names(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        row = connection.execute("SELECT 1 AS one, 'x' AS text").fetchone()
    assert row == {"one": 1, "text": "x"}


def test_what_the_driver_learns_at_the_start(dsn: str) -> None:
    with psycopg.connect(dsn, application_name="tests", options="-c hnsw.ef_search=123") as connection:
        assert connection.info.server_version // 10000 == 18
        assert connection.info.encoding == "utf-8"
        assert connection.info.parameter_status("standard_conforming_strings") == "on"
        assert connection.info.parameter_status("integer_datetimes") == "on"
        assert connection.execute("SHOW hnsw.ef_search").fetchone() == ("123",)
        assert connection.execute("SHOW application_name").fetchone() == ("tests",)


async def _nearest_twice(dsn: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("INSERT INTO driver_items (embedding) VALUES ('[1,0,0]'), ('[2,0,0]')")
        cursor = await connection.execute("SELECT id FROM driver_items ORDER BY embedding <-> '[0,0,0]' LIMIT 2")
        return list(await cursor.fetchall())


def test_async_connection(dsn: str) -> None:
    import asyncio

    assert asyncio.run(_nearest_twice(dsn)) == [(1,), (2,)]


def test_concurrent_clients(dsn: str) -> None:
    failures: list[BaseException] = []

    def work(start: int) -> None:
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                for number in range(start, start + 20):
                    connection.execute(
                        "INSERT INTO driver_items (id, embedding) VALUES (%s, %s::vector)", (number, f"[{number},0,0]")
                    )
                    query = "SELECT id FROM driver_items ORDER BY embedding <-> %s::vector LIMIT 1"
                    assert connection.execute(query, (f"[{number},0,0]",)).fetchone() == (number,)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM driver_items").fetchone() == (120,)


def test_our_own_extension(ruvector: Server) -> None:
    with psycopg.connect(ruvector.dsn(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS ruvector")
        found = connection.execute("SELECT extname FROM pg_extension WHERE extname = 'ruvector'").fetchall()
        assert found == [("ruvector",)]
        assert connection.execute("SELECT '[1,2]'::ruvector").fetchone() == ("[1,2]",)


def test_sessions_are_told_of_their_own_numbers(server: Postgres | Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as one, psycopg.connect(server.dsn(), autocommit=True) as other:
        one.execute("DROP TABLE IF EXISTS counted_by_two")
        one.execute("CREATE TABLE counted_by_two (id serial)")
        assert one.execute("INSERT INTO counted_by_two DEFAULT VALUES RETURNING id").fetchone() == (1,)
        assert other.execute("INSERT INTO counted_by_two DEFAULT VALUES RETURNING id").fetchone() == (2,)
        for session, number in ((one, 1), (other, 2)):
            told = session.execute("SELECT lastval(), currval('counted_by_two_id_seq')").fetchone()
            assert told == (number, number)
