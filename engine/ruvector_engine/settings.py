"""Run-time settings (GUCs): each stands once in `SETTINGS`; a session holds what it changed.

SET, SET LOCAL, RESET and their rollback behave as in PostgreSQL (guc.c): a SET inside a transaction that rolls back
is undone; a SET LOCAL ends with the transaction either way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ruvector_engine.errors import SqlError
from ruvector_engine.types.timezones import find_zone, offset_name

SERVER_VERSION = "18.1"
SERVER_VERSION_NUM = "180001"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `minimum` and `maximum` are in `unit`; `reported` ones go to the client as ParameterStatus.

    A `read_only` one is the server's own; `changed_by` says what of the server's would change it.
    """

    name: str
    kind: Literal["bool", "integer", "real", "enum", "string"]
    default: str
    description: str
    minimum: float = 0
    maximum: float = 2**31 - 1
    unit: Literal["", "ms", "s", "kB", "8kB"] = ""
    values: tuple[str, ...] = ()
    reported: bool = False
    read_only: bool = False
    changed_by: Literal["nothing", "restart", "reload"] = "nothing"


def _planner(name: str) -> Setting:
    return Setting(f"enable_{name}", "bool", "on", f"Enables the planner's use of {name} plans.")


_ISOLATION = ("serializable", "repeatable read", "read committed", "read uncommitted")
_LEVELS = ("debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error")
_SCAN = ("off", "relaxed_order", "strict_order")

