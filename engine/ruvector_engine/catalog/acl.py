"""Changing lists of privileges: granting, revoking, and what falls with it (aclupdate of acl.c)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ruvector_engine.catalog.membership import privileges_of, superuser
from ruvector_engine.catalog.privileges import Kind, common, ordered, without
from ruvector_engine.catalog.rights import grantable_by
from ruvector_engine.catalog.roles import PUBLIC, AclItem, Authority
from ruvector_engine.errors import SqlError

Items = tuple[AclItem, ...]


@dataclass(frozen=True, slots=True)
class Acl:
    """An object's list, and what it takes to change it: who owns the object, and who is a member of whom."""

    items: Items
    kind: Kind
    owner: int
    authority: Authority

    def granted(self, item: AclItem) -> Acl:
        """The list with an item's privileges too; 0LP01 where grant options would come back to who gave them."""
        if item.grantable and item.grantee == PUBLIC:
            raise SqlError("0LP01", "grant options can only be granted to roles")
        if item.grantable and item.grantor != self.owner:
            self._check_circularity(item)
        old = self._find(item) or AclItem(item.grantee, item.grantor, "")
        new = replace(
            old,
            privileges=ordered(old.privileges + item.privileges),
            grantable=ordered(old.grantable + item.grantable),
        )
        return self._with(old, new)

    def revoked(self, item: AclItem, *, cascade: bool) -> Acl:
        """The list without an item's privileges and grant options; 2BP01 when others have theirs from these."""
        old = self._find(item)
        if old is None:
            return self
        new = replace(
            old,
            privileges=without(old.privileges, item.privileges),
            grantable=without(old.grantable, item.grantable),
        )
        changed = self._with(old, new)
        lost = common(old.grantable, item.grantable)
        return changed._without_what_followed(item.grantee, lost, cascade=cascade) if lost else changed

    def grantable(self, role: int) -> str:
        """What a role may grant on."""
        return grantable_by(self.items, privileges_of(self.authority, role), self.owner, self.kind)

    def best_grantor(self, role: int, wanted: str) -> tuple[int, str]:
        """In whose name a role grants or revokes, and which of the wanted privileges that one may pass on.

        The owner for whoever may act for him; else the role itself, or one it belongs to that may pass on more.
        """
        roles = privileges_of(self.authority, role)
        if self.owner in roles or superuser(self.authority, role):
            return self.owner, wanted
        best, most = role, self._passed_on(role, wanted)
        for other in sorted(roles - {role}):
            passed = self._passed_on(other, wanted)
            if len(passed) > len(most):
                best, most = other, passed
        return best, most

    def _passed_on(self, role: int, wanted: str) -> str:
        return common(wanted, grantable_by(self.items, frozenset({role}), self.owner, self.kind))

    def _find(self, item: AclItem) -> AclItem | None:
        return next((i for i in self.items if (i.grantee, i.grantor) == (item.grantee, item.grantor)), None)

    def _with(self, old: AclItem, new: AclItem) -> Acl:
        """The list with one item replaced, or put behind the others when it was not there; without an empty one."""
        items = self.items if old in self.items else (*self.items, old)
        return replace(self, items=tuple(new if i is old else i for i in items if i is not old or new.privileges))

    def _without_what_followed(self, grantee: int, lost: str, *, cascade: bool) -> Acl:
        """Without what the grantee granted by the options that he lost, and has from nobody else."""
        if grantee in (PUBLIC, self.owner):
            return self
        acl = self
        lost = without(lost, acl.grantable(grantee))
        while lost:
            given = next((i for i in acl.items if i.grantor == grantee and common(i.privileges, lost)), None)
            if given is None:
                break
            if not cascade:
                raise SqlError("2BP01", "dependent privileges exist", hint="Use CASCADE to revoke them too.")
            acl = acl.revoked(replace(given, privileges=lost, grantable=lost), cascade=True)
        return acl

    def _check_circularity(self, item: AclItem) -> None:
        """Whether the grantor may pass the options on without those that come from the grantee himself."""
        acl = self
        while given := next((i for i in acl.items if i.grantee == item.grantee and i.grantable), None):
            acl = acl.revoked(given, cascade=True)
        if without(item.grantable, acl.grantable(item.grantor)):
            raise SqlError("0LP01", "grant options cannot be granted back to your own grantor")
