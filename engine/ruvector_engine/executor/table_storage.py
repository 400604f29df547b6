"""A table as DuckDB holds it, and its entries in the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import PREVIOUS_ROW_ID, ROW_ID, Relation, SequenceDef, TableDef
from ruvector_engine.errors import not_supported
from ruvector_engine.executor import ownership, table_access
from ruvector_engine.executor.constraint_definitions import constraint_indexes
from ruvector_engine.executor.sequence_definitions import create_sequence_storage
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.storage import duck_type
from ruvector_engine.sql.unique_keys import companion, companions, key_columns

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def create(session: Session, table: TableDef, sequences: list[SequenceDef]) -> None:
    """Make the DuckDB table and sequences, and write the catalog's entries."""
    for sequence in sequences:
        create_sequence_storage(session, sequence)
    session.connection.run(create_sql(session, table))
    put: list[Relation] = [*sequences, table, *constraint_indexes(session, table)]
    authority = ownership.created(session, put)
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=put, authority=authority)


def check_stored(table: TableDef) -> None:
    """0A000 for columns that DuckDB cannot hold: none at all, or two whose names differ by case only."""
    if not table.columns:
        raise not_supported("a table without columns is not supported")
    names: dict[str, str] = {}
    for column in table.columns:
        other = names.setdefault(column.name.lower(), column.name)
        if other != column.name:
            raise not_supported(
                f'columns "{other}" and "{column.name}" of one table are not supported',
                hint="Give them names that differ by more than case.",
            )


def create_sql(session: Session, table: TableDef) -> str:
    """DuckDB's CREATE TABLE for a table."""
    check_stored(table)
    parts = [f"{quote(c.name)} {duck_type(c.type)}" + (" NOT NULL" if c.not_null else "") for c in table.columns]
    if table.has_row_id:
        parts.append(f"{quote(ROW_ID)} BIGINT NOT NULL DEFAULT nextval('ruvector_rid')")
        parts.append(f"{quote(PREVIOUS_ROW_ID)} BIGINT")
    parts += (f"{companion(column)} VARCHAR" for column in companions(table))
    for constraint in table.constraints:
        if constraint.kind == "c":
            parts.append(f"CHECK ({table_access.check_text(session, table, constraint)})")
        else:
            word = "PRIMARY KEY" if constraint.kind == "p" else "UNIQUE"
            parts.append(f"{word} ({', '.join(key_columns(table, constraint.columns))})")
    return f"CREATE TABLE {table.storage_name} ({', '.join(parts)})"
