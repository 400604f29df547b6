"""Indexes on real[] that were made before there was an array: the statement that brings the first one builds them.

The first array tells the dimensions. Later rows are held to them as their keys are evaluated (`index_values`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import IndexDef, TableDef
from ruvector_engine.executor import index_builds, index_ddl, table_access
from ruvector_engine.index.elements import SINGLE
from ruvector_engine.planner.index_keys import index_key
from ruvector_engine.planner.operator_classes import awaits_dimensions
from ruvector_engine.stored_vectors import read_by_id
from ruvector_engine.transactions import Ids

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def check(session: Session, table: TableDef, ids: Ids) -> None:
    """Build what waits for an array, now that this transaction has written the rows `ids`."""
    for definition in session.catalog.indexes_of(table.oid) if ids.size else ():
        if definition.is_vector and awaits_dimensions(definition, table):
            _begin(session, definition, table, ids)


def _begin(session: Session, definition: IndexDef, table: TableDef, ids: Ids) -> None:
    begun = index_ddl.with_dimensions(session, definition, table)
    if begun is definition:
        return
    table_access.lock_catalog(session)
    current = [i for i in session.catalog.indexes_of(table.oid) if i.oid == definition.oid]
    if current and not awaits_dimensions(current[0], table):  # others came first
        rows = index_key(current[0], table, session.catalog).rows_sql
        read_by_id(session.connection, rows, ids, SINGLE, current[0].dimensions)
        return
    catalog = table_access.change_catalog(session)
    session.transaction.catalog = store.changed(session.connection, catalog, put=[begun])
    index_builds.build_index(session, begun, table)
    session.transaction.changes_of(table.oid)
