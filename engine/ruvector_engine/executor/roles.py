"""CREATE, ALTER and DROP ROLE, and ALTER ROLE ... RENAME, after PostgreSQL's user.c."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.membership import is_admin
from ruvector_engine.catalog.roles import BOOTSTRAP_ROLE, Authority, Membership, RoleDef
from ruvector_engine.catalog.system.oids import PG_AUTHID
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import memberships, role_dependencies, table_access
from ruvector_engine.executor.role_names import check_name, denied, is_reserved, role_named, specified_role
from ruvector_engine.executor.role_options import RoleOptions, applied, read_options
from ruvector_engine.name_lists import split_identifiers
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.verifiers import Md5Hash

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Attributes that only those may give who have them: RoleDef's names and SQL's.
_OWN_ONLY = {"create_db": "CREATEDB", "replication": "REPLICATION", "bypass_rls": "BYPASSRLS"}


def run_create_role(session: Session, statement: Utility) -> Result:
    """CREATE ROLE | USER | GROUP."""
    node = statement.node
    options = read_options(session, node.options)
    table_access.change_catalog(session)
    creator = session.identity.current
    _check_may_create(creator, options)
    check_name(node.role)
    authority = session.catalog.authority
    if node.role in authority.roles:
        raise SqlError("42710", f'role "{node.role}" already exists')
    can_login = enum_name(node, "stmt_type") == "ROLESTMT_USER"
    blank = RoleDef(store.new_oid(session.connection), node.role, can_login=can_login)
    role = applied(session, blank, options)
    change(session, authority.with_role(role))
    for spec in options.in_roles:
        group = specified_role(session, spec)
        memberships.check_may_change(session, group, granting=True)
        memberships.grant(session, group, [role])
    if not creator.superuser:  # creators keep a hold on what they create
        kept = Membership(role.oid, creator.oid, BOOTSTRAP_ROLE, admin=True, inherit=False, set=False)
        authority = session.catalog.authority
        change(session, replace(authority, memberships=(*authority.memberships, kept)))
        _grant_to_creator(session, role, creator)
    admins = [specified_role(session, spec) for spec in options.admins]
    memberships.grant(session, role, admins, memberships.GrantOptions(admin=True))
    memberships.grant(session, role, [specified_role(session, spec) for spec in options.members or ()])
    return Result("CREATE ROLE")


def _grant_to_creator(session: Session, role: RoleDef, creator: RoleDef) -> None:
    """Make the creator a member beyond that hold, if the setting says so."""
    wanted = split_identifiers(session.settings["createrole_self_grant"].lower())
    if wanted:
        options = memberships.GrantOptions(admin=False, inherit="inherit" in wanted, set="set" in wanted)
        memberships.grant(session, role, [creator], options, creator)


def change(session: Session, authority: Authority) -> None:
    """Make this what the transaction knows of roles; the catalog is locked already."""
    session.transaction.catalog = store.changed(session.connection, session.catalog, authority=authority)


def _check_may_create(creator: RoleDef, options: RoleOptions) -> None:
    if creator.superuser:
        return
    if not creator.create_role:
        raise denied("create role", "Only roles with the CREATEROLE attribute may create roles.")
    wanted = {name for name, value in options.flags.items() if value}
    for name, shown in {"superuser": "SUPERUSER", **_OWN_ONLY}.items():
        if name in wanted and not getattr(creator, name):
            detail = f"Only roles with the {shown} attribute may create roles with the {shown} attribute."
            raise denied("create role", detail)


def run_alter_role(session: Session, statement: Utility) -> Result:
    """ALTER ROLE | USER name options, and ALTER GROUP name ADD | DROP USER."""
    node = statement.node
    options = read_options(session, node.options)
    table_access.change_catalog(session)
    if node.role.rolename and is_reserved(node.role.rolename):
        reserved = f'role name "{node.role.rolename}" is reserved'
        raise SqlError("42939", reserved, detail="Cannot alter reserved roles.")
    role = specified_role(session, node.role)
    _check_may_alter(session, role, options)
    if role.oid == BOOTSTRAP_ROLE and not options.attributes.get("superuser", True):
        detail = "The bootstrap superuser must have the SUPERUSER attribute."
        raise SqlError("0A000", "permission denied to alter role", detail=detail)
    change(session, session.catalog.authority.with_role(applied(session, role, options)))
    if options.members is not None:
        members = [specified_role(session, spec) for spec in options.members]
        (memberships.grant if node.action > 0 else memberships.revoke)(session, role, members)
    return Result("ALTER ROLE")


def _check_may_alter(session: Session, role: RoleDef, options: RoleOptions) -> None:
    user, authority = session.identity.current, session.catalog.authority
    if user.superuser:
        return
    if role.superuser:
        text = "Only roles with the SUPERUSER attribute may alter roles with the SUPERUSER attribute."
        raise denied("alter role", text)
    if "superuser" in options.attributes:
        raise denied("alter role", "Only roles with the SUPERUSER attribute may change the SUPERUSER attribute.")
    if not (user.create_role and is_admin(authority, user.oid, role.oid)):
        if options.attributes.keys() - {"password"}:
            needed = f'CREATEROLE attribute and the ADMIN option on role "{role.name}"'
            raise denied("alter role", f"Only roles with the {needed} may alter this role.")
        if "password" in options.attributes and role.oid != user.oid:
            needed = "CREATEROLE attribute and the ADMIN option on the role"
            text = f"To change another role's password, the current user must have the {needed}."
            raise denied("alter role", text)
    for name, shown in _OWN_ONLY.items():
        if name in options.attributes and not getattr(user, name):
            text = f"Only roles with the {shown} attribute may change the {shown} attribute."
            raise denied("alter role", text)
    if options.members is not None and not is_admin(authority, user.oid, role.oid):
        text = f'Only roles with the ADMIN option on role "{role.name}" may add or drop members.'
        raise denied("alter role", text)


def run_drop_role(session: Session, statement: Utility) -> Result:
    """DROP ROLE [IF EXISTS]: what was granted to the roles as members goes with them; nothing may depend on them."""
    node = statement.node
    user = session.identity.current
    if not (user.superuser or user.create_role):
        needed = "CREATEROLE attribute and the ADMIN option on the target roles"
        raise denied("drop role", f"Only roles with the {needed} may drop roles.")
    table_access.change_catalog(session)
    dropped = [role for spec in node.roles if (role := _droppable(session, spec.role_spec, node.missing_ok))]
    oids = {role.oid for role in dropped}
    authority = session.catalog.authority
    left = tuple(m for m in authority.memberships if m.role not in oids and m.member not in oids)
    settings = {key: values for key, values in authority.settings.items() if key[1] not in oids}
    authority = replace(authority, memberships=left, settings=MappingProxyType(settings))
    for role in dropped:
        role_dependencies.check_none(session, authority, role)
    roles = {name: role for name, role in authority.roles.items() if role.oid not in oids}
    authority = replace(authority, roles=MappingProxyType(roles))
    gone = {(PG_AUTHID, oid, 0) for oid in oids}
    comments = {key: text for key, text in session.catalog.comments.items() if key not in gone}
    session.transaction.catalog = store.changed(
        session.connection, session.catalog, authority=authority, comments=comments
    )
    return Result("DROP ROLE")


def _droppable(session: Session, spec: Any, missing_ok: bool) -> RoleDef | None:
    if enum_name(spec, "roletype") != "ROLESPEC_CSTRING":
        raise SqlError("22023", "cannot use special role specifier in DROP ROLE")
    authority, identity = session.catalog.authority, session.identity
    role = authority.roles.get(spec.rolename)
    if role is None:
        if not missing_ok:
            raise SqlError("42704", f'role "{spec.rolename}" does not exist')
        session.notice("00000", f'role "{spec.rolename}" does not exist, skipping')
        return None
    if role.oid == identity.current.oid:
        raise SqlError("55006", "current user cannot be dropped")
    if role.oid == identity.session.oid:
        raise SqlError("55006", "session user cannot be dropped")
    if role.superuser and not identity.current.superuser:
        text = "Only roles with the SUPERUSER attribute may drop roles with the SUPERUSER attribute."
        raise denied("drop role", text)
    if not is_admin(authority, identity.current.oid, role.oid):
        needed = f'CREATEROLE attribute and the ADMIN option on role "{role.name}"'
        raise denied("drop role", f"Only roles with the {needed} may drop this role.")
    return role


def run_rename_role(session: Session, statement: Utility) -> Result:
    """ALTER ROLE name RENAME TO name."""
    node = statement.node
    table_access.change_catalog(session)
    authority, identity = session.catalog.authority, session.identity
    role = role_named(session, node.subname)
    if role.oid == identity.session.oid:
        raise SqlError("0A000", "session user cannot be renamed")
    if role.oid == identity.current.oid:
        raise SqlError("0A000", "current user cannot be renamed")
    check_name(role.name)
    check_name(node.newname)
    if node.newname in authority.roles:
        raise SqlError("42710", f'role "{node.newname}" already exists')
    user = identity.current
    if role.superuser and not user.superuser:
        text = "Only roles with the SUPERUSER attribute may rename roles with the SUPERUSER attribute."
        raise denied("rename role", text)
    if not (user.superuser or (user.create_role and is_admin(authority, user.oid, role.oid))):
        needed = f'CREATEROLE attribute and the ADMIN option on role "{role.name}"'
        raise denied("rename role", f"Only roles with the {needed} may rename this role.")
    renamed = replace(role, name=node.newname)
    if role.password is not None and Md5Hash.parse(role.password, role.name) is not None:  # the name is hashed too
        session.notice("00000", "MD5 password cleared because of role rename")
        renamed = replace(renamed, password=None)
    change(session, authority.with_role(renamed))
    return Result("ALTER ROLE")
