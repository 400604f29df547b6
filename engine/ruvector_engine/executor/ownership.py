"""Who owns what: of new objects whoever makes them, else whom ALTER ... OWNER TO names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.default_acl import first_items
from ruvector_engine.catalog.made_types import MadeType
from ruvector_engine.catalog.membership import can_set
from ruvector_engine.catalog.model import IndexDef, Relation, SequenceDef, TableDef
from ruvector_engine.catalog.privileges import default_items, ordered
from ruvector_engine.catalog.rights import PG_CLASS, PG_NAMESPACE, SCHEMA_PUBLIC, initial_items, owner_of
from ruvector_engine.catalog.roles import BOOTSTRAP_ROLE, AclItem, Authority, ObjectKey, RoleDef
from ruvector_engine.catalog.system import objects
from ruvector_engine.catalog.system.oids import namespace_oid
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, table_access
from ruvector_engine.executor.role_names import specified_role
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def created(session: Session, relations: Iterable[Relation]) -> Authority:
    """The authority with the current user as owner of new relations, and the privileges that they begin with."""
    return made_by(session.catalog.authority, relations, session.rights.role)


def own_type(session: Session, definition: MadeType) -> None:
    """Make the current user the owner of a new type."""
    key = objects.type_key(definition)
    write(session, owned(session.catalog.authority, [key[:2]], session.rights.role))


def made_by(authority: Authority, relations: Iterable[Relation], owner: int) -> Authority:
    """The same for another owner; an index needs none of its own."""
    made = [r for r in relations if not isinstance(r, IndexDef)]
    acls = dict(authority.acls)
    for relation in made:
        kind, namespace = objects.privilege_kind(relation), namespace_oid(relation.schema)
        items = first_items(authority, kind, owner, namespace)
        if items is not None:
            acls[objects.relation_key(relation)] = items
    if len(acls) > len(authority.acls):
        authority = replace(authority, acls=MappingProxyType(acls))
    return owned(authority, [objects.owner_key(r)[:2] for r in made], owner)


def owned(authority: Authority, keys: Iterable[ObjectKey], owner: int) -> Authority:
    """The authority with an owner of these objects; the bootstrap role is not written where it is the default."""
    owners = dict(authority.owners)
    for key in keys:
        if owner == BOOTSTRAP_ROLE and key != (PG_NAMESPACE, SCHEMA_PUBLIC):
            owners.pop(key, None)
        else:
            owners[key] = owner
    return authority if owners == authority.owners else replace(authority, owners=MappingProxyType(owners))


def of_new_schema(authority: Authority, name: str, owner: int) -> Authority:
    """The authority with the owner of a new schema; one named public begins with nothing for PUBLIC, as any other."""
    key = objects.schema_key(name)
    made = owned(authority, [key[:2]], owner)
    items = first_items(made, "schema", owner, 0)
    if items is None and initial_items(made, key) is not None:
        items = default_items("schema", owner)
    return made if items is None else replace(made, acls=MappingProxyType({**made.acls, key: items}))


def require_same_owner(session: Session, table_oid: int, owner: int) -> None:
    """55000 when a sequence would belong to a table of another owner."""
    if table_oid and session.catalog.authority.owner_of(PG_CLASS, table_oid) != owner:
        raise SqlError("55000", "sequence must have same owner as table it is linked to")


def forgotten(authority: Authority, gone: ObjectKey) -> Authority:
    """The authority without what it says of a schema or an extension that is dropped."""
    return replace(
        authority,
        owners=MappingProxyType({key: owner for key, owner in authority.owners.items() if key != gone}),
        acls=MappingProxyType({key: items for key, items in authority.acls.items() if key[:2] != gone}),
        defaults=MappingProxyType(
            {key: items for key, items in authority.defaults.items() if (PG_NAMESPACE, key[1]) != gone}
        ),
    )


# -------------------------------------------------------------------- ALTER ... OWNER TO


def run_change_owner(session: Session, statement: Utility) -> Result:
    """ALTER TABLE | VIEW | SEQUENCE | INDEX [IF EXISTS] name OWNER TO role."""
    node = statement.node
    table_access.change_catalog(session)
    try:
        relation = table_access.relation_named(session, node.relation)
    except SqlError as error:
        if not node.missing_ok or error.sqlstate not in ("42P01", "3F000"):
            raise
        session.notice("00000", f'relation "{node.relation.relname}" does not exist, skipping')
        return Result(statement.tag)
    for item in node.cmds:
        alter_owner(session, relation, specified_role(session, item.alter_table_cmd.newowner))
    return Result(statement.tag)


def alter_owner(session: Session, relation: Relation, new: RoleDef) -> None:
    """Give a relation, and the sequences of its columns, to another role."""
    if isinstance(relation, IndexDef):
        text = f'cannot change owner of index "{relation.name}"'
        hint = "Change the ownership of the index's table instead."
        session.notice("42809", text, "WARNING", hint=hint)
        return
    if isinstance(relation, SequenceDef) and relation.owner_table:
        table = table_access.table_of(session, relation)
        text = f'cannot change owner of sequence "{relation.name}"'
        detail = f'Sequence "{relation.name}" is linked to table "{table.name}".'
        raise SqlError("0A000", text, detail=detail)
    if objects.relation_owner(session.catalog, relation) == new.oid:
        return
    if not session.rights.superuser:
        access.require_owner(session, relation)
        require_set(session, new)
        require_create_of(session, new, relation.schema)
    write(session, given(session.catalog.authority, _with_sequences(session, relation), new.oid))


def run_alter_owner(session: Session, statement: Utility) -> Result:
    """ALTER SCHEMA name OWNER TO role."""
    node = statement.node
    if enum_name(node, "object_type") != "OBJECT_SCHEMA":
        raise not_supported(f"{statement.tag} ... OWNER TO is not supported")
    table_access.change_catalog(session)
    name = node.object.string.sval
    if not objects.schema_exists(session.catalog, name):
        raise SqlError("3F000", f'schema "{name}" does not exist')
    new = specified_role(session, node.newowner)
    key = objects.schema_key(name)
    if owner_of(session.catalog.authority, key) != new.oid:
        if not session.rights.superuser:
            access.require_schema_owner(session, name)
            require_set(session, new)
            access.require_database(session, "C")
        write(session, given(session.catalog.authority, [key[:2]], new.oid))
    return Result(statement.tag)


def alter_type_owner(session: Session, definition: MadeType, new: RoleDef) -> None:
    """Give a type to another role."""
    key = objects.type_key(definition)
    if owner_of(session.catalog.authority, key) == new.oid:
        return
    if not session.rights.superuser:
        access.require_type_owner(session, definition)
        require_set(session, new)
        require_create_of(session, new, definition.schema)
    write(session, given(session.catalog.authority, [key[:2]], new.oid))


def require_create_of(session: Session, new: RoleDef, schema: str) -> None:
    """42501 when the new owner of something in a schema could not have made it there."""
    if not session.rights.of(new.oid).has("schema", objects.schema_key(schema), "C"):
        raise SqlError("42501", f"permission denied for schema {schema}")


def require_set(session: Session, new: RoleDef) -> None:
    """42501 when the current user could not become a role that he would make an owner."""
    if not can_set(session.catalog.authority, session.rights.role, new.oid):
        raise SqlError("42501", f'must be able to SET ROLE "{new.name}"')


def _with_sequences(session: Session, relation: Relation) -> list[ObjectKey]:
    """A relation, and the sequences that belong to its columns."""
    sequences = [r for r in session.catalog.relations.values() if isinstance(r, SequenceDef)]
    owned_by = [s for s in sequences if isinstance(relation, TableDef) and s.owner_table == relation.oid]
    return [objects.owner_key(r)[:2] for r in (relation, *owned_by)]


def given(authority: Authority, keys: Iterable[ObjectKey], new: int) -> Authority:
    """The authority with another owner of these objects, who takes the former one's place in their lists."""
    keys = set(keys)
    acls = dict(authority.acls)
    for key in keys:
        first = initial_items(authority, (*key, 0))
        if first is not None:
            acls.setdefault((*key, 0), first)
    for place, items in acls.items():
        if place[:2] in keys:
            acls[place] = _exchanged(items, owner_of(authority, (*place[:2], 0)), new)
    return replace(owned(authority, keys, new), acls=MappingProxyType(acls))


def _exchanged(items: Iterable[AclItem], old: int, new: int) -> tuple[AclItem, ...]:
    """The items with one role put for another; those that then have the same grantee and grantor become one."""
    merged: dict[tuple[int, int], AclItem] = {}
    for item in items:
        grantee, grantor = (new if role == old else role for role in (item.grantee, item.grantor))
        same = merged.get((grantee, grantor), AclItem(grantee, grantor, ""))
        merged[grantee, grantor] = AclItem(
            grantee, grantor, ordered(same.privileges + item.privileges), ordered(same.grantable + item.grantable)
        )
    return tuple(merged.values())


def write(session: Session, authority: Authority) -> None:
    """Make this what the transaction knows of roles and rights."""
    session.transaction.catalog = store.changed(session.connection, session.catalog, authority=authority)
