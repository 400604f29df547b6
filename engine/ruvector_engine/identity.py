"""Whom a session acts for: who logged in, the session's user, and the role that it took on.

After PostgreSQL's miscinit.c. The settings `session_authorization` and `role` hold names, so that transactions undo
them as they undo any SET; which role a name meant is remembered here, for a role may be renamed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from ruvector_engine.catalog.membership import can_set, superuser
from ruvector_engine.catalog.roles import Authority, RoleDef
from ruvector_engine.errors import SqlError
from ruvector_engine.setting_definitions import IDENTITY
from ruvector_engine.settings import Settings

NO_ROLE = "none"


class Identity:
    """One session's. `authority` gives the roles as its transaction sees them."""

    def __init__(self, login: RoleDef, settings: Settings, authority: Callable[[], Authority]) -> None:
        self._login = login
        self._settings = settings
        self._authority = authority
        self._meant: dict[str, int] = {login.name: login.oid}
        #: The settings' generation, the roles and what follows from them: current role, session's user.
        self._known: tuple[int, Authority, RoleDef, RoleDef] | None = None
        settings.begin_as("session_authorization", login.name)
        settings.derived["is_superuser"] = lambda: "on" if self.current.superuser else "off"

    @property
    def current(self) -> RoleDef:
        """The role that decides what may be done: current_user."""
        return self._find()[2]

    @property
    def session(self) -> RoleDef:
        """The session's user: session_user."""
        return self._find()[3]

    @property
    def login(self) -> RoleDef:
        """Who logged in."""
        return self._authority().role_by_oid(self._login.oid) or RoleDef(self._login.oid, self._login.name)

    def _find(self) -> tuple[int, Authority, RoleDef, RoleDef]:
        known, authority = self._known, self._authority()
        if known is None or known[0] != self._settings.generation or known[1] is not authority:
            role = self._settings["role"]
            session = self._role(self._settings["session_authorization"])
            current = session if role == NO_ROLE else self._role(role)
            known = self._known = (self._settings.generation, authority, current, session)
        return known

    def _role(self, name: str) -> RoleDef:
        """The role that a name meant. One that was dropped since keeps its name here, and may do nothing."""
        oid = self._meant[name]
        return self._authority().role_by_oid(oid) or RoleDef(oid, name, inherit=False)

    def begin_as(self, setting: str, value: str) -> None:
        """Begin with one of the two settings, as far as SET of it is allowed: it is what RESET then goes back to."""
        self.set(setting, value)
        for name in IDENTITY:
            self._settings.reset(name)
        self._settings.begin_as(setting, value)

    def set_role(self, name: str, *, local: bool = False) -> None:
        """SET ROLE; 22023 for a role that does not exist, 42501 for one that the session's user may not take on."""
        if name != NO_ROLE:
            role = self._existing(name)
            if not can_set(self._authority(), self.session.oid, role.oid):
                raise SqlError("42501", f'permission denied to set role "{name}"')
            self._meant[name] = role.oid
        self._settings.set("role", name, local=local)

    def set_session_authorization(self, name: str, *, local: bool = False) -> None:
        """SET SESSION AUTHORIZATION: for another than oneself only if one logged in as a superuser."""
        role = self._existing(name)
        if role.oid != self._login.oid and not superuser(self._authority(), self._login.oid):
            raise SqlError("42501", f'permission denied to set session authorization "{name}"')
        self._meant[name] = role.oid
        self._settings.set("session_authorization", name, local=local)
        self._settings.set("role", NO_ROLE, local=local)

    def set(self, setting: str, value: str, *, local: bool = False) -> None:
        """SET of one of the two settings."""
        (self.set_role if setting == "role" else self.set_session_authorization)(value, local=local)

    def reset(self, name: str, *, local: bool = False) -> None:
        """RESET, or SET ... TO DEFAULT, of one of the two settings."""
        if local:
            self.set(name, self._settings.default(name), local=True)
            return
        self._settings.reset(name)
        if name == "session_authorization":
            self._settings.set("role", NO_ROLE)

    def _existing(self, name: str) -> RoleDef:
        role = self._authority().roles.get(name)
        if role is None:
            raise SqlError("22023", f'role "{name}" does not exist')
        return role
