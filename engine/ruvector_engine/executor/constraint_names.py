"""ALTER TABLE ... RENAME CONSTRAINT: a key's index has its name, so that each goes with the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import IndexDef, Relation, TableDef
from ruvector_engine.catalog.system.constraints import Constraint, table_constraints
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access, table_access
from ruvector_engine.executor.table_rewrite import put_table

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def of_index(session: Session, index: IndexDef, name: str) -> list[Relation]:
    """The table of a unique index with the constraint under the index's new name; none of another index."""
    table = session.catalog.table_by_oid(index.table_oid) if index.constraint_oid else None
    if table is None:
        return []
    session.transaction.changes_of(table.oid).altered = True
    return [_renamed(table, index.constraint_oid, name)]


def named(session: Session, table: TableDef, name: str) -> Constraint | None:
    """The table's constraint of that name, NOT NULL included."""
    found = table_constraints(table, session.catalog.indexes_of(table.oid))
    return next((constraint for constraint in found if constraint.name == name), None)


def rename(session: Session, node: Any) -> None:
    """RENAME CONSTRAINT old TO new."""
    table = _table(session, node)
    if table is None:
        return
    access.require_owner(session, table)
    session.lock(table.oid, "ddl")
    table_access.change_catalog(session)
    table = table_access.current(session, table)
    found = named(session, table, node.subname)
    if found is None:
        raise SqlError("42704", f'constraint "{node.subname}" for table "{table.name}" does not exist')
    index = next((i for i in session.catalog.indexes_of(table.oid) if i.oid == found.index_oid), None)
    if index is not None and (table.schema, node.newname) in session.catalog.relations:
        raise SqlError("42P07", f'relation "{node.newname}" already exists')
    if named(session, table, node.newname) is not None:
        raise SqlError("42710", f'constraint "{node.newname}" for relation "{table.name}" already exists')
    if found.kind == "n":
        columns = (replace(c, not_null_name=node.newname) if c.name in found.columns else c for c in table.columns)
        table = replace(table, columns=tuple(columns))
    put_table(session, _renamed(table, found.oid, node.newname))
    if index is not None:
        put = [replace(index, name=node.newname)]
        session.transaction.catalog = store.changed(session.connection, session.catalog, put=put)


def _table(session: Session, node: Any) -> TableDef | None:
    """The table that the statement names; None, with a notice, where there is none and that is allowed."""
    try:
        return table_access.table_named(session, node.relation)
    except SqlError as error:
        if node.missing_ok and error.sqlstate in ("42P01", "3F000"):
            session.notice("00000", f'relation "{node.relation.relname}" does not exist, skipping')
            return None
        raise


def _renamed(table: TableDef, oid: int, name: str) -> TableDef:
    constraints = (replace(c, name=name) if c.oid == oid else c for c in table.constraints)
    return replace(table, constraints=tuple(constraints))
