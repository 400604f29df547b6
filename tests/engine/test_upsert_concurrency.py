"""ON CONFLICT from several sessions at once over the same keys."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from tests.engine.conftest import Talk


@pytest.mark.parametrize("action", ["DO NOTHING", "(id) DO NOTHING", "(id) DO UPDATE SET who = EXCLUDED.who"])
def test_sessions_that_insert_the_same_keys_never_fail(connect: Callable[[], Talk], action: str) -> None:
    connect().result("CREATE TABLE t (id int PRIMARY KEY, who int)")
    failures: list[Exception] = []

    def work(who: int) -> None:
        session = connect()
        try:
            for key in range(25):
                session.result(f"INSERT INTO t VALUES ({key}, {who}) ON CONFLICT {action}")
        except Exception as error:  # noqa: BLE001 - told below, on the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert connect().column("SELECT id FROM t ORDER BY id") == list(range(25))


@pytest.mark.parametrize("action", ["DO NOTHING", "(id) DO UPDATE SET who = EXCLUDED.who"])
def test_a_block_that_has_written_before_sees_the_keys_of_others(connect: Callable[[], Talk], action: str) -> None:
    one, other = connect(), connect()
    one.result("CREATE TABLE t (id int PRIMARY KEY, who int)")
    one.result("CREATE TABLE log (line text)")
    one.result("BEGIN")
    one.result("INSERT INTO log VALUES ('one')")
    other.result("INSERT INTO t VALUES (1, 2)")
    one.result(f"INSERT INTO t VALUES (1, 1), (2, 1) ON CONFLICT {action}")
    one.result("COMMIT")
    assert other.rows("SELECT * FROM t ORDER BY id") == [(1, 2 if action == "DO NOTHING" else 1), (2, 1)]
    assert other.column("SELECT line FROM log") == ["one"]


def test_blocks_that_write_before_they_count(connect: Callable[[], Talk]) -> None:
    """As READ COMMITTED has it: an UPDATE goes by the newest committed row."""
    connect().result("CREATE TABLE counter (id int PRIMARY KEY, n int)")
    connect().result("CREATE TABLE log (line int)")
    connect().result("INSERT INTO counter VALUES (1, 0)")
    failures: list[Exception] = []

    def work(who: int) -> None:
        session = connect()
        try:
            for _ in range(10):
                session.result("BEGIN")
                session.result(f"INSERT INTO log VALUES ({who})")
                if who % 2:
                    (n,) = session.column("SELECT n FROM counter WHERE id = 1 FOR UPDATE")
                    session.result(f"UPDATE counter SET n = {n + 1} WHERE id = 1")
                else:
                    session.result("UPDATE counter SET n = n + 1 WHERE id = 1")
                session.result("COMMIT")
        except Exception as error:  # noqa: BLE001 - told below, on the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert connect().column("SELECT n FROM counter") == [40]
    assert connect().column("SELECT count(*) FROM log") == [40]
