"""ALTER ROLE ... SET and ALTER DATABASE ... SET: settings that sessions begin with; and how a session does so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.membership import is_admin
from ruvector_engine.catalog.roles import RoleDef, SettingsKey
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import databases, table_access
from ruvector_engine.executor.role_names import denied, is_reserved, specified_role
from ruvector_engine.executor.session_statements import value_text
from ruvector_engine.identity import NO_ROLE
from ruvector_engine.results import Result
from ruvector_engine.setting_definitions import IDENTITY
from ruvector_engine.settings import lookup
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def begin_with(session: Session, startup: Mapping[str, str]) -> None:
    """Set what was laid down for the role and the database, and above it what the client began with.

    What was laid down and cannot be is told as a warning; what the client asks for and cannot be is an error.
    """
    kept = session.catalog.authority.settings_of(session.published.oid, session.identity.login.oid)
    asked = {name.lower() for name in startup}
    for name, value in kept.items():
        if name.lower() not in asked:
            try:
                _begin_as(session, name, value, "user")
            except SqlError as error:
                session.notice(error.sqlstate, error.message, "WARNING")
    for name, value in startup.items():
        _begin_as(session, name, value, "client")


def _begin_as(session: Session, name: str, value: str, source: str) -> None:
    if name.lower() in IDENTITY:
        session.identity.begin_as(name.lower(), value)
    else:
        session.settings.begin_as(name, value, source)


def run_alter_role_set(session: Session, statement: Utility) -> Result:
    """ALTER ROLE name | ALL [IN DATABASE name] SET name = value | RESET name | RESET ALL."""
    node = statement.node
    table_access.change_catalog(session)
    role = None
    if node.HasField("role"):
        if node.role.rolename and is_reserved(node.role.rolename):
            reserved = f'role name "{node.role.rolename}" is reserved'
            raise SqlError("42939", reserved, detail="Cannot alter reserved roles.")
        role = specified_role(session, node.role)
        _check_may_alter(session, role)
    database = databases.database_named(session, node.database) if node.database else None
    if role is None and database is not None:
        databases.require_owner(session, database)
    elif role is None and not session.is_superuser:
        detail = "Only roles with the SUPERUSER attribute may alter settings globally."
        raise denied("alter setting", detail)
    oids = (0 if database is None else database.oid, 0 if role is None else role.oid)
    _change(session, oids, node.setstmt)
    return Result("ALTER ROLE")


def run_alter_database_set(session: Session, statement: Utility) -> Result:
    """ALTER DATABASE name SET name = value | RESET name | RESET ALL."""
    node = statement.node
    table_access.change_catalog(session)
    database = databases.database_named(session, node.dbname)
    databases.require_owner(session, database)
    _change(session, (database.oid, 0), node.setstmt)
    return Result("ALTER DATABASE")


def _check_may_alter(session: Session, role: RoleDef) -> None:
    user = session.identity.current
    if user.superuser or user.oid == role.oid:
        return
    if role.superuser:
        text = "Only roles with the SUPERUSER attribute may alter roles with the SUPERUSER attribute."
        raise denied("alter role", text)
    if not (user.create_role and is_admin(session.catalog.authority, user.oid, role.oid)):
        needed = f'CREATEROLE attribute and the ADMIN option on role "{role.name}"'
        raise denied("alter role", f"Only roles with the {needed} may alter this role.")


def _change(session: Session, key: SettingsKey, node: Any) -> None:
    authority = session.catalog.authority
    changed = _changed(session, authority.settings.get(key, {}), node)
    settings = {k: v for k, v in authority.settings.items() if k != key} | ({key: changed} if changed else {})
    authority = replace(authority, settings=MappingProxyType(settings))
    session.transaction.catalog = store.changed(session.connection, session.catalog, authority=authority)


def _changed(session: Session, old: Mapping[str, str], node: Any) -> Mapping[str, str]:
    kind = enum_name(node, "kind")
    if kind == "VAR_RESET_ALL":
        return {}
    setting = lookup(node.name)
    name = node.name if setting is None else setting.name
    if name == "session_authorization":
        raise not_supported("session_authorization cannot be set for a role or a database")
    if kind in ("VAR_SET_DEFAULT", "VAR_RESET"):
        return {known: value for known, value in old.items() if known != name}
    if kind == "VAR_SET_CURRENT":
        value = session.settings[name]
    elif kind == "VAR_SET_VALUE":
        value = value_text(node)
    else:
        raise not_supported(f"SET {node.name} is not supported for a role or a database")
    if name == "role" and value != NO_ROLE and value not in session.catalog.authority.roles:
        session.notice("42704", f'role "{value}" does not exist')
    session.settings.check(name, value)
    return {**old, name: value}
