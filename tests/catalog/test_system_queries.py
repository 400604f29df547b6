"""What clients ask the catalogs, asked of both servers: the same columns, types and rows, whatever the OIDs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.catalog.client_queries import ClientQuery, client_queries
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server, running_server

DATABASE = "client_queries"
STATEMENTS = (
    "CREATE EXTENSION vector",
    """CREATE TABLE items (id bigserial PRIMARY KEY, content text, category text, price numeric(10,2), meta jsonb,
       created_at timestamptz DEFAULT now(), embedding vector(384))""",
    "CREATE INDEX ON items USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64)",
    "CREATE INDEX items_cat ON items (category)",
    "CREATE VIEW cheap AS SELECT id, content FROM items WHERE price < 10",
)

#: Where PostgreSQL has more of the same kind: other extensions, databases, collations, pgvector's other types.
MORE_THERE = {r"\l", r"\dx", r"\df", r"\do", r"\df vector_dims", r"\do <->", r"\dAc hnsw", r"\dT"}
MORE_THERE |= {"get_indexes: 2", "get_indexes: 4", "pgvector for node-postgres and for pgx"}
#: The same, for lists of types and of domains.
MORE_THERE |= {"Npgsql: the types of the database", "get_columns: 3"}
#: PostgreSQL lists the system columns (ctid, xmin, ...) too.
MORE_THERE |= {"get_table_description"}
#: A view's text is kept as it was given, and sizes and privileges differ.
ANY_TEXT = {"get_view_definition", r"\d cheap: 4", r"\dt+", r"\dp"}
#: Descriptions of built-in functions and operators do not exist here; what is granted on databases other tests change.
FIRST_COLUMNS = {r"\do": 5, r"\do <->": 5, r"\l": 5}

OID, FIRST_MOVED_OID = 26, 10_000


class Side:
    """One server with the tables in it."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        for statement in STATEMENTS:
            connection.execute(statement)
        found = connection.execute("SELECT relname::text, oid::int8 FROM pg_class WHERE relnamespace = 2200").fetchall()
        self.oids: dict[str, int] = {name: int(oid) for name, oid in found}
        self.types: dict[int, str] = dict(connection.execute("SELECT oid::int8, typname::text FROM pg_type").fetchall())

    def answer(self, query: ClientQuery) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]] | str:
        """Column names and types, and the rows with OIDs made comparable; or the error."""
        try:
            cursor = self.connection.execute(query.with_oids(self.oids))
        except psycopg.Error as error:
            return f"{error.sqlstate}: {error.diag.message_primary}"
        columns = [(c.name, self.types.get(c.type_code, str(c.type_code))) for c in cursor.description or ()]
        rows = [
            tuple(self.comparable(value, kind) for value, (_, kind) in zip(row, columns, strict=True))
            for row in cursor.fetchall()
        ]
        return columns, sorted(rows, key=repr)

    def comparable(self, value: Any, kind: str) -> Any:
        """The value, or a mark for an OID of an object that each server made for itself."""
        if value == "pg_database_owner":
            return "postgres"
        if kind in ("oid", "_oid", "_int8", "oidvector"):
            values = value if isinstance(value, list) else [value]
            return [v if v is None or int(v) < FIRST_MOVED_OID else "an OID" for v in values]
        return value


def create(server: Postgres | Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {DATABASE}")


@pytest.fixture(scope="module")
def real(postgres: Postgres) -> Iterator[Side]:
    create(postgres)
    with psycopg.connect(postgres.dsn(DATABASE), autocommit=True) as connection:
        yield Side(connection)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """A server of its own: the lists of tables must hold these tables only."""
    with running_server(tmp_path_factory.mktemp("client_queries") / "data") as server:
        create(server)
        with psycopg.connect(server.dsn(DATABASE), autocommit=True) as connection:
            yield Side(connection)


QUERIES = list(client_queries())


def test_the_queries_are_read_from_the_files() -> None:
    assert {q.client for q in QUERIES} == {"django", "drivers", "psql_15", "psql_18", "sqlalchemy"}
    assert len(QUERIES) > 90


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: f"{q.client}: {q.title}")
def test_same_answer(real: Side, here: Side, query: ClientQuery) -> None:
    expected, found = real.answer(query), here.answer(query)
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected
        return
    assert found[0] == expected[0]
    width = FIRST_COLUMNS.get(query.title, len(expected[0]))
    expected_rows = [row[:width] for row in expected[1]]
    found_rows = [row[:width] for row in found[1]]
    if query.title in ANY_TEXT:
        assert len(found_rows) == len(expected_rows)
    elif query.title in MORE_THERE:
        assert [row for row in found_rows if row not in expected_rows] == []
        assert found_rows or query.title == "get_columns: 3"
    else:
        assert found_rows == expected_rows
