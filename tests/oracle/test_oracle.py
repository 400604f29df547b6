"""The oracle is what the other tests take it for."""

import psycopg
from tests.oracle.postgres import Postgres


def test_versions(postgres: Postgres) -> None:
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        version = connection.execute("SHOW server_version").fetchone()
        extension = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    assert version is not None
    assert version[0].startswith("18.")
    assert extension == ("0.8.5",)
