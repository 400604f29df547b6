"""The inverted indexes of a database: opened with it, kept in step with commits, saved beside it.

As the vector indexes (`indexes`) they are derived from their tables and may be deleted at any time. A commit notes the
ids of rows that came and went; documents are read when they are looked for, or in the background.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ruvector_engine.catalog.model import ROW_ID, Catalog, IndexDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.index import BuildCancelled, DamagedIndex
from ruvector_engine.inverted import TextIndex
from ruvector_engine.kept_indexes import KeptIndexes
from ruvector_engine.planner.index_keys import index_key
from ruvector_engine.planner.operator_classes import is_text
from ruvector_engine.relational.duck import Connection, Store
from ruvector_engine.transactions import Ids, TableChanges, Transaction

_log = logging.getLogger(__name__)

#: So many documents are read at once.
_BATCH = 10_000


@dataclass(slots=True)
class _Built:
    """What a transaction has built that has not committed; `touched`: rows that others have changed in place since."""

    definition: IndexDef
    index: TextIndex
    touched: list[Ids] = field(default_factory=list)


class TextIndexSet(KeptIndexes[TextIndex]):
    """All inverted indexes."""

    def __init__(self, store: Store, directory: Path, catalogs: Callable[[], Sequence[Catalog]]) -> None:
        super().__init__(directory)
        self._store = store
        self._catalogs = catalogs
        self._building: dict[int, _Built] = {}

    # ------------------------------------------------------------ opening and building

    def _open_of(self, catalog: Catalog) -> set[str]:
        """Open those of one database; the names of their files."""
        known = set[str]()
        for definition in (r for r in catalog.relations.values() if isinstance(r, IndexDef)):
            table = catalog.table_by_oid(definition.table_oid)
            if table is not None and table.has_row_id and is_text(definition, table):
                known.add(str(definition.oid))
                try:
                    self._open(catalog, definition, table)
                except SqlError as error:  # of an expression that no longer holds: its documents are scanned
                    _log.error('index "%s" is put aside, for it cannot be built: %s', definition.name, error.message)
        return known

    def _open(self, catalog: Catalog, definition: IndexDef, table: TableDef) -> None:
        with self._store.connection() as connection:
            try:
                index = TextIndex.load(self._directory / str(definition.oid), self._reader(definition.oid))
            except (DamagedIndex, FileNotFoundError) as reason:
                _log.warning('rebuilding index "%s" from its table: %s', definition.name, reason)
                index = TextIndex(self._reader(definition.oid))
                _fill(index, connection, catalog, definition, table, lambda: False)
            else:
                _catch_up(index, connection, catalog, definition, table)
        self._install(definition.oid, index)

    def build(
        self,
        connection: Connection,
        catalog: Catalog,
        definition: IndexDef,
        table: TableDef,
        *,
        snapshot: Callable[[], object],
        commit_lock: threading.RLock,
        cancelled: Callable[[], bool],
    ) -> None:
        """Build an index of what `connection`'s transaction sees; `publish` installs it when that commits."""
        index = TextIndex(self._reader(definition.oid))
        with commit_lock:
            snapshot()
            self._building[definition.oid] = _Built(definition, index)
        try:
            _fill(index, connection, catalog, definition, table, cancelled)
        except BaseException:
            del self._building[definition.oid]
            raise

    def _reader(self, oid: int) -> Callable[[Ids], tuple[Ids, list[str | None]]]:
        """Reads documents of an index as its table is now."""

        def read(ids: Ids) -> tuple[Ids, list[str | None]]:
            found = next(((c, r) for c in self._catalogs() if (r := _index_in(c, oid)) is not None), None)
            table = found[0].table_by_oid(found[1].table_oid) if found is not None else None
            if found is None or table is None:  # dropped meanwhile
                return np.empty(0, np.int64), []
            catalog, definition = found
            rows = index_key(definition, table, catalog).keys_sql
            with self._store.connection() as connection:
                return connection.id_texts(f'SELECT * FROM ({rows}) WHERE "{ROW_ID}" {among(ids)}')

        return read

    # ------------------------------------------------------------ keeping in step

    def publish(self, catalog: Catalog, transaction: Transaction) -> None:
        """Apply a committed transaction, under the commit lock."""
        for table_oid, changes in transaction.changes.items():
            for built in self._building.values():
                if built.definition.table_oid == table_oid:
                    built.touched.append(changes.touched_ids())
            for definition in catalog.indexes_of(table_oid):
                index = self._indexes.get(definition.oid)
                if index is not None and definition.oid not in transaction.new_indexes:
                    self._in_step(catalog, definition, index, changes)
        for oid in transaction.dropped:
            self._remove(oid)
        for oid in transaction.new_indexes:
            self._publish_built(catalog, oid)

    def _publish_built(self, catalog: Catalog, oid: int) -> None:
        built = self._building.pop(oid, None)
        # As its columns are named now; there is none when it was dropped, which a REINDEX keeps nobody from.
        current = _index_in(catalog, oid)
        if built is None or current is None:
            return
        changes = TableChanges(touched=built.touched, altered=False)
        self._install(oid, built.index)
        self._in_step(catalog, current, built.index, changes, compare=True)

    def _in_step(
        self, catalog: Catalog, definition: IndexDef, index: TextIndex, changes: TableChanges, *, compare: bool = False
    ) -> None:
        """Change an index after a commit. The commit stands whatever happens here: an index that fails is put aside.

        `compare` the ids with the table's, for not all changes are known.
        """
        try:
            if changes.truncated or changes.altered:
                index.apply(np.empty(0, np.int64), index.state.ids())
            touched = changes.touched_ids()
            index.apply(np.union1d(changes.added_ids(), touched), np.union1d(changes.deleted_ids(), touched))
            table = catalog.table_by_oid(definition.table_oid)
            if (compare or changes.altered) and table is not None:
                with self._store.connection() as connection:
                    _catch_up(index, connection, catalog, definition, table)
        except Exception:  # noqa: BLE001 - whatever it is, the commit must be acknowledged
            _log.exception('index "%s" fell behind its table and is put aside until the next start', definition.name)
            self._remove(definition.oid)

    def discard(self, transaction: Transaction) -> None:
        """Forget what a transaction built that did not commit."""
        for oid in transaction.new_indexes:
            self._building.pop(oid, None)

    def vacuum(self) -> None:
        """Put every index into one segment without dead documents."""
        for index in list(self._indexes.values()):
            while index.maintain(everything=True):
                pass


