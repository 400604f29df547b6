"""What a transaction has written, read back so that another DuckDB transaction can write the same.

Rows that it wrote anew are known by their rowid. Those that it changed or deleted are found by comparison with what is
committed: nobody else changes rows of that table meanwhile, for UPDATE and DELETE hold its lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ruvector_engine.catalog.model import PREVIOUS_ROW_ID, ROW_ID, TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import table_access, transaction_ends
from ruvector_engine.relational.duck import FIRST_OWN_ROWID, Connection
from ruvector_engine.relational.errors import DuplicateKey
from ruvector_engine.relational.kept_rows import KeptRows
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.storage import duck_type
from ruvector_engine.sql.unique_keys import companion, companions, key_columns
from ruvector_engine.transactions import TableChanges, WrittenRows

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: As much may be kept of one table; it stays in memory until the transaction ends.
MOST_BYTES = 1 << 30
#: Types whose equal values are the same in every bit; the others are compared as text.
_EXACT = re.compile(r"BLOB|VARCHAR|BOOLEAN|SMALLINT|INTEGER|BIGINT|DECIMAL\(\d+,\d+\)|UUID|DATE|TIME\w*")


class CannotKeep(Exception):
    """The rows cannot be kept; `refusal` is the error of a ROLLBACK TO that would need them."""

    def __init__(self, refusal: SqlError) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def written_rows(session: Session) -> tuple[WrittenRows, ...]:
    """What the transaction has written by now, table by table; what the last call kept is not read again."""
    transaction = session.transaction
    kept: dict[int, WrittenRows] = {}
    for oid, changes in transaction.changes.items():
        table = session.catalog.table_by_oid(oid)
        before = transaction.kept.get(oid)
        if table is None or not changes.version:
            continue
        if before is None or before.version != changes.version:
            before = _written(session, table, changes, before)
        kept[oid] = before
    transaction.kept = kept
    return tuple(kept.values())


def _written(session: Session, table: TableDef, changes: TableChanges, before: WrittenRows | None) -> WrittenRows:
    if any(column.name.lower() == "rowid" for column in table.columns):
        what = f'ROLLBACK TO SAVEPOINT after writing to table "{table.name}" is not supported'
        raise CannotKeep(not_supported(what, hint='Rename its column "rowid".'))
    epoch = session.transaction.epoch
    grew = before is not None and before.epoch == epoch and changes.reworked <= before.version
    after = before.last_own if before is not None and grew else FIRST_OWN_ROWID - 1
    own = _within_bounds(
        table,
        session.connection.keep(
            f"SELECT rowid, {_listed(table)} FROM {table.storage_name} WHERE rowid > {after}", MOST_BYTES
        ),
    )
    last = own.greatest_id()
    if before is not None and grew:
        own, changed = before.own.followed_by(own), before.changed
    else:
        changed = _changed(session, table, changes) if changes.reworked else None
    return WrittenRows(table, changes.version, epoch, own, after if last is None else last, changed)


def _within_bounds(table: TableDef, rows: KeptRows | None) -> KeptRows:
    if rows is None:
        what = f'ROLLBACK TO SAVEPOINT after writing more than 1 GB to table "{table.name}" is not supported'
        raise CannotKeep(not_supported(what, hint="Commit before SAVEPOINT."))
    return rows


def _columns(table: TableDef) -> list[tuple[str, str]]:
    """Every stored column in DuckDB's SQL, and its type."""
    hidden = [(quote(ROW_ID), "BIGINT"), (quote(PREVIOUS_ROW_ID), "BIGINT")] if table.has_row_id else []
    keys = [(companion(column), "VARCHAR") for column in companions(table)]
    return [*((quote(c.name), duck_type(c.type)) for c in table.columns), *hidden, *keys]


def _listed(table: TableDef, source: str = "") -> str:
    """The stored columns, named c0, c1, ..."""
    return ", ".join(f"{source}{name} AS c{i}" for i, (name, _) in enumerate(_columns(table)))


def _changed(session: Session, table: TableDef, changes: TableChanges) -> KeptRows:
    """The committed rows that the transaction has changed in place, or deleted: rowid, gone, c0, c1, ..."""
    differs = ["t.rowid IS NULL"]
    for place, (name, type_) in _compared(table).items():
        exact = _EXACT.fullmatch(type_) is not None
        here, there = (f"t.{name}", f"CAST(f.c{place} AS {type_})")
        differs.append(
            f"{here} IS DISTINCT FROM {there}"
            if exact
            else f"CAST({here} AS VARCHAR) IS DISTINCT FROM CAST({there} AS VARCHAR)"
        )
    sql = (
        f"SELECT f.rid, t.rowid IS NULL AS gone, {_listed(table, 't.')} FROM ruvector_batch AS f "
        f"LEFT JOIN {table.storage_name} AS t ON t.rowid = f.rid WHERE {' OR '.join(differs)}"
    )
    return _within_bounds(table, session.connection.keep(sql, MOST_BYTES, _committed(session, table, changes)))


