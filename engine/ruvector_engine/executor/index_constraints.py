"""ALTER TABLE ... ADD PRIMARY KEY | UNIQUE USING INDEX: a unique index becomes a constraint, and takes its name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import IndexDef, TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor.constraint_names import named
from ruvector_engine.executor.table_rewrite import put_table, rewrite
from ruvector_engine.sql.deparse import enum_name

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_DETAIL = "Cannot create a primary key or unique constraint using such an index."


def add_from_index(session: Session, table: TableDef, node: Any) -> None:
    """Make a constraint of the index that the node names."""
    position = node.location + 1
    if node.deferrable or node.initdeferred:
        raise not_supported("DEFERRABLE constraints are not supported", hint="Leave DEFERRABLE out.")
    primary = enum_name(node, "contype") == "CONSTR_PRIMARY"
    index = _index(session, table, node.indexname, position)
    name = node.conname or index.name
    if name != index.name:
        text = f'ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index "{index.name}" to "{name}"'
        session.notice("00000", text)
    if primary and any(c.kind == "p" for c in table.constraints):
        raise SqlError("42P16", f'multiple primary keys for table "{table.name}" are not allowed')
    if name != index.name and (table.schema, name) in session.catalog.relations:
        raise SqlError("42P07", f'relation "{name}" already exists')
    if named(session, table, name) is not None:
        raise SqlError("42710", f'constraint "{name}" for relation "{table.name}" already exists')
    constraints = tuple(
        replace(c, name=name, kind="p" if primary else "u", index_only=False) if c.oid == index.constraint_oid else c
        for c in table.constraints
    )
    new = replace(table, constraints=constraints)
    put = [replace(index, name=name)]
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=put)
    if primary:
        columns = (replace(c, not_null=True) if c.name in index.columns else c for c in table.columns)
        rewrite(session, table, replace(new, columns=tuple(columns)), {})
    else:
        put_table(session, new)


def _index(session: Session, table: TableDef, name: str, position: int) -> IndexDef:
    """The table's index of that name, if a constraint can be made of it."""
    index = session.catalog.find(name, table.schema, session.search_path)
    if not isinstance(index, IndexDef):
        raise SqlError("42704", f'index "{name}" does not exist', position=position)
    if index.table_oid != table.oid:
        text = f'index "{name}" does not belong to table "{table.name}"'
        raise SqlError("55000", text, position=position)
    if not table.is_plain(index):
        raise SqlError("55000", f'index "{name}" is already associated with a constraint', position=position)
    if not index.unique:
        raise SqlError("42809", f'"{name}" is not a unique index', detail=_DETAIL, position=position)
    for number, order in enumerate(index.orders, 1):
        if order:
            text = f'index "{name}" column number {number} does not have default sorting behavior'
            raise SqlError("42809", text, detail=_DETAIL, position=position)
    return index
