"""psycopg2 with pgvector-python: literals that the client makes itself, the simple protocol only, COPY as text."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import psycopg2
import psycopg2.extensions
import psycopg2.extras
import pytest
from pgvector.psycopg2 import register_vector
from psycopg2 import errors
from tests.drivers.conftest import PASSWORD
from tests.oracle.server import Server

NEAREST = "SELECT id FROM driver_items ORDER BY embedding <-> %s LIMIT %s"


@pytest.fixture
def connection(dsn: str) -> Iterator[Any]:
    """A connection as psycopg2 makes it, every statement in a transaction, with the vector type registered."""
    with closing(psycopg2.connect(dsn)) as opened:
        register_vector(opened)
        yield opened


def fill(connection: Any, rows: int = 20) -> None:
    values = [(f"item {number}", np.array([number, 0, 0], dtype=np.float32)) for number in range(1, rows + 1)]
    with connection.cursor() as cursor:
        psycopg2.extras.execute_values(
            cursor, "INSERT INTO driver_items (content, embedding) VALUES %s RETURNING id", values, fetch=True
        )
    connection.commit()


def fetch(connection: Any, query: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def test_nearest_neighbours(connection: Any) -> None:
    fill(connection)
    assert fetch(connection, NEAREST, (np.array([7.2, 0, 0]), 3)) == [(7,), (8,), (6,)]
    [(vector,)] = fetch(connection, "SELECT embedding FROM driver_items WHERE id = 7")
    assert vector.to_list() == [7, 0, 0]


def test_arrays_of_vectors(connection: Any) -> None:
    register_vector(connection, arrays=True)
    [(vectors,)] = fetch(connection, "SELECT ARRAY['[1,2]'::vector, '[3,4]'::vector]")
    assert [vector.to_list() for vector in vectors] == [[1, 2], [3, 4]]


def test_an_error_and_a_rollback(connection: Any) -> None:
    fill(connection, 3)
    fetch(connection, "DELETE FROM driver_items RETURNING id")
    with pytest.raises(errors.UndefinedTable) as raised:
        fetch(connection, "SELECT * FROM nowhere")
    assert raised.value.pgcode == "42P01"
    assert raised.value.diag.statement_position == "15"
    with pytest.raises(errors.InFailedSqlTransaction):
        fetch(connection, "SELECT 1")
    connection.rollback()
    assert fetch(connection, "SELECT count(*) FROM driver_items") == [(3,)]
    assert connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_INTRANS


def test_the_kinds_of_transactions(connection: Any) -> None:
    connection.rollback()
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    assert fetch(connection, "SHOW transaction_isolation") == [("repeatable read",)]
    with pytest.raises(errors.ReadOnlySqlTransaction):
        fetch(connection, "INSERT INTO driver_items (content) VALUES ('x')")
    connection.rollback()


def test_a_named_cursor(connection: Any) -> None:
    fill(connection)
    with connection.cursor("reader") as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT id FROM driver_items ORDER BY id")
        assert [row[0] for row in cursor] == list(range(1, 21))


def test_copy(connection: Any) -> None:
    source, target = io.StringIO("1\t[1,2,3]\n2\t\\N\n"), io.StringIO()
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY driver_items (id, embedding) FROM STDIN", source)
        assert cursor.rowcount == 2
        cursor.copy_from(io.StringIO("3\t[4,5,6]\n"), "driver_items", columns=("id", "embedding"))
        cursor.copy_to(target, "driver_items", columns=("id", "embedding"))
    assert target.getvalue() == "1\t[1,2,3]\n2\t\\N\n3\t[4,5,6]\n"


def test_a_connection_closed_in_a_transaction_leaves_no_lock(dsn: str) -> None:
    """libpq says goodbye and hangs up at once; the rollback that this begins must come to its end."""
    with closing(psycopg2.connect(dsn, options="-c lock_timeout=20s")) as watcher:
        watcher.autocommit = True
        for _ in range(100):
            with closing(psycopg2.connect(dsn)) as leaving, leaving.cursor() as cursor:
                cursor.copy_from(io.StringIO("1\n" * 50), "driver_items", columns=("content",))
            with watcher.cursor() as cursor:
                cursor.execute("TRUNCATE driver_items")


def test_notices(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS nowhere")
    assert connection.notices == ['NOTICE:  table "nowhere" does not exist, skipping\n']


def test_cancel(connection: Any) -> None:
    def cancel() -> None:
        time.sleep(0.3)
        connection.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(psycopg2.extensions.QueryCanceledError) as raised:
        fetch(connection, "SELECT pg_sleep(30)")
    thread.join()
    assert raised.value.pgcode == "57014"
    connection.rollback()
    assert fetch(connection, "SELECT 1") == [(1,)]


def test_a_password(guarded: Server) -> None:
    with closing(psycopg2.connect(guarded.dsn(), password=PASSWORD)) as connection:
        assert fetch(connection, "SELECT 1") == [(1,)]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(guarded.dsn(), password="wrong")