def _compared(table: TableDef) -> dict[int, tuple[str, str]]:
    """The columns by which a changed row is told, by place: a changed vector comes with another row id."""
    vectors = {quote(column.name) for column in table.columns if column.type.is_searchable}
    return {place: column for place, column in enumerate(_columns(table)) if column[0] not in vectors}


def _committed(session: Session, table: TableDef, changes: TableChanges) -> KeptRows:
    """The rows that the transaction may have changed, as they are committed: rid, c0, c1, ... without vectors."""
    columns = ", ".join(f"{name} AS c{place}" for place, (name, _) in _compared(table).items())
    sql = f"SELECT rowid AS rid, {columns} FROM {table.storage_name}"
    ids = None
    if table.has_row_id and not changes.truncated:
        ids = KeptRows.of_ids(np.unique(np.concatenate([np.empty(0, np.int64), *changes.deleted, *changes.touched])))
        sql += f" WHERE {quote(ROW_ID)} IN (SELECT id FROM ruvector_batch)"
    with session.database.store.connection() as committed:
        with session.database.commit_lock:
            if ids is None and table_access.outdated(session, table):  # rows that came would be taken for deleted
                raise CannotKeep(SqlError("40001", "could not serialize access due to concurrent update"))
            _take_snapshot(committed, [table])
        return _within_bounds(table, committed.keep(sql, MOST_BYTES, ids))


def _take_snapshot(connection: Connection, tables: Sequence[TableDef]) -> None:
    connection.run("BEGIN")
    for table in tables:
        connection.run(f"SELECT 1 FROM {table.storage_name} LIMIT 1")


def begin_again(
    session: Session, rows: Sequence[WrittenRows], changes: Mapping[int, TableChanges], *, snapshot: bool
) -> None:
    """Undo the transaction and write the rows into another; under the commit lock, so that none comes between.

    `changes` is what the indexes will hear of them. `snapshot`: take one also when there is nothing to write. 40001
    when somebody else has taken a key meanwhile.
    """
    transaction, copies = session.transaction, {oid: one.copy() for oid, one in changes.items()}
    try:
        with _rowids_held(session, rows):
            transaction_ends.undo_storage(session)
            if rows or snapshot:
                transaction.take_snapshot()
            _write(session, rows)
    except DuplicateKey:
        raise SqlError("40001", "could not serialize access due to concurrent update") from None
    transaction.changes = copies


@contextmanager
def _rowids_held(session: Session, rows: Sequence[WrittenRows]) -> Iterator[None]:
    """For a while, a transaction that keeps DuckDB from moving rows to other rowids."""
    with session.database.store.connection() as holder:
        _take_snapshot(holder, [written.table for written in rows])
        yield


def _write(session: Session, rows: Sequence[WrittenRows]) -> None:
    """Write the rows into the transaction that has just begun."""
    for written in rows:
        if written.changed is not None and written.changed.count:
            _change(session.connection, written.table, written.changed)
        if written.own.count:
            _insert(session, written.table, written.own)


def _change(connection: Connection, table: TableDef, changed: KeptRows) -> None:
    storage = table.storage_name
    connection.run_over(f"DELETE FROM {storage} WHERE rowid IN (SELECT rid FROM ruvector_batch WHERE gone)", changed)
    unique = (c for c in table.constraints if c.kind in "pu")
    keys = {name for c in unique for name in key_columns(table, c.columns)}  # DuckDB moves such rows
    sets = ", ".join(f"{name} = b.c{i}" for i, (name, _) in enumerate(_columns(table)) if name not in keys)
    if sets:
        connection.run_over(
            f"UPDATE {storage} SET {sets} FROM ruvector_batch AS b WHERE {storage}.rowid = b.rid AND NOT b.gone",
            changed,
        )


def _insert(session: Session, table: TableDef, own: KeptRows) -> None:
    columns = _columns(table)
    session.connection.run_over(
        f"INSERT INTO {table.storage_name} ({', '.join(name for name, _ in columns)}) "
        f"SELECT {', '.join(f'c{i}' for i in range(len(columns)))} FROM ruvector_batch",
        own,
    )
    # The rolled back transaction took the rows' numbers from these sequences. DuckDB logs how far one has come only
    # with a transaction that used it: this one must, at the price of a number.
    defaults = (table_access.default_sql(session, column) for column in table.columns)
    used = {call for default in defaults if default is not None for call in _NEXTVAL.findall(default)}
    if table.has_row_id:
        used.add("nextval('ruvector_rid')")
    for call in sorted(used):
        session.connection.run(f"SELECT {call}")


_NEXTVAL = re.compile(r"nextval\('s\d+'\)")
