"""One thread that keeps every index of an engine in shape, and its segments on disk."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ruvector_engine.index.spec import BuildCancelled, Cancelled

_log = logging.getLogger(__name__)

#: Seconds between two saves of an index that keeps changing: each may rewrite its largest segment.
_SAVE_INTERVAL = 60.0


class Maintained(Protocol):
    """What an index must have to be looked after."""

    on_maintenance_due: Callable[[], None] | None

    @property
    def has_unsaved_segments(self) -> bool:
        """Whether it is to be saved."""

    def maintain(
        self, *, everything: bool = False, threads: int | None = None, cancelled: Cancelled | None = None
    ) -> bool:
        """Do one piece of upkeep, if any is due; whether something was done."""

    def save(self, directory: Path) -> None:
        """Write what changed since the last save."""


@dataclass(slots=True)
class _Watched:
    index: Maintained
    directory: Path | None
    saved_at: float = float("-inf")


class IndexMaintenance:
    """Runs `maintain` of watched indexes when they ask for it. Half of the processors are left to queries."""

    def __init__(self) -> None:
        self._threads = max(1, (os.cpu_count() or 1) // 2)
        self._watched: list[_Watched] = []
        self._lock = threading.Lock()
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index-maintenance", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Give up the work at hand within a second or so; whether the thread ended within `timeout` seconds."""
        self._stopping.set()
        self._due.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def watch(self, index: Maintained, directory: Path | None = None) -> None:
        """Look after `index` from now on. With a `directory`, sealed segments are saved there soon after they appear.

        That spares the next start the build after a crash; the last save, with the latest changes, is the caller's.
        """
        with self._lock:
            self._watched.append(_Watched(index, directory))
        index.on_maintenance_due = self._due.set
        self._due.set()

    def forget(self, index: Maintained) -> None:
        """Leave `index` alone: it was dropped or replaced. Work on it that has begun is finished."""
        index.on_maintenance_due = None
        with self._lock:
            self._watched = [watched for watched in self._watched if watched.index is not index]

    def _run(self) -> None:
        pause: float | None = None
        while not self._stopping.is_set():
            self._due.wait(pause)
            self._due.clear()
            with self._lock:
                everyone = list(self._watched)
            pauses = [self._look_after(watched) for watched in everyone]
            pause = min((p for p in pauses if p is not None), default=None)

    def _look_after(self, watched: _Watched) -> float | None:
        """Do what is due; the seconds after which to look again, None to wait until asked."""
        index = watched.index
        try:
            while self._cares_for(index) and index.maintain(threads=self._threads, cancelled=self._stopping.is_set):
                pass
            if watched.directory is None or not self._cares_for(index) or not index.has_unsaved_segments:
                return None
            wait = watched.saved_at + _SAVE_INTERVAL - time.monotonic()
            if wait > 0:
                return wait
            watched.saved_at = time.monotonic()
            index.save(watched.directory)
        except BuildCancelled:
            return None
        except (RuntimeError, MemoryError, OSError, ValueError):
            if index.on_maintenance_due is None:  # dropped meanwhile, its files too
                return None
            # The index answers correctly without upkeep, only slower; it asks again at its next change.
            _log.exception("upkeep of an index failed")
        return None

    def _cares_for(self, index: Maintained) -> bool:
        return index.on_maintenance_due is not None and not self._stopping.is_set()
