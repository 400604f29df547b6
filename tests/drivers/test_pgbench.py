"""pgbench as PostgreSQL 18 ships it: its own tables made and filled, its own transactions, and a search of vectors."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest
from tests.oracle.postgres import Postgres, installation
from tests.oracle.server import Server

MODES = ("simple", "extended", "prepared")
SEARCH = """
\\set x random(1, 20)
SELECT id FROM driver_items ORDER BY embedding <-> ('[' || :x || ',0,0]')::vector LIMIT 5;
"""


def pgbench(server: Postgres | Server, *options: str) -> str:
    command = [str(installation() / "bin" / "pgbench"), *options, server.dsn()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module", params=["postgres", "ruvector"])
def filled(request: pytest.FixtureRequest) -> Postgres | Server:
    """A server with pgbench's tables, made by pgbench: COPY, VACUUM and primary keys."""
    server: Postgres | Server = request.getfixturevalue(request.param)
    pgbench(server, "--initialize", "--scale", "1", "--quiet")
    return server


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_its_own_transactions(filled: Postgres | Server, mode: str) -> None:
    report = pgbench(filled, "--protocol", mode, "--client", "2", "--transactions", "20", "--max-tries", "100")
    assert "number of transactions actually processed: 40/40" in report
    assert "number of failed transactions: 0 (0.000%)" in report
    with psycopg.connect(filled.dsn()) as connection:
        sums = connection.execute(
            "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(tbalance) FROM pgbench_tellers), "
            "(SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(bbalance) FROM pgbench_branches), "
            "(SELECT count(*) FROM pgbench_history)"
        ).fetchone()
    assert sums == (True, True, 40)


@pytest.mark.parametrize("mode", MODES)
def test_a_search(server: Postgres | Server, dsn: str, mode: str, tmp_path: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO driver_items (embedding) SELECT ('[' || g || ',0,0]')::vector FROM generate_series(1, 20) g"
        )
    script = tmp_path / "search.sql"
    script.write_text(SEARCH)
    options = ("--no-vacuum", "--protocol", mode, "--client", "2", "--transactions", "50", "--file", str(script))
    assert "number of transactions actually processed: 100/100" in pgbench(server, *options)
