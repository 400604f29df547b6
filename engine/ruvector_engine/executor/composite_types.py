"""CREATE TYPE ... AS (...), and what ALTER TYPE does to its attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.composite_types import ROW_TYPE_OFFSET, CompositeDef, row_type
from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.catalog.system import objects
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import (
    access,
    dependents,
    naming,
    ownership,
    table_access,
    table_changes,
    table_rewrite,
    type_changes,
)
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.storage import duck_type, fields, with_fields, with_items
from ruvector_engine.sql.typenames import resolve_type
from ruvector_engine.types.registry import TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run_create(session: Session, statement: Utility) -> Result:
    """CREATE TYPE name AS (attributes)."""
    node = statement.node
    table_access.change_catalog(session)
    schema, name = naming.creation_schema(session, node.typevar.schemaname), node.typevar.relname
    type_changes.require_free(session, schema, name)
    if (schema, name) in session.catalog.relations:
        raise SqlError("42P07", f'relation "{name}" already exists')
    if not node.coldeflist:
        raise not_supported("a composite type without attributes is not supported")
    columns = tuple(_column(session, item.column_def, i) for i, item in enumerate(node.coldeflist, 1))
    _require_distinct(columns)
    connection = session.connection
    oid, array_oid, relation_oid = (store.new_oid(connection) for _ in range(3))
    array_name = type_changes.free_array_name(session, schema, name)
    definition = CompositeDef(oid, array_oid, relation_oid, schema, name, array_name, columns)
    _put(session, definition)
    ownership.own_type(session, definition)
    return Result("CREATE TYPE")


def _column(session: Session, node: Any, number: int) -> ColumnDef:
    try:
        type_ref = resolve_type(node.type_name, session.catalog, session.search_path)
    except SqlError as error:
        error.position = None
        raise
    element = TypeRef(type_ref.pg.element_oid) if type_ref.pg.element_oid else type_ref
    if element.oid >= ROW_TYPE_OFFSET:
        raise not_supported(f'an attribute of the row type "{element.pg.name}" is not supported')
    if type_ref.pg.category in "PX":
        raise SqlError("42P16", f'column "{node.colname}" has pseudo-type {type_ref.pg.sql_name}')
    if node.HasField("coll_clause"):
        raise not_supported("COLLATE is not supported", hint='Columns have the collation "C".')
    return ColumnDef(node.colname, type_ref, number, dimensions=len(node.type_name.array_bounds))


def _require_distinct(columns: Sequence[ColumnDef]) -> None:
    names = [c.name for c in columns]
    twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
    if twice is not None:
        raise SqlError("42701", f'column "{twice}" specified more than once')


def _put(session: Session, definition: CompositeDef) -> None:
    session.transaction.catalog = store.changed(session.connection, session.catalog, put_types=[definition])


# -------------------------------------------------------------------- ALTER TYPE


def run_alter(session: Session, statement: Utility) -> Result:
    """ALTER TYPE name ADD | DROP | ALTER ATTRIBUTE; the last is refused while a table has such a column."""
    node = statement.node
    definition = _named(session, node.relation)
    if any(enum_name(c.alter_table_cmd, "subtype") == "AT_AlterColumnType" for c in node.cmds):
        _require_unused(session, definition)
    new = definition
    for wrapped in node.cmds:
        new = _altered(session, new, wrapped.alter_table_cmd)
    if not new.columns:
        raise not_supported("a composite type without attributes is not supported")
    left = {c.attnum for c in new.columns}
    gone: list[dependents.Object] = [
        dependents.Attribute(definition, c) for c in definition.columns if c.attnum not in left
    ]
    if gone:
        cascade = all(enum_name(c.alter_table_cmd, "behavior") == "DROP_CASCADE" for c in node.cmds)
        dependents.release(session, gone, cascade=cascade)
    change(session, definition, new)
    return Result("ALTER TYPE")


def run_alter_table(session: Session, statement: Utility) -> Result:
    """ALTER TABLE, and what it means for columns of other tables that hold rows of the table."""
    name = statement.node.relation
    old = session.catalog.find(name.relname, name.schemaname or None, session.search_path)
    rows = row_type(old) if isinstance(old, TableDef) and not old.virtual else None
    users = [] if rows is None else _users(session, rows)
    kinds = {enum_name(c.alter_table_cmd, "subtype") for c in statement.node.cmds}
    if rows is not None and "AT_AlterColumnType" in kinds:
        for table, column in ((t, c) for t in users for c in t.columns if _contains(c.type, rows)):
            where = f'column "{table.name}.{column.name}" uses its row type'
            raise SqlError("0A000", f'cannot alter table "{name.relname}" because {where}')
    result = table_changes.run_alter_table(session, statement)
    for table in users:
        session.lock(table.oid, "ddl")
        _rewrite(session, table)
    return result


def _users(session: Session, definition: CompositeDef) -> list[TableDef]:
    return [r for r in session.catalog.relations.values() if isinstance(r, TableDef) and _has(r, definition)]


def change(session: Session, old: CompositeDef, new: CompositeDef) -> None:
    """Put another definition in a type's place, and its stored values into the form that goes with it."""
    users = _users(session, old)
    for table in users:
        session.lock(table.oid, "ddl")
        table_access.require_current(session, table)
    _put(session, new)
    for table in users:
        _rewrite(session, table)


