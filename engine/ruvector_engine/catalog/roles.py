"""Roles, who is a member of which, and what was granted to whom. Immutable, as all of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ruvector_engine.catalog.databases import INITIAL, POSTGRES, DatabaseDef

#: The oid of the superuser that every data directory begins with, and his name unless the operator chose another.
BOOTSTRAP_ROLE = 10
DEFAULT_SUPERUSER = "postgres"
#: The grantee of what is granted to PUBLIC.
PUBLIC = 0


@dataclass(frozen=True, slots=True)
class RoleDef:
    """A role. `password` is a SCRAM-SHA-256 verifier in PostgreSQL's form, never the password itself."""

    oid: int
    name: str
    superuser: bool = False
    inherit: bool = True
    create_role: bool = False
    create_db: bool = False
    can_login: bool = False
    replication: bool = False
    bypass_rls: bool = False
    connection_limit: int = -1  # -1: none
    password: str | None = None
    valid_until: int | None = None  # microseconds since 2000-01-01 UTC, as a timestamptz; None: for ever


@dataclass(frozen=True, slots=True)
class Membership:
    """`member` was granted `role` by `grantor` (oids)."""

    role: int
    member: int
    grantor: int
    admin: bool = False
    inherit: bool = True
    set: bool = True


@dataclass(frozen=True, slots=True)
class AclItem:
    """Privileges on an object, by the letters of PostgreSQL's aclitem (a r w d D x t X U C c T m)."""

    grantee: int  # PUBLIC or a role's oid
    grantor: int
    privileges: str
    grantable: str = ""  # those of them that the grantee may grant on


#: Whom settings are for: a database's OID and a role's, each 0 for all of them.
SettingsKey = tuple[int, int]

#: An object by pg_depend's classoid and objoid; with a column's number (or 0) where it has privileges of its own.
ObjectKey = tuple[int, int]
AclKey = tuple[int, int, int]
#: Whose new objects privileges are for, in which schema (its OID; 0: in all), and pg_default_acl's letter of the kind.
DefaultKey = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Authority:
    """Who exists, who belongs to whom, who owns what and what was granted: in one database, and in the whole cluster.

    An object without an owner here belongs to the bootstrap role; one without a list has its kind's default privileges.
    `catalog.membership` answers what follows from it.
    """

    roles: Mapping[str, RoleDef] = field(default_factory=lambda: MappingProxyType({}))
    memberships: tuple[Membership, ...] = ()
    owners: Mapping[ObjectKey, int] = field(default_factory=lambda: MappingProxyType({}))
    acls: Mapping[AclKey, tuple[AclItem, ...]] = field(default_factory=lambda: MappingProxyType({}))
    #: What ALTER DEFAULT PRIVILEGES has said; `catalog.default_acl` knows what it means.
    defaults: Mapping[DefaultKey, tuple[AclItem, ...]] = field(default_factory=lambda: MappingProxyType({}))
    #: Settings that sessions begin with, by name and as they were written.
    settings: Mapping[SettingsKey, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    #: Every database, by name; and the OID of the one whose authority this is.
    databases: Mapping[str, DatabaseDef] = field(default_factory=lambda: INITIAL)
    database: int = POSTGRES
    #: What `membership` has found out about the memberships here: (role, way) -> roles reached.
    closures: dict[tuple[int, str], tuple[int, ...]] = field(init=False, repr=False, compare=False)
    _by_oid: Mapping[int, RoleDef] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the roles: who may do something is asked of every statement."""
        object.__setattr__(self, "closures", {})
        object.__setattr__(self, "_by_oid", {role.oid: role for role in self.roles.values()})

    def role_by_oid(self, oid: int) -> RoleDef | None:
        """The role with that oid."""
        return self._by_oid.get(oid)

    def with_role(self, role: RoleDef) -> Authority:
        """The same with this role, new or in the place of what it was."""
        others = {name: known for name, known in self.roles.items() if known.oid != role.oid}
        return replace(self, roles=MappingProxyType(others | {role.name: role}))

    def database_by_oid(self, oid: int) -> DatabaseDef | None:
        """The database with that oid."""
        return next((d for d in self.databases.values() if d.oid == oid), None)

    @property
    def database_name(self) -> str:
        """The name of the database whose authority this is."""
        definition = self.database_by_oid(self.database)
        assert definition is not None  # it is dropped with its entry
        return definition.name

    def with_database(self, definition: DatabaseDef) -> Authority:
        """The same with this database, new or in the place of what it was."""
        others = {name: known for name, known in self.databases.items() if known.oid != definition.oid}
        return replace(self, databases=MappingProxyType(others | {definition.name: definition}))

    def settings_of(self, database: int, role: int) -> Mapping[str, str]:
        """The settings that sessions of a role in a database begin with, which are the more special ones'."""
        keys = ((0, 0), (database, 0), (0, role), (database, role))
        return {name: value for key in keys for name, value in self.settings.get(key, {}).items()}

    def owner_of(self, classoid: int, objoid: int) -> int:
        """The oid of an object's owner."""
        return self.owners.get((classoid, objoid), BOOTSTRAP_ROLE)
