"""What can be set: each setting stands once in `SETTINGS`, with its kind, default, range and unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ruvector_engine.machine import memory

SERVER_VERSION = "18.1"
SERVER_VERSION_NUM = "180001"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `minimum` and `maximum` are in `unit`; `reported` ones go to the client as ParameterStatus.

    A `read_only` one is the server's own; `changed_by` says what of the server's would change it. `alias_of`: another
    name of that setting, with its value.
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
    guarded: bool = False  # tells of the server's machine, and is not for everybody's eyes
    more: str = ""  # what pg_settings adds to the description
    listed: bool = False  # the value is a list: SET takes several
    configurable: bool = True  # ALTER SYSTEM takes it; what no session can set and the command line gives, it does not
    alias_of: str = ""


@dataclass(frozen=True, slots=True)
class SettingOrigin:
    """Where a value is from, as pg_settings says it: `source`, what RESET goes back to, where in which file."""

    source: str = "default"
    reset_value: str = ""
    file: str | None = None
    line: int | None = None
    pending_restart: bool = False


def _planner(name: str) -> Setting:
    return Setting(f"enable_{name}", "bool", "on", f"Enables the planner's use of {name} plans.")


_PLPGSQL = (
    Setting("plpgsql.check_asserts", "bool", "on", "Perform checks given in ASSERT statements."),
    Setting(
        "plpgsql.variable_conflict",
        "enum",
        "error",
        "Sets handling of conflicts between PL/pgSQL variable names and table column names.",
        values=("error", "use_variable", "use_column"),
    ),
)
_SCAN = ("off", "relaxed_order", "strict_order")
_ITERATIVE = "Sets the mode for iterative scans"
_VECTOR_SEARCH = (
    Setting(
        "hnsw.ef_search",
        "integer",
        "40",
        "Sets the size of the dynamic candidate list for search",
        1,
        1000,
        more="Valid range is 1..1000.",
    ),
    Setting("hnsw.iterative_scan", "enum", "off", _ITERATIVE, values=_SCAN),
    Setting(
        "hnsw.max_scan_tuples", "integer", "20000", "Sets the max number of tuples to visit for iterative scans", 1
    ),
    Setting(
        "hnsw.scan_mem_multiplier", "real", "1", "Sets the multiple of work_mem to use for iterative scans", 1, 1000
    ),
    Setting("ivfflat.probes", "integer", "1", "Sets the number of probes", 1, 32768, more="Valid range is 1..lists."),
    Setting("ivfflat.iterative_scan", "enum", "off", _ITERATIVE, values=_SCAN[:2]),
    Setting("ivfflat.max_probes", "integer", "32768", "Sets the max number of probes for iterative scans", 1, 32768),
)
_BY_NAME = {setting.name: setting for setting in _VECTOR_SEARCH}
#: The RuVector dialect's names.
_ALIASES = {
    "ruvector.ef_search": "hnsw.ef_search",
    "ruvector.hnsw_ef_search": "hnsw.ef_search",
    "ruvector.probes": "ivfflat.probes",
    "ruvector.ivfflat_probes": "ivfflat.probes",
}

_ISOLATION = ("serializable", "repeatable read", "read committed", "read uncommitted")
_LEVELS = ("debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error")

#: Of 8 kB each: what storage gets at least, and unless told otherwise: a quarter of the memory, but half of little.
_LEAST_BUFFERS = 16_384
_LITTLE = 1 << 30
SHARED_BUFFERS = max((max(memory() // 4, min(memory() // 2, _LITTLE)) >> 20) * 128, _LEAST_BUFFERS)  # whole megabytes

SETTINGS: tuple[Setting, ...] = (
    *_VECTOR_SEARCH,
    *_PLPGSQL,
    *(replace(_BY_NAME[name], name=alias, alias_of=name) for alias, name in _ALIASES.items()),
    # reported to the client
    Setting("application_name", "string", "", "Name of the client application", reported=True),
    Setting("client_encoding", "string", "UTF8", "The client's character set encoding", reported=True),
    Setting("DateStyle", "string", "ISO, MDY", "Display format for dates", reported=True, listed=True),
    Setting("default_transaction_read_only", "bool", "off", "Default read-only status", reported=True),
    Setting("in_hot_standby", "bool", "off", "Whether hot standby is active", reported=True, read_only=True),
    Setting("integer_datetimes", "bool", "on", "Datetimes are integers", reported=True, read_only=True),
    Setting(
        "IntervalStyle",
        "enum",
        "postgres",
        "Display format for intervals",
        values=("postgres", "postgres_verbose", "sql_standard", "iso_8601"),
        reported=True,
    ),
    Setting("is_superuser", "bool", "on", "Whether the user is a superuser", reported=True, read_only=True),
    Setting("scram_iterations", "integer", "4096", "SCRAM iteration count", 1, reported=True),
    Setting("default_text_search_config", "string", "pg_catalog.english", "Default text search configuration"),
    Setting("search_path", "string", '"$user", public', "Schema search order", reported=True, listed=True),
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
    Setting("default_transaction_deferrable", "bool", "off", "Default deferrable status; no transaction waits"),
    Setting("transaction_deferrable", "bool", "off", "This transaction's deferrable status; it does not wait"),
    Setting("work_mem", "integer", "4096", "Accepted; the storage layer sizes itself", 64, unit="kB"),
    Setting("maintenance_work_mem", "integer", "65536", "Accepted; index builds size themselves", 64, unit="kB"),
    Setting("max_parallel_maintenance_workers", "integer", "2", "Accepted; builds use every core", 0, 1024),
    Setting("max_parallel_workers_per_gather", "integer", "2", "Accepted; the storage layer decides", 0, 1024),
    *(
        Setting(
            name,
            "string",
            "",
            text,
            read_only=True,
            changed_by="restart",
            configurable=False,
            guarded=name != "listen_addresses",
        )
        for name, text in (
            ("data_directory", "Where the data is"),
            ("hba_file", "Where the rules of who may connect are"),
            ("ident_file", "Where the maps of names to roles are"),
            ("listen_addresses", "Address listened on"),
            ("unix_socket_directories", "Where the Unix-domain socket is"),
        )
    ),
    *(
        Setting(name, "string", "", text, read_only=True, changed_by="reload", configurable=False)
        for name, text in (
            ("ssl_cert_file", "Where the server's certificate is"),
            ("ssl_key_file", "Where its private key is"),
            ("ssl_ca_file", "Where the authorities of client certificates are"),
        )
    ),
    Setting("ssl", "bool", "off", "Whether TLS is spoken", read_only=True, changed_by="reload", configurable=False),
    Setting(
        "port",
        "integer",
        "5432",
        "TCP port listened on",
        1,
        65535,
        read_only=True,
        changed_by="restart",
        configurable=False,
    ),
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
        configurable=False,
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
        configurable=False,
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
        configurable=False,
    ),
    Setting("max_identifier_length", "integer", "63", "Longest identifier, in bytes", read_only=True),
    Setting("max_index_keys", "integer", "32", "Most columns of an index", read_only=True),
    Setting("block_size", "integer", "8192", "Size of a block", read_only=True),
    Setting(
        "shared_buffers",
        "integer",
        str(SHARED_BUFFERS),
        "Memory that rows and what queries keep of them take; more goes to the disk",
        _LEAST_BUFFERS,
        2**30 - 1,
        unit="8kB",
        read_only=True,
        changed_by="restart",
    ),
    Setting(
        "synchronous_commit",
        "enum",
        "on",
        "Every commit is on disk before it is acknowledged",
        values=("on",),
    ),
    Setting("password_encryption", "enum", "scram-sha-256", "How passwords are kept", values=("md5", "scram-sha-256")),
    Setting("md5_password_warnings", "bool", "on", "Whether there are warnings about passwords kept as MD5 hashes"),
    Setting("createrole_self_grant", "string", "", "How a role that creates one becomes its member: set, inherit"),
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
    Setting("tcp_keepalives_idle", "integer", "0", "Silence before a client is asked for a sign", unit="s"),
    Setting("tcp_keepalives_interval", "integer", "0", "How long until it is asked again", unit="s"),
    Setting("tcp_keepalives_count", "integer", "0", "How often until it is taken for dead"),
    Setting("tcp_user_timeout", "integer", "0", "How long a client may not confirm what it was sent", unit="ms"),
    Setting("transaction_timeout", "integer", "0", "Only 0, off, is served", 0, 0, unit="ms"),
    Setting("jit", "bool", "off", "Accepted"),
    Setting("synchronize_seqscans", "bool", "on", "Accepted"),
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
    Setting("enable_indexscan", "bool", "on", "Enables the planner's use of index-scan plans."),
    Setting("enable_seqscan", "bool", "on", "Enables the planner's use of sequential-scan plans."),
)

#: Settings of this transaction or of who the session acts for, which no configuration can give.
OF_THE_MOMENT = frozenset(
    {"transaction_isolation", "transaction_read_only", "transaction_deferrable", "session_authorization", "role"}
)
#: Settings that say who the session acts for: RESET ALL leaves them alone.
IDENTITY = frozenset({"session_authorization", "role"})
#: Settings that SHOW ALL and pg_settings leave out.
UNLISTED = IDENTITY | {"is_superuser"}
