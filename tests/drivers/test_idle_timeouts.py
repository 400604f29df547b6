"""idle_session_timeout and idle_in_transaction_session_timeout."""

from __future__ import annotations

import time

import psycopg
import pytest
from psycopg import errors
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server


def end_of(connection: psycopg.Connection[tuple[object, ...]]) -> psycopg.Error:
    """The error that the server has ended a session with by itself."""
    time.sleep(0.5)
    with pytest.raises(psycopg.Error) as caught:
        connection.execute("SELECT 1")
    assert connection.closed
    return caught.value


def test_idle(server: Postgres | Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("SET idle_session_timeout = 100")
        error = end_of(connection)
    assert isinstance(error, errors.IdleSessionTimeout)
    assert "terminating connection due to idle-session timeout" in str(error)


@pytest.mark.parametrize("failed", [False, True])
def test_idle_in_a_transaction(server: Postgres | Server, failed: bool) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("SET idle_session_timeout = 0")
        connection.execute("SET idle_in_transaction_session_timeout = 100")
        time.sleep(0.3)  # not in one yet
        connection.execute("BEGIN")
        if failed:
            with pytest.raises(errors.UndefinedTable):
                connection.execute("SELECT * FROM there_is_none")
        error = end_of(connection)
    assert isinstance(error, errors.IdleInTransactionSessionTimeout)
    assert "terminating connection due to idle-in-transaction timeout" in str(error)


def test_locks_are_given_back(server: Postgres | Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as other:
        other.execute("DROP TABLE IF EXISTS idle_items")
        other.execute("CREATE TABLE idle_items (id int)")
        other.execute("INSERT INTO idle_items VALUES (1)")
        connection = psycopg.connect(server.dsn(), autocommit=True)
        connection.execute("SET idle_in_transaction_session_timeout = 100")
        connection.execute("BEGIN")
        connection.execute("UPDATE idle_items SET id = 2")
        other.execute("UPDATE idle_items SET id = 3")  # as soon as the first one is gone
        connection.close()
        assert other.execute("SELECT id FROM idle_items").fetchall() == [(3,)]


def test_a_busy_or_active_session_is_not_idle(server: Postgres | Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("SET idle_session_timeout = 500")
        connection.execute("SELECT pg_sleep(1)")
        for _ in range(10):
            time.sleep(0.1)
            assert connection.execute("SELECT 1", prepare=True).fetchone() == (1,)
