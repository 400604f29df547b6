"""ADBC's PostgreSQL driver: Arrow columns in and out, results as COPY BINARY, tables made from their columns."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import nanoarrow as na
import pytest
from adbc_driver_postgresql import dbapi
from psycopg.conninfo import conninfo_to_dict
from tests.drivers.conftest import PASSWORD
from tests.oracle.server import Server


def uri(dsn: str, password: str = "") -> str:
    given = conninfo_to_dict(dsn)
    return f"postgresql://{given['user']}:{quote(password)}@{given['host']}:{given['port']}/{given['dbname']}"


@pytest.fixture
def cursor(dsn: str) -> Iterator[Any]:
    """A cursor of a connection in autocommit, over the tests' table with twenty rows."""
    with dbapi.connect(uri(dsn), autocommit=True) as connection, connection.cursor() as opened:
        opened.execute(
            "INSERT INTO driver_items (embedding) SELECT ('[' || g || ',0,0]')::vector FROM generate_series(1, 20) g"
        )
        yield opened


def fetch(cursor: Any, query: str, parameters: Any = None) -> list[dict[str, Any]]:
    cursor.execute(query, parameters)
    rows: list[dict[str, Any]] = na.ArrayStream(cursor.fetch_arrow()).read_all().to_pylist()
    return rows


def columns(**values: tuple[list[Any], Any]) -> Any:
    """A record batch: a list of values and an Arrow type for each name."""
    arrays = [na.c_array(given, kind) for given, kind in values.values()]
    schema = na.struct({name: kind for name, (_, kind) in values.items()})
    return na.c_array_from_buffers(schema, arrays[0].length, [None], children=arrays)


def test_nearest_neighbours(cursor: Any) -> None:
    query = "SELECT id FROM driver_items ORDER BY embedding <-> $1::text::vector LIMIT $2"
    parameters = columns(a=(["[7.2,0,0]"], na.string()), b=([3], na.int64()))
    assert fetch(cursor, query, parameters) == [{"id": 7}, {"id": 8}, {"id": 6}]


@pytest.mark.filterwarnings("ignore:.*Converting unregistered extension")
def test_values(cursor: Any) -> None:
    [row] = fetch(cursor, "SELECT embedding, embedding::float4[] AS list, now() AS at FROM driver_items WHERE id = 7")
    assert row["embedding"] == b"\x00\x03\x00\x00\x40\xe0\x00\x00" + bytes(8)
    assert row["list"] == [7, 0, 0]
    assert row["at"].tzinfo is not None


def test_ingestion(cursor: Any) -> None:
    cursor.execute("DROP TABLE IF EXISTS driver_ingested")
    batch = columns(number=([1, 2, 3], na.int64()), name=(["a", "b", None], na.string()))
    assert cursor.adbc_ingest("driver_ingested", batch, mode="create") == 3
    assert cursor.adbc_ingest("driver_ingested", batch, mode="append") == 3
    found = fetch(cursor, "SELECT number, name FROM driver_ingested ORDER BY number LIMIT 2")
    assert found == [{"number": 1, "name": "a"}, {"number": 1, "name": "a"}]
    cursor.execute("DROP TABLE driver_ingested")


def test_metadata(cursor: Any) -> None:
    objects = cursor.connection.adbc_get_objects(depth="columns", table_name_filter="driver_items")
    catalogs = na.ArrayStream(objects).read_all().to_pylist()
    [catalog] = [one for one in catalogs if one["catalog_db_schemas"]]
    [schema] = catalog["catalog_db_schemas"]
    [table] = schema["db_schema_tables"]
    found = [(column["column_name"], column["xdbc_type_name"]) for column in table["table_columns"]]
    assert {("id", "int8"), ("content", "text"), ("embedding", "vector")} <= set(found)  # the driver asks for no order


def test_an_error_and_a_rollback(dsn: str) -> None:
    with dbapi.connect(uri(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO driver_items (content) VALUES ('kept')")
        connection.commit()
        cursor.execute("DELETE FROM driver_items")
        with pytest.raises(dbapi.ProgrammingError) as raised:
            cursor.execute("SELECT * FROM nowhere")
        assert raised.value.sqlstate == "42P01"
        connection.rollback()
        assert fetch(cursor, "SELECT count(*) AS n FROM driver_items") == [{"n": 1}]


def test_cancel(cursor: Any) -> None:
    def cancel() -> None:
        time.sleep(0.3)
        cursor.adbc_cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    # PostgreSQL has begun to send the result by then, so there the error comes out of the Arrow stream.
    with pytest.raises((dbapi.Error, RuntimeError), match="canceling statement due to user request"):
        fetch(cursor, "SELECT pg_sleep(30)::text AS slept")
    thread.join()
    assert fetch(cursor, "SELECT 1 AS one") == [{"one": 1}]


def test_a_password(guarded: Server) -> None:
    with closing(dbapi.connect(uri(guarded.dsn(), PASSWORD))) as connection, connection.cursor() as cursor:
        assert fetch(cursor, "SELECT 1 AS one") == [{"one": 1}]
    with pytest.raises(dbapi.OperationalError, match="password authentication failed"):
        dbapi.connect(uri(guarded.dsn(), "wrong"))
