"""What keeps a role from being dropped: objects that it owns, privileges and memberships that name it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ruvector_engine.catalog.cluster import is_shared
from ruvector_engine.catalog.model import TableDef, ViewDef
from ruvector_engine.catalog.predefined_roles import FIRST_OWN_OID
from ruvector_engine.catalog.roles import AclKey, Authority, RoleDef
from ruvector_engine.catalog.system import objects, oids
from ruvector_engine.catalog.system.lookup import relation_kind
from ruvector_engine.errors import SqlError

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Kinds of relations by pg_class.relkind, as errors call them.
_KINDS = {"r": "table", "v": "view", "S": "sequence", "i": "index"}


def check_none(session: Session, authority: Authority, role: RoleDef) -> None:
    """2BP01 when something depends on the role, or the system itself does."""
    if role.oid < FIRST_OWN_OID:
        raise SqlError("2BP01", f"cannot drop role {role.name} because it is required by the database system")
    named = sorted([*_owned(session, authority, role), *_granted(session, authority, role)])
    found = [*(text for _, text in named), *_defaults(session, authority, role), *_members(authority, role)]
    found += _elsewhere(session, role)
    if found:
        text = f'role "{role.name}" cannot be dropped because some objects depend on it'
        raise SqlError("2BP01", text, detail="\n".join(found))


def _owned(session: Session, authority: Authority, role: RoleDef) -> Iterator[tuple[AclKey, str]]:
    """What the role owns: where it stands in PostgreSQL's order, by OID, and what is said of it."""
    for (classoid, objoid), owner in authority.owners.items():
        if owner == role.oid:
            yield (objoid, classoid, 0), f"owner of {_described(session, classoid, objoid)}"


def _granted(session: Session, authority: Authority, role: RoleDef) -> Iterator[tuple[AclKey, str]]:
    for (classoid, objoid, subid), items in authority.acls.items():
        owner = authority.owner_of(classoid, objoid)
        # What an owner granted himself is told by his being the owner.
        if owner != role.oid and any(role.oid in (item.grantee, item.grantor) for item in items):
            yield (objoid, classoid, subid), f"privileges for {_described(session, classoid, objoid, subid)}"


def _elsewhere(session: Session, role: RoleDef) -> Iterator[str]:
    """How much there is in other databases: these are not looked into by name."""
    for other in session.database.databases:
        if other.oid != session.published.oid:
            count = _dependants_in(other.catalog.authority, role)
            if count:
                yield f"{count} object{'' if count == 1 else 's'} in database {other.name}"


def _dependants_in(authority: Authority, role: RoleDef) -> int:
    """In how many places a database names the role as an owner or in a list of privileges."""
    owned = {key for key, owner in authority.owners.items() if owner == role.oid and not is_shared(key[0])}
    granted = {
        key
        for key, items in authority.acls.items()
        if not is_shared(key[0]) and key[:2] not in owned and any(role.oid in (i.grantee, i.grantor) for i in items)
    }
    defaults = [
        key
        for key, items in authority.defaults.items()
        if key[0] == role.oid or any(item.grantee == role.oid for item in items)
    ]
    return len(owned) + len(granted) + len(defaults)


_NEW = {"r": "relations", "S": "sequences", "f": "functions", "n": "schemas"}


def _defaults(session: Session, authority: Authority, role: RoleDef) -> Iterator[str]:
    """Default privileges of the role's objects, and those that others give to it."""
    for (owner, namespace, letter), items in authority.defaults.items():
        other = authority.role_by_oid(owner)
        text = f"default privileges on new {_NEW[letter]} belonging to role {other.name if other else owner}"
        if namespace:
            text += f" in {_described(session, oids.PG_NAMESPACE, namespace)}"
        if owner == role.oid:
            yield f"owner of {text}"
        elif any(item.grantee == role.oid for item in items):
            yield f"privileges for {text}"


def _members(authority: Authority, role: RoleDef) -> Iterator[str]:
    for membership in authority.memberships:
        member, group = authority.role_by_oid(membership.member), authority.role_by_oid(membership.role)
        if membership.grantor == role.oid and member is not None and group is not None:
            yield f"privileges for membership of role {member.name} in role {group.name}"


def _described(session: Session, classoid: int, objoid: int, subid: int = 0) -> str:
    """An object as errors name it."""
    if classoid == oids.PG_NAMESPACE:
        return f"schema {next((n for n in session.catalog.schemas if oids.namespace_oid(n) == objoid), objoid)}"
    if classoid == oids.PG_DATABASE:
        return f"database {objects.database_name(session.catalog.authority, objoid)}"
    if classoid == oids.PG_TYPE:
        made = next((t for t in session.catalog.types.values() if t.oid == objoid), None)
        return f"type {made.sql_name if made else objoid}"
    if classoid == oids.PG_EXTENSION:
        return f"extension {next((n for n in session.catalog.extensions if oids.extension_oid(n) == objoid), objoid)}"
    lookup = session.lookup
    relation = lookup.relations.get(objoid)
    if classoid != oids.PG_CLASS or relation is None:
        return f"object {objoid}"
    kind = _KINDS[relation_kind(relation)]
    shown = f"{kind} {lookup.relation_name(relation)}"
    columns = relation.columns if isinstance(relation, TableDef | ViewDef) else ()
    column = next((c.name for c in columns if c.attnum == subid), None)
    return shown if column is None else f"column {column} of {shown}"