SETTINGS: tuple[Setting, ...] = (
    # vector search
    Setting("hnsw.ef_search", "integer", "40", "Size of the dynamic candidate list for search", 1, 1000),
    Setting("hnsw.iterative_scan", "enum", "off", "Accepted; results are complete either way", values=_SCAN),
    Setting("hnsw.max_scan_tuples", "integer", "20000", "Accepted; results are complete either way", 1),
    Setting("hnsw.scan_mem_multiplier", "real", "1", "Accepted; results are complete either way", 1, 1000),
    Setting("ivfflat.probes", "integer", "1", "Number of lists to search", 1, 32768),
    Setting(
        "ivfflat.iterative_scan",
        "enum",
        "off",
        "Accepted; results are complete either way",
        values=("off", "relaxed_order"),
    ),
    Setting("ivfflat.max_probes", "integer", "32768", "Accepted; results are complete either way", 1, 32768),
    # reported to the client
    Setting("application_name", "string", "", "Name of the client application", reported=True),
    Setting("client_encoding", "string", "UTF8", "The client's character set encoding", reported=True),
    Setting("DateStyle", "string", "ISO, MDY", "Display format for dates", reported=True),
    Setting("default_transaction_read_only", "bool", "off", "Default read-only status", reported=True),
    Setting("in_hot_standby", "bool", "off", "Whether hot standby is active", reported=True, read_only=True),
    Setting("integer_datetimes", "bool", "on", "Datetimes are integers", reported=True, read_only=True),
    Setting(
        "IntervalStyle",
        "enum",
        "postgres",
        "Display format for intervals",
        values=("postgres",),
        reported=True,
    ),
    Setting("is_superuser", "bool", "on", "Whether the user is a superuser", reported=True, read_only=True),
    Setting("scram_iterations", "integer", "4096", "SCRAM iteration count", 1, reported=True),
    Setting("search_path", "string", '"$user", public', "Schema search order", reported=True),
    Setting("server_encoding", "string", "UTF8", "The database's encoding", reported=True, read_only=True),
    Setting("server_version", "string", SERVER_VERSION, "The server's version", reported=True, read_only=True),
    Setting("session_authorization", "string", "", "The session's user", reported=True),
    Setting("role", "string", "none", "The current role"),
    Setting("standard_conforming_strings", "bool", "on", "'...' strings keep backslashes", reported=True),
    Setting("TimeZone", "string", "UTC", "The session's time zone", reported=True),
    # the rest that clients set or show
    Setting("server_version_num", "integer", SERVER_VERSION_NUM, "The server's version", read_only=True),
    Setting("extra_float_digits", "integer", "1", "Digits displayed for floats", -15, 3),
    Setting("bytea_output", "enum", "hex", "Output format for bytea", values=("hex", "escape")),
    Setting("client_min_messages", "enum", "notice", "Messages sent to the client", values=_LEVELS),
    Setting("statement_timeout", "integer", "0", "Longest run of a statement; 0 turns it off", unit="ms"),
    Setting("lock_timeout", "integer", "0", "Longest wait for a lock; 0 turns it off", unit="ms"),
    Setting("default_transaction_isolation", "enum", "read committed", "Default isolation", values=_ISOLATION),
    Setting("transaction_isolation", "enum", "read committed", "This transaction's isolation", values=_ISOLATION),
    Setting("transaction_read_only", "bool", "off", "This transaction's read-only status"),
    Setting("work_mem", "integer", "4096", "Accepted; the storage layer sizes itself", 64, unit="kB"),
    Setting("maintenance_work_mem", "integer", "65536", "Accepted; index builds size themselves", 64, unit="kB"),
    Setting("max_parallel_maintenance_workers", "integer", "2", "Accepted; builds use every core", 0, 1024),
    Setting("max_parallel_workers_per_gather", "integer", "2", "Accepted; the storage layer decides", 0, 1024),
    *(
        Setting(name, "string", "", text, read_only=True, changed_by="restart")
        for name, text in (
            ("data_directory", "Where the data is"),
            ("hba_file", "Where the rules of who may connect are"),
            ("listen_addresses", "Address listened on"),
            ("unix_socket_directories", "Where the Unix-domain socket is"),
        )
    ),
    *(
        Setting(name, "string", "", text, read_only=True, changed_by="reload")
        for name, text in (
            ("ssl_cert_file", "Where the server's certificate is"),
            ("ssl_key_file", "Where its private key is"),
            ("ssl_ca_file", "Where the authorities of client certificates are"),
        )
    ),
    Setting("ssl", "bool", "off", "Whether TLS is spoken", read_only=True, changed_by="reload"),
    Setting("port", "integer", "5432", "TCP port listened on", 1, 65535, read_only=True, changed_by="restart"),
    Setting(
        "authentication_timeout",
        "integer",
        "60",
        "How long a client may take to say who it is",
        1,
        600,
        unit="s",
        read_only=True,
        changed_by="reload",
    ),
    Setting(
        "max_connections",
        "integer",
        "100",
        "Largest number of sessions",
        1,
        262143,
        read_only=True,
        changed_by="restart",
    ),
    Setting(
        "superuser_reserved_connections",
        "integer",
        "3",
        "How many of them are kept for superusers",
        0,
        262143,
        read_only=True,
        changed_by="restart",
    ),
    Setting("max_identifier_length", "integer", "63", "Longest identifier, in bytes", read_only=True),
    Setting("max_index_keys", "integer", "32", "Most columns of an index", read_only=True),
    Setting("block_size", "integer", "8192", "Size of a block", read_only=True),
    Setting("shared_buffers", "integer", "16384", "Accepted for SHOW", read_only=True, unit="8kB"),
    Setting(
        "synchronous_commit",
        "enum",
        "on",
        "Every commit is on disk before it is acknowledged",
        values=("on",),
    ),
    Setting("row_security", "bool", "on", "There are no row security policies"),
    Setting("escape_string_warning", "bool", "on", "Accepted"),
    Setting("backslash_quote", "enum", "safe_encoding", "Accepted", values=("safe_encoding", "on", "off")),
    Setting("check_function_bodies", "bool", "on", "Accepted: there are no function bodies"),
    Setting("default_tablespace", "string", "", "Accepted when empty: there are no tablespaces"),
    Setting("default_table_access_method", "enum", "heap", "Table access method", values=("heap",)),
    Setting("xmloption", "enum", "content", "Accepted: there is no xml type", values=("content", "document")),
    Setting("idle_session_timeout", "integer", "0", "Longest idle time outside a transaction; 0: any", unit="ms"),
    Setting(
        "idle_in_transaction_session_timeout",
        "integer",
        "0",
        "Longest idle time in a transaction; 0 turns it off",
        unit="ms",
    ),
    Setting("transaction_timeout", "integer", "0", "Only 0, off, is served", 0, 0, unit="ms"),
    Setting("jit", "bool", "off", "Accepted"),
    *(
        _planner(n)
        for n in (
            "bitmapscan",
            "hashagg",
            "hashjoin",
            "indexonlyscan",
            "material",
            "mergejoin",
            "nestloop",
            "sort",
            "tidscan",
        )
    ),
    Setting("enable_indexscan", "bool", "on", "Whether a vector index may answer a query"),
    Setting("enable_seqscan", "bool", "on", "Whether small tables may be searched exactly despite an index"),
)

_BY_NAME = {s.name.lower(): s for s in SETTINGS}

#: Other names of a setting: the RuVector dialect's.
ALIASES = {
    "ruvector.ef_search": "hnsw.ef_search",
    "ruvector.hnsw_ef_search": "hnsw.ef_search",
    "ruvector.probes": "ivfflat.probes",
    "ruvector.ivfflat_probes": "ivfflat.probes",
    "timezone": "timezone",
}
#: Settings that say who the session acts for: RESET ALL leaves them alone.
IDENTITY = frozenset({"session_authorization", "role"})
#: Settings that SHOW ALL and pg_settings leave out.
UNLISTED = IDENTITY | {"is_superuser"}
#: Settings in a name space of an extension that is not loaded, or of the user's own, are kept as they are.
_CUSTOM = re.compile(r"^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)+$")
_RESERVED_PREFIXES = ("hnsw", "ivfflat")

