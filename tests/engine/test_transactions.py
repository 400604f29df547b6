"""Transactions between sessions: what each sees, who waits, what fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from tests.engine.conftest import Talk

from ruvector_engine.errors import SqlError
from ruvector_engine.executor.cursors import Cursor


@pytest.fixture(autouse=True)
def counter(db: Talk) -> None:
    db.result("CREATE TABLE counter (id int PRIMARY KEY, n int)")
    db.result("INSERT INTO counter VALUES (1, 0), (2, 0)")


def status(db: Talk) -> str:
    return db.session.status


def test_a_failed_block_takes_only_its_end(db: Talk) -> None:
    db.result("BEGIN")
    db.result("UPDATE counter SET n = 5")
    assert db.error("SELECT 1/0").sqlstate == "22012"
    assert status(db) == "E"
    assert db.error("SELECT 1").sqlstate == "25P02"
    assert db.result("COMMIT").tag == "ROLLBACK"
    assert status(db) == "I"
    assert db.column("SELECT n FROM counter") == [0, 0]


def test_a_block_sees_its_own_writes_and_others_do_not(db: Talk, connect: Callable[[], Talk]) -> None:
    other = connect()
    db.result("BEGIN")
    db.result("UPDATE counter SET n = 1 WHERE id = 1")
    assert db.column("SELECT n FROM counter ORDER BY id") == [1, 0]
    assert other.column("SELECT n FROM counter ORDER BY id") == [0, 0]
    db.result("COMMIT")
    assert other.column("SELECT n FROM counter ORDER BY id") == [1, 0]


def test_a_reading_block_sees_what_commits_meanwhile(db: Talk, connect: Callable[[], Talk]) -> None:
    other = connect()
    db.result("BEGIN")
    assert db.column("SELECT sum(n) FROM counter") == [0]
    other.result("UPDATE counter SET n = 3 WHERE id = 2")
    assert db.column("SELECT sum(n) FROM counter") == [3]
    db.result("COMMIT")


def test_repeatable_read_keeps_its_snapshot(db: Talk, connect: Callable[[], Talk]) -> None:
    other = connect()
    db.result("BEGIN ISOLATION LEVEL REPEATABLE READ")
    assert db.column("SELECT sum(n) FROM counter") == [0]
    other.result("UPDATE counter SET n = 3 WHERE id = 2")
    assert db.column("SELECT sum(n) FROM counter") == [0]
    assert db.error("UPDATE counter SET n = 4 WHERE id = 2").sqlstate == "40001"
    db.result("ROLLBACK")


def test_concurrent_increments_are_all_counted(db: Talk, connect: Callable[[], Talk]) -> None:
    sessions = [connect() for _ in range(4)]

    def work(talk: Talk) -> None:
        for _ in range(10):
            talk.result("UPDATE counter SET n = n + 1 WHERE id = 1")

    threads = [threading.Thread(target=work, args=(talk,)) for talk in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert db.column("SELECT n FROM counter WHERE id = 1") == [40]


def test_a_read_only_block_refuses_to_write(db: Talk) -> None:
    db.result("BEGIN READ ONLY")
    assert db.error("UPDATE counter SET n = 1").sqlstate == "25006"
    db.result("ROLLBACK")


def test_ddl_rolls_back_with_its_transaction(db: Talk, connect: Callable[[], Talk]) -> None:
    other = connect()
    db.result("BEGIN")
    db.result("CREATE TABLE fresh (a int, v vector(2))")
    db.result("INSERT INTO fresh VALUES (1, '[1,2]')")
    db.result("CREATE INDEX fresh_v ON fresh USING hnsw (v vector_l2_ops)")
    near = "SELECT a FROM fresh ORDER BY v <-> '[1,1]' LIMIT 1"
    assert "Index Scan using fresh_v" in db.plan(near)
    db.result("INSERT INTO fresh VALUES (2, '[1,1]')")
    assert db.column(near) == [2]
    assert other.error("SELECT * FROM fresh").sqlstate == "42P01"
    db.result("ROLLBACK")
    assert db.error("SELECT * FROM fresh").sqlstate == "42P01"
    db.result("CREATE TABLE fresh (a int)")


def test_several_statements_before_a_sync_are_one_transaction(db: Talk) -> None:
    assert db.error("INSERT INTO counter VALUES (3, 0); INSERT INTO counter VALUES (1, 9)").sqlstate == "23505"
    assert db.column("SELECT count(*) FROM counter") == [2]


def test_unique_violations_name_the_constraint(db: Talk) -> None:
    error = db.error("INSERT INTO counter VALUES (1, 9)")
    assert error.message == 'duplicate key value violates unique constraint "counter_pkey"'
    assert error.detail == "Key (id)=(1) already exists."
    assert error.constraint == "counter_pkey"


def test_statements_take_a_cancel(db: Talk) -> None:
    timer = threading.Timer(0.3, db.session.cancel)
    timer.start()
    error = db.error(
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 10000) c"
    )
    assert (error.sqlstate, error.message) == ("57014", "canceling statement due to user request")
    assert db.column("SELECT 1") == [1]


def test_a_cancel_just_before_the_statement_runs_is_not_lost(db: Talk) -> None:
    """It may come between the hand-over to a worker and the worker's first step."""
    prepared = db.session.prepare(db.session.parse("SELECT pg_sleep(30)")[0])
    db.session.forget_cancel()
    db.session.cancel()
    with pytest.raises(SqlError, match="canceling statement due to user request"):
        db.session.execute(prepared)
    db.session.fail()
    assert db.column("SELECT 1") == [1]


