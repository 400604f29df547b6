"""INSERT, UPDATE, DELETE: run in DuckDB, and what they did to vectors recorded for the indexes.

An UPDATE that sets a vector gives its row a new hidden id and leaves the old one in PREVIOUS_ROW_ID, so that one
RETURNING tells which version came and which went.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ruvector_engine.catalog.model import PREVIOUS_ROW_ID, ROW_ID, ColumnDef, TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import (
    conflict_values,
    discretion,
    duplicate_keys,
    failing_row,
    index_values,
    joined_returning,
    new_keys,
    returning_queries,
    snapshots,
    system_views,
    table_access,
)
from ruvector_engine.executor.bindings import run as run_statement
from ruvector_engine.executor.index_values import IndexValues
from ruvector_engine.planner.operator_classes import is_text
from ruvector_engine.planner.plan import WritePlan
from ruvector_engine.planner.walk import is_volatile, tables
from ruvector_engine.relational.errors import DuplicateKey
from ruvector_engine.results import Result, Row
from ruvector_engine.sql.emit import emit_delete, emit_insert, emit_update
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import Delete, Expr, Insert, Update
from ruvector_engine.sql.unique_keys import companions
from ruvector_engine.transactions import TableChanges
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

NEXT_ROW_ID = "nextval('ruvector_rid')"
_NEW_ID = f'"{ROW_ID}" = {NEXT_ROW_ID}'
#: {row} qualifies a column of the row as it was, where others have such a column too.
_KEEP_OLD_ID = f'"{PREVIOUS_ROW_ID}" = {{row}}"{ROW_ID}"'


def run(session: Session, plan: WritePlan, params: Sequence[Value]) -> Result:
    """Run the statement inside the session's transaction."""
    statement = plan.statement
    table = statement.table
    if table.virtual:
        raise SqlError("42501", f'permission denied: "{table.name}" is a system catalog')
    # ON CONFLICT must see what others commit under the same keys, DO NOTHING too.
    plain = isinstance(statement, Insert) and statement.on_conflict is None
    session.lock(table.oid, "insert" if plain else "update")
    table_access.require_same(session, table)
    snapshots.catch_up(session, (table, *tables(statement)))
    session.transaction.for_write(session.command)
    for read in (table, *tables(statement)):
        table_access.require_known(session, read)
    session.transaction.note_write(table.oid, reworks=not plain)
    system_views.fill(session, [t for t in tables(statement) if t.virtual])
    _refuse_volatile_keys(statement)
    try:
        if isinstance(statement, Insert):
            return _insert(session, plan, returning_queries.evaluated(session, statement, params), params)
        if isinstance(statement, Update):
            return _update(session, plan, returning_queries.evaluated(session, statement, params), params)
        return _delete(session, plan, returning_queries.evaluated(session, statement, params), params)
    except SqlError as error:
        told = explained(error, table, session)
        if isinstance(error, DuplicateKey) and not isinstance(statement, Delete):
            told = duplicate_keys.of_statement(session, error, statement, params) or told
        if told.sqlstate in ("23502", "23514") and not isinstance(statement, Delete):
            told = failing_row.of_statement(session, statement, params) or told
        raise discretion.without_key(session, table, told) from error


def _refuse_volatile_keys(statement: Insert | Update | Delete) -> None:
    """0A000 for SET of a column with a companion to what may be another value when it is evaluated for that."""
    sets: Sequence[tuple[int, Expr]] = ()
    if isinstance(statement, Update):
        sets = statement.sets
    elif isinstance(statement, Insert) and statement.on_conflict is not None:
        sets = statement.on_conflict.sets
    hidden = companions(statement.table)
    for index, value in sets:
        column = statement.table.columns[index]
        if column in hidden and is_volatile(value):
            raise not_supported(
                f'setting key column "{column.name}" of type {column.type.pg.sql_name} to a volatile expression is not '
                "supported",
                hint="Compute the value first.",
            )


def vector_columns(table: TableDef) -> list[ColumnDef]:
    """The columns that an index may be on: vectors of declared dimensions, and bits."""
    return [c for c in table.columns if c.type.is_searchable and c.type.typmod > 0]


def _insert(session: Session, plan: WritePlan, statement: Insert, params: Sequence[Value]) -> Result:
    table = statement.table
    statement = conflict_values.evaluated(session, statement, params)
    values = index_values.of_new_rows(session, table)
    if not table.has_row_id:
        emitted = emit_insert(statement, returning_prefix=values.sql)
        rows = run_statement(session, session.connection, emitted, params)
        return _result(plan, "INSERT 0", rows, len(values.sql))
    vectors = vector_columns(table)
    conflict = statement.on_conflict
    sets_vector = conflict is not None and _sets_indexed(session, table, conflict.sets)
    prefix = [quote(ROW_ID), quote(PREVIOUS_ROW_ID), *(quote(c.name) for c in vectors), *values.sql]
    extra = [_KEEP_OLD_ID.format(row="")] + ([_NEW_ID] if sets_vector else [])
    emitted = emit_insert(statement, returning_prefix=prefix, conflict_extra_sets=extra)
    rows = run_statement(session, session.connection, emitted, params)
    changes = session.transaction.changes_of(table.oid)
    updated = [row for row in rows if row[1] is not None]
    if updated:
        old = np.asarray([row[1] for row in updated], np.int64)
        (changes.deleted if sets_vector else changes.touched).append(old)
    came = rows if sets_vector else [row for row in rows if row[1] is None]
    _record_added(changes, vectors, values, came)
    new_keys.check(session, table, np.asarray([row[0] for row in rows], np.int64))
    return _result(plan, "INSERT 0", rows, len(prefix))


