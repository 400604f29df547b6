"""ALTER TABLE ... ALTER COLUMN: defaults, expressions, NOT NULL, types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import ColumnDef, IndexDef, TableDef
from ruvector_engine.catalog.system.dependencies import pg_describe_object
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.catalog.system.oids import PG_CLASS
from ruvector_engine.catalog.system.typenames import format_type
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import bindings, dependents, generation, index_values, stored_texts
from ruvector_engine.executor.index_builds import build_index
from ruvector_engine.executor.index_ddl import with_dimensions
from ruvector_engine.executor.index_elements import retyped
from ruvector_engine.executor.table_rewrite import column_of, put_table, rewrite, with_column
from ruvector_engine.planner.operator_classes import awaits_dimensions, is_text
from ruvector_engine.sql.analyze import analyze_expression
from ruvector_engine.sql.coerce import coerce, without_shape
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.emit import emit_expression
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.typenames import resolve_column_type
from ruvector_engine.types.registry import TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def set_default(session: Session, table: TableDef, command: Any) -> None:
    """ALTER COLUMN SET | DROP DEFAULT."""
    column = column_of(table, command.name)
    generation.require_no_expression(table, column)
    text = None
    if command.HasField("def"):
        text = stored_texts.default_text(session, getattr(command, "def"), column)
    _replace_column(session, table, replace(column, default=text))


def drop_expression(session: Session, table: TableDef, command: Any) -> None:
    """ALTER COLUMN DROP EXPRESSION [IF EXISTS]."""
    changed = generation.without_expression(table, column_of(table, command.name), missing_ok=command.missing_ok)
    if changed is None:
        text = f'column "{command.name}" of relation "{table.name}" is not a generated column, skipping'
        session.notice("00000", text)
        return
    _replace_column(session, table, changed)


def set_expression(session: Session, table: TableDef, command: Any) -> None:
    """ALTER COLUMN SET EXPRESSION AS (...)."""
    column = column_of(table, command.name)
    new, value = generation.with_expression(session, table, column, getattr(command, "def"))
    _give_values(session, table, new, column, value, session.catalog.indexes_of(table.oid))


def _give_values(
    session: Session, old: TableDef, new: TableDef, column: ColumnDef, value: str, indexes: Sequence[IndexDef]
) -> None:
    """Make the table anew with other values in a column; `indexes`: all of the table, over what it is then."""
    searched = [index for index in indexes if index.is_vector or is_text(index, new)]
    if not any(index.uses(column.name) for index in searched):
        searched = []
    # Other values are other versions of the rows: what is saved of the indexes must not be taken for them.
    rewrite(session, old, new, {column.name: value}, new_ids=bool(searched))
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=indexes)
    for index in indexes:
        if not index.is_vector and index.uses(column.name):
            index_values.require_computable(session, new, index)
    for index in searched:
        _build_anew(session, index, new)


def _build_anew(session: Session, index: IndexDef, table: TableDef) -> None:
    if index.dimensions:  # of real[]: those of the arrays that were there before
        index = with_dimensions(session, replace(index, dimensions=0), table)
        session.transaction.catalog = store.changed(session.connection, session.catalog, put=[index])
    if not awaits_dimensions(index, table):
        build_index(session, index, table)


def _replace_column(session: Session, table: TableDef, column: ColumnDef) -> None:
    columns = tuple(column if c.attnum == column.attnum else c for c in table.columns)
    put_table(session, replace(table, columns=columns))


def set_not_null(session: Session, table: TableDef, command: Any) -> None:
    """ALTER COLUMN SET NOT NULL."""
    column = column_of(table, command.name)
    if not column.not_null:
        rewrite(session, table, with_column(table, replace(column, not_null=True)), {})


def drop_not_null(session: Session, table: TableDef, command: Any) -> None:
    """ALTER COLUMN DROP NOT NULL."""
    drop_not_null_of(session, table, column_of(table, command.name))


def drop_not_null_of(session: Session, table: TableDef, column: ColumnDef) -> None:
    """Let a column be NULL."""
    if any(c.kind == "p" and column.name in c.columns for c in table.constraints):
        raise SqlError("42P16", f'column "{column.name}" is in a primary key')
    if column.not_null:
        rewrite(session, table, with_column(table, replace(column, not_null=False, not_null_name="")), {})


def alter_type(session: Session, table: TableDef, command: Any) -> None:
    """ALTER COLUMN TYPE ... [USING ...]; indexes over the column are built anew, with their operator classes."""
    column = column_of(table, command.name)
    node = getattr(command, "def").column_def
    dimensions = len(node.type_name.array_bounds)
    type_ = resolve_column_type(command.name, node.type_name, session.catalog, session.search_path)
    type_ = replace(type_, shaped=dimensions > 1 or column.type.shaped)
    generation.require_free_type(session, table, column)
    value = _transformed(session, table, column, node, type_)
    for view in dependents.views_of(session, table, column.attnum):
        rule = f"rule _RETURN on {pg_describe_object(session.lookup, PG_CLASS, view.oid, 0)}"
        detail = f'{rule} depends on column "{column.name}"'
        raise SqlError("0A000", "cannot alter type of a column used by a view or rule", detail=detail)
    new = with_column(table, replace(column, type=type_, dimensions=dimensions))
    indexes: Sequence[IndexDef] = session.catalog.indexes_of(table.oid)
    if column.type != type_:
        indexes = [retyped(session.catalog, table, new, i) if i.uses(column.name) else i for i in indexes]
    _give_values(session, table, new, column, value, indexes)


def _transformed(session: Session, table: TableDef, column: ColumnDef, node: Any, type_: TypeRef) -> str:
    """DuckDB's SQL of a column's values as another type: of USING, or of an assignment; 42804 when there is none."""
    context = session.analysis_context()
    given = node.raw_default if node.HasField("raw_default") else None
    text = quote(column.name) if given is None else given
    source = analyze_expression(text, context, table=table, clause="USING", resolve_unknown=False)
    value = coerce(State(context, Parameters(None)), source, type_, "a")
    if value is None:
        shown = format_type(session.lookup, type_.oid)
        if given is not None:
            text = f'result of USING clause for column "{column.name}" cannot be cast automatically to type {shown}'
            raise SqlError("42804", text, hint="You might need to add an explicit cast.")
        full = format_type(session.lookup, type_.oid, type_.typmod)
        raise SqlError(
            "42804",
            f'column "{column.name}" cannot be cast automatically to type {shown}',
            hint=f'You might need to specify "USING {quote_identifier(column.name)}::{full}".',
        )
    return bindings.inlined(session, emit_expression(value if type_.shaped else without_shape(value)))