@contextmanager
def cancelling(db: Talk, pause: float) -> Iterator[None]:
    """Meanwhile, what the session runs is cancelled every `pause` seconds, by another thread."""
    done = threading.Event()

    def hammer() -> None:
        while not done.is_set():
            db.session.cancel()
            time.sleep(pause)

    thread = threading.Thread(target=hammer)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_cancels_never_leave_a_commit_in_doubt(db: Talk, connect: Callable[[], Talk]) -> None:
    """Cancelled at any moment, an INSERT is either acknowledged and there, or refused and not; no lock stays."""
    db.rows("CREATE TABLE doubt (n int)")
    acknowledged = []
    with cancelling(db, 0.0002):
        for number in range(1500):
            with suppress(SqlError):
                db.rows(f"INSERT INTO doubt VALUES ({number})")
                acknowledged.append(number)
    assert 0 < len(acknowledged) < 1500
    assert connect().column("SELECT n FROM doubt ORDER BY n") == acknowledged


def test_cancels_in_blocks_are_told_as_such(db: Talk) -> None:
    """Also where the interrupt falls on what keeps rows for a savepoint, which reads them by way of Arrow."""
    db.rows("CREATE TABLE kept (n int PRIMARY KEY, v vector(4))")
    db.rows("CREATE INDEX ON kept USING hnsw (v vector_l2_ops)")
    states = set()
    with cancelling(db, 0.003):
        for number in range(150):
            try:
                db.rows("BEGIN")
                db.rows(f"INSERT INTO kept SELECT {number * 100} + g, '[1,2,3,4]' FROM generate_series(1, 100) g")
                db.rows("SAVEPOINT a")
                db.rows("DELETE FROM kept WHERE n % 10 = 0")
                db.rows("ROLLBACK TO a")
                db.rows("COMMIT")
            except SqlError as error:
                states.add(error.sqlstate)
                with suppress(SqlError):
                    db.rows("ROLLBACK")
    assert states == {"57014"}


