"""Roles and memberships: pg_roles and its kin, the standard's views of them, and functions that ask about roles."""

from __future__ import annotations

from typing import Any

from ruvector_engine.catalog.cluster import is_shared
from ruvector_engine.catalog.membership import can_set, has_privileges_of, is_admin, is_member
from ruvector_engine.catalog.rights import database_key, owner_of
from ruvector_engine.catalog.roles import RoleDef
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.catalog.system.names import quote_identifier, split_name
from ruvector_engine.catalog.system.oids import derived
from ruvector_engine.catalog.system.relations import information_schema, pg_catalog
from ruvector_engine.errors import SqlError

Rows = list[tuple[Any, ...]]

#: What a password looks like to everybody.
_HIDDEN = "********"


def _roles(context: SystemContext) -> list[RoleDef]:
    return sorted(context.catalog.authority.roles.values(), key=lambda role: role.oid)


def _attributes(role: RoleDef) -> dict[str, Any]:
    return {
        "oid": role.oid, "rolname": role.name, "rolsuper": role.superuser, "rolinherit": role.inherit,
        "rolcreaterole": role.create_role, "rolcreatedb": role.create_db, "rolcanlogin": role.can_login,
        "rolreplication": role.replication, "rolbypassrls": role.bypass_rls, "rolconnlimit": role.connection_limit,
        "rolvaliduntil": role.valid_until,
    }  # fmt: skip


def roles_rows(context: SystemContext) -> Rows:
    """pg_roles: the password never shows."""
    row = pg_catalog("pg_roles").row
    return [
        row(**_attributes(role), rolpassword=_HIDDEN, rolconfig=_config(context, 0, role.oid))
        for role in _roles(context)
    ]


def authid_rows(context: SystemContext) -> Rows:
    """pg_authid, which not everybody may read: passwords are there as verifiers."""
    row = pg_catalog("pg_authid").row
    return [row(**_attributes(role), rolpassword=role.password) for role in _roles(context)]


def _config(context: SystemContext, database: int, role: int) -> list[str] | None:
    """Settings as pg_db_role_setting keeps them; None for none."""
    settings = context.catalog.authority.settings.get((database, role), {})
    return [f"{name}={value}" for name, value in settings.items()] or None


def settings_rows(context: SystemContext) -> Rows:
    """pg_db_role_setting."""
    row = pg_catalog("pg_db_role_setting").row
    return [
        row(setdatabase=database, setrole=role, setconfig=_config(context, database, role))
        for database, role in context.catalog.authority.settings
    ]


def _user(context: SystemContext, role: RoleDef) -> dict[str, Any]:
    return {
        "useconfig": _config(context, 0, role.oid),
        "usename": role.name, "usesysid": role.oid, "usecreatedb": role.create_db, "usesuper": role.superuser,
        "userepl": role.replication, "usebypassrls": role.bypass_rls, "valuntil": role.valid_until,
    }  # fmt: skip


def user_rows(context: SystemContext) -> Rows:
    """pg_user: the roles that may log in."""
    row = pg_catalog("pg_user").row
    return [row(**_user(context, role), passwd=_HIDDEN) for role in _roles(context) if role.can_login]


def shadow_rows(context: SystemContext) -> Rows:
    """pg_shadow: pg_user with the verifiers."""
    row = pg_catalog("pg_shadow").row
    return [row(**_user(context, role), passwd=role.password) for role in _roles(context) if role.can_login]


def group_rows(context: SystemContext) -> Rows:
    """pg_group: the roles that may not log in, with their members."""
    row, memberships = pg_catalog("pg_group").row, context.catalog.authority.memberships
    return [
        row(groname=role.name, grosysid=role.oid, grolist=[m.member for m in memberships if m.role == role.oid])
        for role in _roles(context)
        if not role.can_login
    ]


def members_rows(context: SystemContext) -> Rows:
    """pg_auth_members."""
    row = pg_catalog("pg_auth_members").row
    return [
        row(
            oid=derived("member", m.role, m.member, m.grantor),
            roleid=m.role,
            member=m.member,
            grantor=m.grantor,
            admin_option=m.admin,
            inherit_option=m.inherit,
            set_option=m.set,
        )
        for m in context.catalog.authority.memberships
    ]


def description_rows(context: SystemContext) -> Rows:
    """pg_shdescription: the comments on roles and databases."""
    row = pg_catalog("pg_shdescription").row
    return [
        row(objoid=objoid, classoid=classoid, description=text)
        for (classoid, objoid, _), text in context.catalog.comments.items()
        if is_shared(classoid)
    ]


