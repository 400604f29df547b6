"""What Describe says of a statement before anything is bound: of every kind of statement, as PostgreSQL says it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import psycopg
import pytest
from psycopg import pq
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

SETUP = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    "CREATE TABLE described (id int PRIMARY KEY, t varchar(9), n numeric(8,2), v vector(3), tags text[])",
    "CREATE VIEW described_view AS SELECT id, v FROM described",
    "CREATE ROLE described_role",
)
TEARDOWN = ("ROLLBACK", "DROP VIEW described_view", "DROP TABLE described", "DROP ROLE described_role")
#: In the transaction that is open while statements are described.
INSIDE = (
    "DECLARE described_cursor CURSOR FOR SELECT id, v FROM described",
    "PREPARE described_query AS SELECT id, t FROM described WHERE v <-> $1 < $2",
    "PREPARE described_command AS DELETE FROM described WHERE id = $1",
)
STATEMENTS = [
    # queries
    "SELECT * FROM described ORDER BY v <-> $1 LIMIT $2 OFFSET $3",
    "SELECT id, v <=> $1 AS distance, $2::halfvec(3), $3::text[] FROM described_view WHERE id = ANY ($4)",
    "SELECT count(*), sum(n), avg(v) FROM described GROUP BY t HAVING max(id) > $1",
    "WITH w AS (SELECT id FROM described WHERE t = $1) SELECT * FROM w",
    "WITH w AS (DELETE FROM described WHERE id = $1 RETURNING v) SELECT * FROM w",
    "VALUES ($1::int, 'x'), (2, $2)",
    "TABLE described",
    "SELECT 1 UNION ALL SELECT id FROM described WHERE n < $1",
    "SELECT id FROM described WHERE id = $1 FOR UPDATE",
    "",
    # writing
    "INSERT INTO described VALUES ($1, $2, $3, $4, $5)",
    "INSERT INTO described (id, v) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = excluded.v RETURNING *",
    "INSERT INTO described (id, n) SELECT id + $1, n FROM described RETURNING id + 1 AS next",
    "UPDATE described SET v = $1, t = $2 WHERE id = $3",
    "UPDATE described SET n = n * $1 RETURNING id, n",
    "DELETE FROM described WHERE v = $1",
    "DELETE FROM described USING described_view w WHERE w.id = described.id RETURNING described.*",
    "COPY described FROM STDIN",
    "COPY described TO STDOUT",
    "COPY (SELECT 1) TO STDOUT",
    "TRUNCATE described",
    # of statements, cursors, settings
    "EXPLAIN SELECT * FROM described WHERE id = $1",
    "EXPLAIN (FORMAT JSON) DELETE FROM described",
    "SHOW work_mem",
    "SHOW ALL",
    "SET work_mem = '8MB'",
    "RESET work_mem",
    "EXECUTE described_query('[1,2,3]', 1)",
    "EXECUTE described_command(1)",
    "PREPARE another AS SELECT $1::int",
    "DEALLOCATE described_query",
    "DECLARE another CURSOR FOR SELECT id FROM described",
    "FETCH 2 FROM described_cursor",
    "MOVE 1 FROM described_cursor",
    "CLOSE described_cursor",
    "DISCARD PLANS",
    # transactions
    "BEGIN",
    "START TRANSACTION READ ONLY",
    "COMMIT",
    "ROLLBACK AND CHAIN",
    "SAVEPOINT a",
    "RELEASE a",
    "ROLLBACK TO a",
    "SET TRANSACTION READ ONLY",
    "LOCK TABLE described",
    "LISTEN described",
    "NOTIFY described, 'x'",
    "UNLISTEN *",
    # definitions
    "CREATE TABLE other (id int)",
    "CREATE TABLE other AS SELECT id, v FROM described",
    "SELECT id INTO other FROM described",
    "CREATE INDEX ON described USING hnsw (v vector_l2_ops)",
    "CREATE VIEW other AS SELECT 1",
    "CREATE TYPE other AS ENUM ('a')",
    "CREATE SEQUENCE other",
    "CREATE SCHEMA other",
    "ALTER TABLE described ADD other int",
    "DROP TABLE described",
    "COMMENT ON TABLE described IS 'x'",
    "CREATE ROLE other",
    "GRANT SELECT ON described TO described_role",
    "REVOKE SELECT ON described FROM described_role",
    # maintenance
    "VACUUM described",
    "ANALYZE described",
    "REINDEX TABLE described",
    "CHECKPOINT",
]


Connection = psycopg.Connection[tuple[object, ...]]


class Description(NamedTuple):
    """Parameter types; names, types and modifiers of columns."""

    parameters: tuple[str, ...]
    columns: tuple[tuple[str, str, int], ...]


@pytest.fixture(scope="module")
def both(postgres: Postgres, ruvector: Server) -> Iterator[tuple[Connection, Connection]]:
    """A transaction on each, for FETCH needs a cursor; Parse and Describe leave no trace in it."""
    with ExitStack() as ending:
        opened = [psycopg.connect(server.dsn(), autocommit=True) for server in (postgres, ruvector)]
        for connection in opened:
            ending.enter_context(connection)
            for statement in (*SETUP, "BEGIN", *INSIDE):
                connection.execute(statement.encode())
        yield opened[0], opened[1]
        for connection in opened:
            for statement in TEARDOWN:
                connection.execute(statement.encode())


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_kind_of_statement(both: tuple[Connection, Connection], statement: str) -> None:
    expected, found = (describe(connection, statement) for connection in both)
    assert found == expected


def describe(connection: Connection, statement: str) -> Description:
    """Parse and Describe alone."""
    types = {oid: str(name) for oid, name in connection.execute("SELECT oid, typname FROM pg_type").fetchall()}
    server = connection.pgconn
    parsed = server.prepare(b"described", statement.encode())
    assert parsed.status == pq.ExecStatus.COMMAND_OK, parsed.error_message
    told = server.describe_prepared(b"described")
    server.close_prepared(b"described")
    assert told.status == pq.ExecStatus.COMMAND_OK, told.error_message
    return Description(
        tuple(types[told.param_type(i)] for i in range(told.nparams)),
        tuple(((told.fname(i) or b"").decode(), types[told.ftype(i)], told.fmod(i)) for i in range(told.nfields)),
    )