def test_a_session_that_cannot_roll_back_still_frees_its_locks(
    db: Talk, connect: Callable[[], Talk], monkeypatch: pytest.MonkeyPatch
) -> None:
    db.rows("CREATE TABLE held (n int)")
    broken = connect()
    broken.rows("BEGIN")
    broken.rows("INSERT INTO held VALUES (1)")

    def fail(command: str) -> None:
        raise SqlError("XX000", f"no {command}")

    monkeypatch.setattr(broken.session.connection, "control_transaction", fail)
    with pytest.raises(SqlError, match="no ROLLBACK"):
        broken.session.close()
    db.rows("SET lock_timeout = '2s'")
    db.rows("DROP TABLE held")


def test_suspended_rows_survive_other_statements(db: Talk) -> None:
    session = db.session
    prepared = session.prepare(session.parse("SELECT g FROM generate_series(1, 5000) g ORDER BY g")[0])
    session.execute(session.prepare(session.parse("BEGIN")[0]))
    result = session.execute(prepared)
    assert result.more is not None
    assert len(result.rows) == 1000
    assert db.column("SELECT n FROM counter ORDER BY id") == [0, 0]
    rest = []
    while batch := result.more(700):
        rest += batch
    assert [row[0] for row in result.rows + rest] == list(range(1, 5001))
    db.result("COMMIT")


def test_isolation_and_read_only_may_be_set_by_name(db: Talk, connect: Callable[[], Talk]) -> None:
    db.result("CREATE TABLE t (id int)")
    db.result("BEGIN")
    db.result("SET transaction_isolation = 'repeatable read'")
    assert db.rows("SELECT id FROM t") == []
    connect().result("INSERT INTO t VALUES (1)")
    assert db.rows("SELECT id FROM t") == []
    db.result("COMMIT")
    db.result("BEGIN")
    db.result("SET transaction_read_only = on")
    assert db.error("INSERT INTO t VALUES (2)").sqlstate == "25006"
    db.result("ROLLBACK")
    db.result("INSERT INTO t VALUES (2)")
    assert db.column("SHOW transaction_isolation") == ["read committed"]


def test_a_prepared_with_query_that_writes_runs_each_time(db: Talk) -> None:
    session = db.session
    raw = session.parse("WITH i AS (INSERT INTO counter VALUES ($1, 5) RETURNING id) SELECT id FROM i WHERE id > 3")[0]
    prepared = session.prepare(raw, ())
    for number, expected in ((3, []), (4, [(4,)]), (5, [(5,)])):
        assert session.execute(prepared, (number,)).rows == expected
        session.sync()
    assert db.column("SELECT id FROM counter ORDER BY id") == [1, 2, 3, 4, 5]


def test_with_queries_that_write_are_refused_where_they_would_be_lost(db: Talk) -> None:
    writing = "WITH i AS (INSERT INTO counter VALUES (9, 5) RETURNING id) SELECT * FROM i"
    for sql in (f"CREATE TABLE copied AS {writing}", f"CREATE VIEW seen AS {writing}"):
        assert db.error(sql).sqlstate == "0A000"
    assert "Insert on counter" in db.plan(writing)
    assert db.column("SELECT id FROM counter ORDER BY id") == [1, 2]


def test_a_cursor_that_fails_at_commit(db: Talk, connect: Callable[[], Talk], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a cursor WITH HOLD is read at COMMIT: an error there undoes the transaction."""

    def fail(_cursor: Cursor) -> None:
        raise SqlError("22012", "division by zero")

    db.result("BEGIN")
    db.result("UPDATE counter SET n = 5")
    db.result("DECLARE c CURSOR WITH HOLD FOR SELECT 1")
    with monkeypatch.context() as patched:
        patched.setattr(Cursor, "keep", fail)
        assert db.error("COMMIT").sqlstate == "22012"
    assert status(db) == "I"
    assert db.column("SELECT n FROM counter") == [0, 0]
    assert db.error("FETCH c").sqlstate == "34000"
    connect().result("UPDATE counter SET n = 6")  # no lock is left
    assert db.column("SELECT n FROM counter") == [6, 6]
