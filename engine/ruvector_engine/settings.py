"""Run-time settings (GUCs): `setting_definitions` says which there are; a session holds what it changed.

SET, SET LOCAL, RESET and their rollback behave as in PostgreSQL (guc.c): a SET inside a transaction that rolls back
is undone; a SET LOCAL ends with the transaction either way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ruvector_engine.configuration import Configuration
from ruvector_engine.errors import SqlError
from ruvector_engine.setting_checks import check_value, show_value
from ruvector_engine.setting_definitions import IDENTITY, SETTINGS, Setting, SettingOrigin

_BY_NAME = {s.name.lower(): s for s in SETTINGS}

#: Settings in a name space of an extension that is not loaded, or of the user's own, are kept as they are.
_CUSTOM = re.compile(r"^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)+$")
_RESERVED_PREFIXES = ("hnsw", "ivfflat", "plpgsql")


def lookup(name: str) -> Setting | None:
    """The setting of that name, or None for a custom one; 42704 and 42602 for what can be no setting's name."""
    found = _BY_NAME.get(name.lower())
    if found is not None:
        return found
    if "." not in name:
        raise _unrecognized(name)
    if not _CUSTOM.match(name):
        detail = "Custom parameter names must be two or more simple identifiers separated by dots."
        raise SqlError("42602", f'invalid configuration parameter name "{name}"', detail=detail)
    prefix = name.split(".", 1)[0]
    if prefix.lower() in _RESERVED_PREFIXES:
        raise SqlError(
            "42602",
            f'invalid configuration parameter name "{name}"',
            detail=f'"{prefix}" is a reserved prefix.',
        )
    return None


def find(name: str) -> Setting | None:
    """The setting of that name, for one who only wants to see it."""
    return _BY_NAME.get(name.lower())


def key_of(name: str) -> str:
    """What a setting is kept under, whatever name and case it is called by."""
    setting = lookup(name)
    return name.lower() if setting is None else setting.alias_of or setting.name


def _unrecognized(name: str) -> SqlError:
    return SqlError("42704", f'unrecognized configuration parameter "{name}"')


def _check_writable(setting: Setting | None) -> None:
    """55P02 for a setting that no session can change."""
    if setting is not None and setting.read_only:
        when = {"nothing": "", "reload": " now", "restart": " without restarting the server"}[setting.changed_by]
        raise SqlError("55P02", f'parameter "{setting.name}" cannot be changed{when}')


class Mark(NamedTuple):
    """A session's settings at one moment."""

    session: dict[str, str]
    local: dict[str, str]


class Settings(Mapping[str, str]):
    """A session's settings, by name, any case. Values are canonical text."""

    def __init__(self, startup: Mapping[str, str], server: Configuration | None = None) -> None:
        """`startup` is what the client began with, `server` what the server's configuration says."""
        #: Settings that follow from something else, and who knows their values.
        self.derived: dict[str, Callable[[], str]] = {}
        self.server = server or Configuration()
        self._boot: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._session: dict[str, str] = {}
        self._local: dict[str, str] = {}
        self._at_begin: dict[str, str] | None = None
        #: Custom settings that were ever set: they stay, with nothing in them.
        self._custom: set[str] = set()
        #: Bumped by every change: caches of values derived from settings compare it.
        self.generation = 0
        #: What SHOW shows of settings whose value somebody else knows better: those of the client's socket.
        self.live: dict[str, Callable[[], int]] = {}
        for name, value in startup.items():
            self.begin_as(name, value)

    def _key(self, name: str) -> str:
        key = key_of(name)
        if find(name) is None:
            self._custom.add(key)
        return key

    def _checked(self, name: str, value: str) -> str:
        setting = lookup(name)
        return value if setting is None else check_value(setting, value)

    def __getitem__(self, name: str) -> str:
        setting = find(name)
        key = name.lower() if setting is None else setting.alias_of or setting.name
        if key in self.derived:
            return self.derived[key]()
        for layer in (self._local, self._session, self._boot, self.server.values):
            if key in layer:
                return layer[key]
        if setting is not None:
            return setting.default
        if key in self._custom:
            return ""
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys([s.name for s in SETTINGS] + sorted(self._custom))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def follow(self, server: Configuration) -> None:
        """Take up the server's configuration as it is now."""
        self.server = server
        self.generation += 1

    def show(self, name: str) -> str:
        """SHOW's text; 42704 for a name that was never set."""
        try:
            setting = find(name)
            if setting is not None and setting.name in self.live:
                return str(self.live[setting.name]())  # as PostgreSQL does, without a unit
            return show_value(setting, self[name])
        except KeyError:
            raise _unrecognized(name) from None

    def origin(self, name: str) -> SettingOrigin:
        """Where a setting's value is from."""
        key = key_of(name)
        reset = self.default(name)
        configured = self.server.file_values.get(key)
        waits = key in self.server.pending
        if key in self.derived:
            return SettingOrigin("override", self.derived[key]())
        if key in self._session or key in self._local:
            return SettingOrigin("session", reset)
        if key in self._boot:
            return SettingOrigin(self._sources[key], reset)
        if configured is not None and not waits:
            return SettingOrigin("configuration file", reset, str(self.server.file), configured.line)
        return SettingOrigin("command line" if key in self.server.values else "default", reset, pending_restart=waits)

    def set(self, name: str, value: str, *, local: bool = False) -> None:
        """SET [LOCAL] name = value. 55P02 for a read-only setting."""
        _check_writable(lookup(name))
        checked = self._checked(name, value)
        key = self._key(name)
        if local:
            self._local[key] = checked
        else:
            self._session[key] = checked
            self._local.pop(key, None)
        self.generation += 1

    def reset(self, name: str | None) -> None:
        """RESET name, or RESET ALL for None."""
        if name is None:
            for layer in (self._session, self._local):
                for key in layer.keys() - IDENTITY:
                    del layer[key]
        else:
            key = self._key(name)
            self._session.pop(key, None)
            self._local.pop(key, None)
        self.generation += 1

    def check(self, name: str, value: str) -> None:
        """Raise what SET name = value would raise."""
        _check_writable(lookup(name))
        self._checked(name, value)

    def default(self, name: str) -> str:
        """What RESET goes back to."""
        setting, key = lookup(name), self._key(name)
        for layer in (self._boot, self.server.values):
            if key in layer:
                return layer[key]
        return "" if setting is None else setting.default

    def begin_as(self, name: str, value: str, source: str = "client") -> None:
        """Change what RESET goes back to, `source` says on whose behalf; 55P02 for a read-only setting."""
        _check_writable(lookup(name))
        key = self._key(name)
        self._boot[key] = self._checked(name, value)
        self._sources[key] = source
        self.generation += 1

    def mark(self) -> Mark:
        """What `back_to` goes back to."""
        return Mark(dict(self._session), dict(self._local))

    def back_to(self, mark: Mark) -> None:
        """Undo what was set since `mark` was made."""
        self._session, self._local = dict(mark.session), dict(mark.local)
        self.generation += 1

    def begin(self) -> None:
        """A transaction starts."""
        self._at_begin = dict(self._session)

    def end(self, *, committed: bool) -> None:
        """The transaction ends: LOCAL values go, and on rollback SET ones too."""
        if not committed and self._at_begin is not None:
            self._session = self._at_begin
        self._local.clear()
        self._at_begin = None
        self.generation += 1

    def reported(self) -> dict[str, str]:
        """What ParameterStatus tells a client."""
        return {s.name: self[s.name] for s in SETTINGS if s.reported}
