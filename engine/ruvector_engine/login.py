"""Whether a role may begin one more session; the client has proved already that it is that role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ruvector_engine.catalog.roles import Authority, RoleDef
from ruvector_engine.errors import SqlError

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def admitted(authority: Authority, name: str, sessions: Sequence[Session]) -> RoleDef:
    """The role of that name; a fatal 28000 when there is none or it may not log in, 53300 when it has enough."""
    role = authority.roles.get(name)
    if role is None:
        raise SqlError("28000", f'role "{name}" does not exist', severity="FATAL")
    if not role.can_login:
        raise SqlError("28000", f'role "{name}" is not permitted to log in', severity="FATAL")
    if 0 <= role.connection_limit <= sum(s.identity.login.oid == role.oid for s in sessions) and not role.superuser:
        raise SqlError("53300", f'too many connections for role "{name}"', severity="FATAL")
    return role
