"""Making a table anew under its name: what DuckDB cannot alter in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import (
    PREVIOUS_ROW_ID,
    ROW_ID,
    ColumnDef,
    TableDef,
)
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import (
    duplicate_keys,
    table_access,
    table_storage,
)
from ruvector_engine.relational.errors import DuplicateKey
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.unique_keys import insertion

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def column_of(table: TableDef, name: str) -> ColumnDef:
    """The table's column of that name; 42703."""
    column = table.column(name)
    if column is None:
        raise SqlError("42703", f'column "{name}" of relation "{table.name}" does not exist')
    return column


def put_table(session: Session, table: TableDef) -> None:
    """Put another definition in a table's place."""
    session.transaction.changes_of(table.oid).altered = True
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=[table])


def with_column(table: TableDef, column: ColumnDef) -> TableDef:
    """The table with another definition of the column that has its number."""
    return table.with_columns(tuple(column if c.attnum == column.attnum else c for c in table.columns))


def rewrite(
    session: Session,
    old: TableDef,
    new: TableDef,
    values: Mapping[str, str | None] = MappingProxyType({}),
    *,
    new_ids: bool = False,
) -> None:
    """Make the table anew under its name: what DuckDB cannot alter in place.

    `values`: SQL for changed columns. With `new_ids` every row gets another hidden id, and whoever asks for that has
    the indexes built anew.
    """
    table_access.require_current(session, old)
    run = session.connection.run
    for constraint in new.constraints:
        if constraint.kind in "pu" and constraint not in old.constraints and not values:
            duplicate_keys.require_unique(session, old, constraint)
    fresh = replace(new, oid=store.new_oid(session.connection))
    run(table_storage.create_sql(session, fresh))
    names = [c.name for c in new.columns]
    selected = [values.get(n) or (quote(n) if old.column(n) else "NULL") for n in names]
    hidden = [ROW_ID, PREVIOUS_ROW_ID] if new.has_row_id and old.has_row_id and not new_ids else []
    rows = f"SELECT {', '.join([*selected, *map(quote, hidden)])} FROM {old.storage_name}"
    try:
        run(f"INSERT INTO {fresh.storage_name} {insertion(fresh, [*names, *hidden], rows)}")
    except SqlError as error:
        raise _rewritten_error(error, old, new, fresh) from error
    run(f"DROP TABLE {old.storage_name}")
    run(f"ALTER TABLE {fresh.storage_name} RENAME TO {new.storage_name}")
    gone = {i.constraint_oid for i in session.catalog.indexes_of(old.oid)} - {c.oid for c in new.constraints} - {0}
    lost = [i for i in session.catalog.indexes_of(old.oid) if i.constraint_oid in gone]
    session.transaction.catalog = store.changed(session.connection, session.catalog, drop=lost)
    put_table(session, new)


def _rewritten_error(error: SqlError, old: TableDef, table: TableDef, fresh: TableDef) -> SqlError:
    """What DuckDB says of the rows' copy, as PostgreSQL says it of the table; a new constraint is the likely one."""
    if error.sqlstate == "23502" and error.table == fresh.storage_name.strip('"'):
        text = f'column "{error.column}" of relation "{table.name}" contains null values'
        return SqlError("23502", text, schema=table.schema, table=table.name, column=error.column)
    added = [c for c in table.constraints if c not in old.constraints] or list(table.constraints)
    if isinstance(error, DuplicateKey):
        return duplicate_keys.explained_for_index(error, replace(table, constraints=tuple(added)))
    if error.sqlstate == "23514":
        checks = [c.name for c in added if c.kind == "c"]
        name = checks[0] if len(checks) == 1 else None
        named = "" if name is None else f' "{name}"'
        text = f'check constraint{named} of relation "{table.name}" is violated by some row'
        return SqlError("23514", text, schema=table.schema, table=table.name, constraint=name)
    return error