def _rewrite(session: Session, old: TableDef) -> None:
    """Bring the stored values of a table's columns to the types that these have now."""
    new = table_access.current(session, old)
    pairs = [(a, b) for a, b in zip(old.columns, new.columns, strict=True) if duck_type(a.type) != duck_type(b.type)]
    values = {b.name: _retyped(quote(a.name), a.type, b.type) for a, b in pairs}
    table_rewrite.rewrite(session, old, new, values)


def _retyped(sql: str, old: TypeRef, new: TypeRef) -> str:
    """A stored value of a type as it was, for the type as it is: fields that came are NULL, others are gone."""
    if duck_type(old) == duck_type(new):
        return sql
    if new.composite is not None:
        before = dict(fields(old))

        def field(text: str, type_ref: TypeRef) -> str:
            key = text.rsplit(".", 1)[1]
            if key not in before:
                return f"CAST(NULL AS {duck_type(type_ref)})"
            return _retyped(text, before[key], type_ref)

        return with_fields(sql, new, field)
    inner = TypeRef(old.pg.element_oid), TypeRef(new.pg.element_oid)
    if new.shaped:
        return with_items(sql, lambda items: f"list_transform({items}, lambda rv_e: {_retyped('rv_e', *inner)})")
    return f"list_transform({sql}, lambda rv_e: {_retyped('rv_e', *inner)})"


def _altered(session: Session, definition: CompositeDef, command: Any) -> CompositeDef:
    kind, columns = enum_name(command, "subtype"), definition.columns
    if kind == "AT_AddColumn":
        number = max((c.attnum for c in columns), default=0) + 1
        added = _column(session, getattr(command, "def").column_def, number)
        if any(c.name == added.name for c in columns):
            text = f'column "{added.name}" of relation "{definition.name}" already exists'
            raise SqlError("42701", text)
        return replace(definition, columns=(*columns, added))
    place = next((i for i, c in enumerate(columns) if c.name == command.name), None)
    if place is None:
        text = f'column "{command.name}" of relation "{definition.name}" does not exist'
        if kind != "AT_DropColumn" or not command.missing_ok:
            raise SqlError("42703", text)
        session.notice("00000", f"{text}, skipping")
        return definition
    if kind == "AT_DropColumn":
        return replace(definition, columns=(*columns[:place], *columns[place + 1 :]))
    if kind == "AT_AlterColumnType":
        given = getattr(command, "def").column_def
        given.colname = command.name
        changed = _column(session, given, columns[place].attnum)
        return replace(definition, columns=(*columns[:place], changed, *columns[place + 1 :]))
    raise not_supported(f"ALTER TYPE {kind.removeprefix('AT_')} is not supported")


def rename_attribute(session: Session, node: Any) -> Result:
    """ALTER TYPE name RENAME ATTRIBUTE a TO b."""
    definition = _named(session, node.relation)
    if any(c.name == node.newname for c in definition.columns):
        text = f'column "{node.newname}" of relation "{definition.name}" already exists'
        raise SqlError("42701", text)
    if all(c.name != node.subname for c in definition.columns):
        raise SqlError("42703", f'column "{node.subname}" does not exist')
    columns = (replace(c, name=node.newname) if c.name == node.subname else c for c in definition.columns)
    type_changes.put(session, replace(definition, columns=tuple(columns)))
    return Result("ALTER TYPE")


def _named(session: Session, relation: Any) -> CompositeDef:
    table_access.change_catalog(session)
    names = [n for n in (relation.schemaname, relation.relname) if n]
    found = type_changes.find(session, names)
    if isinstance(found, CompositeDef):
        if not session.rights.owns(objects.type_key(found)):
            raise access.not_owner("table", found.name)  # as PostgreSQL has it: its attributes are a relation's
        return found
    if found is not None:
        raise SqlError("42809", f"type {found.sql_name} is not a composite type")
    table = session.catalog.find(names[-1], relation.schemaname or None, session.search_path)
    if table is not None:
        raise SqlError("42809", f'"{names[-1]}" is not a composite type')
    raise SqlError("42P01", f'relation "{".".join(names)}" does not exist')


def _require_unused(session: Session, definition: CompositeDef) -> None:
    for table in session.catalog.relations.values():
        if isinstance(table, TableDef) and not table.virtual:
            for column in table.columns:
                if _contains(column.type, definition):
                    where = f'column "{table.name}.{column.name}" uses it'
                    raise SqlError("0A000", f'cannot alter type "{definition.name}" because {where}')


def _has(table: TableDef, definition: CompositeDef) -> bool:
    return any(_contains(c.type, definition) for c in table.columns)


def _contains(type_ref: TypeRef, definition: CompositeDef) -> bool:
    if type_ref.oid in (definition.oid, definition.array_oid):
        return True
    element = type_ref.pg.element_oid
    composite = TypeRef(element).composite if element else type_ref.composite
    return composite is not None and any(_contains(a.type, definition) for a in composite.attributes)