def enabled_rows(context: SystemContext) -> Rows:
    """information_schema.enabled_roles: those whose privileges the current user has."""
    row, authority = information_schema("enabled_roles").row, context.catalog.authority
    return [
        row(role_name=role.name) for role in _roles(context) if has_privileges_of(authority, context.user_oid, role.oid)
    ]


def _applicable(context: SystemContext) -> list[tuple[str, str, bool]]:
    """Member, role and whether the member may grant it: of the memberships of enabled roles."""
    authority = context.catalog.authority
    found: dict[tuple[str, str, bool], None] = {}
    for m in authority.memberships:
        role, member = authority.role_by_oid(m.role), authority.role_by_oid(m.member)
        if role and member and has_privileges_of(authority, context.user_oid, member.oid):
            found[member.name, role.name, m.admin] = None
    owner = authority.role_by_oid(owner_of(authority, database_key(authority)))
    if owner is not None and has_privileges_of(authority, context.user_oid, owner.oid):
        found[owner.name, "pg_database_owner", False] = None
    return list(found)


def _applicable_rows(view: str, context: SystemContext, *, grantable_only: bool) -> Rows:
    row = information_schema(view).row
    return [
        row(grantee=grantee, role_name=role, is_grantable="YES" if grantable else "NO")
        for grantee, role, grantable in _applicable(context)
        if grantable or not grantable_only
    ]


ROWS = {
    "pg_roles": roles_rows,
    "pg_authid": authid_rows,
    "pg_user": user_rows,
    "pg_shadow": shadow_rows,
    "pg_group": group_rows,
    "pg_auth_members": members_rows,
    "pg_db_role_setting": settings_rows,
    "pg_shdescription": description_rows,
}
INFORMATION_SCHEMA = {
    "enabled_roles": enabled_rows,
    "applicable_roles": lambda context: _applicable_rows("applicable_roles", context, grantable_only=False),
    "administrable_role_authorizations": lambda context: _applicable_rows(
        "administrable_role_authorizations", context, grantable_only=True
    ),
}


# ---------------------------------------------------------------- functions


def to_regrole(lookup: Lookup, text: str) -> int | None:
    """The OID of a role, or None."""
    if text.isdigit():
        return int(text)
    role = lookup.catalog.authority.roles.get(split_name(text)[-1])
    return None if role is None else role.oid


def regrole_in(lookup: Lookup, text: str) -> int:
    """Read a regrole."""
    oid = 0 if text == "-" else to_regrole(lookup, text)
    if oid is None:
        raise _unknown(split_name(text)[-1])
    return oid


def regrole_out(lookup: Lookup, oid: int) -> str:
    """Print a regrole."""
    role = lookup.catalog.authority.role_by_oid(oid)
    return quote_identifier(role.name) if role is not None else str(oid) if oid else "-"


def pg_get_userbyid(lookup: Lookup, oid: int) -> str:
    """A role's name."""
    role = lookup.catalog.authority.role_by_oid(oid)
    return role.name if role is not None else f"unknown (OID={oid})"


def pg_has_role(lookup: Lookup, *arguments: str | int) -> bool:
    """Whether [a user,] by default the current one, has a role: as MEMBER, its privileges (USAGE), or may SET it."""
    *users, role, wanted = arguments
    user = _oid_of(lookup, users[0] if users else lookup.user)
    return has_role(lookup, user, _oid_of(lookup, role), str(wanted))


def _oid_of(lookup: Lookup, role: str | int) -> int:
    if isinstance(role, int):
        return role
    found = lookup.catalog.authority.roles.get(role)
    if found is None:
        raise _unknown(role)
    return found.oid


def has_role(lookup: Lookup, user: int, role: int, wanted: str) -> bool:
    """The same by OIDs; `wanted` is a list of privileges, one of which is enough."""
    authority = lookup.catalog.authority
    answers = []
    for name in wanted.split(","):
        privilege, *option = name.strip().upper().split(" WITH ")
        if privilege not in ("USAGE", "MEMBER", "SET") or option not in ([], ["ADMIN OPTION"], ["GRANT OPTION"]):
            raise SqlError("22023", f'unrecognized privilege type: "{name.strip()}"')
        if option:
            answers.append(is_admin(authority, user, role))
        else:
            answers.append(_CHECKS[privilege](authority, user, role))
    return any(answers)


_CHECKS = {"USAGE": has_privileges_of, "MEMBER": is_member, "SET": can_set}


def _unknown(name: str) -> SqlError:
    return SqlError("42704", f'role "{name}" does not exist')
