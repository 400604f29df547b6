"""ALTER TABLE and generated columns: their expressions changed or dropped, and what their existence forbids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import stored_texts, table_access
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.generated import check, columns_read, generated_columns

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def checked(session: Session, table: TableDef, nodes: Mapping[str, Any]) -> TableDef:
    """The table with the expressions of its generated columns as they are kept, or the error of one that cannot be.

    `nodes`: those that the statement has, by column; the others are kept already.
    """
    columns = list(table.columns)
    for place, column in generated_columns(table):
        node = nodes.get(column.name)
        check(_state(session), table, column, node)
        if node is not None:
            given = {"table": table, "target": column.type, "column": column.name, "clause": "GENERATED"}
            columns[place] = replace(column, generation=stored_texts.stored_text(session, node, **given))
    return replace(table, columns=tuple(columns))


def expressions(definitions: Iterable[Any]) -> dict[str, Any]:
    """The generation expressions among ColumnDef nodes, by column."""
    return {
        definition.colname: wrapped.constraint.raw_expr
        for definition in definitions
        for wrapped in definition.constraints
        if enum_name(wrapped.constraint, "contype") == "CONSTR_GENERATED"
    }


def made_of(session: Session, table: TableDef, column: ColumnDef) -> list[ColumnDef]:
    """The generated columns that read a column."""
    place = table.columns.index(column)
    return [made for _, made in generated_columns(table) if place in columns_read(_state(session), table, made)]


def require_no_expression(table: TableDef, column: ColumnDef) -> None:
    """42601 for a default of a generated column."""
    if column.generation is not None:
        raise SqlError(
            "42601",
            f'column "{column.name}" of relation "{table.name}" is a generated column',
            hint="Use ALTER TABLE ... ALTER COLUMN ... SET EXPRESSION instead.",
        )


def require_free_type(session: Session, table: TableDef, column: ColumnDef) -> None:
    """0A000 for another type of a column that a generated one is made of."""
    for made in made_of(session, table, column):
        raise SqlError(
            "0A000",
            "cannot alter type of a column used by a generated column",
            detail=f'Column "{column.name}" is used by generated column "{made.name}".',
        )


def without_expression(table: TableDef, column: ColumnDef, *, missing_ok: bool) -> ColumnDef | None:
    """A column as it is after DROP EXPRESSION; None when there is none and that is allowed."""
    if column.generation is None:
        if missing_ok:
            return None
        raise SqlError("55000", f'column "{column.name}" of relation "{table.name}" is not a generated column')
    if column.virtual:
        raise SqlError(
            "0A000",
            "ALTER TABLE / DROP EXPRESSION is not supported for virtual generated columns",
            detail=f'Column "{column.name}" of relation "{table.name}" is a virtual generated column.',
        )
    return replace(column, generation=None)


def with_expression(session: Session, table: TableDef, column: ColumnDef, node: Any) -> tuple[TableDef, str]:
    """The table after SET EXPRESSION, and the column's value as DuckDB's SQL."""
    if column.generation is None:
        raise SqlError("55000", f'column "{column.name}" of relation "{table.name}" is not a generated column')
    new = checked(session, table, {column.name: node})
    return new, table_access.generation_sql(session, new, new.columns[table.columns.index(column)])


def _state(session: Session) -> State:
    return State(session.analysis_context(), Parameters(None))
