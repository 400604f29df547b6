"""kill -9 after a transaction that went back to a savepoint was committed."""

from __future__ import annotations

from pathlib import Path

import psycopg
from tests.oracle.server import Server


def test_rows_written_again_and_their_numbers_survive(tmp_path: Path) -> None:
    """The sequences too: a number that a committed row has is not given again."""
    server = Server(tmp_path / "data")
    server.start()
    try:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
            connection.execute("CREATE TABLE t (id serial PRIMARY KEY, v vector(2))")
            connection.execute("CREATE INDEX ON t USING hnsw (v vector_l2_ops)")
            connection.execute("BEGIN")
            connection.execute("INSERT INTO t (v) SELECT '[1,1]' FROM generate_series(1, 10)")
            connection.execute("SAVEPOINT s")
            connection.execute("DELETE FROM t")
            connection.execute("ROLLBACK TO s")
            connection.execute("COMMIT")
            server.kill()
        server.start()
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            assert connection.execute("SELECT count(*), max(id) FROM t").fetchone() == (10, 10)
            connection.execute("INSERT INTO t (v) SELECT '[2,2]' FROM generate_series(1, 10)")
            near = "SELECT v <-> '[2,2]' FROM t ORDER BY v <-> '[2,2]' LIMIT 11"
            assert [row[0] for row in connection.execute(near)] == [*[0.0] * 10, 2**0.5]
    finally:
        if server.is_running:
            server.stop()
