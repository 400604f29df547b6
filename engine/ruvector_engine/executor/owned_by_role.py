"""REASSIGN OWNED and DROP OWNED: everything that belongs to a role, or was granted to it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import default_acl
from ruvector_engine.catalog.acl import Acl
from ruvector_engine.catalog.databases import PG_DATABASE
from ruvector_engine.catalog.model import Relation, TableDef
from ruvector_engine.catalog.predefined_roles import FIRST_OWN_OID
from ruvector_engine.catalog.privileges import Kind
from ruvector_engine.catalog.rights import PG_CLASS, owner_of
from ruvector_engine.catalog.roles import AclKey, Authority, RoleDef
from ruvector_engine.catalog.system import objects
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import ownership, table_access, table_changes, type_drops
from ruvector_engine.executor.role_names import specified_role
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run_reassign_owned(session: Session, statement: Utility) -> Result:
    """REASSIGN OWNED BY role, ... TO role."""
    node = statement.node
    table_access.change_catalog(session)
    roles = [_disowned(session, item.role_spec, "reassign") for item in node.roles]
    new = specified_role(session, node.newrole)
    if not session.rights.acts_for(new.oid):
        detail = f'Only roles with privileges of role "{new.name}" may reassign objects to it.'
        raise SqlError("42501", "permission denied to reassign objects", detail=detail)
    authority = session.catalog.authority
    keys = [key for key, owner in authority.owners.items() if owner in {role.oid for role in roles}]
    ownership.write(session, ownership.given(authority, keys, new.oid))
    return Result("REASSIGN OWNED")


def run_drop_owned(session: Session, statement: Utility) -> Result:
    """DROP OWNED BY role, ... [CASCADE]: what the roles own goes, and what was granted to them."""
    node = statement.node
    table_access.change_catalog(session)
    cascade = enum_name(node, "behavior") == "DROP_CASCADE"
    for role in [_disowned(session, item.role_spec, "drop") for item in node.roles]:
        _drop_owned(session, role.oid, cascade)
        _revoke_all(session, role.oid)
    return Result("DROP OWNED")


def _disowned(session: Session, spec: Any, verb: str) -> RoleDef:
    role = specified_role(session, spec)
    if not session.rights.acts_for(role.oid):
        doing = "may reassign objects" if verb == "reassign" else "may drop objects"
        detail = f'Only roles with privileges of role "{role.name}" {doing} owned by it.'
        raise SqlError("42501", f"permission denied to {verb} objects", detail=detail)
    if role.oid < FIRST_OWN_OID:
        what = "reassign ownership of" if verb == "reassign" else "drop"
        raise SqlError(
            "2BP01",
            f"cannot {what} objects owned by role {role.name} because they are required by the database system",
        )
    return role


def _drop_owned(session: Session, role: int, cascade: bool) -> None:
    for relation in sorted(session.catalog.relations.values(), key=_tables_first):
        there = session.catalog.relations.get((relation.schema, relation.name))
        if there is not None and session.catalog.authority.owners.get((PG_CLASS, there.oid)) == role:
            table_changes.drop_all(session, [there], cascade=cascade)
    for definition in list(session.catalog.types.values()):
        if owner_of(session.catalog.authority, objects.type_key(definition)) == role:
            type_drops.drop(session, definition, cascade=cascade)
    for name in sorted(session.catalog.schemas):
        if owner_of(session.catalog.authority, objects.schema_key(name)) == role:
            table_changes.drop_schemas(session, [name], cascade=cascade)


def _tables_first(relation: Relation) -> tuple[bool, int]:
    return not isinstance(relation, TableDef), relation.oid


def _revoke_all(session: Session, role: int) -> None:
    """Take back everything that was granted to the role, and what others had from it by that."""
    authority = session.catalog.authority
    acls = dict(authority.acls)
    for key in acls:
        owner = owner_of(authority, (*key[:2], 0))
        acl = Acl(acls[key], _kind_of(session, key), owner, authority)
        for item in [i for i in acl.items if i.grantee == role]:
            acl = acl.revoked(replace(item, grantable=item.privileges), cascade=True)
        acls[key] = acl.items
    kept = {key: items for key, items in acls.items() if items or not key[2]}
    ownership.write(session, _without_defaults(replace(authority, acls=MappingProxyType(kept)), role))


def _without_defaults(authority: Authority, role: int) -> Authority:
    """Without the default privileges of the role's objects, and what others' give to it."""
    owned = {key: items for key, items in authority.defaults.items() if key[0] != role}
    authority = replace(authority, defaults=MappingProxyType(owned))
    for key, items in owned.items():
        acl = Acl(items, default_acl.KINDS[key[2]], key[0], authority)
        for item in [i for i in items if i.grantee == role]:
            acl = acl.revoked(replace(item, grantable=item.privileges), cascade=True)
        if acl.items != items:
            authority = default_acl.changed(authority, key, acl.items)
    return authority


def _kind_of(session: Session, key: AclKey) -> Kind:
    classoid, objoid, column = key
    if column:
        return "column"
    if classoid != PG_CLASS:
        return "database" if classoid == PG_DATABASE else "schema"
    relation = session.lookup.relations[objoid]
    return objects.privilege_kind(relation)
