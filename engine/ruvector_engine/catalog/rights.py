"""What one role may do, by one state of the catalog's authority (aclchk.c, acl.c).

An object is named by its kind and its AclKey: pg_depend's classoid and objoid, and a column's number or 0.
"""

from __future__ import annotations

from ruvector_engine.catalog.databases import PG_DATABASE, TEMPLATE0, TEMPLATE1
from ruvector_engine.catalog.membership import privileges_of
from ruvector_engine.catalog.predefined_roles import (
    FIRST_OWN_OID,
    PG_DATABASE_OWNER,
    PG_MAINTAIN,
    PG_READ_ALL_DATA,
    PG_WRITE_ALL_DATA,
)
from ruvector_engine.catalog.privileges import ALL, Kind, default_items, ordered
from ruvector_engine.catalog.roles import PUBLIC, AclItem, AclKey, Authority

#: pg_namespace's and pg_class's OID, and that of the schema public.
PG_NAMESPACE, PG_CLASS = 2615, 1259
SCHEMA_PUBLIC = 2200
#: A view that everybody may update; and what has nothing for PUBLIC: pg_authid, pg_user_mapping,
#: pg_statistic_ext_data, pg_shadow, pg_hba_file_rules and pg_ident_file_mappings.
PG_SETTINGS = 12_104
SECRET_RELATIONS = frozenset({1260, 1418, 3429, 12_005, 12_114, 12_118})


def database_key(authority: Authority) -> AclKey:
    """The key of the database whose authority it is."""
    return PG_DATABASE, authority.database, 0


def owner_of(authority: Authority, key: AclKey) -> int:
    """The OID of the owner; the schema public belongs to the database's owner as long as nobody was given it."""
    classoid, objoid, _ = key
    if (classoid, objoid) == (PG_NAMESPACE, SCHEMA_PUBLIC):
        return authority.owners.get((classoid, objoid), PG_DATABASE_OWNER)
    return authority.owner_of(classoid, objoid)


def items_of(authority: Authority, kind: Kind, key: AclKey) -> tuple[AclItem, ...]:
    """The privileges that hold on an object: its own list, or its kind's default."""
    found = authority.acls.get(key)
    if found is None:
        found = initial_items(authority, key)
    return default_items(kind, owner_of(authority, key)) if found is None else found


def initial_items(authority: Authority, key: AclKey) -> tuple[AclItem, ...] | None:
    """The list that an object has from the beginning; None for those that have none until something is granted."""
    classoid, objoid, column = key
    if column or objoid >= FIRST_OWN_OID:
        return None
    owner = owner_of(authority, key)
    if classoid == PG_DATABASE and objoid in (TEMPLATE0, TEMPLATE1):
        return AclItem(PUBLIC, owner, "c"), AclItem(owner, owner, ALL["database"])
    if classoid == PG_NAMESPACE:
        return AclItem(owner, owner, "UC"), AclItem(PUBLIC, owner, "U")
    if classoid == PG_CLASS:
        own = AclItem(owner, owner, ALL["table"])
        if objoid in SECRET_RELATIONS:
            return (own,)
        return own, AclItem(PUBLIC, owner, "rw" if objoid == PG_SETTINGS else "r")
    return None


class Rights:
    """One role's rights. Make one for each role and state of the authority, and keep it: answers are remembered."""

    def __init__(self, authority: Authority, role: int) -> None:
        self.authority = authority
        self.role = role
        found = authority.role_by_oid(role)
        self.superuser = found is not None and found.superuser
        self.roles = privileges_of(authority, role)
        self._held: dict[AclKey, tuple[str, str]] = {}
        self._others: dict[int, Rights] = {}

    def of(self, role: int) -> Rights:
        """Another role's rights, by the same authority."""
        if role == self.role:
            return self
        found = self._others.get(role)
        if found is None:
            found = self._others[role] = Rights(self.authority, role)
        return found

    def acts_for(self, role: int) -> bool:
        """Whether it has the privileges of another role (has_privs_of_role)."""
        return self.superuser or role in self.roles

    def owns(self, key: AclKey) -> bool:
        """Whether it may do with the object what its owner may."""
        return self.acts_for(owner_of(self.authority, key))

    def held(self, kind: Kind, key: AclKey) -> str:
        """The privileges it has on an object, in letters; predefined roles aside."""
        return self._held_of(kind, key)[0]

    def grantable(self, kind: Kind, key: AclKey) -> str:
        """The privileges that it may grant on."""
        return self._held_of(kind, key)[1]

    def has(self, kind: Kind, key: AclKey, privileges: str, *, schema: str = "") -> bool:
        """Whether it has all of these privileges. `schema` is where a relation is, for the predefined roles."""
        if self.superuser:
            return True
        held = self.held(kind, key) + self.everywhere(kind, schema)
        return all(letter in held for letter in privileges)

    def everywhere(self, kind: Kind, schema: str = "") -> str:
        """What predefined roles give it on every object of a kind; the system's own relations are never written."""
        letters = ""
        if PG_READ_ALL_DATA in self.roles:
            letters += {"table": "r", "column": "r", "sequence": "r", "schema": "U"}.get(kind, "")
        if PG_WRITE_ALL_DATA in self.roles:
            if kind == "schema":
                letters += "U"
            elif schema not in ("pg_catalog", "information_schema"):
                letters += {"table": "awd", "column": "aw", "sequence": "wU"}.get(kind, "")
        if PG_MAINTAIN in self.roles and kind == "table":
            letters += "m"
        return letters

    def _held_of(self, kind: Kind, key: AclKey) -> tuple[str, str]:
        known = self._held.get(key)
        if known is None:
            items = items_of(self.authority, kind, key)
            known = self._held[key] = (
                held_by(items, self.roles),
                grantable_by(items, self.roles, owner_of(self.authority, key), kind),
            )
        return known


def held_by(items: tuple[AclItem, ...], roles: frozenset[int]) -> str:
    """The privileges that a list gives to any of these roles, or to PUBLIC."""
    return ordered(p for item in items if item.grantee == PUBLIC or item.grantee in roles for p in item.privileges)


def grantable_by(items: tuple[AclItem, ...], roles: frozenset[int], owner: int, kind: Kind) -> str:
    """The privileges that any of these roles may grant on: all of them for the owner."""
    if owner in roles:
        return ALL[kind]
    return ordered(p for item in items if item.grantee in roles for p in item.grantable)
