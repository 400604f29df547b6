"""Checks before something is done: privileges that it needs, ownership that it takes. 42501 where they are wanting.

Of a superuser nothing is asked but whether he is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ruvector_engine.catalog.made_types import MadeType
from ruvector_engine.catalog.membership import has_privileges_of
from ruvector_engine.catalog.model import Relation, SequenceDef, TableDef
from ruvector_engine.catalog.predefined_roles import PG_MAINTAIN
from ruvector_engine.catalog.rights import Rights, database_key
from ruvector_engine.catalog.system import objects
from ruvector_engine.catalog.system.oids import PG_EXTENSION, extension_oid
from ruvector_engine.errors import SqlError
from ruvector_engine.sql.needs import Need, Needs

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def require(session: Session, needs: Needs) -> None:
    """42501 when the current user lacks something that a statement needs; or a view's owner, for what it reads."""
    rights = session.rights
    for need in needs.relations:
        mine = rights if not need.view else _of_view(session, rights, need.view)
        if not mine.superuser and not _has(mine, need):
            raise objects.denied(need.relation)
    require_counted(session, needs.counted)


def require_counted(session: Session, sequences: Iterable[int]) -> None:
    """42501 for a sequence that the current user may not call nextval() for."""
    if session.rights.superuser:
        return
    for oid in sequences:
        found = session.lookup.relations.get(oid)
        if not isinstance(found, SequenceDef):
            raise SqlError("42809", f'"{found.name if found else oid}" is not a sequence')
        require_any(session, found, "Uw")


def _of_view(session: Session, rights: Rights, oid: int) -> Rights:
    view = next(r for r in session.catalog.relations.values() if r.oid == oid)
    return rights.of(objects.relation_owner(session.catalog, view))


def _has(rights: Rights, need: Need) -> bool:
    relation = need.relation
    held = rights.held("table", objects.relation_key(relation)) + rights.everywhere("table", relation.schema)
    return all(letter in held or _has_columns(rights, need, letter) for letter in need.privileges)


def _has_columns(rights: Rights, need: Need, letter: str) -> bool:
    """Whether a privilege is held for the columns concerned; for any column, where none is."""
    if letter not in "raw":
        return False
    relation = need.relation
    columns = {"r": need.selected, "a": need.inserted, "w": need.updated}[letter]
    judge = all if columns else any
    attnums = columns or {column.attnum for column in relation.columns}
    return judge(letter in rights.held("column", objects.relation_key(relation, attnum)) for attnum in attnums)


def require_table(session: Session, relation: Relation, privileges: str, columns: Iterable[int] = ()) -> None:
    """42501 when the current user lacks one of the privileges, for the relation and for one of the columns given."""
    if session.rights.superuser:
        return
    assert isinstance(relation, TableDef)
    attnums = frozenset(columns)
    if not _has(session.rights, Need(relation, privileges, attnums, attnums, attnums)):
        raise objects.denied(relation)


def require_any(session: Session, relation: Relation, privileges: str) -> None:
    """42501 when the current user has none of the privileges on a whole table or sequence."""
    rights = session.rights
    kind = objects.privilege_kind(relation)
    key = objects.relation_key(relation)
    if not any(rights.has(kind, key, letter, schema=relation.schema) for letter in privileges):
        raise objects.denied(relation)


def require_owner(session: Session, relation: Relation, *, called: str = "") -> None:
    """42501 when the current user may not do with a relation what its owner may; `called`: not by its own kind."""
    if not session.rights.owns(objects.owner_key(relation)):
        raise not_owner(called or objects.label(relation), relation.name)


def require_owner_or_schema(session: Session, relation: Relation) -> None:
    """The same for DROP, which the owner of the schema may do too."""
    if not session.rights.owns(objects.schema_key(relation.schema)):
        require_owner(session, relation)


def require_type_owner(session: Session, definition: MadeType, *, schema_too: bool = False) -> None:
    """42501 when a type belongs to others; `schema_too`: the schema's owner may do it as well."""
    if schema_too and session.rights.owns(objects.schema_key(definition.schema)):
        return
    if not session.rights.owns(objects.type_key(definition)):
        raise not_owner("type", definition.sql_name)


def require_schema_owner(session: Session, name: str) -> None:
    """42501 when a schema belongs to others."""
    if not session.rights.owns(objects.schema_key(name)):
        raise not_owner("schema", name)


def require_extension_owner(session: Session, name: str) -> None:
    """42501 when an extension was created by others."""
    if not session.rights.owns((PG_EXTENSION, extension_oid(name), 0)):
        raise not_owner("extension", name)


def require_create(session: Session, schema: str, position: int | None = None) -> None:
    """42501 when the current user may not make things in a schema."""
    if not session.rights.has("schema", objects.schema_key(schema), "C"):
        raise SqlError("42501", f"permission denied for schema {schema}", position=position)


def require_usage(session: Session, schema: str | None, *, missing_ok: bool = False) -> None:
    """3F000 when there is no schema of the name that an object's has, 42501 when the user may not look into it."""
    if not schema:
        return
    if not missing_ok and not objects.schema_exists(session.catalog, schema):
        raise SqlError("3F000", f'schema "{schema}" does not exist')
    objects.require_usage(session.rights, session.catalog, schema)


def require_database(session: Session, privilege: str) -> None:
    """42501 when the current user lacks a privilege on the database."""
    if not session.rights.has("database", database_key(session.catalog.authority), privilege):
        raise SqlError("42501", f"permission denied for database {session.database_name}")


def require_database_owner(session: Session) -> None:
    """42501 when the database belongs to others."""
    if not session.rights.owns(database_key(session.catalog.authority)):
        raise not_owner("database", session.database_name)


def may_maintain_all(session: Session) -> bool:
    """Whether the current user may maintain whatever there is."""
    return has_privileges_of(session.catalog.authority, session.rights.role, PG_MAINTAIN)


def may_maintain(session: Session, table: Relation) -> bool:
    """Whether the current user may VACUUM, ANALYZE or REINDEX a table or index."""
    key = objects.owner_key(table)
    return session.rights.has("table", key, "m") or session.rights.owns(key)


def not_owner(kind: str, name: str) -> SqlError:
    """42501 for want of ownership."""
    return SqlError("42501", f"must be owner of {kind} {name}")
