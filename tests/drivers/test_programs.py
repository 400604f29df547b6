"""Clients in JavaScript, Go, Java and Rust: each does the same things and must see the same."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.drivers.conftest import PASSWORD
from tests.drivers.programs import GO, JAVA, NODE, RUST, Program
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

#: What every client does: the nearest of twenty vectors by parameters, one vector read, a query of a table that is
#: not there, a rollback, COPY both ways, a cancelled query, and one after it.
EXPECTED: dict[str, Any] = {
    "nearest": [7, 8, 6],
    "vector": [7, 0, 0],
    "error": "42P01",
    "rolled_back": 20,
    "copied_in": 1000,
    "copied_out": 1000,
    "cancelled": "57014",
    "afterwards": 1,
}
#: What some do besides: rows fetched by a few at a time, queries sent all at once, metadata.
IN_PIECES = {"in_pieces": 20}
BATCH = {"batch": 20}
METADATA = {
    "table": "program_items",
    "columns": ["id int8", "embedding vector"],
    "primary_key": "id",
    "index": "program_items_pkey",
}

ENUM = {"enum": {"mood": "happy", "moods": ["sad", "happy"], "more": True}}

PGX_MODES = ("cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol")
JDBC_MODES = ("extended", "extendedForPrepared", "simple")
JAVA_COMMAND = ("java", "-cp", "classes:lib/*", "Client")

CLIENTS: dict[str, tuple[Program, dict[str, Any]]] = {
    "node-postgres": (Program(NODE, ("node", "pg.mjs")), IN_PIECES | ENUM),
    "postgres.js": (Program(NODE, ("node", "postgres.mjs")), IN_PIECES),
    **{f"pgx {mode}": (Program(GO, ("./client", mode)), BATCH) for mode in PGX_MODES},
    **{f"pgjdbc {mode}": (Program(JAVA, (*JAVA_COMMAND, mode)), IN_PIECES | METADATA) for mode in JDBC_MODES},
    "tokio-postgres": (Program(RUST, ("target/debug/tokio_postgres",)), IN_PIECES | BATCH),
    "sqlx": (Program(RUST, ("target/debug/sqlx",)), {}),
}


def environment(server: Postgres | Server) -> dict[str, str]:
    """The variables by which clients find a server, as libpq names them."""
    given = conninfo_to_dict(server.dsn())
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    return {variable: str(given[name]) for name, variable in names.items()} | {"PGPASSWORD": PASSWORD}


@pytest.mark.slow
@pytest.mark.timeout(600)  # the first test of a language downloads and compiles
@pytest.mark.parametrize("where", ["postgres", "ruvector", "guarded"])
@pytest.mark.parametrize("client", CLIENTS)
def test_client(request: pytest.FixtureRequest, client: str, where: str) -> None:
    server: Postgres | Server = request.getfixturevalue(where)
    with psycopg.connect(server.dsn(), password=PASSWORD, autocommit=True) as setup:
        setup.execute("CREATE EXTENSION IF NOT EXISTS vector")
    program, more = CLIENTS[client]
    assert program.report(environment(server)) == EXPECTED | more
