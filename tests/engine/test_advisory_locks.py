"""Waiting for advisory locks: until they are free, cancelled, or a deadlock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ruvector_engine.advisory_locks import AdvisoryLocks, Key, Kind
from ruvector_engine.errors import SqlError

FIRST, SECOND = Key.of(5, (1,)), Key.of(5, (1, 2))
EXCLUSIVE, SHARED = Kind(shared=False, transaction=False), Kind(shared=True, transaction=False)


def never() -> None:
    """Nobody cancels."""


def cancelled() -> None:
    raise SqlError("57014", "canceling statement due to user request")


def test_a_waiter_gets_the_lock_once_it_is_free() -> None:
    locks = AdvisoryLocks()
    assert locks.try_acquire(1, FIRST, SHARED)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(locks.acquire, 2, FIRST, EXCLUSIVE, timeout=None, check=never)
        while not any(not lock.granted for lock in locks.listed()):
            pass
        assert locks.release(1, FIRST, shared=True)
        waiting.result()
    assert [(lock.pid, lock.shared) for lock in locks.listed()] == [(2, False)]


def test_a_waiter_is_cancelled() -> None:
    locks = AdvisoryLocks()
    assert locks.try_acquire(1, FIRST, EXCLUSIVE)
    with pytest.raises(SqlError, match="user request"):
        locks.acquire(2, FIRST, SHARED, timeout=None, check=cancelled)
    assert [lock.pid for lock in locks.listed()] == [1]


def test_a_deadlock_is_found() -> None:
    locks = AdvisoryLocks()
    assert locks.try_acquire(1, FIRST, EXCLUSIVE)
    assert locks.try_acquire(2, SECOND, EXCLUSIVE)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(locks.acquire, 1, SECOND, EXCLUSIVE, timeout=None, check=never)
        while not any(not lock.granted for lock in locks.listed()):
            pass
        with pytest.raises(SqlError) as caught:
            locks.acquire(2, FIRST, EXCLUSIVE, timeout=None, check=never)
        assert caught.value.sqlstate == "40P01"
        locks.release_all(2, transaction=False)
        waiting.result()


def test_what_ends_with_the_transaction_is_counted_apart() -> None:
    locks = AdvisoryLocks()
    assert locks.try_acquire(1, FIRST, Kind(shared=False, transaction=True))
    assert not locks.release(1, FIRST, shared=False)
    assert locks.try_acquire(1, FIRST, EXCLUSIVE)
    locks.release_all(1, transaction=True)
    assert not locks.try_acquire(2, FIRST, SHARED)
    assert locks.release(1, FIRST, shared=False)
    assert locks.listed() == []
