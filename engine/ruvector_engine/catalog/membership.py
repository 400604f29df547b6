"""What follows from roles and memberships: who belongs to whom, whose privileges one has, whom one may become.

After PostgreSQL's acl.c. A superuser is told apart by `superuser`; the closures here know of memberships only.
"""

from __future__ import annotations

from collections.abc import Callable

from ruvector_engine.catalog.databases import PG_DATABASE
from ruvector_engine.catalog.predefined_roles import PG_DATABASE_OWNER
from ruvector_engine.catalog.roles import Authority, Membership


def superuser(authority: Authority, role: int) -> bool:
    """Whether a role may do everything."""
    found = authority.role_by_oid(role)
    return found is not None and found.superuser


def memberships_of(authority: Authority, member: int) -> frozenset[int]:
    """The role and all it is a member of, however far."""
    return frozenset(_closure(authority, member, "member"))


def privileges_of(authority: Authority, member: int) -> frozenset[int]:
    """The role and all whose privileges it has without SET ROLE."""
    return frozenset(_closure(authority, member, "inherit"))


def has_privileges_of(authority: Authority, member: int, role: int) -> bool:
    """Whether `member` has what `role` has: acl.c's has_privs_of_role."""
    return member == role or superuser(authority, member) or role in privileges_of(authority, member)


def is_member(authority: Authority, member: int, role: int) -> bool:
    """Whether `member` belongs to `role`; a superuser belongs to every one."""
    return member == role or superuser(authority, member) or role in memberships_of(authority, member)


def can_set(authority: Authority, member: int, role: int) -> bool:
    """Whether `member` may SET ROLE to `role`."""
    return member == role or superuser(authority, member) or role in _closure(authority, member, "set")


def is_admin(authority: Authority, member: int, role: int) -> bool:
    """Whether `member` may grant `role` to others."""
    if superuser(authority, member):
        return True
    return member != role and _admin(authority.memberships, memberships_of(authority, member), role) is not None


def best_admin(authority: Authority, member: int, role: int) -> int | None:
    """The role in whose name `member` grants `role`: the nearest with ADMIN OPTION whose privileges it has."""
    if member == role:
        return None
    return _admin(authority.memberships, _closure(authority, member, "inherit"), role)


def _admin(memberships: tuple[Membership, ...], candidates: tuple[int, ...] | frozenset[int], role: int) -> int | None:
    admins = {m.member for m in memberships if m.role == role and m.admin}
    return next((candidate for candidate in candidates if candidate in admins), None)


_FOLLOWS: dict[str, Callable[[Membership], bool]] = {
    "member": lambda _m: True,
    "inherit": lambda m: m.inherit,
    "set": lambda m: m.set,
}


def _closure(authority: Authority, member: int, way: str) -> tuple[int, ...]:
    """The role itself and what it reaches, nearest first. Whoever owns the database is in pg_database_owner."""
    known = authority.closures.get((member, way))
    if known is not None:
        return known
    follows = _FOLLOWS[way]
    owner = authority.owner_of(PG_DATABASE, authority.database)
    found = [member]
    for current in found:
        reached = [m.role for m in authority.memberships if m.member == current and follows(m)]
        if current == owner:
            reached.append(PG_DATABASE_OWNER)
        found += [role for role in dict.fromkeys(reached) if role not in found]
    authority.closures[member, way] = tuple(found)
    return tuple(found)
