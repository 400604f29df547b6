"""pg8000 with pgvector-python, a driver in Python throughout: by DB-API and by its native interface."""

from __future__ import annotations

import datetime
import decimal
import io
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pg8000.dbapi
import pg8000.native
import pytest
from pgvector.pg8000 import register_vector
from psycopg.conninfo import conninfo_to_dict
from tests.drivers.conftest import PASSWORD
from tests.oracle.server import Server

NEAREST = "SELECT id FROM driver_items ORDER BY embedding <-> :query LIMIT :count"


def options(dsn: str) -> dict[str, Any]:
    given = conninfo_to_dict(dsn)
    return {"host": given["host"], "port": int(str(given["port"])), "user": given["user"], "database": given["dbname"]}


@pytest.fixture
def connection(dsn: str) -> Iterator[Any]:
    """A native connection, in autocommit, with the vector type registered."""
    with closing(pg8000.native.Connection(**options(dsn))) as opened:
        register_vector(opened)
        yield opened


def fill(connection: Any, rows: int = 20) -> None:
    insert = connection.prepare("INSERT INTO driver_items (content, embedding) VALUES (:content, :embedding)")
    for number in range(1, rows + 1):
        insert.run(content=f"item {number}", embedding=np.array([number, 0, 0], dtype=np.float32))
    insert.close()


def test_nearest_neighbours(connection: Any) -> None:
    fill(connection)
    assert connection.run(NEAREST, query=np.array([7.2, 0, 0]), count=3) == [[7], [8], [6]]
    [[vector]] = connection.run("SELECT embedding FROM driver_items WHERE id = 7")
    assert vector.to_list() == [7, 0, 0]


def test_every_column_type_survives(connection: Any) -> None:
    stamp = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.UTC)
    [row] = connection.run(
        "INSERT INTO driver_items (content, category, price, meta, created_at) "
        "VALUES (:content, :category, :price, :meta, :created_at) RETURNING content, category, price, meta, created_at",
        content="héllo\n",
        category=None,
        price=decimal.Decimal("12.50"),
        meta={"a": [1, None, "x"]},
        created_at=stamp,
    )
    assert row == ["héllo\n", None, decimal.Decimal("12.50"), {"a": [1, None, "x"]}, stamp]
    assert [column["name"] for column in connection.columns] == ["content", "category", "price", "meta", "created_at"]


def test_an_error_and_a_rollback(connection: Any) -> None:
    fill(connection, 3)
    connection.run("START TRANSACTION")
    connection.run("DELETE FROM driver_items")
    with pytest.raises(pg8000.native.DatabaseError) as raised:
        connection.run("SELECT * FROM nowhere")
    assert raised.value.args[0]["C"] == "42P01"
    connection.run("ROLLBACK")
    assert connection.run("SELECT count(*) FROM driver_items") == [[3]]


def test_cancel(connection: Any, dsn: str) -> None:
    """The driver has no word for it: another connection does it."""
    [[pid]] = connection.run("SELECT pg_backend_pid()")
    told: list[str] = []

    def sleep() -> None:
        with pytest.raises(pg8000.native.DatabaseError) as caught:
            connection.run("SELECT pg_sleep(100)")
        told.append(caught.value.args[0]["C"])

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    with closing(pg8000.native.Connection(**options(dsn))) as other:
        while not told:
            other.run("SELECT pg_cancel_backend(:pid)", pid=pid)  # it may not have begun to sleep yet
            time.sleep(0.05)
    sleeper.join(20)
    assert told == ["57014"]
    assert connection.run("SELECT 1") == [[1]]


def test_copy(connection: Any) -> None:
    connection.run("COPY driver_items (id, embedding) FROM STDIN", stream=io.StringIO("1\t[1,2,3]\n2\t\\N\n"))
    target = io.BytesIO()
    connection.run("COPY driver_items (id, embedding) TO STDOUT WITH (FORMAT csv)", stream=target)
    assert target.getvalue() == b'1,"[1,2,3]"\n2,\n'


def test_dbapi(dsn: str) -> None:
    with closing(pg8000.dbapi.connect(**options(dsn))) as connection:
        cursor = connection.cursor()
        cursor.executemany(
            "INSERT INTO driver_items (embedding) VALUES (%s)", [(f"[{number},0,0]",) for number in range(1, 21)]
        )
        connection.commit()
        cursor.execute("SELECT id FROM driver_items ORDER BY embedding <-> %s LIMIT %s", ("[1.2,0,0]", 2))
        assert list(cursor.fetchall()) == [[1], [2]]
        cursor.execute("DELETE FROM driver_items")
        assert cursor.rowcount == 20
        connection.rollback()
        cursor.execute("SELECT count(*) FROM driver_items")
        assert cursor.fetchone() == [20]


def test_a_password(guarded: Server) -> None:
    with closing(pg8000.native.Connection(**options(guarded.dsn()), password=PASSWORD)) as connection:
        assert connection.run("SELECT 1") == [[1]]
    with pytest.raises(pg8000.native.DatabaseError) as raised:
        pg8000.native.Connection(**options(guarded.dsn()), password="wrong")
    assert raised.value.args[0]["C"] == "28P01"