def _index_in(catalog: Catalog, oid: int) -> IndexDef | None:
    return next((r for r in catalog.relations.values() if isinstance(r, IndexDef) and r.oid == oid), None)


def _fill(
    index: TextIndex,
    connection: Connection,
    catalog: Catalog,
    definition: IndexDef,
    table: TableDef,
    cancelled: Callable[[], bool],
) -> None:
    """Put all documents of a table into a new index; BuildCancelled when asked to stop."""
    rows = index_key(definition, table, catalog).keys_sql
    for ids, texts in connection.id_text_batches(rows, _BATCH):
        if cancelled():
            raise BuildCancelled
        index.add(ids, texts)
    index.maintain(everything=True)


def _catch_up(
    index: TextIndex, connection: Connection, catalog: Catalog, definition: IndexDef, table: TableDef
) -> None:
    """Bring an index to the table's state: the set difference of their ids, both ways."""
    stored = np.sort(connection.ids(index_key(definition, table, catalog).ids_sql))
    indexed = index.state.ids()
    missing = np.setdiff1d(stored, indexed, assume_unique=True)
    extra = np.setdiff1d(indexed, stored, assume_unique=True)
    if missing.size or extra.size:
        _log.info('index "%s": %d rows to add, %d to remove', definition.name, missing.size, extra.size)
        index.apply(missing, extra)


def among(ids: Ids) -> str:
    """DuckDB's SQL for: is one of these ids. A long list is read as one text, for the parser takes its time."""
    if len(ids) <= 8:
        return f"IN ({', '.join(map(str, ids.tolist())) or 'NULL'})"
    return f"IN (SELECT unnest(CAST('{ids.tolist()}' AS BIGINT[])))"
