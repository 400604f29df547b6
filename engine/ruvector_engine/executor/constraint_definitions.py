"""Primary key, unique and check constraints as CREATE TABLE and ALTER TABLE define them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import ConstraintDef, IndexDef, TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import naming, stored_texts, table_access
from ruvector_engine.executor.table_draft import Draft
from ruvector_engine.planner.operator_classes import NO_CLASS_HINT
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.types.registry import BOOL, JSON, JSONPATH, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def add_constraint(session: Session, draft: Draft, node: Any, column: str | None) -> None:
    """A primary key, unique or check constraint, of a column or of the table."""
    kind = enum_name(node, "contype")
    if node.nulls_not_distinct:
        raise not_supported("NULLS NOT DISTINCT is not supported")
    if node.indexname:
        text = f'index "{node.indexname}" is of no table that exists: USING INDEX is not supported here'
        raise not_supported(text, hint="Use it in ALTER TABLE ... ADD CONSTRAINT.")
    if kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
        columns = (column,) if column is not None else tuple(k.string.sval for k in node.keys)
        _check_key(draft, columns, kind, node.location)
        if kind == "CONSTR_PRIMARY":
            draft.columns[:] = [replace(c, not_null=True) if c.name in columns else c for c in draft.columns]
        base = f"{draft.name}_pkey" if kind == "CONSTR_PRIMARY" else f"{draft.name}_{'_'.join(columns)}_key"
        letter, expression = ("p" if kind == "CONSTR_PRIMARY" else "u"), None
    elif kind == "CONSTR_CHECK":
        probe = TableDef(0, draft.schema, draft.name, tuple(draft.columns))
        text = stored_texts.stored_text(session, node.raw_expr, table=probe, target=TypeRef(BOOL))
        columns = table_access.columns_read(session, node.raw_expr, probe)
        base = f"{draft.name}_{columns[0]}_check" if len(columns) == 1 else f"{draft.name}_check"
        letter, expression = "c", text
    elif kind == "CONSTR_FOREIGN":
        raise not_supported(
            "foreign keys are not supported", hint="Leave REFERENCES out; the application keeps the reference."
        )
    else:
        raise not_supported(f"{kind.removeprefix('CONSTR_').lower()} constraints are not supported")
    taken = draft.taken | {constraint.name for constraint in draft.constraints}
    if any(constraint.name == node.conname and not constraint.index_only for constraint in draft.constraints):
        raise SqlError("42710", f'constraint "{node.conname}" for relation "{draft.name}" already exists')
    if letter != "c" and (draft.schema, node.conname) in session.catalog.relations:
        raise SqlError("42P07", f'relation "{node.conname}" already exists')
    name = node.conname or naming.free_name(session, draft.schema, base, taken)
    draft.taken.add(name)
    oid = store.new_oid(session.connection)
    draft.constraints.append(ConstraintDef(oid, name, letter, columns, expression))  # type: ignore[arg-type]


def _check_key(draft: Draft, columns: tuple[str, ...], kind: str, location: int) -> None:
    known = {c.name: c for c in draft.columns}
    for name in columns:
        if name not in known:
            raise SqlError("42703", f'column "{name}" named in key does not exist')
        if known[name].type.oid in (JSON, JSONPATH):
            label = known[name].type.pg.sql_name
            text = f'data type {label} has no default operator class for access method "btree"'
            raise SqlError("42704", text, hint=NO_CLASS_HINT)
    if kind == "CONSTR_PRIMARY" and any(c.kind == "p" for c in draft.constraints):
        text = f'multiple primary keys for table "{draft.name}" are not allowed'
        raise SqlError("42P16", text, position=location + 1)


def constraint_indexes(session: Session, table: TableDef) -> list[IndexDef]:
    """The btree entries that PostgreSQL shows for primary key and unique constraints."""
    return [
        IndexDef(
            store.new_oid(session.connection),
            constraint.name,
            table.schema,
            table.oid,
            "btree",
            constraint.columns,
            unique=True,
            constraint_oid=constraint.oid,
        )
        for constraint in table.constraints
        if constraint.kind in "pu"
    ]
