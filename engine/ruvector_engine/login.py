"""What is asked of roles before there is a session: their passwords, memberships, and whether they may come in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ruvector_engine.catalog import store
from ruvector_engine.catalog.membership import memberships_of
from ruvector_engine.catalog.rights import Rights, database_key
from ruvector_engine.catalog.roles import BOOTSTRAP_ROLE, Authority, RoleDef
from ruvector_engine.configuration import Configuration
from ruvector_engine.errors import SqlError
from ruvector_engine.executor.session_functions import micros
from ruvector_engine.published import Published, PublishedDatabases
from ruvector_engine.verifiers import DEFAULT_ITERATIONS, Md5Hash, Verifier

if TYPE_CHECKING:
    from ruvector_engine.database import Database
    from ruvector_engine.session import Session


class Secret(NamedTuple):
    """What a role's password is checked against; without a verifier none is right by SCRAM, and `reason` says why."""

    verifier: Verifier | None
    reason: str = ""
    md5: Md5Hash | None = None


class Accounts:
    """The roles as committed now, for whoever lets clients in. Never blocks."""

    def __init__(self, authority: Callable[[], Authority], settings: Callable[[], Configuration]) -> None:
        self._authority = authority
        self._settings = settings

    @property
    def guarded(self) -> bool:
        """Whether the first superuser has a password."""
        role = self._authority().role_by_oid(BOOTSTRAP_ROLE)
        return role is not None and role.password is not None

    @property
    def has_passwords(self) -> bool:
        """Whether any role has a password."""
        return any(role.password is not None for role in self._authority().roles.values())

    @property
    def iterations(self) -> int:
        """How many iterations new passwords are derived with, where a role or session does not say otherwise."""
        return int(self._settings().values.get("scram_iterations", DEFAULT_ITERATIONS))

    @property
    def hashes_by_md5(self) -> bool:
        """Whether new passwords are kept as MD5 hashes, where a role or session does not say otherwise."""
        return self._settings().values.get("password_encryption") == "md5"

    def secret_of(self, user: str) -> Secret:
        """What the password of a user is checked against."""
        role = self._authority().roles.get(user)
        if role is None:
            return Secret(None, f'role "{user}" does not exist')
        if role.password is None:
            return Secret(None, f'user "{user}" has no password assigned')
        if role.valid_until is not None and role.valid_until < micros(time.time()):
            return Secret(None, f'user "{user}" has an expired password')
        md5 = Md5Hash.parse(role.password, user)
        if md5 is not None:
            return Secret(None, "", md5)
        verifier = Verifier.parse(role.password)
        return Secret(verifier, "" if verifier is not None else "the stored verifier cannot be read")

    def belongs(self, user: str, role: str) -> bool:
        """Whether a user is that role or, directly or not, a member of it; being a superuser does not count."""
        authority = self._authority()
        one, other = authority.roles.get(user), authority.roles.get(role)
        return one is not None and other is not None and other.oid in memberships_of(authority, one.oid)


def admitted(authority: Authority, name: str, sessions: Sequence[Session], places: int | None) -> RoleDef:
    """The role of that name; a fatal 28000 when there is none or it may not log in, 53300 when there is no place.

    `places` is how many sessions there may be without a superuser's privilege; None: any number.
    """
    role = authority.roles.get(name)
    if role is None:
        raise SqlError("28000", f'role "{name}" does not exist', severity="FATAL")
    if not role.can_login:
        raise SqlError("28000", f'role "{name}" is not permitted to log in', severity="FATAL")
    if role.superuser:
        return role
    if 0 <= role.connection_limit <= sum(s.identity.login.oid == role.oid for s in sessions):
        raise SqlError("53300", f'too many connections for role "{name}"', severity="FATAL")
    if places is not None and len(sessions) >= places:
        text = "remaining connection slots are reserved for roles with the SUPERUSER attribute"
        raise SqlError("53300", text, severity="FATAL")
    return role


def admitted_to(databases: PublishedDatabases, name: str, role: RoleDef, sessions: Sequence[Session]) -> Published:
    """The database of that name; a fatal error when there is none, or the role may not connect to it.

    3D000; 55000 while the database takes nobody, 42501 for want of the privilege, 53300 when there is no place.
    """
    published = databases.find(name)
    if published is None:
        raise SqlError("3D000", f'database "{name}" does not exist', severity="FATAL")
    authority = published.catalog.authority
    definition = authority.databases[name]
    if not definition.allows_connections:
        text = f'database "{name}" is not currently accepting connections'
        raise SqlError("55000", text, severity="FATAL")
    if not Rights(authority, role.oid).has("database", database_key(authority), "c"):
        text = f'permission denied for database "{name}"'
        raise SqlError("42501", text, detail="User does not have CONNECT privilege.", severity="FATAL")
    there = sum(session.published is published for session in sessions)
    if not role.superuser and 0 <= definition.connection_limit <= there:
        raise SqlError("53300", f'too many connections for database "{name}"', severity="FATAL")
    return published


def set_superuser_password(database: Database, password: str) -> None:
    """Make this the password of the first superuser."""
    role = database.authority.role_by_oid(BOOTSTRAP_ROLE)
    if role is None:
        raise SqlError("XX000", "the data directory has no first superuser")
    known = None if role.password is None else Verifier.parse(role.password)
    if known is not None and known.accepts(password):
        return
    verifier = Verifier.parse(password) or Verifier.of(password)
    if verifier == known:
        return
    with database.commit_lock, database.store.connection() as connection:
        connection.run("BEGIN")
        catalog = next(iter(database.databases)).catalog  # any: a role is in all of them
        authority = catalog.authority.with_role(replace(role, password=str(verifier)))
        catalog = store.changed(connection, catalog, authority=authority)
        connection.run("COMMIT")
        database.databases.replace(catalog)
