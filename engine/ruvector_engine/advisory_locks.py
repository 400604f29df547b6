"""Advisory locks: pg_advisory_lock() and its family, between the sessions of one server."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ruvector_engine.locks import await_lock


class Key(NamedTuple):
    """What is locked, as pg_locks shows it: two halves of one bigint (subid 1), or two integers (subid 2).

    The same numbers in another database are another lock.
    """

    database: int
    classid: int
    objid: int
    subid: int

    @classmethod
    def of(cls, database: int, numbers: tuple[int, ...]) -> Key:
        """The key of one bigint or two integers."""
        if len(numbers) == 1:
            return cls(database, numbers[0] >> 32 & 0xFFFFFFFF, numbers[0] & 0xFFFFFFFF, 1)
        return cls(database, numbers[0] & 0xFFFFFFFF, numbers[1] & 0xFFFFFFFF, 2)


class Kind(NamedTuple):
    """Whether others may share it, and whether it ends with the transaction."""

    shared: bool
    transaction: bool


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock as pg_locks shows it."""

    pid: int
    key: Key
    shared: bool
    granted: bool


class AdvisoryLocks:
    """Who holds what, how often: a session that locks twice must unlock twice."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: dict[Key, dict[int, Counter[Kind]]] = {}
        self._waiting: dict[int, tuple[Key, bool]] = {}  # pid -> what it waits for, and whether to share it

    def try_acquire(self, pid: int, key: Key, kind: Kind) -> bool:
        """Take a lock if it is free."""
        with self._changed:
            if self._blockers(pid, key, kind.shared):
                return False
            self._take(pid, key, kind)
            return True

    def acquire(self, pid: int, key: Key, kind: Kind, *, timeout: float | None, check: Callable[[], None]) -> None:
        """Take a lock, waiting up to `timeout` seconds (None: for ever).

        `check` is called while waiting and raises when the wait was cancelled. 55P03 on timeout, 40P01 on deadlock.
        """
        with self._changed:
            self._waiting[pid] = (key, kind.shared)
            try:
                await_lock(
                    self._changed,
                    pid,
                    self._waits_for,
                    timeout=timeout,
                    check=check,
                )
            finally:
                del self._waiting[pid]
            self._take(pid, key, kind)

    def release(self, pid: int, key: Key, *, shared: bool) -> bool:
        """Give back a session's lock once; False when it holds none."""
        with self._changed:
            counts = self._held.get(key, {}).get(pid)
            kind = Kind(shared, transaction=False)
            if counts is None or not counts[kind]:
                return False
            counts[kind] -= 1
            self._tidy()
            return True

    def release_all(self, pid: int, *, transaction: bool) -> None:
        """Give back all of a session's locks of one scope."""
        with self._changed:
            for owners in self._held.values():
                if pid in owners:
                    for shared in (False, True):
                        owners[pid].pop(Kind(shared, transaction), None)
            self._tidy()

    def listed(self) -> list[Lock]:
        """The locks held and waited for, for pg_locks."""
        with self._changed:
            held = [
                Lock(pid, key, shared, granted=True)
                for key, owners in self._held.items()
                for pid, counts in owners.items()
                for shared in sorted({kind.shared for kind in +counts})
            ]
            return held + [Lock(pid, key, shared, granted=False) for pid, (key, shared) in self._waiting.items()]

    def _take(self, pid: int, key: Key, kind: Kind) -> None:
        self._held.setdefault(key, {}).setdefault(pid, Counter())[kind] += 1

    def _tidy(self) -> None:
        """Forget what nobody holds any more, and wake who waits."""
        for key, owners in list(self._held.items()):
            left = {pid: counts for pid, counts in owners.items() if +counts}
            if left:
                self._held[key] = left
            else:
                del self._held[key]
        self._changed.notify_all()

    def _blockers(self, pid: int, key: Key, shared: bool) -> list[int]:
        owners = self._held.get(key, {})
        return [
            owner
            for owner, counts in owners.items()
            if owner != pid and any(not (shared and kind.shared) for kind in +counts)
        ]

    def _waits_for(self, pid: int) -> list[int]:
        """Those whose locks keep a process from the one that it waits for."""
        wanted = self._waiting.get(pid)
        return [] if wanted is None else self._blockers(pid, *wanted)
