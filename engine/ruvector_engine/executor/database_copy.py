"""What CREATE DATABASE copies of its template: the catalog, sequences and where they stand, rows, indexes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import Catalog, IndexDef, SequenceDef, TableDef
from ruvector_engine.errors import not_supported
from ruvector_engine.executor import sequence_values
from ruvector_engine.executor.index_builds import build_index
from ruvector_engine.executor.sequence_definitions import create_sequence_storage
from ruvector_engine.planner.operator_classes import awaits_dimensions, is_text

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def copied(session: Session, source: Catalog, database: int) -> Catalog:
    """The catalog of a new database that has what another has; everything is written in the session's transaction."""
    catalog, moved = store.copied_database(session.connection, source.database, database)
    for relation in source.relations.values():
        if isinstance(relation, TableDef):
            _copy_table(session, relation, moved)
        elif isinstance(relation, SequenceDef):
            _copy_sequence(session, relation, catalog.sequence_by_oid(moved[relation.oid]))
    for relation in catalog.relations.values():
        if isinstance(relation, IndexDef):
            _build(session, catalog, relation)
    return catalog


def _copy_table(session: Session, table: TableDef, moved: Mapping[int, int]) -> None:
    """A table like another in DuckDB, its hidden columns and constraints included, with the same rows."""
    run, name = session.connection.run, f"t{table.oid}"
    if run(f"SELECT 1 FROM duckdb_indexes() WHERE table_name = '{name}'"):
        raise not_supported(f'a template with indexes in storage, as table "{table.name}" has, is not supported')
    ((text,),) = run(f"SELECT sql FROM duckdb_tables() WHERE schema_name = 'main' AND table_name = '{name}'")
    new = f"t{moved[table.oid]}"
    made, count = re.subn(rf'^CREATE TABLE "?{name}"?\(', f'CREATE TABLE "{new}"(', text)
    assert count == 1, text
    run(made)
    run(f'INSERT INTO "{new}" SELECT * FROM {table.storage_name}')


def _copy_sequence(session: Session, source: SequenceDef, sequence: SequenceDef) -> None:
    create_sequence_storage(session, sequence)
    last, is_called = sequence_values.state(session, source)
    flag = "true" if is_called else "false"
    session.connection.run(f"SELECT setval('{sequence.storage_name}', {last}, {flag})")


def _build(session: Session, catalog: Catalog, definition: IndexDef) -> None:
    """Build a vector or text index of the new database anew: it is derived from its table."""
    table = catalog.table_by_oid(definition.table_oid)
    assert table is not None  # an index goes with its table
    if awaits_dimensions(definition, table):
        return
    if definition.is_vector or (is_text(definition, table) and table.has_row_id):
        build_index(session, definition, table, catalog=catalog)