_UNITS: dict[str, dict[str, float]] = {
    "ms": {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000},
    "s": {"us": 1e-6, "ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86_400},
    "kB": {"B": 1 / 1024, "kB": 1, "MB": 1024, "GB": 1024**2, "TB": 1024**3},
}
_UNITS["8kB"] = {unit: factor / 8 for unit, factor in _UNITS["kB"].items()}
_UNIT_HINTS = {
    "ms": 'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".',
    "kB": 'Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".',
}
_HOURS = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_MOST_HOURS = 168
_DATE_STYLES = {"ISO": "ISO", "SQL": "SQL", "POSTGRES": "Postgres", "GERMAN": "German"}
#: The last word of each may go on: EUROPEAN, NONEURO.
_DATE_ORDERS = {"YMD": ("YMD",), "DMY": ("DMY", "EURO"), "MDY": ("MDY", "US", "NONEURO")}
_TRUE = ("on", "true", "yes", "1", "t", "tr", "tru", "y", "ye")
_FALSE = ("off", "false", "no", "0", "f", "fa", "fal", "fals", "n", "of")


def lookup(name: str) -> Setting | None:
    """The setting of that name, or None for a custom one; 42704 when there is none of that name."""
    key = name.lower()
    found = _BY_NAME.get(ALIASES.get(key, key))
    if found is not None:
        return found
    if not _CUSTOM.match(name):
        raise SqlError("42704", f'unrecognized configuration parameter "{name}"')
    prefix = name.split(".", 1)[0]
    if prefix.lower() in _RESERVED_PREFIXES:
        raise SqlError(
            "42602",
            f'invalid configuration parameter name "{name}"',
            detail=f'"{prefix}" is a reserved prefix.',
        )
    return None


def check_value(setting: Setting, text: str) -> str:
    """The value in its canonical form; 22023 when the setting cannot take it."""
    if setting.kind == "bool":
        lowered = text.strip().lower()
        if setting.name == "standard_conforming_strings" and lowered in _FALSE:
            hint = "Write E'...' for a string with backslash escapes."
            raise SqlError("0A000", "standard_conforming_strings = off is not supported", hint=hint)
        if lowered in _TRUE or lowered in _FALSE:
            return "on" if lowered in _TRUE else "off"
        raise SqlError("22023", f'parameter "{setting.name}" requires a Boolean value')
    if setting.kind in ("integer", "real"):
        return _check_number(setting, text)
    if setting.kind == "enum":
        lowered = text.strip().lower()
        if lowered in setting.values:
            return lowered
        raise _invalid(setting, text, "Available values: " + ", ".join(setting.values) + ".")
    return _check_string(setting, text)


def _check_writable(setting: Setting | None) -> None:
    """55P02 for a setting that no session can change."""
    if setting is not None and setting.read_only:
        when = {"nothing": "", "reload": " now", "restart": " without restarting the server"}[setting.changed_by]
        raise SqlError("55P02", f'parameter "{setting.name}" cannot be changed{when}')


def _invalid(setting: Setting, text: str, hint: str | None = None) -> SqlError:
    return SqlError("22023", f'invalid value for parameter "{setting.name}": "{text}"', hint=hint)


def _check_number(setting: Setting, text: str) -> str:
    found = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*", text)
    if found is None:
        raise _invalid(setting, text)
    number, unit = float(found.group(1)), found.group(2)
    if unit:
        factors = _UNITS.get(setting.unit, {})
        if unit not in factors:
            raise _invalid(setting, text, _UNIT_HINTS.get(setting.unit))
        number *= factors[unit]
    if setting.kind == "integer":
        number = round(number)
    if not setting.minimum <= number <= setting.maximum:
        suffix = f" {setting.unit}" if setting.unit else ""
        shown = [
            f"{v:g}" if setting.kind == "real" else str(int(v)) for v in (number, setting.minimum, setting.maximum)
        ]
        raise SqlError(
            "22023",
            f'{shown[0]}{suffix} is outside the valid range for parameter "{setting.name}" '
            f"({shown[1]}{suffix} .. {shown[2]}{suffix})",
        )
    return f"{number:g}" if setting.kind == "real" else str(int(number))


def _check_string(setting: Setting, text: str) -> str:
    if setting.name == "TimeZone":
        return _check_time_zone(setting, text)
    if setting.name == "client_encoding":
        if text.strip().strip("'\"").lower().replace("-", "") in ("utf8", "unicode"):
            return "UTF8"
        raise SqlError("0A000", f'client encoding "{text}" is not supported', hint="Use UTF8.")
    if setting.name == "DateStyle":
        return _check_date_style(setting, text)
    return text


def _check_time_zone(setting: Setting, text: str) -> str:
    """A zone's name; a number is hours east of Greenwich."""
    name = text.strip()
    if name.lower() in ("utc", "gmt", "default", "z"):
        return {"utc": "UTC", "gmt": "GMT", "default": "UTC", "z": "UTC"}[name.lower()]
    if _HOURS.fullmatch(name) and abs(float(name)) < _MOST_HOURS:
        return offset_name(round(float(name) * 3600))
    zone = find_zone(name) if not name[:1].isdigit() and name[:1] not in "+-" else None
    if zone is None:
        raise _invalid(setting, text)
    return zone.name


def _check_date_style(setting: Setting, text: str) -> str:
    """An output style and an order of day, month and year, in any order; what is not said stays the default."""
    style, order = "", ""
    for word in re.split(r"[\s,]+", text.strip().upper()):
        known_style = _DATE_STYLES.get(word, "")
        known_order = next((o for o, words in _DATE_ORDERS.items() if word in words or word.startswith(words[-1])), "")
        if word == "DEFAULT":
            continue
        conflict = (known_style and style not in ("", known_style)) or (known_order and order not in ("", known_order))
        if conflict or not (known_style or known_order):
            detail = (
                'Conflicting "DateStyle" specifications.' if conflict else f'Unrecognized key word: "{word.lower()}".'
            )
            raise SqlError("22023", f'invalid value for parameter "{setting.name}": "{text}"', detail=detail)
        style, order = style or known_style, order or known_order
    if style == "German" and not order:
        order = "DMY"
    return f"{style or 'ISO'}, {order or 'MDY'}"


def show_value(setting: Setting | None, value: str) -> str:
    """The value as SHOW prints it: with its largest whole unit."""
    if setting is None or not setting.unit or value == "0":
        return value
    number = int(value)
    if setting.unit == "s":
        number *= 1000
    if setting.unit == "8kB":
        number, steps = number * 8, (("GB", 1024**2), ("MB", 1024), ("kB", 1))
    elif setting.unit == "kB":
        steps = (("GB", 1024**2), ("MB", 1024), ("kB", 1))
    else:
        steps = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1))  # type: ignore[assignment]
    return next(f"{number // size}{unit}" for unit, size in steps if number % size == 0)


