"""ALTER ... RENAME and SET SCHEMA: other names for what exists, which every stored text then follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import BARE_SCHEMA, Catalog, IndexDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.system import objects
from ruvector_engine.catalog.system.constraints import with_not_null_names
from ruvector_engine.catalog.system.lookup import system_schemas
from ruvector_engine.catalog.system.oids import namespace_oid
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import (
    access,
    constraint_names,
    naming,
    schemas,
    stored_texts,
    table_access,
    table_rewrite,
    table_storage,
    type_changes,
)
from ruvector_engine.executor.relation_drops import DROPPABLE
from ruvector_engine.executor.table_rewrite import with_column
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.raw import strings

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_Value = TypeVar("_Value")


def run(session: Session, statement: Utility) -> Result:
    """ALTER ... RENAME of schemas, tables, columns, indexes, sequences, views, types."""
    node = statement.node
    kind = enum_name(node, "rename_type")
    table_access.lock_catalog(session)
    if kind == "OBJECT_TYPE":
        type_changes.rename(session, strings(node.object.list.items), node.newname)
        return Result("ALTER TYPE")
    if kind == "OBJECT_COLUMN":
        _rename_column(session, node)
        return Result("ALTER VIEW" if enum_name(node, "relation_type") == "OBJECT_VIEW" else "ALTER TABLE")
    if kind == "OBJECT_TABCONSTRAINT":
        constraint_names.rename(session, node)
        return Result("ALTER TABLE")
    if kind == "OBJECT_SCHEMA":
        _rename_schema(session, node.subname, node.newname)
        return Result("ALTER SCHEMA")
    if kind not in DROPPABLE:
        raise not_supported(f"{statement.tag} RENAME is not supported")
    found = _relation(session, node)
    if found is None:
        return Result(statement.tag)
    access.require_owner(session, found)
    access.require_create(session, found.schema)
    if (found.schema, node.newname) in session.catalog.relations:
        raise SqlError("42P07", f'relation "{node.newname}" already exists')
    if isinstance(found, TableDef):
        session.lock(found.oid, "ddl")
    if isinstance(found, IndexDef) and found.constraint_oid:
        session.lock(found.table_oid, "ddl")
    before = table_access.change_catalog(session)
    if isinstance(found, TableDef):
        found = with_not_null_names(found)
    renamed: list[Relation] = [replace(found, name=node.newname)]
    if isinstance(found, IndexDef):
        renamed += constraint_names.of_index(session, found, node.newname)
    _put(session, before, renamed)
    return Result(statement.tag)


def _relation(session: Session, node: Any) -> Relation | None:
    """What the statement names; None, with a notice, where there is nothing and that is allowed."""
    schema = node.relation.schemaname or None
    access.require_usage(session, schema, missing_ok=node.missing_ok)
    found = session.catalog.find(node.relation.relname, schema, session.search_path)
    if found is None and not node.missing_ok:
        raise SqlError("42P01", f'relation "{node.relation.relname}" does not exist')
    if found is None:
        session.notice("00000", f'relation "{node.relation.relname}" does not exist, skipping')
    return found


def _put(session: Session, before: Catalog, relations: list[Relation]) -> None:
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=relations)
    stored_texts.follow(session, before)


def _rename_column(session: Session, node: Any) -> None:
    relation = table_access.relation_named(session, node.relation)
    table = relation if isinstance(relation, ViewDef) else table_access.table_named(session, node.relation)
    access.require_owner(session, table)
    if isinstance(table, TableDef):
        session.lock(table.oid, "ddl")
    before = table_access.change_catalog(session)
    column = next((c for c in table.columns if c.name == node.subname), None)
    if column is None:
        raise SqlError("42703", f'column "{node.subname}" does not exist')
    if any(c.name == node.newname for c in table.columns):
        raise SqlError("42701", f'column "{node.newname}" of relation "{table.name}" already exists')
    if isinstance(table, ViewDef):
        columns = (replace(c, name=node.newname) if c is column else c for c in table.columns)
        _put(session, before, [replace(table, columns=tuple(columns))])
        return

    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(node.newname if n == column.name else n for n in names)

    constraints = tuple(replace(c, columns=renamed(c.columns)) for c in table.constraints)
    named = next(c for c in with_not_null_names(table).columns if c.attnum == column.attnum)
    new = replace(with_column(table, replace(named, name=node.newname)), constraints=constraints)
    table_storage.check_stored(new)
    session.transaction.changes_of(table.oid).rename(column.name, node.newname)
    indexes: list[Relation] = [i.renamed(column.name, node.newname) for i in session.catalog.indexes_of(table.oid)]
    _put(session, before, [new, *indexes])
    new = table_access.current(session, new)
    if any(c.kind == "c" or node.newname in c.columns for c in new.constraints):
        table_rewrite.rewrite(session, table, new, {node.newname: quote(column.name)})
    else:
        old_name, new_name = quote(column.name), quote(node.newname)
        session.connection.run(f"ALTER TABLE {table.storage_name} RENAME COLUMN {old_name} TO {new_name}")
        table_rewrite.put_table(session, new)


# -------------------------------------------------------------------- schemas


def _rename_schema(session: Session, old: str, new: str) -> None:
    """ALTER SCHEMA old RENAME TO new; what it holds, who has it and what is said of it go with it."""
    catalog = table_access.change_catalog(session)
    if old not in catalog.schemas and old not in system_schemas():
        raise SqlError("3F000", f'schema "{old}" does not exist')
    if new in (*catalog.schemas, *system_schemas()):
        raise SqlError("42P06", f'schema "{new}" already exists')
    access.require_schema_owner(session, old)
    access.require_database(session, "C")
    schemas.require_schema_name(new)
    if old in (BARE_SCHEMA, *system_schemas()):
        raise not_supported(
            f'schema "{old}" cannot be renamed', hint="Create another schema and move the tables to it."
        )
    classoid, former, _ = objects.schema_key(old)
    now = namespace_oid(new)

    def moved(entries: Mapping[tuple[int, int, int], _Value]) -> Mapping[tuple[int, int, int], _Value]:
        return MappingProxyType({((c, now, s) if (c, o) == (classoid, former) else (c, o, s)): v
                                 for (c, o, s), v in entries.items()})  # fmt: skip

    authority = catalog.authority
    owners = {((classoid, now) if key == (classoid, former) else key): owner for key, owner in authority.owners.items()}
    defaults = {
        (role, now if schema == former else schema, letter): items
        for (role, schema, letter), items in authority.defaults.items()
    }
    session.transaction.catalog = store.changed(
        session.connection,
        catalog,
        put=[replace(r, schema=new) for r in catalog.relations.values() if r.schema == old],
        put_types=[replace(t, schema=new) for t in catalog.types.values() if t.schema == old],
        schemas=catalog.schemas - {old} | {new},
        comments=moved(catalog.comments),
        authority=replace(
            authority, owners=MappingProxyType(owners), acls=moved(authority.acls), defaults=MappingProxyType(defaults)
        ),
    )
    stored_texts.follow(session, catalog)


def run_set_schema(session: Session, statement: Utility) -> Result:
    """ALTER TABLE | VIEW | SEQUENCE | TYPE name SET SCHEMA schema; indexes and sequences go with their table."""
    node = statement.node
    kind = enum_name(node, "object_type")
    if kind == "OBJECT_TYPE":
        type_changes.set_schema(session, strings(node.object.list.items), node.newschema)
        return Result("ALTER TYPE")
    if kind not in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_SEQUENCE"):
        raise not_supported(f"{statement.tag} SET SCHEMA is not supported")
    table_access.lock_catalog(session)
    found = _relation(session, node)
    if found is None:
        return Result(statement.tag)
    _require_kind(found, kind)
    access.require_owner(session, found)
    wanted = naming.creation_schema(session, node.newschema)
    if isinstance(found, TableDef):
        session.lock(found.oid, "ddl")
    if isinstance(found, SequenceDef) and found.owner_table:
        table = table_access.table_of(session, found)
        detail = f'Sequence "{found.name}" is linked to table "{table.name}".'
        raise SqlError("0A000", "cannot move an owned sequence into another schema", detail=detail)
    before = table_access.change_catalog(session)
    if wanted == found.schema:
        return Result(statement.tag)
    moved = [found, *_belonging(before, found)]
    for relation in moved:
        if (wanted, relation.name) in before.relations:
            raise SqlError("42P07", f'relation "{relation.name}" already exists in schema "{wanted}"')
    _put(session, before, [replace(relation, schema=wanted) for relation in moved])
    return Result(statement.tag)


def _require_kind(found: Relation, kind: str) -> None:
    """42809 for a relation of another kind; ALTER TABLE takes any but an index."""
    wanted, word = DROPPABLE[kind]
    if isinstance(found, IndexDef) and kind == "OBJECT_TABLE":
        raise SqlError(
            "42809", f'cannot change schema of index "{found.name}"', hint="Change the schema of the table instead."
        )
    if not isinstance(found, wanted) and kind != "OBJECT_TABLE":
        raise SqlError("42809", f'"{found.name}" is not a {word}')


def _belonging(catalog: Catalog, relation: Relation) -> list[Relation]:
    """The indexes of a table, and the sequences that its columns own."""
    if not isinstance(relation, TableDef):
        return []
    owned = [r for r in catalog.relations.values() if isinstance(r, SequenceDef) and r.owner_table == relation.oid]
    return [*catalog.indexes_of(relation.oid), *owned]
