"""What vector indexes make of new rows, looked at by the statement that writes these: as in PostgreSQL an expression
that fails, or an array of the wrong length, is that statement's error.

An index on real[] takes its dimensions from the first array. One made before there was any is built by the statement
that brings it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import IndexDef, TableDef
from ruvector_engine.executor import index_ddl, table_access
from ruvector_engine.index.elements import element_of
from ruvector_engine.planner.index_keys import index_key
from ruvector_engine.planner.operator_classes import awaits_dimensions, index_spec
from ruvector_engine.stored_vectors import read_by_id
from ruvector_engine.transactions import Ids

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def check(session: Session, table: TableDef, ids: Ids) -> None:
    """Evaluate the keys of the rows `ids`, which this transaction has written."""
    for definition in session.catalog.indexes_of(table.oid) if ids.size else ():
        if not definition.is_vector or definition.holds_column:
            continue
        if awaits_dimensions(definition, table):
            definition = _begun(session, definition, table)
            if awaits_dimensions(definition, table):
                continue
        spec = index_spec(definition, table)
        rows = index_key(definition, table, session.catalog).rows_sql
        read_by_id(session.connection, rows, ids, element_of(spec), spec.dimensions)


def _begun(session: Session, definition: IndexDef, table: TableDef) -> IndexDef:
    """An index on real[] as it is now that there may be an array: built, unless others have done so meanwhile."""
    begun = index_ddl.with_dimensions(session, definition, table)
    if begun is definition:
        return definition
    table_access.lock_catalog(session)
    current = [i for i in session.catalog.indexes_of(table.oid) if i.oid == definition.oid]
    if current and not awaits_dimensions(current[0], table):
        return current[0]
    catalog = table_access.change_catalog(session)
    session.transaction.catalog = store.changed(session.connection, catalog, put=[begun])
    session.transaction.new_indexes[begun.oid] = begun
    index_ddl.build_index(session, begun, table, "CREATE INDEX")
    session.transaction.changes_of(table.oid)
    return begun
