"""Functions of the session: who, where, when, settings, sequences.

Their template is the word "session": emission binds a `SessionValue(name, args)`, which the executor evaluates once,
before the statement runs. `SESSION_FUNCTIONS` is what it must know; arguments are constants or parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.system import PREFIX
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.registry import Value


def _session(name: str, args: str, result: str, *, defaults: int = 0) -> FunctionDef:
    return function(name, args, result, "session", volatile=True, strict=False, defaults=defaults)


def _advisory_locks() -> Iterator[FunctionDef]:
    """Each for one bigint or two integers."""
    for key in ("int8", "int4,int4"):
        for shared in ("", "_shared"):
            for scope in ("", "_xact"):
                yield _session(f"pg_advisory{scope}_lock{shared}", key, "void")
                yield _session(f"pg_try_advisory{scope}_lock{shared}", key, "bool")
            yield _session(f"pg_advisory_unlock{shared}", key, "bool")


SESSION_FUNCTIONS: tuple[FunctionDef, ...] = (
    _session("version", "", "text"),
    _session("current_database", "", "name"),
    _session("pg_client_encoding", "", "name"),
    _session("current_schema", "", "name"),
    _session("current_schemas", "bool", "name[]"),
    _session("current_user", "", "name"),
    _session("session_user", "", "name"),
    _session("user", "", "name"),
    _session("getpgusername", "", "name"),
    _session("system_user", "", "text"),
    _session("pg_backend_pid", "", "int4"),
    _session("now", "", "timestamptz"),
    _session("transaction_timestamp", "", "timestamptz"),
    _session("statement_timestamp", "", "timestamptz"),
    _session("clock_timestamp", "", "timestamptz"),
    _session("current_setting", "text,bool", "text", defaults=1),
    _session("set_config", "text,text,bool", "text"),
    _session("pg_current_xact_id", "", "xid8"),
    _session("pg_current_xact_id_if_assigned", "", "xid8"),
    _session("txid_current", "", "int8"),
    _session("txid_current_if_assigned", "", "int8"),
    _session("pg_postmaster_start_time", "", "timestamptz"),
    _session("pg_conf_load_time", "", "timestamptz"),
    _session("pg_reload_conf", "", "bool"),
    _session("pg_is_in_recovery", "", "bool"),
    _session("inet_server_addr", "", "inet"),
    _session("inet_server_port", "", "int4"),
    _session("inet_client_addr", "", "inet"),
    _session("inet_client_port", "", "int4"),
    _session("pg_sequence_last_value", "regclass", "int8"),
    _session("setval", "regclass,int8,bool", "int8", defaults=1),
    _session("pg_sleep", "float8", "void"),
    _session("pg_cancel_backend", "int4", "bool"),
    _session("pg_terminate_backend", "int4,int8", "bool", defaults=1),
    _session("pg_advisory_unlock_all", "", "void"),
    _session("ruvector_version", "", "text"),
    _session("ruvector_simd_info", "", "text"),
    _session("ruvector_memory_stats", "", "jsonb"),
    _session("ruvector_memory_detailed", "", "jsonb"),
    _session("ruvector_reset_peak_memory", "", "void"),
    _session("ruvector_index_maintenance", "text", "text"),
    _session("ruhnsw_index_info", "text", "jsonb"),
    _session("ruivfflat_index_info", "text", "jsonb"),
    *_advisory_locks(),
)


#: What every call does anew; the others have one value in a statement.
_VOLATILE = frozenset(
    {
        "clock_timestamp",
        "pg_cancel_backend",
        "pg_reload_conf",
        "pg_sleep",
        "pg_terminate_backend",
        "ruvector_index_maintenance",
        "ruvector_reset_peak_memory",
        "set_config",
        "setval",
    }
)


def is_volatile(name: str) -> bool:
    """Whether each call of a session function counts, also beside an equal one."""
    return name in _VOLATILE or name.startswith(("pg_advisory_", "pg_try_advisory_"))


class RowByRow(NamedTuple):
    """How DuckDB calls a session function: the types, and what stands for a last argument that is left out."""

    args: tuple[str, ...]
    result: str
    left_out: str = ""


#: Session functions that may also be called for each row of a query; the others want arguments known before.
ROW_BY_ROW: Mapping[str, RowByRow] = {
    "current_setting": RowByRow(("VARCHAR", "BOOLEAN"), "VARCHAR", "FALSE"),
    "set_config": RowByRow(("VARCHAR", "VARCHAR", "BOOLEAN"), "VARCHAR"),
    "pg_cancel_backend": RowByRow(("INTEGER",), "BOOLEAN"),
    "pg_terminate_backend": RowByRow(("INTEGER", "BIGINT"), "BOOLEAN", "0"),
}


#: Functions that the session answers with rows: whether the one argument, a name, may be left out, and the columns.
_REPORTS: dict[str, tuple[bool, dict[str, str]]] = {
    "ruvector_index_stats": (
        True,
        {
            "index_name": "text", "index_size_mb": "numeric", "vector_count": "int8", "dimensions": "int4",
            "build_time_seconds": "numeric", "fragmentation_pct": "numeric",
        },
    ),
    "ruvector_ivfflat_stats": (
        False,
        {
            "lists": "int4", "probes": "int4", "dimensions": "int4", "trained": "bool", "vector_count": "int8",
            "metric": "text",
        },
    ),
}  # fmt: skip
_DUCK_TYPES = {"text": "VARCHAR", "numeric": "VARCHAR", "int8": "BIGINT", "int4": "INTEGER", "bool": "BOOLEAN"}


_SEQUENCE = f"{PREFIX}pg_get_sequence_data"
_SEQUENCE_COLUMNS = (("last_value", "int8"), ("is_called", "bool"))
_SEQUENCE_ROWS = "STRUCT(last_value BIGINT, is_called BOOLEAN)[]"


def _reports() -> Iterator[FunctionDef]:
    for name, (optional, columns) in _REPORTS.items():
        for args, given in (("", "NULL"), ("text", "{1}")) if optional else (("text", "{1}"),):
            template = f"{PREFIX}{name}({{0}}, {given})"
            yield function(
                name, args, "record", template, volatile=True, returns_set=True, columns=tuple(columns.items())
            )


def udfs(call: Callable[[int, str, Sequence[Value]], Value]) -> tuple[Udf, ...]:
    """The functions for DuckDB; `call` does what the session with a process ID does for a function's name."""
    row_by_row = (
        Udf(f"{PREFIX}{name}", partial(_called, call, name), ("INTEGER", *f.args), f.result, "special", volatile=True)
        for name, f in ROW_BY_ROW.items()
    )
    data = partial(_called, call, "pg_get_sequence_data")
    return (
        *(_report(call, name) for name in _REPORTS),
        Udf(_SEQUENCE, data, ("INTEGER", "BIGINT"), _SEQUENCE_ROWS, "special", volatile=True),
        *row_by_row,
    )


def _called(call: Callable[[int, str, Sequence[Value]], Value], name: str, pid: int, *args: Value) -> Value:
    return call(pid, name, args)


def _report(call: Callable[[int, str, Sequence[Value]], Value], name: str) -> Udf:
    fields = ", ".join(f"{column} {_DUCK_TYPES[type_name]}" for column, type_name in _REPORTS[name][1].items())
    called = partial(_called, call, name)
    return Udf(f"{PREFIX}{name}", called, ("INTEGER", "VARCHAR"), f"STRUCT({fields})[]", "special", volatile=True)


FUNCTIONS: tuple[FunctionDef, ...] = (
    *SESSION_FUNCTIONS,
    *_reports(),
    function(
        "pg_get_sequence_data",
        "regclass",
        "record",
        f"{_SEQUENCE}({{0}}, {{1}})",
        volatile=True,
        returns_set=True,
        columns=_SEQUENCE_COLUMNS,
    ),
)
