"""COMMENT ON: what the catalog remembers about relations, columns, schemas, extensions, roles and databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.membership import is_admin
from ruvector_engine.catalog.model import IndexDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.roles import RoleDef
from ruvector_engine.catalog.system import oids
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, databases, table_access, type_changes
from ruvector_engine.executor.role_names import role_named
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.raw import strings
from ruvector_engine.sql.typenames import find_type

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Kinds of relations: the class, and how errors call it.
_RELATIONS: dict[str, tuple[type[Relation], str]] = {
    "OBJECT_TABLE": (TableDef, "a table"),
    "OBJECT_VIEW": (ViewDef, "a view"),
    "OBJECT_INDEX": (IndexDef, "an index"),
    "OBJECT_SEQUENCE": (SequenceDef, "a sequence"),
}


def run_comment(session: Session, statement: Utility) -> Result:
    """COMMENT ON TABLE | COLUMN | VIEW | INDEX | SEQUENCE | SCHEMA | EXTENSION | ROLE | DATABASE name IS text."""
    node = statement.node
    catalog = table_access.change_catalog(session)
    kind = enum_name(node, "objtype")
    if kind == "OBJECT_DATABASE" and node.object.string.sval not in catalog.authority.databases:
        # For PostgreSQL too: a dump that names the database it was made of is restored into another.
        session.notice("3D000", f'database "{node.object.string.sval}" does not exist', "WARNING")
        return Result("COMMENT")
    key = _key(session, kind, node.object)
    comments = {place: text for place, text in catalog.comments.items() if place != key}
    if node.comment:  # an empty one is none
        comments[key] = node.comment
    session.transaction.catalog = store.changed(session.connection, catalog, comments=comments)
    return Result("COMMENT")


def _key(session: Session, kind: str, target: Any) -> tuple[int, int, int]:
    """pg_description's classoid, objoid and objsubid; SqlError when there is no such object."""
    if kind in _RELATIONS:
        wanted, called = _RELATIONS[kind]
        relation = _relation(session, strings(target.list.items))
        access.require_owner(session, relation)
        if not isinstance(relation, wanted):
            raise SqlError("42809", f'"{relation.name}" is not {called}')
        return oids.PG_CLASS, relation.oid, 0
    if kind == "OBJECT_COLUMN":
        *names, column_name = strings(target.list.items)
        relation = _relation(session, names)
        access.require_owner(session, relation, called="relation")
        columns = relation.columns if isinstance(relation, (TableDef, ViewDef)) else ()
        attnum = next((column.attnum for column in columns if column.name == column_name), None)
        if attnum is None:
            raise SqlError("42703", f'column "{column_name}" of relation "{relation.name}" does not exist')
        return oids.PG_CLASS, relation.oid, attnum
    if kind == "OBJECT_TYPE":
        return oids.PG_TYPE, _type(session, strings(target.type_name.names)), 0
    name = target.string.sval
    if kind == "OBJECT_SCHEMA":
        if name not in session.catalog.schemas:
            raise SqlError("3F000", f'schema "{name}" does not exist')
        access.require_schema_owner(session, name)
        return oids.PG_NAMESPACE, oids.namespace_oid(name), 0
    if kind == "OBJECT_EXTENSION":
        if name not in session.catalog.extensions or name not in oids.EXTENSIONS:
            raise SqlError("42704", f'extension "{name}" does not exist')
        access.require_extension_owner(session, name)
        return oids.PG_EXTENSION, oids.EXTENSIONS[name], 0
    if kind == "OBJECT_DATABASE":
        database = databases.database_named(session, name)
        databases.require_owner(session, database)
        return databases.key_of(database)
    if kind == "OBJECT_ROLE":
        role = role_named(session, name)
        _require_role(session, role)
        return oids.PG_AUTHID, role.oid, 0
    raise not_supported(f"COMMENT ON {kind.removeprefix('OBJECT_').replace('_', ' ')} is not supported")


def _require_role(session: Session, role: RoleDef) -> None:
    """42501 for a role that the current user may not change: who may counts as its owner."""
    user = session.identity.current
    if user.superuser:
        return
    wanting = None
    if role.superuser:
        wanting = "SUPERUSER attribute"
    elif not user.create_role:
        wanting = "CREATEROLE attribute"
    elif not is_admin(session.catalog.authority, user.oid, role.oid):
        wanting = f'ADMIN option on role "{role.name}"'
    if wanting is not None:
        raise SqlError("42501", "permission denied", detail=f"The current user must have the {wanting}.")


def _type(session: Session, names: list[str]) -> int:
    made = type_changes.find(session, names)
    if made is None and find_type(names[-1]) is None:
        raise SqlError("42704", f'type "{".".join(names)}" does not exist')
    if made is None:
        raise not_supported("comments on types that come with the server are not supported")
    access.require_type_owner(session, made)
    return made.oid


def _relation(session: Session, names: list[str]) -> Relation:
    schema = names[-2] if len(names) > 1 else None
    access.require_usage(session, schema)
    found = session.catalog.find(names[-1], schema, session.search_path)
    if found is None:
        raise SqlError("42P01", f'relation "{".".join(names)}" does not exist')
    if isinstance(found, TableDef) and found.virtual:
        raise SqlError("42501", f'permission denied: "{found.name}" is a system catalog')
    return found
