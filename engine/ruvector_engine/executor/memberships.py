"""GRANT role TO role and REVOKE role FROM role, after PostgreSQL's user.c: who belongs to whom, and in whose name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.membership import best_admin, has_privileges_of, is_admin, memberships_of
from ruvector_engine.catalog.predefined_roles import PG_DATABASE_OWNER
from ruvector_engine.catalog.roles import BOOTSTRAP_ROLE, Membership, RoleDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import table_access
from ruvector_engine.executor.role_names import denied, role_named, specified_role
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.raw import position

if TYPE_CHECKING:
    from ruvector_engine.session import Session


@dataclass(frozen=True, slots=True)
class GrantOptions:
    """ADMIN, INHERIT and SET as a statement gives them; None where it says nothing."""

    admin: bool | None = None
    inherit: bool | None = None
    set: bool | None = None

    def given(self) -> dict[str, bool]:
        """What is given, by Membership's names."""
        named = {"admin": self.admin, "inherit": self.inherit, "set": self.set}
        return {name: value for name, value in named.items() if value is not None}


_NOTHING = GrantOptions()


def run_grant_role(session: Session, statement: Utility) -> Result:
    """GRANT role, ... TO role, ... [WITH options] [GRANTED BY role]; REVOKE [option FOR] role, ... FROM role, ..."""
    node = statement.node
    options = _options(node.opt)
    table_access.change_catalog(session)
    grantor = specified_role(session, node.grantor) if node.HasField("grantor") else None
    members = [specified_role(session, spec.role_spec) for spec in node.grantee_roles]
    cascade = enum_name(node, "behavior") == "DROP_CASCADE"
    for item in node.granted_roles:
        named = item.access_priv
        if not named.priv_name or named.cols:
            raise SqlError("0LP01", "column names cannot be included in GRANT/REVOKE ROLE")
        role = role_named(session, named.priv_name)
        check_may_change(session, role, granting=node.is_grant)
        if node.is_grant:
            grant(session, role, members, options, grantor)
        else:
            revoke(session, role, members, options, grantor, cascade=cascade)
    return Result(statement.tag)


def _options(nodes: Any) -> GrantOptions:
    given: dict[str, bool] = {}
    for node in nodes:
        option = node.def_elem
        if option.defname not in ("admin", "inherit", "set"):
            text = f'unrecognized role option "{option.defname}"'
            raise SqlError("42601", text, position=position(option.location))
        given[option.defname] = option.arg.boolean.boolval
    return GrantOptions(**given)


def check_may_change(session: Session, role: RoleDef, *, granting: bool) -> None:
    """42501 unless the current user may grant a role to others, or take it from them."""
    verb = "grant" if granting else "revoke"
    if granting and role.oid == PG_DATABASE_OWNER:
        raise SqlError("0A000", f'role "{role.name}" cannot have explicit members')
    user = session.identity.current
    if role.superuser:
        if not user.superuser:
            detail = f"Only roles with the SUPERUSER attribute may {verb} roles with the SUPERUSER attribute."
            raise denied(f'{verb} role "{role.name}"', detail)
    elif not is_admin(session.catalog.authority, user.oid, role.oid):
        detail = f'Only roles with the ADMIN option on role "{role.name}" may {verb} this role.'
        raise denied(f'{verb} role "{role.name}"', detail)


def grant(
    session: Session,
    role: RoleDef,
    members: Sequence[RoleDef],
    options: GrantOptions = _NOTHING,
    grantor: RoleDef | None = None,
) -> None:
    """Make roles members of a role, or change the options of those that are."""
    if not members:
        return
    by = _grantor(session, role, grantor, granting=True)
    _check_members(session, role, members)
    _check_admin_circle(session, role, members, options, by)
    for member in members:
        _grant_to(session, role, member, options, by)


def _check_members(session: Session, role: RoleDef, members: Sequence[RoleDef]) -> None:
    for member in members:
        if member.oid == PG_DATABASE_OWNER:
            raise SqlError("0A000", f'role "{member.name}" cannot be a member of any role')
        if member.oid in memberships_of(session.catalog.authority, role.oid):
            raise SqlError("0LP01", f'role "{role.name}" is a member of role "{member.name}"')