def _update(session: Session, plan: WritePlan, statement: Update, params: Sequence[Value]) -> Result:
    table = statement.table
    values = index_values.of_changed_rows(session, table, [table.columns[index].name for index, _ in statement.sets])
    if not table.has_row_id:
        return _result(plan, "UPDATE", _changed(session, statement, params, values.sql), len(values.sql))
    vectors = vector_columns(table)
    changes = session.transaction.changes_of(table.oid)
    if not _sets_indexed(session, table, statement.sets):
        values = values.without_keys()  # they are what they were
        prefix = [quote(ROW_ID), *values.sql]
        rows = _changed(session, statement, params, prefix)
        changes.touched.append(np.asarray([row[0] for row in rows], np.int64))
        return _result(plan, "UPDATE", rows, len(prefix))
    prefix = [quote(ROW_ID), quote(PREVIOUS_ROW_ID), *(quote(c.name) for c in vectors), *values.sql]
    rows = _changed(session, statement, params, prefix, [_KEEP_OLD_ID, _NEW_ID])
    changes.deleted.append(np.asarray([row[1] for row in rows], np.int64))
    _record_added(changes, vectors, values, rows)
    new_keys.check(session, table, np.asarray([row[0] for row in rows], np.int64))
    return _result(plan, "UPDATE", rows, len(prefix))


def _delete(session: Session, plan: WritePlan, statement: Delete, params: Sequence[Value]) -> Result:
    prefix = [quote(ROW_ID)] if statement.table.has_row_id else []
    rows = _changed(session, statement, params, prefix)
    if prefix:
        changes = session.transaction.changes_of(statement.table.oid)
        changes.deleted.append(np.asarray([row[0] for row in rows], np.int64))
    return _result(plan, "DELETE", rows, len(prefix))


def _changed(
    session: Session,
    statement: Update | Delete,
    params: Sequence[Value],
    prefix: Sequence[str] = (),
    extra_sets: Sequence[str] = (),
) -> list[Row]:
    """Run it: a row each of `prefix`, over the changed row, and of what RETURNING gives."""
    if joined_returning.needed(statement):
        return joined_returning.run(session, statement, params, prefix, extra_sets)
    if isinstance(statement, Update):
        emitted = emit_update(statement, returning_prefix=prefix, extra_sets=extra_sets)
    else:
        emitted = emit_delete(statement, returning_prefix=prefix)
    return run_statement(session, session.connection, emitted, params)


def _sets_indexed(session: Session, table: TableDef, sets: Sequence[tuple[int, Any]]) -> bool:
    """Whether the row needs a new id: a vector changes, or what a vector or text index looks at."""
    columns = [table.columns[index] for index, _ in sets]
    if any(column.type.is_searchable for column in columns):
        return True
    being_read = session.database.indexes.builds.columns_read(table.oid)  # first: builds end when the catalog has them
    indexes = session.catalog.indexes_of(table.oid)
    read = {name for index in indexes if index.is_vector for name in index.reads}
    texts = [index for index in indexes if is_text(index, table)]
    return any(c.name in read | being_read or any(index.uses(c.name) for index in texts) for c in columns)


def _record_added(changes: TableChanges, columns: list[ColumnDef], values: IndexValues, rows: list[Row]) -> None:
    """Note the vectors of new row versions: rows of the two ids, the columns' vectors and the indexes' values."""
    if rows:
        ids = np.asarray([row[0] for row in rows], np.int64)
        changes.added_rows.append(ids)
        for position, column in enumerate(columns, 2):
            changes.add(column.name, ids, [row[position] for row in rows])
        values.note(changes, ids, rows, 2 + len(columns))


def _result(plan: WritePlan, tag: str, rows: list[Row], prefix: int) -> Result:
    """The result: RETURNING's rows without the prefix, or the count alone."""
    returned = bool(prefix) or plan.columns is not None
    count = len(rows) if returned else int(rows[0][0])
    if plan.columns is None:
        return Result(f"{tag} {count}")
    return Result(f"{tag} {count}", plan.columns, [row[prefix:] for row in rows] if prefix else rows)


def explained(error: SqlError, table: TableDef, session: Session) -> SqlError:
    """DuckDB's constraint errors with PostgreSQL's names of table and constraint."""
    if isinstance(error, DuplicateKey):
        return duplicate_keys.explained(error, table)
    if error.table is None or error.table != table.storage_name.strip('"'):
        return error
    if error.sqlstate == "23502":
        text = f'null value in column "{error.column}" of relation "{table.name}" violates not-null constraint'
        return SqlError("23502", text, column=error.column, schema=table.schema, table=table.name)
    if error.sqlstate == "23514":
        name = _check_name(session, table, error.constraint)
        text = f'new row for relation "{table.name}" violates check constraint'
        return SqlError(
            "23514", f'{text} "{name}"' if name else text, constraint=name, schema=table.schema, table=table.name
        )
    return error


def _check_name(session: Session, table: TableDef, expression: str | None) -> str | None:
    """The name of the CHECK that DuckDB prints so; None for a table that it has only in the failed transaction."""
    checks = [c.name for c in table.constraints if c.kind == "c"]
    if len(checks) == 1:
        return checks[0]
    with session.database.store.connection() as connection:
        printed = connection.run(
            "SELECT expression FROM duckdb_constraints() WHERE table_name = ? AND constraint_type = 'CHECK' "
            "ORDER BY constraint_index",
            (table.storage_name.strip('"'),),
        )
    return next((name for name, (text,) in zip(checks, printed, strict=False) if text == expression), None)


def explained_by_any(error: SqlError, tables: Sequence[TableDef], session: Session) -> SqlError:
    """The same where the error does not say which of the written tables it is about: at COMMIT."""
    for table in tables:
        told = explained(error, table, session)
        if told is not error:
            return told
    return error