class Mark(NamedTuple):
    """A session's settings at one moment."""

    session: dict[str, str]
    local: dict[str, str]


class Settings(Mapping[str, str]):
    """A session's settings, by name, any case. Values are canonical text."""

    def __init__(self, startup: Mapping[str, str], server: Mapping[str, str] | None = None) -> None:
        """`startup` is what the client began with, `server` what the server was started with."""
        #: Settings that follow from something else, and who knows their values.
        self.derived: dict[str, Callable[[], str]] = {}
        self._boot: dict[str, str] = dict(server or {})
        for name, value in startup.items():
            _check_writable(lookup(name))
            self._boot[self._key(name)] = self._checked(name, value)
        self._session: dict[str, str] = {}
        self._local: dict[str, str] = {}
        self._at_begin: dict[str, str] | None = None
        #: Bumped by every change: caches of values derived from settings compare it.
        self.generation = 0

    def _key(self, name: str) -> str:
        setting = lookup(name)
        return setting.name if setting is not None else name.lower()

    def _checked(self, name: str, value: str) -> str:
        setting = lookup(name)
        return value if setting is None else check_value(setting, value)

    def __getitem__(self, name: str) -> str:
        key = self._key(name)
        if key in self.derived:
            return self.derived[key]()
        for layer in (self._local, self._session, self._boot):
            if key in layer:
                return layer[key]
        setting = lookup(name)
        if setting is None:
            raise KeyError(name)
        return setting.default

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys([s.name for s in SETTINGS] + [*self._boot, *self._session, *self._local])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def show(self, name: str) -> str:
        """SHOW's text; 42704 for a name that was never set."""
        try:
            return show_value(lookup(name), self[name])
        except KeyError:
            raise SqlError("42704", f'unrecognized configuration parameter "{name}"') from None

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
        setting = lookup(name)
        return self._boot.get(self._key(name), "" if setting is None else setting.default)

    def begin_as(self, name: str, value: str) -> None:
        """Change what RESET goes back to; 55P02 for a read-only setting."""
        _check_writable(lookup(name))
        self._boot[self._key(name)] = self._checked(name, value)
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