def _check_admin_circle(
    session: Session, role: RoleDef, members: Sequence[RoleDef], options: GrantOptions, by: int
) -> None:
    """0LP01 when ADMIN OPTION would go to somebody from whom the grantor has it."""
    if not options.admin or by == BOOTSTRAP_ROLE:
        return
    everything = session.catalog.authority.memberships
    targets = {member.oid for member in members}
    kept = tuple(m for m in everything if m.role == role.oid and m.member not in targets)
    lost = _unsupported([m for m in kept if m.admin])
    if not any(m.member == by and m not in lost for m in kept if m.admin):
        raise SqlError("0LP01", "ADMIN option cannot be granted back to your own grantor")


def _unsupported(admins: Sequence[Membership]) -> list[Membership]:
    """Of memberships in one role with ADMIN OPTION, those whose grantors no longer have theirs."""
    left = list(admins)
    while lost := [m for m in left if m.grantor != BOOTSTRAP_ROLE and m.grantor not in {a.member for a in left}]:
        left = [m for m in left if m not in lost]
    return [m for m in admins if m not in left]


def _grant_to(session: Session, role: RoleDef, member: RoleDef, options: GrantOptions, by: int) -> None:
    authority = session.catalog.authority
    everything = authority.memberships
    old = next((m for m in everything if (m.role, m.member, m.grantor) == (role.oid, member.oid, by)), None)
    new = replace(old or Membership(role.oid, member.oid, by, inherit=member.inherit), **options.given())
    if new == old:
        whose = authority.role_by_oid(by)
        name = whose.name if whose is not None else str(by)
        text = f'role "{member.name}" has already been granted membership in role "{role.name}" by role "{name}"'
        session.notice("00000", text)
        return
    _change(session, (*(m for m in everything if m is not old), new))


def revoke(
    session: Session,
    role: RoleDef,
    members: Sequence[RoleDef],
    options: GrantOptions = _NOTHING,
    grantor: RoleDef | None = None,
    *,
    cascade: bool = False,
) -> None:
    """Take a role, or options of its membership, from members; 2BP01 when others have the role from them."""
    by = _grantor(session, role, grantor, granting=False)
    authority = session.catalog.authority
    kept = list(authority.memberships)
    for member in members:
        place = next(
            (i for i, m in enumerate(kept) if (m.role, m.member, m.grantor) == (role.oid, member.oid, by)), None
        )
        if place is None:
            whose = authority.role_by_oid(by)
            name = whose.name if whose is not None else str(by)
            text = f'role "{member.name}" has not been granted membership in role "{role.name}" by role "{name}"'
            session.notice("01000", text, "WARNING")
        elif options.given():
            kept[place] = replace(kept[place], **options.given())
        else:
            del kept[place]
    orphans = _orphans(kept, role)
    if orphans and not cascade:
        raise SqlError("2BP01", "dependent privileges exist", hint="Use CASCADE to revoke them too.")
    _change(session, tuple(m for m in kept if m not in orphans))


def _orphans(memberships: Sequence[Membership], role: RoleDef) -> list[Membership]:
    """Memberships in the role whose grantors may not grant it any more."""
    own = [m for m in memberships if m.role == role.oid]
    admins = [m for m in own if m.admin]
    lost = _unsupported(admins)
    left = {m.member for m in admins if m not in lost}
    return [m for m in own if m.grantor != BOOTSTRAP_ROLE and m.grantor not in left]


def _grantor(session: Session, role: RoleDef, grantor: RoleDef | None, *, granting: bool) -> int:
    """In whose name a membership is granted or taken; 42501 when the user may not act for a grantor named."""
    user, authority = session.identity.current, session.catalog.authority
    if grantor is None:
        if user.superuser:
            return BOOTSTRAP_ROLE
        found = best_admin(authority, user.oid, role.oid)
        if found is None:
            raise SqlError("XX000", "no possible grantors")
        return found
    if not has_privileges_of(authority, user.oid, grantor.oid):
        if not granting:
            detail = f'Only roles with privileges of role "{grantor.name}" may revoke privileges granted by this role.'
            raise denied(f'revoke privileges granted by role "{grantor.name}"', detail)
        detail = f'Only roles with privileges of role "{grantor.name}" may grant privileges as this role.'
        raise denied(f'grant privileges as role "{grantor.name}"', detail)
    if granting and grantor.oid not in (BOOTSTRAP_ROLE, best_admin(authority, grantor.oid, role.oid)):
        detail = f'The grantor must have the ADMIN option on role "{role.name}".'
        raise denied(f'grant privileges as role "{grantor.name}"', detail)
    return grantor.oid


def _change(session: Session, memberships: tuple[Membership, ...]) -> None:
    authority = replace(session.catalog.authority, memberships=memberships)
    session.transaction.catalog = store.changed(session.connection, session.catalog, authority=authority)
