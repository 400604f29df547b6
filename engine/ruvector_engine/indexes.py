"""The vector indexes of a database: opened with it, kept in step with commits, saved beside it.

An index is derived from its table and may be deleted at any time: whatever is missing, damaged or behind is made good
from the rows. Only `publish` changes an index, in commit order.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from ruvector_engine.catalog.model import ROW_ID, Catalog, IndexDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.index import DamagedIndex, IndexMaintenance, IndexSpec, VectorIndex
from ruvector_engine.planner.operator_classes import index_spec
from ruvector_engine.relational.duck import Connection, Store
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.transactions import Ids, IdVectors, TableChanges, Transaction

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class BuildLog:
    """Changes to a table that were committed while an index on it was being built."""

    table_oid: int
    complete: bool = True  # False: the snapshot is older than the log, so that changes may be in neither
    changes: list[TableChanges] = field(default_factory=list)


class IndexSet:
    """All vector indexes by OID. `get` may be called from any thread."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._indexes: dict[int, VectorIndex] = {}
        self._pending: dict[int, VectorIndex] = {}  # built by transactions that have not committed
        self._logs: dict[int, BuildLog] = {}  # index -> what was committed since its build's snapshot
        self._maintenance = IndexMaintenance()
        self._maintenance.start()

    def get(self, oid: int) -> VectorIndex | None:
        """The index's search structure; None while it is being rebuilt (queries then search exactly)."""
        return self._indexes.get(oid)

    def get_pending(self, oid: int) -> VectorIndex | None:
        """One that the caller's own transaction has built."""
        return self._pending.get(oid)

    # ------------------------------------------------------------ opening

    def open_all(self, catalog: Catalog) -> None:
        """Load every index, or rebuild it from its table."""
        self._directory.mkdir(exist_ok=True)
        known = set()
        for relation in list(catalog.relations.values()):
            if isinstance(relation, IndexDef) and relation.is_vector:
                table = catalog.table_by_oid(relation.table_oid)
                if table is None:
                    raise SqlError("XX001", f'index "{relation.name}" has no table')
                known.add(str(relation.oid))
                self._open(relation, table)
        for path in self._directory.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    def _open(self, definition: IndexDef, table: TableDef) -> None:
        spec = index_spec(definition, table)
        with self._store.connection() as connection:
            try:
                index = VectorIndex.load(self._directory / str(definition.oid), spec)
            except (DamagedIndex, FileNotFoundError) as reason:
                _log.warning('rebuilding index "%s" from its table: %s', definition.name, reason)
                index = self._build_from_rows(connection, definition, table, spec, None, None)
            else:
                self._catch_up(connection, definition, table, spec, index)
        self._install(definition.oid, index)

    def _catch_up(
        self, connection: Connection, definition: IndexDef, table: TableDef, spec: IndexSpec, index: VectorIndex
    ) -> None:
        """Bring a loaded index to the table's state: the set difference of their ids, both ways."""
        column = definition.columns[0]
        stored = np.sort(
            connection.ids(f'SELECT "{ROW_ID}" FROM {table.storage_name} WHERE {quote(column)} IS NOT NULL')
        )
        indexed = index.ids()
        missing = np.setdiff1d(stored, indexed, assume_unique=True)
        extra = np.setdiff1d(indexed, stored, assume_unique=True)
        if missing.size or extra.size:
            _log.info('index "%s": %d rows to add, %d to remove', definition.name, missing.size, extra.size)
            ids, vectors = connection.vectors_by_id(_rows_sql(table, column), missing, spec.dimensions)
            index.apply(ids, vectors, extra)

    # ------------------------------------------------------------ building

    def build(
        self,
        connection: Connection,
        definition: IndexDef,
        table: TableDef,
        *,
        snapshot: Callable[[], bool],
        commit_lock: threading.RLock,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        """Build an index of what `connection`'s transaction sees; `publish` installs it when that commits.

        Writers go on meanwhile: what they commit after the snapshot is logged and applied at publication. `snapshot`
        tells whether it sees all that is committed: a transaction that began earlier may not.
        """
        with commit_lock:
            complete = snapshot()
            self._logs[definition.oid] = BuildLog(table.oid, complete)
        try:
            spec = index_spec(definition, table)
            index = self._build_from_rows(connection, definition, table, spec, progress, cancelled)
        except BaseException:
            del self._logs[definition.oid]
            raise
        self._pending[definition.oid] = index

    def _build_from_rows(
        self,
        connection: Connection,
        definition: IndexDef,
        table: TableDef,
        spec: IndexSpec,
        progress: Progress | None,
        cancelled: Callable[[], bool] | None,
    ) -> VectorIndex:
        column = definition.columns[0]
        ids, vectors = connection.id_vectors(
            f"{_rows_sql(table, column)} WHERE {quote(column)} IS NOT NULL", spec.dimensions
        )
        return VectorIndex.build(spec, ids, vectors, progress=progress, cancelled=cancelled)

    # ------------------------------------------------------------ keeping in step

    def publish(self, catalog: Catalog, transaction: Transaction) -> None:
        """Apply a committed transaction, under the commit lock."""
        for table_oid, changes in transaction.changes.items():
            for log in self._logs.values():
                if log.table_oid == table_oid:
                    log.changes.append(changes)
            table = catalog.table_by_oid(table_oid)
            for definition in catalog.indexes_of(table_oid) if table is not None else ():
                index = self._indexes.get(definition.oid)
                if table is not None and index is not None and definition.oid not in transaction.new_indexes:
                    self._in_step(definition, partial(self._apply, index, definition, table, changes))
        for oid in transaction.dropped:
            self._remove(oid)
        for built in transaction.new_indexes.values():
            build = self._logs.pop(built.oid, None)
            index = self._pending.pop(built.oid, None)
            # As its columns are named now; there is none when it was dropped, which a REINDEX keeps nobody from.
            current = [i for i in catalog.indexes_of(built.table_oid) if i.oid == built.oid]
            table = catalog.table_by_oid(built.table_oid)
            if build is None or index is None or table is None or not current:
                continue
            definition = current[0]
            own = transaction.changes.get(definition.table_oid)
            self._install(definition.oid, index)
            if build.complete and not any(changes.altered for changes in build.changes):
                changes_since = (*([own] if own is not None else []), *(c for c in build.changes if c is not own))
                self._in_step(definition, partial(self._apply_all, index, definition, table, changes_since))
            else:
                self._in_step(definition, partial(self._catch_up_now, index, definition, table))

    def _in_step(self, definition: IndexDef, step: Callable[[], None]) -> None:
        """Change an index after a commit. The commit stands whatever happens here: an index that fails is put aside.

        Queries then search exactly, and the next start builds the index anew.
        """
        try:
            step()
        except Exception:  # noqa: BLE001 - whatever it is, the commit must be acknowledged
            _log.exception('index "%s" fell behind its table and is put aside until the next start', definition.name)
            self._remove(definition.oid)

    def _apply_all(
        self, index: VectorIndex, definition: IndexDef, table: TableDef, all_changes: Sequence[TableChanges]
    ) -> None:
        for changes in all_changes:
            self._apply(index, definition, table, changes)

    def _catch_up_now(self, index: VectorIndex, definition: IndexDef, table: TableDef) -> None:
        with self._store.connection() as connection:
            self._catch_up(connection, definition, table, index.spec, index)

    def discard(self, transaction: Transaction) -> None:
        """Forget what a transaction built that did not commit."""
        for oid in transaction.new_indexes:
            self._pending.pop(oid, None)
            self._logs.pop(oid, None)

    def _apply(self, index: VectorIndex, definition: IndexDef, table: TableDef, changes: TableChanges) -> None:
        """Bring one index up to a table's changes; what it already holds or never held is left out."""
        if changes.truncated:
            index.apply(np.empty(0, np.int64), np.empty((0, index.spec.dimensions), np.float32), index.ids())
        column, dimensions = definition.columns[0], index.spec.dimensions

        def read(ids: Ids) -> IdVectors:
            rows = f"SELECT * FROM ({_rows_sql(table, column)} WHERE {quote(column)} IS NOT NULL)"
            with self._store.connection() as connection:
                return connection.vectors_by_id(rows, ids, dimensions)

        ids, vectors = changes.added_vectors(column, dimensions, read)
        deleted = changes.deleted_ids()
        if ids.size > 0:
            fresh = ~index.contains(ids)
            ids, vectors = ids[fresh], vectors[fresh]
        if ids.size or deleted.size:
            index.apply(ids, vectors, deleted)

    def _install(self, oid: int, index: VectorIndex) -> None:
        former = self._indexes.get(oid)
        if former is not None:
            self._maintenance.forget(former)
        self._indexes[oid] = index
        self._maintenance.watch(index, self._directory / str(oid))

    def _remove(self, oid: int) -> None:
        index = self._indexes.pop(oid, None)
        if index is not None:
            self._maintenance.forget(index)
            shutil.rmtree(self._directory / str(oid), ignore_errors=True)

    def vacuum(self) -> None:
        """Put every index into one segment without dead rows."""
        for index in list(self._indexes.values()):
            index.maintain(everything=True)

    def close(self) -> None:
        """Stop maintenance and save every index."""
        self._maintenance.stop()
        for oid, index in self._indexes.items():
            index.save(self._directory / str(oid))


def _rows_sql(table: TableDef, column: str) -> str:
    return f'SELECT "{ROW_ID}", {quote(column)} FROM {table.storage_name}'
