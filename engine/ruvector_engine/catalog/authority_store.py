"""Where roles, memberships, databases, owners and privileges are kept: entries beside those of the relations.

What is said of a database's own objects is kept with it, the rest with the cluster.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from types import MappingProxyType

from ruvector_engine.catalog import entries
from ruvector_engine.catalog.cluster import CLUSTER, is_shared
from ruvector_engine.catalog.databases import DatabaseDef
from ruvector_engine.catalog.predefined_roles import PREDEFINED_MEMBERSHIPS, PREDEFINED_ROLES
from ruvector_engine.catalog.roles import (
    BOOTSTRAP_ROLE,
    AclItem,
    Authority,
    Membership,
    RoleDef,
)
from ruvector_engine.relational.duck import Connection

_KINDS = ("role", "member", "owner", "acl", "defacl", "settings", "database")
#: Where an entry is: in which database, and under which key.
Place = tuple[int, str]


def read(stored: Iterable[entries.Entry], database: int) -> Authority:
    """What the entries of a database and of the cluster say."""
    return _decode({key: (kind, body) for key, kind, body in stored if kind in _KINDS}, database)


def make_missing_roles(connection: Connection, superuser: str) -> None:
    """Make the roles that every directory begins with."""
    known = {int(key.split(":")[1]) for key, kind, _ in entries.read(connection, CLUSTER) if kind == "role"}
    first = RoleDef(
        BOOTSTRAP_ROLE,
        superuser,
        superuser=True,
        create_role=True,
        create_db=True,
        can_login=True,
        replication=True,
        bypass_rls=True,
    )
    missing = [role for role in (first, *PREDEFINED_ROLES) if role.oid not in known]
    members = [m for m in PREDEFINED_MEMBERSHIPS if m.member in {role.oid for role in missing}]
    for role in missing:
        entries.put(connection, CLUSTER, *_role_entry(role))
    for member in members:
        entries.put(connection, CLUSTER, *_member_entry(member))


def write(connection: Connection, old: Authority, new: Authority, dropped: set[int]) -> Authority:
    """Write what differs; what was said of dropped relations goes with them. Return what is so now."""
    if new is old and not dropped:
        return old
    kept = replace(
        new,
        owners=MappingProxyType({key: owner for key, owner in new.owners.items() if key[1] not in dropped}),
        acls=MappingProxyType({key: acl for key, acl in new.acls.items() if key[1] not in dropped}),
    )
    if kept == old:
        return old
    before, after = _entries(old), _entries(kept)
    for place in before.keys() - after.keys():
        entries.remove(connection, *place)
    for place, (kind, body) in after.items():
        if before.get(place) != (kind, body):
            entries.put(connection, *place, kind, body)
    return kept


def _role_entry(role: RoleDef) -> tuple[str, str, str]:
    return f"role:{role.oid}", "role", json.dumps(asdict(role))


def _member_entry(member: Membership) -> tuple[str, str, str]:
    return f"member:{member.role}:{member.member}:{member.grantor}", "member", json.dumps(asdict(member))


def _entries(authority: Authority) -> dict[Place, tuple[str, str]]:
    """Everything as it is stored: its place -> kind and body."""
    cluster = [_role_entry(role) for role in authority.roles.values()]
    cluster += map(_member_entry, authority.memberships)
    for definition in authority.databases.values():
        cluster.append((f"database:{definition.oid}", "database", json.dumps(asdict(definition))))
    for (database, role_oid), settings in authority.settings.items():
        cluster.append((f"settings:{database}:{role_oid}", "settings", json.dumps(dict(settings))))
    found = {(CLUSTER, key): (kind, body) for key, kind, body in cluster}

    def place(classoid: int, key: str) -> Place:
        return CLUSTER if is_shared(classoid) else authority.database, key

    for (classoid, objoid), owner in authority.owners.items():
        found[place(classoid, f"owner:{classoid}:{objoid}")] = ("owner", str(owner))
    for (classoid, objoid, subid), items in authority.acls.items():
        text = json.dumps([asdict(item) for item in items])
        found[place(classoid, f"acl:{classoid}:{objoid}:{subid}")] = ("acl", text)
    for (owner, namespace, letter), items in authority.defaults.items():
        text = json.dumps([asdict(item) for item in items])
        found[authority.database, f"defacl:{owner}:{namespace}:{letter}"] = ("defacl", text)
    return found


def _decode(found: dict[str, tuple[str, str]], database: int) -> Authority:
    roles: dict[str, RoleDef] = {}
    memberships: list[Membership] = []
    owners: dict[tuple[int, int], int] = {}
    acls: dict[tuple[int, int, int], tuple[AclItem, ...]] = {}
    defaults: dict[tuple[int, int, str], tuple[AclItem, ...]] = {}
    settings: dict[tuple[int, int], Mapping[str, str]] = {}
    databases: dict[str, DatabaseDef] = {}
    for key, (kind, body) in found.items():
        if kind == "role":
            role = RoleDef(**json.loads(body))
            roles[role.name] = role
        elif kind == "member":
            memberships.append(Membership(**json.loads(body)))
        elif kind == "settings":
            database_oid, role_oid = map(int, key.split(":")[1:])
            settings[database_oid, role_oid] = MappingProxyType(json.loads(body))
        elif kind == "database":
            definition = DatabaseDef(**json.loads(body))
            databases[definition.name] = definition
        elif kind == "defacl":
            role_text, namespace, letter = key.split(":")[1:]
            defaults[int(role_text), int(namespace), letter] = tuple(AclItem(**item) for item in json.loads(body))
        elif kind == "owner":
            classoid, objoid = map(int, key.split(":")[1:])
            owners[classoid, objoid] = int(body)
        else:
            classoid, objoid, subid = map(int, key.split(":")[1:])
            acls[classoid, objoid, subid] = tuple(AclItem(**item) for item in json.loads(body))
    return Authority(
        MappingProxyType(roles),
        tuple(memberships),
        MappingProxyType(owners),
        MappingProxyType(acls),
        MappingProxyType(defaults),
        MappingProxyType(settings),
        MappingProxyType(databases),
        database,
    )
