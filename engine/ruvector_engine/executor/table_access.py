"""How statements come to a table: by its name, under its locks, sure that it is still what they were made for.

Also the expressions that the catalog keeps as text, as DuckDB's SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import (
    BARE_SCHEMA,
    Catalog,
    ColumnDef,
    ConstraintDef,
    Relation,
    SequenceDef,
    TableDef,
)
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access, bindings
from ruvector_engine.sql.analyze import analyze_expression
from ruvector_engine.sql.emit import emit_expression
from ruvector_engine.sql.functions.sequences import drawing
from ruvector_engine.sql.raw import strings
from ruvector_engine.sql.stored_names import reading, reading_within
from ruvector_engine.sql.tree import references
from ruvector_engine.types.registry import BOOL, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: The lock that all DDL takes; no table has this OID.
CATALOG_LOCK = 1


def change_catalog(session: Session) -> Catalog:
    """Take the one lock that all DDL needs, prepare to write, and return the catalog to change."""
    session.lock(CATALOG_LOCK, "ddl")
    session.transaction.for_write(session.command)
    return session.catalog


def lock_catalog(session: Session) -> None:
    """Take the lock that all DDL needs, without a snapshot yet: what is awaited after it shall be seen."""
    session.lock(CATALOG_LOCK, "ddl")


def require_current(session: Session, table: TableDef) -> None:
    """40001 when the transaction's snapshot is older than the table's last commit; its "ddl" lock is held.

    What copies or removes every row may do so only if it sees every row.
    """
    if outdated(session, table):
        raise SqlError("40001", "could not serialize access due to concurrent update")


def require_known(session: Session, table: TableDef) -> None:
    """40001 when others have created or altered the table since the transaction's snapshot."""
    if session.transaction.open and session.database.defined_at.get(table.oid, 0) > session.transaction.snapshot:
        raise SqlError("40001", f'table "{table.name}" was changed after the transaction took its snapshot')


def require_same(session: Session, table: TableDef) -> None:
    """40001 when others altered the table while its lock was awaited: the statement was made for what it was."""
    if current(session, table).columns != table.columns:
        raise SqlError("40001", f'table "{table.name}" was changed while the statement waited for it')


def outdated(session: Session, table: TableDef) -> bool:
    """Whether others have committed changes to the table that the transaction's snapshot may not see."""
    return session.transaction.open and session.database.changed_at.get(table.oid, 0) > session.transaction.snapshot


def relation_named(session: Session, range_var: Any) -> Relation:
    """What a RangeVar names; 42P01, or 42501 when the user may not look into the schema."""
    schema = range_var.schemaname or None
    access.require_usage(session, schema)
    found = session.catalog.find(range_var.relname, schema, session.search_path)
    if found is None:
        shown = f"{schema}.{range_var.relname}" if schema else range_var.relname
        raise SqlError("42P01", f'relation "{shown}" does not exist')
    return found


def table_named(session: Session, range_var: Any) -> TableDef:
    """The table a RangeVar names; also 42809 when it is no table."""
    found = relation_named(session, range_var)
    if not isinstance(found, TableDef):
        raise SqlError("42809", f'"{found.name}" is not a table')
    return found


def table_of(session: Session, sequence: SequenceDef) -> TableDef:
    """The table whose column a sequence belongs to."""
    found = session.catalog.table_by_oid(sequence.owner_table)
    assert found is not None  # a sequence goes with its table
    return found


def owner_of(session: Session, names: Any) -> int:
    """The OID of the table whose column owns a sequence, by the names after OWNED BY; 0 for NONE."""
    parts = strings(names.list.items)
    if parts == ["none"]:
        return 0
    if len(parts) < 2:
        raise SqlError("42601", "invalid OWNED BY option", hint="Specify OWNED BY table.column or OWNED BY NONE.")
    schema, table_name = parts[-3] if len(parts) > 2 else None, parts[-2]
    table = session.catalog.find(table_name, schema, session.search_path)
    if table is None:
        raise SqlError("42P01", f'relation "{table_name}" does not exist')
    if not isinstance(table, TableDef) or table.column(parts[-1]) is None:
        raise SqlError("42703", f'column "{parts[-1]}" of relation "{table_name}" does not exist')
    return table.oid


def current(session: Session, table: TableDef) -> TableDef:
    """The table as the transaction has changed it by now."""
    found = session.catalog.table_by_oid(table.oid)
    if found is None:
        raise SqlError("42P01", f'relation "{table.name}" does not exist')
    return found


def default_sql(session: Session, column: ColumnDef) -> str | None:
    """A column's default as DuckDB's SQL; None when it has none."""
    if column.owned_sequence and column.default is None:
        return drawing(str(session.pid), str(column.owned_sequence))
    if column.default is None:
        return None
    context = reading_within(session.analysis_context(), BARE_SCHEMA)
    expr = analyze_expression(column.default, context, target=column.type, column=column.name, clause="DEFAULT")
    return bindings.inlined(session, emit_expression(expr))


def generation_sql(session: Session, table: TableDef, column: ColumnDef) -> str:
    """A generated column's value as DuckDB's SQL over the table's columns."""
    context = reading(session.catalog, table.schema)
    expr = analyze_expression(column.generation, context, table=table, target=column.type, column=column.name)
    return bindings.inlined(session, emit_expression(expr))


def check_text(session: Session, table: TableDef, constraint: ConstraintDef) -> str:
    """A CHECK's expression as DuckDB's SQL."""
    context = reading_within(session.analysis_context(), table.schema)
    expr = analyze_expression(constraint.expression, context, table=table, target=TypeRef(BOOL))
    return bindings.inlined(session, emit_expression(expr))


def columns_read(session: Session, source: Any, table: TableDef) -> tuple[str, ...]:
    """The names of the columns that an expression over a table reads, in the table's order."""
    expr = analyze_expression(source, session.analysis_context(), table=table)
    names = {reference.name for reference, _ in references(expr)}
    return tuple(column.name for column in table.columns if column.name in names)


def expression_sql(
    session: Session, source: Any, target: TypeRef, *, table: TableDef | None = None, column: str = "", clause: str
) -> str:
    """DuckDB's SQL of an expression, given as text or raw node, over a table's columns; constants in line."""
    context = session.analysis_context()
    expr = analyze_expression(source, context, table=table, target=target, column=column, clause=clause)
    return bindings.inlined(session, emit_expression(expr))
