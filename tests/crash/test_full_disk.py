"""A disk that takes no more: what was acknowledged stays, and a server that can go on no longer ends."""

from __future__ import annotations

import resource
from pathlib import Path

import psycopg
import pytest
from tests.oracle.server import Server

ROWS = 2000
_NEAREST = "SELECT id FROM items ORDER BY v <-> '[5,5,5,5]' LIMIT 3"


def write_on(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Until nothing more can be written."""
    for _ in range(50):
        connection.execute("CHECKPOINT")
        connection.execute("UPDATE items SET note = note || note")


def test_a_checkpoint_that_fails_ends_the_server_and_loses_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    server.start()
    try:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
            connection.execute("CREATE TABLE items (id int PRIMARY KEY, v vector(4), note text)")
            connection.execute("CREATE INDEX ON items USING hnsw (v vector_l2_ops)")
            connection.execute("CHECKPOINT")
            connection.execute(
                "INSERT INTO items SELECT g, ARRAY[g,g,g,g]::real[]::vector, repeat(md5(g::text), 40)"
                f" FROM generate_series(1, {ROWS}) g"
            )
            largest = max(path.stat().st_size for path in server.data_dir.iterdir() if path.is_file())
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (largest, largest))
            with pytest.raises(psycopg.Error) as caught:
                write_on(connection)
        assert caught.value.sqlstate in ("58030", "53100")
        assert server.wait() == 1, server.log()
        server.start()
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            assert connection.execute("SELECT count(*), min(id), max(id) FROM items").fetchone() == (ROWS, 1, ROWS)
            assert connection.execute(_NEAREST).fetchall() == [(5,), (4,), (6,)]
    finally:
        if server.is_running:
            server.stop()
