"""Every driver test runs against the real PostgreSQL too, so that it asks for nothing PostgreSQL does not do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import psycopg
import pytest
from pgvector.psycopg import register_vector
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server, running_server

Connection = psycopg.Connection[tuple[object, ...]]

TABLE = """
CREATE TABLE driver_items (
    id bigserial PRIMARY KEY, content text, category text, price numeric(10,2), meta jsonb,
    created_at timestamptz DEFAULT now(), embedding vector(3))
"""


#: What every user of `guarded` must know: also what drivers must normalize before they hash it.
PASSWORD = "pässword, with a space"


def missing(what: str) -> NoReturn:
    """Something that a test needs is not there. Where everything is meant to be, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our server with a password: clients prove by SCRAM-SHA-256 that they know it."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "password").write_text(PASSWORD)
    with running_server(folder / "data", ["--password-file", str(folder / "password")]) as running:
        yield running


@pytest.fixture(params=["postgres", "ruvector"])
def server(request: pytest.FixtureRequest) -> Postgres | Server:
    """Each of the two servers."""
    chosen: Postgres | Server = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def dsn(server: Postgres | Server) -> str:
    """The connection string of a database with the extension and without the tests' table."""
    with psycopg.connect(server.dsn(), autocommit=True) as setup:
        setup.execute("SET lock_timeout = '20s'")  # a session that was left behind is named by the first test it stops
        setup.execute("CREATE EXTENSION IF NOT EXISTS vector")
        setup.execute("DROP TABLE IF EXISTS driver_items")
        setup.execute(TABLE)
    return server.dsn()


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    """An autocommit connection with pgvector's types registered."""
    with psycopg.connect(dsn, autocommit=True) as opened:
        register_vector(opened)
        yield opened
