"""Table locks between sessions. They order writers, so that DuckDB's snapshot isolation seldom has a conflict.

Reads take none: they see the newest committed state. The modes are three of PostgreSQL's, by what they exclude here:
INSERT runs beside INSERT and UPDATE; UPDATE (and DELETE) excludes UPDATE; DDL excludes all three.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Literal

from ruvector_engine.errors import SqlError

Mode = Literal["insert", "update", "ddl"]

_CONFLICTS: dict[Mode, frozenset[Mode]] = {
    "insert": frozenset({"ddl"}),
    "update": frozenset({"update", "ddl"}),
    "ddl": frozenset({"insert", "update", "ddl"}),
}
#: How often a waiter looks whether it was cancelled, in seconds.
_POLL = 0.05


def await_lock(
    changed: threading.Condition,
    pid: int,
    waits_for: Callable[[int], Collection[int]],
    *,
    timeout: float | None,
    check: Callable[[], None],
) -> None:
    """Wait, holding `changed`, until nobody blocks `pid`, calling `check` meanwhile.

    `waits_for` tells whom a process waits for now. 55P03 on timeout, 40P01 on deadlock.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while waits_for(pid):
        if _deadlocked(pid, waits_for):
            raise SqlError("40P01", "deadlock detected", hint="See server log for query details.")
        if deadline is not None and time.monotonic() >= deadline:
            raise SqlError("55P03", "canceling statement due to lock timeout")
        check()
        changed.wait(_POLL)


def _deadlocked(start: int, waits_for: Callable[[int], Collection[int]]) -> bool:
    """Whether the wait-for graph leads from `start` back to it."""
    seen: set[int] = set()
    stack = [start]
    while stack:
        for blocker in waits_for(stack.pop()):
            if blocker == start:
                return True
            if blocker not in seen:
                seen.add(blocker)
                stack.append(blocker)
    return False


class LockManager:
    """Who holds what. Owners are sessions' pids; a lock is kept to the end of its transaction."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: dict[int, dict[int, set[Mode]]] = {}  # table -> pid -> modes
        self._waiting: dict[int, tuple[int, Mode]] = {}  # pid -> what it waits for

    def acquire(
        self,
        pid: int,
        table: int,
        mode: Mode,
        *,
        timeout: float | None,
        check: Callable[[], None],
        keep: bool = True,
    ) -> None:
        """Take a lock, waiting up to `timeout` seconds (None: for ever); without `keep`, just wait until it is free.

        `check` is called while waiting and raises when the wait was cancelled. 55P03 on timeout, 40P01 on deadlock.
        """
        with self._changed:
            self._waiting[pid] = (table, mode)
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
            if keep:
                self._held.setdefault(table, {}).setdefault(pid, set()).add(mode)

    def release_all(self, pid: int) -> None:
        """Give back everything the session holds."""
        with self._changed:
            for table in [t for t, owners in self._held.items() if pid in owners]:
                del self._held[table][pid]
                if not self._held[table]:
                    del self._held[table]
            self._changed.notify_all()

    def listed(self) -> list[tuple[int, int, Mode, bool]]:
        """(table, pid, mode, whether it is held or waited for), for pg_locks."""
        with self._changed:
            held = [
                (table, pid, mode, True)
                for table, owners in self._held.items()
                for pid, modes in owners.items()
                for mode in sorted(modes)
            ]
            return held + [(table, pid, mode, False) for pid, (table, mode) in self._waiting.items()]

    def _waits_for(self, pid: int) -> list[int]:
        """Those whose locks keep a process from the one that it waits for."""
        if pid not in self._waiting:
            return []
        table, mode = self._waiting[pid]
        owners = self._held.get(table, {})
        return [owner for owner, modes in owners.items() if owner != pid and modes & _CONFLICTS[mode]]
