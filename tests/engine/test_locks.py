"""Table locks: who excludes whom, waiting, deadlocks."""

from __future__ import annotations

import threading

import pytest

from ruvector_engine.errors import SqlError
from ruvector_engine.locks import LockManager, Mode


def nothing() -> None:
    """Nobody cancels."""


def take(locks: LockManager, pid: int, table: int, mode: Mode, timeout: float | None = 0.0) -> None:
    locks.acquire(pid, table, mode, timeout=timeout, check=nothing)


@pytest.mark.parametrize(
    ("held", "wanted", "granted"),
    [
        ("insert", "insert", True),
        ("insert", "update", True),
        ("insert", "ddl", False),
        ("update", "insert", True),
        ("update", "update", False),
        ("update", "ddl", False),
        ("ddl", "insert", False),
        ("ddl", "update", False),
        ("ddl", "ddl", False),
    ],
)
def test_which_modes_exclude_each_other(held: Mode, wanted: Mode, granted: bool) -> None:
    locks = LockManager()
    take(locks, 1, 7, held)
    if granted:
        take(locks, 2, 7, wanted)
    else:
        with pytest.raises(SqlError) as caught:
            take(locks, 2, 7, wanted)
        assert caught.value.sqlstate == "55P03"


def test_own_locks_and_other_tables_are_no_obstacle() -> None:
    locks = LockManager()
    take(locks, 1, 7, "insert")
    take(locks, 1, 7, "ddl")
    take(locks, 2, 8, "ddl")


def test_a_waiter_gets_the_lock_when_it_is_released() -> None:
    locks = LockManager()
    take(locks, 1, 7, "update")
    got = threading.Event()

    def wait() -> None:
        take(locks, 2, 7, "update", timeout=10)
        got.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not got.wait(0.1)
    locks.release_all(1)
    thread.join(10)
    assert got.is_set()


def test_a_cancelled_waiter_gives_up_and_holds_nothing() -> None:
    locks = LockManager()
    take(locks, 1, 7, "update")

    def cancelled() -> None:
        raise SqlError("57014", "canceling statement due to user request")

    with pytest.raises(SqlError, match="user request"):
        locks.acquire(2, 7, "update", timeout=None, check=cancelled)
    locks.release_all(1)
    take(locks, 3, 7, "ddl")


def test_two_sessions_that_wait_for_each_other_are_a_deadlock() -> None:
    locks = LockManager()
    take(locks, 1, 7, "update")
    take(locks, 2, 8, "update")
    outcomes: list[str] = []

    def cross(pid: int, table: int) -> None:
        try:
            take(locks, pid, table, "update", timeout=10)
            outcomes.append("granted")
        except SqlError as error:
            outcomes.append(error.sqlstate)
        finally:
            locks.release_all(pid)

    threads = [threading.Thread(target=cross, args=args) for args in ((1, 8), (2, 7))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["40P01", "granted"]
