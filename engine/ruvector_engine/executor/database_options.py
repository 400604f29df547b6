"""The options of CREATE DATABASE and ALTER DATABASE, with the words of PostgreSQL's dbcommands.c."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ruvector_engine.catalog.system.oids import TABLESPACES
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.sql.raw import position
from ruvector_engine.types.encodings import known_encoding

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: What every database here is in: how texts are stored, sorted and classified.
ENCODING: Final = "UTF8"
LOCALE: Final = "C"
_ENCODING_NUMBER: Final = 6
_LOCALES = (LOCALE, "POSIX")
_STRATEGIES = ("wal_log", "file_copy")
_ALTERABLE = ("is_template", "allow_connections", "connection_limit", "tablespace")
#: Options of CREATE DATABASE that have no value here but the usual one.
_UNSERVED = ("oid", "collation_version", "builtin_locale", "icu_locale", "icu_rules")
_CREATABLE = (
    *_ALTERABLE, "owner", "template", "encoding", "locale", "lc_collate", "lc_ctype", "locale_provider", "strategy",
    "location", *_UNSERVED,
)  # fmt: skip
_BOOLEANS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


class DatabaseOptions:
    """What a statement says of a database. An option given as DEFAULT is as one left out."""

    def __init__(self, session: Session, nodes: Any, *, create: bool) -> None:
        """42601 for an option that there is not, or given twice."""
        self._given: dict[str, str] = {}
        self._places: dict[str, int | None] = {}
        for node in nodes:
            option = node.def_elem
            name, place = option.defname, position(option.location)
            if name in self._places:
                raise SqlError("42601", "conflicting or redundant options", position=place)
            if name not in (_CREATABLE if create else _ALTERABLE):
                raise SqlError("42601", f'option "{name}" not recognized', position=place)
            if name == "location":
                hint = "Consider using tablespaces instead."
                session.notice("0A000", "LOCATION is not supported anymore", "WARNING", hint=hint)
            self._places[name] = place
            if option.HasField("arg"):
                self._given[name] = constant_text(option.arg)
        for name in _UNSERVED:
            if name in self._given:
                raise not_supported(f"CREATE DATABASE with {name.upper()} is not supported", hint="Leave it out.")

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def text(self, name: str) -> str | None:
        """An option's text; None when it is not given."""
        return self._given.get(name)

    def attributes(self) -> dict[str, Any]:
        """What is said of the attributes that a `DatabaseDef` has, by its names."""
        found: dict[str, Any] = {}
        if "is_template" in self._given:
            found["is_template"] = self._boolean("is_template")
        if "allow_connections" in self._given:
            found["allows_connections"] = self._boolean("allow_connections")
        if "connection_limit" in self._given:
            found["connection_limit"] = self._connection_limit()
        return found

    def _boolean(self, name: str) -> bool:
        value = _BOOLEANS.get(self._given[name].lower())
        if value is None:
            raise SqlError("42601", f"{name} requires a Boolean value")
        return value

    def _connection_limit(self) -> int:
        text = self._given["connection_limit"]
        try:
            limit = int(text)
        except ValueError:
            raise SqlError("42601", "connection_limit requires an integer value") from None
        if limit < -1:
            raise SqlError("22023", f"invalid connection limit: {limit}")
        return limit

    def check_provider_and_encoding(self) -> None:
        """42P17 or 42704 for a locale provider or an encoding that there is nowhere, 0A000 for one not served here."""
        encoding = self._given.get("encoding")
        if encoding is not None and encoding != str(_ENCODING_NUMBER):
            known = known_encoding(encoding)
            if known is None:
                text = f"{encoding} is not a valid encoding name"
                raise SqlError("42704", text, position=self._places["encoding"])
            if known != ENCODING:
                hint = f"Databases are in {ENCODING}; clients may use others, see client_encoding."
                raise not_supported(f"a database in the encoding {known} is not supported", hint=hint)
        provider = self._given.get("locale_provider", "libc").lower()
        if provider in ("icu", "builtin"):
            raise not_supported(f'the locale provider "{provider}" is not supported', hint="Use libc.")
        if provider != "libc":
            raise SqlError("42P17", f"unrecognized locale provider: {provider}")

    def check_locale(self) -> None:
        """0A000 for another locale than there is."""
        for name in ("locale", "lc_collate", "lc_ctype"):
            text = self._given.get(name, LOCALE)
            if text not in _LOCALES:
                hint = f"Databases sort and classify characters as in the locale {LOCALE}."
                raise not_supported(f'the locale "{text}" is not supported', hint=hint)

    def check_strategy(self) -> None:
        """22023 for a way of copying that PostgreSQL has not; here there is one way."""
        strategy = self._given.get("strategy", "wal_log")
        if strategy.lower() not in _STRATEGIES:
            hint = 'Valid strategies are "wal_log" and "file_copy".'
            raise SqlError("22023", f'invalid create database strategy "{strategy}"', hint=hint)

    def check_tablespace(self) -> None:
        """42704 for a tablespace that there is not, 22023 for the one that is no database's."""
        name = self._given.get("tablespace")
        if name is not None and name not in TABLESPACES:
            raise SqlError("42704", f'tablespace "{name}" does not exist')
        if name == "pg_global":
            raise SqlError("22023", "pg_global cannot be used as default tablespace")
