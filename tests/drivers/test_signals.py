"""pg_terminate_backend() and pg_cancel_backend(): who may, what they answer, and what becomes of the sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors
from tests.drivers.conftest import Connection
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

END = "terminating connection due to administrator command"


@pytest.fixture
def admin(server: Postgres | Server) -> Iterator[Connection]:
    """A superuser, beside two roles that log in and one of them that is a superuser."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE signal_ann LOGIN")
        connection.execute("CREATE ROLE signal_bob LOGIN")
        connection.execute("CREATE ROLE signal_root LOGIN SUPERUSER")
        connection.execute("CREATE TABLE signalled (id int)")
        yield connection
        connection.execute(
            "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE usename LIKE 'signal\\_%'"
        )
        connection.execute("DROP TABLE signalled")
        connection.execute("DROP OWNED BY signal_ann, signal_bob, signal_root")
        connection.execute("DROP ROLE signal_ann, signal_bob, signal_root")


def connect(server: Postgres | Server, user: str) -> Connection:
    return psycopg.connect(server.dsn(), user=user, autocommit=True)


def test_who_may(server: Postgres | Server, admin: Connection) -> None:
    with (
        connect(server, "signal_ann") as ann,
        connect(server, "signal_bob") as bob,
        connect(server, "signal_root") as root,
    ):
        for verb, function in (("terminate process", "pg_terminate_backend"), ("cancel query", "pg_cancel_backend")):
            for other, who in ((bob, "role whose"), (root, "SUPERUSER")):
                with pytest.raises(errors.InsufficientPrivilege, match=f"permission denied to {verb}") as caught:
                    ann.execute(f"SELECT {function}({other.info.backend_pid})")
                assert who in str(caught.value.diag.message_detail)
        admin.execute("GRANT pg_signal_backend TO signal_ann")
        with pytest.raises(errors.InsufficientPrivilege):
            ann.execute("SELECT pg_terminate_backend(%s)", [root.info.backend_pid])
        row = ann.execute("SELECT pg_terminate_backend(%s, 20000)", [bob.info.backend_pid]).fetchone()
        assert row == (True,)
        with pytest.raises(errors.AdminShutdown, match=END):
            bob.execute("SELECT 1")
        assert root.execute("SELECT 1").fetchone() == (1,)


def test_answers(admin: Connection) -> None:
    notices: list[str | None] = []
    admin.add_notice_handler(lambda diagnostic: notices.append(diagnostic.message_primary))
    assert admin.execute("SELECT pg_terminate_backend(999999), pg_cancel_backend(999999)").fetchone() == (False, False)
    assert notices == ["PID 999999 is not a PostgreSQL backend process"] * 2
    assert admin.execute("SELECT pg_terminate_backend(NULL), pg_terminate_backend(1, NULL)").fetchone() == (None, None)
    with pytest.raises(errors.NumericValueOutOfRange, match='"timeout" must not be negative'):
        admin.execute("SELECT pg_terminate_backend(999999, -1)")
    assert admin.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE false").fetchall() == []
    for query in (
        "SELECT pg_cancel_backend(pg_backend_pid())",
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = pg_backend_pid()",
    ):
        with pytest.raises(errors.QueryCanceled):
            admin.execute(query.encode())
    assert admin.execute("SELECT 1").fetchone() == (1,)


def test_oneself(server: Postgres | Server, admin: Connection) -> None:
    with connect(server, "signal_ann") as ann, pytest.raises(errors.AdminShutdown, match=END):
        ann.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_one_that_is_busy(server: Postgres | Server, admin: Connection) -> None:
    """What runs is interrupted, what it has done is undone, its locks are free."""
    admin.execute("GRANT ALL ON signalled TO signal_ann")
    with connect(server, "signal_ann") as ann:
        ended: list[BaseException] = []

        def work() -> None:
            try:
                ann.execute("BEGIN")
                ann.execute("INSERT INTO signalled VALUES (1)")
                ann.execute("LOCK TABLE signalled IN ACCESS EXCLUSIVE MODE")
                ann.execute("SELECT pg_sleep(100)")
            except psycopg.Error as error:
                ended.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        pid = ann.info.backend_pid
        while not admin.execute(
            "SELECT FROM pg_locks WHERE pid = %s AND mode = 'AccessExclusiveLock' AND granted", [pid]
        ).fetchall():
            time.sleep(0.01)
        assert admin.execute("SELECT pg_terminate_backend(%s, 20000)", [pid]).fetchone() == (True,)
        thread.join(20)
        assert [type(error) for error in ended] == [errors.AdminShutdown]
    assert admin.execute("SELECT count(*) FROM signalled").fetchone() == (0,)


def test_one_that_copies(server: Postgres | Server, admin: Connection) -> None:
    """The server waits for the client's rows there, not for a statement."""
    admin.execute("GRANT ALL ON signalled TO signal_ann")
    with connect(server, "signal_ann") as ann, ann.cursor() as cursor:
        copy = cursor.copy("COPY signalled FROM STDIN")
        stream = copy.__enter__()
        stream.write("1\n")
        row = admin.execute("SELECT pg_terminate_backend(%s, 20000)", [ann.info.backend_pid]).fetchone()
        assert row == (True,)
        with pytest.raises(psycopg.OperationalError):
            copy.__exit__(None, None, None)
    assert admin.execute("SELECT count(*) FROM signalled").fetchone() == (0,)
