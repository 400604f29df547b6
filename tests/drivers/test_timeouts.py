"""statement_timeout and lock_timeout: what they stop, in which words, and that the session goes on."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors
from tests.drivers.conftest import Connection
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

STATEMENT_TIMEOUT = "canceling statement due to statement timeout"
#: Far longer than any timeout here: who gets through has not been stopped.
LONG = [
    "SELECT pg_sleep(100)",
    "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
    "INSERT INTO timed SELECT a FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
    "SELECT pg_advisory_lock(4711)",
    "LOCK TABLE timed IN ACCESS EXCLUSIVE MODE",
    "UPDATE timed SET id = 2",
]
#: What waits for the lock that another has; each in a transaction.
WAITING = [
    "LOCK TABLE timed IN ACCESS EXCLUSIVE MODE",
    "UPDATE timed SET id = 2",
    "DROP TABLE timed",
    "SELECT pg_advisory_lock(4711)",
]


@pytest.fixture
def both(server: Postgres | Server) -> Iterator[tuple[Connection, Connection]]:
    """Two sessions; the second has the locks that the first waits for."""
    with psycopg.connect(server.dsn(), autocommit=True) as one, psycopg.connect(server.dsn(), autocommit=True) as other:
        other.execute("CREATE TABLE timed (id int)")
        other.execute("INSERT INTO timed VALUES (1)")
        other.execute("BEGIN")
        other.execute("LOCK TABLE timed IN ACCESS EXCLUSIVE MODE")
        other.execute("SELECT pg_advisory_lock(4711)")
        yield one, other
        one.execute("ROLLBACK")
        one.execute("SELECT pg_advisory_unlock_all()")
        other.execute("ROLLBACK")
        other.execute("DROP TABLE timed")


@pytest.mark.parametrize("statement", LONG)
def test_statement_timeout(both: tuple[Connection, Connection], statement: str) -> None:
    one, _ = both
    one.execute("SET statement_timeout = '200ms'")
    one.execute("BEGIN")
    with pytest.raises(errors.QueryCanceled, match=STATEMENT_TIMEOUT):
        one.execute(statement.encode())
    assert one.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    one.execute("ROLLBACK")
    assert one.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("statement", WAITING)
def test_lock_timeout(both: tuple[Connection, Connection], statement: str) -> None:
    one, other = both
    one.execute("BEGIN")
    one.execute("SET LOCAL lock_timeout = '100ms'")
    with pytest.raises(errors.LockNotAvailable, match="canceling statement due to lock timeout"):
        one.execute(statement.encode())
    one.execute("ROLLBACK")
    other.execute("COMMIT")
    other.execute("SELECT pg_advisory_unlock_all()")
    one.execute("BEGIN")
    one.execute(statement.encode())  # nobody has it now
    one.execute("ROLLBACK")


def test_a_timeout_that_does_not_come(server: Postgres | Server) -> None:
    """It is per statement, and leaves nothing behind for the next."""
    with psycopg.connect(server.dsn(), autocommit=True, options="-c statement_timeout=60s") as connection:
        for _ in range(3):
            assert connection.execute("SELECT pg_sleep(0.05)::text").fetchone() == ("",)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("1min",)
