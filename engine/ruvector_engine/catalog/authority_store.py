"""Where roles, memberships, owners and privileges are kept: entries beside those of the relations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from types import MappingProxyType

from ruvector_engine.catalog import entries
from ruvector_engine.catalog.predefined_roles import PREDEFINED_MEMBERSHIPS, PREDEFINED_ROLES
from ruvector_engine.catalog.roles import (
    BOOTSTRAP_ROLE,
    AclItem,
    Authority,
    Membership,
    RoleDef,
)
from ruvector_engine.relational.duck import Connection

_KINDS = ("role", "member", "owner", "acl", "defacl", "settings")


def read(connection: Connection, stored: Iterable[entries.Entry], superuser: str) -> Authority:
    """What the entries say; the roles that every directory begins with are made where they are missing."""
    found = {key: (kind, body) for key, kind, body in stored if kind in _KINDS}
    known = {int(key.split(":")[1]) for key, (kind, _) in found.items() if kind == "role"}
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
    for key, (kind, body) in _entries(Authority({r.name: r for r in missing}, tuple(members))).items():
        entries.put(connection, key, kind, body)
        found[key] = (kind, body)
    return _decode(found)


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
    for key in before.keys() - after.keys():
        entries.remove(connection, key)
    for key, (kind, body) in after.items():
        if before.get(key) != (kind, body):
            entries.put(connection, key, kind, body)
    return kept


def _entries(authority: Authority) -> dict[str, tuple[str, str]]:
    """Everything as it is stored: key -> kind and body."""
    found = {f"role:{role.oid}": ("role", json.dumps(asdict(role))) for role in authority.roles.values()}
    for member in authority.memberships:
        key = f"member:{member.role}:{member.member}:{member.grantor}"
        found[key] = ("member", json.dumps(asdict(member)))
    for (classoid, objoid), owner in authority.owners.items():
        found[f"owner:{classoid}:{objoid}"] = ("owner", str(owner))
    for (classoid, objoid, subid), items in authority.acls.items():
        found[f"acl:{classoid}:{objoid}:{subid}"] = ("acl", json.dumps([asdict(item) for item in items]))
    for (owner, namespace, letter), items in authority.defaults.items():
        found[f"defacl:{owner}:{namespace}:{letter}"] = ("defacl", json.dumps([asdict(item) for item in items]))
    for (database, role_oid), settings in authority.settings.items():
        found[f"settings:{database}:{role_oid}"] = ("settings", json.dumps(dict(settings)))
    return found


def _decode(found: dict[str, tuple[str, str]]) -> Authority:
    roles: dict[str, RoleDef] = {}
    memberships: list[Membership] = []
    owners: dict[tuple[int, int], int] = {}
    acls: dict[tuple[int, int, int], tuple[AclItem, ...]] = {}
    defaults: dict[tuple[int, int, str], tuple[AclItem, ...]] = {}
    settings: dict[tuple[int, int], Mapping[str, str]] = {}
    for key, (kind, body) in found.items():
        if kind == "role":
            role = RoleDef(**json.loads(body))
            roles[role.name] = role
        elif kind == "member":
            memberships.append(Membership(**json.loads(body)))
        elif kind == "settings":
            database, role_oid = map(int, key.split(":")[1:])
            settings[database, role_oid] = MappingProxyType(json.loads(body))
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
    )
