"""What a session's current user may do, and the search path that this leaves him."""

from __future__ import annotations

from collections.abc import Callable

from ruvector_engine.catalog.rights import Rights
from ruvector_engine.catalog.roles import Authority
from ruvector_engine.catalog.system.objects import schema_key
from ruvector_engine.identity import Identity
from ruvector_engine.name_lists import split_identifiers
from ruvector_engine.settings import Settings


class Authorization:
    """One session's. `authority` gives owners and privileges as its transaction sees them."""

    def __init__(self, identity: Identity, settings: Settings, authority: Callable[[], Authority]) -> None:
        self._identity = identity
        self._settings = settings
        self._authority = authority
        self._rights: Rights | None = None
        self._path: tuple[str, ...] = ()
        self._path_made_for: tuple[int, Rights] | None = None

    @property
    def rights(self) -> Rights:
        """The current user's rights."""
        authority, role = self._authority(), self._identity.current.oid
        made = self._rights
        if made is None or made.authority is not authority or made.role != role:
            made = self._rights = Rights(authority, role)
        return made

    @property
    def search_path(self) -> tuple[str, ...]:
        """The schemas that unqualified names are looked up in: those that the current user may look into.

        pg_catalog is first unless it is named, as in PostgreSQL.
        """
        rights = self.rights
        made_for = (self._settings.generation, rights)
        if self._path_made_for != made_for:
            user = self._identity.current.name
            names = split_identifiers(self._settings["search_path"]) or ()
            places = tuple(user if name == "$user" else name for name in names if name)
            full = places if "pg_catalog" in places else ("pg_catalog", *places)
            self._path = tuple(n for n in full if rights.has("schema", schema_key(n), "U"))
            self._path_made_for = made_for
        return self._path
