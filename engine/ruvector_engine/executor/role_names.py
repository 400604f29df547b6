"""From the role specifications in statements to roles; and what may be called how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.roles import PUBLIC, RoleDef
from ruvector_engine.errors import SqlError
from ruvector_engine.sql.deparse import enum_name

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def role_named(session: Session, name: str) -> RoleDef:
    """The role of that name; 42704 when there is none."""
    role = session.catalog.authority.roles.get(name)
    if role is None:
        raise SqlError("42704", f'role "{name}" does not exist')
    return role


def specified_role(session: Session, spec: Any) -> RoleDef:
    """The role that a RoleSpec means: a name, CURRENT_ROLE, CURRENT_USER or SESSION_USER; 42704 for PUBLIC."""
    kind = enum_name(spec, "roletype")
    if kind == "ROLESPEC_CSTRING":
        return role_named(session, spec.rolename)
    if kind in ("ROLESPEC_CURRENT_USER", "ROLESPEC_CURRENT_ROLE"):
        return session.identity.current
    if kind == "ROLESPEC_SESSION_USER":
        return session.identity.session
    raise SqlError("42704", 'role "public" does not exist')


def specified_grantee(session: Session, spec: Any) -> int:
    """The OID of a grantee, who may be PUBLIC."""
    if enum_name(spec, "roletype") == "ROLESPEC_PUBLIC":
        return PUBLIC
    return specified_role(session, spec).oid


def is_reserved(name: str) -> bool:
    """Whether a name is kept for predefined roles."""
    return name.startswith("pg_")


def check_name(name: str) -> None:
    """42939 for a new name that is kept for predefined roles."""
    if is_reserved(name):
        raise SqlError(
            "42939", f'role name "{name}" is reserved', detail='Role names starting with "pg_" are reserved.'
        )


def denied(action: str, detail: str) -> SqlError:
    """42501, and what it would take."""
    return SqlError("42501", f"permission denied to {action}", detail=detail)
