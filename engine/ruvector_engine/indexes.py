"""The vector indexes of a data directory: opened with it, kept in step with commits, saved beside it.

An index is derived from its table and may be deleted at any time: whatever is missing, damaged or behind is made good
from the rows. Only `publish` changes an index, in commit order.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ruvector_engine.build_logs import BuildLogs
from ruvector_engine.catalog.model import PREVIOUS_ROW_ID, ROW_ID, Catalog, IndexDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.index import DamagedIndex, IndexSpec, VectorIndex
from ruvector_engine.index.elements import element_of
from ruvector_engine.kept_indexes import KeptIndexes
from ruvector_engine.planner.index_keys import index_key
from ruvector_engine.planner.operator_classes import awaits_dimensions, index_spec
from ruvector_engine.relational.duck import Connection, Store
from ruvector_engine.stored_vectors import read, read_by_id
from ruvector_engine.transactions import Ids, IdVectors, TableChanges, Transaction

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


class IndexSet(KeptIndexes[VectorIndex]):
    """All vector indexes."""

    def __init__(self, store: Store, directory: Path) -> None:
        super().__init__(directory)
        self._store = store
        self._pending: dict[int, VectorIndex] = {}  # built by transactions that have not committed
        #: What was committed since the snapshots of builds.
        self.builds = BuildLogs()

    def get_pending(self, oid: int) -> VectorIndex | None:
        """One that the caller's own transaction has built."""
        return self._pending.get(oid)

    # ------------------------------------------------------------ opening

    def _open_of(self, catalog: Catalog) -> set[str]:
        """Open those of one database; the names of their files."""
        self._give_row_ids(catalog)
        known = set[str]()
        for relation in list(catalog.relations.values()):
            if isinstance(relation, IndexDef) and relation.is_vector:
                table = catalog.table_by_oid(relation.table_oid)
                if table is None:
                    raise SqlError("XX001", f'index "{relation.name}" has no table')
                known.add(str(relation.oid))
                if awaits_dimensions(relation, table):
                    continue
                try:
                    self._open(catalog, relation, table)
                except SqlError as error:  # of an expression that no longer holds: queries then search exactly
                    _log.error('index "%s" is put aside, for it cannot be built: %s', relation.name, error.message)
        return known

    def _give_row_ids(self, catalog: Catalog) -> None:
        """Tables whose vectors could not be indexed when they were made have no hidden row ids yet."""
        with self._store.connection() as connection:
            run = connection.run
            having = {row[0] for row in run(f"SELECT table_name FROM duckdb_columns() WHERE column_name = '{ROW_ID}'")}
            tables = [table for table in catalog.relations.values() if isinstance(table, TableDef)]
            for name in (table.storage_name for table in tables if table.has_row_id):
                if name.strip('"') not in having:
                    run("BEGIN")
                    run(f'ALTER TABLE {name} ADD COLUMN "{ROW_ID}" BIGINT')
                    run(f'ALTER TABLE {name} ADD COLUMN "{PREVIOUS_ROW_ID}" BIGINT')
                    run(f"UPDATE {name} SET \"{ROW_ID}\" = nextval('ruvector_rid')")
                    run(f"ALTER TABLE {name} ALTER \"{ROW_ID}\" SET DEFAULT nextval('ruvector_rid')")
                    run("COMMIT")

    def _open(self, catalog: Catalog, definition: IndexDef, table: TableDef) -> None:
        spec = index_spec(definition, table)
        with self._store.connection() as connection:
            try:
                index = VectorIndex.load(self._directory / str(definition.oid), spec)
            except (DamagedIndex, FileNotFoundError) as reason:
                _log.warning('rebuilding index "%s" from its table: %s', definition.name, reason)
                index = self._build_from_rows(connection, catalog, definition, table, spec, None, None)
            else:
                self._catch_up(connection, catalog, definition, table, spec, index)
        self._install(definition.oid, index)

    def _catch_up(
        self,
        connection: Connection,
        catalog: Catalog,
        definition: IndexDef,
        table: TableDef,
        spec: IndexSpec,
        index: VectorIndex,
    ) -> None:
        """Bring a loaded index to the table's state: the set difference of their ids, both ways."""
        rows = index_key(definition, table, catalog).rows_sql
        stored = np.sort(connection.ids(f'SELECT "{ROW_ID}" FROM ({rows})'))
        indexed = index.ids()
        missing = np.setdiff1d(stored, indexed, assume_unique=True)
        extra = np.setdiff1d(indexed, stored, assume_unique=True)
        if missing.size or extra.size:
            _log.info('index "%s": %d rows to add, %d to remove', definition.name, missing.size, extra.size)
            ids, vectors = read_by_id(connection, rows, missing, element_of(spec), spec.dimensions)
            index.apply(ids, vectors, extra)

    # ------------------------------------------------------------ building

    def build(
        self,
        connection: Connection,
        catalog: Catalog,
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
            self.builds.begin(definition, complete=snapshot())
        try:
            spec = index_spec(definition, table)
            index = self._build_from_rows(connection, catalog, definition, table, spec, progress, cancelled)
        except BaseException:
            self.builds.end(definition.oid)
            raise
        self._pending[definition.oid] = index

    def _build_from_rows(
        self,
        connection: Connection,
        catalog: Catalog,
        definition: IndexDef,
        table: TableDef,
        spec: IndexSpec,
        progress: Progress | None,
        cancelled: Callable[[], bool] | None,
    ) -> VectorIndex:
        rows = index_key(definition, table, catalog).rows_sql
        if progress is not None:
            progress("initializing", 0, 0)
        ids, vectors = read(connection, rows, element_of(spec), spec.dimensions)
        return VectorIndex.build(spec, ids, vectors, directory=self._directory, progress=progress, cancelled=cancelled)

    # ------------------------------------------------------------ keeping in step

    def publish(self, catalog: Catalog, transaction: Transaction) -> None:
        """Apply a committed transaction, under the commit lock."""
        for table_oid, changes in transaction.changes.items():
            self.builds.note(table_oid, changes)
            table = catalog.table_by_oid(table_oid)
            for definition in catalog.indexes_of(table_oid) if table is not None else ():
                index = self._indexes.get(definition.oid)
                if table is not None and index is not None and definition.oid not in transaction.new_indexes:
                    self._in_step(definition, partial(self._apply, catalog, index, definition, table, changes))
        for oid in transaction.dropped:
            self._remove(oid)
        for built in transaction.new_indexes.values():
            build = self.builds.end(built.oid)
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
                self._in_step(definition, partial(self._apply_all, catalog, index, definition, table, changes_since))
            else:
                self._in_step(definition, partial(self._catch_up_now, catalog, index, definition, table))

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
        self,
        catalog: Catalog,
        index: VectorIndex,
        definition: IndexDef,
        table: TableDef,
        all_changes: Sequence[TableChanges],
    ) -> None:
        for changes in all_changes:
            self._apply(catalog, index, definition, table, changes)

    def _catch_up_now(self, catalog: Catalog, index: VectorIndex, definition: IndexDef, table: TableDef) -> None:
        with self._store.connection() as connection:
            self._catch_up(connection, catalog, definition, table, index.spec, index)

    def discard(self, transaction: Transaction) -> None:
        """Forget what a transaction built that did not commit."""
        for oid in transaction.new_indexes:
            self._pending.pop(oid, None)
            self.builds.end(oid)

    def _apply(
        self, catalog: Catalog, index: VectorIndex, definition: IndexDef, table: TableDef, changes: TableChanges
    ) -> None:
        """Bring one index up to a table's changes; what it already holds or never held is left out."""
        if changes.truncated:
            index.delete(index.ids())
        element, dimensions = element_of(index.spec), index.spec.dimensions

        def committed(ids: Ids) -> IdVectors:
            with self._store.connection() as connection:
                rows = index_key(definition, table, catalog).rows_sql
                return read_by_id(connection, rows, ids, element, dimensions)

        deleted = changes.deleted_ids()
        if definition.holds_column:
            ids, vectors = changes.added_vectors(definition.columns[0], element, dimensions, committed)
        else:
            ids, vectors = changes.added_vectors(definition.oid, element, dimensions, committed)
            # Statements that ran before there was the index did not evaluate it.
            others = np.setdiff1d(changes.added_ids(), changes.noted_ids(definition.oid))
            if others.size:
                more_ids, more = committed(others)
                ids, vectors = np.concatenate([ids, more_ids]), element.rows.joined([vectors, more])
        if ids.size > 0:
            fresh = np.flatnonzero(~index.contains(ids))
            ids, vectors = ids[fresh], vectors.take(fresh, axis=0)
        if ids.size or deleted.size:
            index.apply(ids, vectors, deleted)

    def vacuum(self) -> None:
        """Put every index into one segment without dead rows."""
        for index in list(self._indexes.values()):
            index.maintain(everything=True)
