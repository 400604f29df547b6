"""Index builds under way: what is committed while they last, and which columns they look at."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ruvector_engine.catalog.model import IndexDef
from ruvector_engine.transactions import TableChanges


@dataclass(slots=True)
class BuildLog:
    """Changes to a table that were committed while an index on it was being built.

    `complete`: the log goes back to the build's snapshot; else there may be changes that are in neither.
    """

    definition: IndexDef
    complete: bool = True
    changes: list[TableChanges] = field(default_factory=list)


class BuildLogs:
    """The logs by the index's OID. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: dict[int, BuildLog] = {}
        self._announced: list[IndexDef] = []

    @contextmanager
    def announced(self, definition: IndexDef) -> Iterator[None]:
        """For a while, `columns_read` counts an index whose log has not begun."""
        with self._lock:
            self._announced.append(definition)
        try:
            yield
        finally:
            with self._lock:
                self._announced.remove(definition)

    def begin(self, definition: IndexDef, *, complete: bool) -> None:
        """Log from now on; to be called without commits going on."""
        with self._lock:
            self._logs[definition.oid] = BuildLog(definition, complete)

    def end(self, oid: int) -> BuildLog | None:
        """Log no more: what was logged, None for an index that is not being built."""
        with self._lock:
            return self._logs.pop(oid, None)

    def note(self, table_oid: int, changes: TableChanges) -> None:
        """What a transaction has committed to a table."""
        with self._lock:
            for log in self._logs.values():
                if log.definition.table_oid == table_oid:
                    log.changes.append(changes)

    def columns_read(self, table_oid: int) -> frozenset[str]:
        """The columns of a table at which the indexes being built look, but for vectors, which get new ids anyway."""
        with self._lock:
            building = [*self._announced, *(log.definition for log in self._logs.values())]
        looked_at = [index for index in building if index.table_oid == table_oid]
        plain = {name for index in looked_at if not index.is_vector for name in index.columns}
        return frozenset(plain.union(*(index.reads for index in looked_at)))
