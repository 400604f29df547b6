"""Functions whose answer the session knows: evaluated once, before the statement that calls them runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ruvector_engine.advisory_locks import Key, Kind
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import ruvector_reports, sequence_values
from ruvector_engine.executor.server_rights import check_may_cancel, check_may_reload, check_may_terminate
from ruvector_engine.executor.setting_values import reset_value, set_value, shown_value
from ruvector_engine.setting_definitions import SERVER_VERSION
from ruvector_engine.sql.storage import EPOCH_SHIFT
from ruvector_engine.text_search import to_query
from ruvector_engine.text_search.dictionaries import CONFIGURATIONS, configuration, known
from ruvector_engine.types.networks import parse_inet
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: How often a sleeper looks whether it was cancelled, in seconds.
_NAP = 0.05
_EMPTY_QUERY = "text-search query contains only stop words or doesn't contain lexemes, ignored"


def micros(moment: float) -> int:
    """A time() as a timestamptz's Python form."""
    return round(moment * 1_000_000) - EPOCH_SHIFT


def call(session: Session, name: str, args: Sequence[Value]) -> Value:
    """The value of one call; 0A000 for a function that is known by name only."""
    function = _FUNCTIONS.get(name)
    if function is None:
        raise not_supported(f"function {name}() is not supported")
    return function(session, *args)


def _current_schema(session: Session) -> str | None:
    return next((s for s in session.search_path if s in session.catalog.schemas), None)


def _current_schemas(session: Session, implicit: Any) -> list[str]:
    existing = [s for s in session.search_path if s in session.catalog.schemas or s == "pg_catalog"]
    return existing if implicit else [s for s in existing if s != "pg_catalog"]


def _current_setting(session: Session, name: Any, missing_ok: Any = False) -> str | None:
    if name is None or missing_ok is None:
        return None
    try:
        return shown_value(session, str(name))
    except SqlError as error:
        if missing_ok and error.sqlstate != "42501":
            return None
        raise


def _current_configuration(session: Session) -> int:
    return CONFIGURATIONS[known(session.settings["default_text_search_config"])]


def _to_query(maker: str) -> Callable[..., Value]:
    def make(session: Session, oid: Any, text: Any) -> str | None:
        if oid is None or text is None:
            return None
        query = to_query.made(maker, configuration(int(oid)), str(text))
        if not query:
            session.notice("00000", _EMPTY_QUERY)
        return query

    return make


def _set_config(session: Session, name: Any, value: Any, local: Any) -> str:
    if name is None:
        raise SqlError("22004", "SET requires parameter name")
    if value is None:
        reset_value(session, str(name), local=bool(local))
    else:
        set_value(session, str(name), str(value), local=bool(local))
    return shown_value(session, str(name))


def _sleep(session: Session, seconds: Any) -> str:
    until = time.monotonic() + float(seconds or 0)
    while (left := until - time.monotonic()) > 0:
        session.check_cancelled()
        time.sleep(min(left, _NAP))
    return ""


def _backend(session: Session, pid: Any) -> Session | None:
    """The session with a process ID, with a warning when there is none."""
    other = session.database.sessions.get(int(pid))
    if other is None:
        session.notice("01000", f"PID {pid} is not a PostgreSQL backend process", "WARNING")
    return other


def _cancel(session: Session, pid: Any) -> bool | None:
    if pid is None:
        return None
    other = _backend(session, pid)
    if other is None:
        return False
    check_may_cancel(session, other)
    other.cancel()
    session.check_cancelled()  # it may be this one
    return True


def _terminate(session: Session, pid: Any, timeout: Any = 0) -> bool | None:
    """`timeout`: how many milliseconds to wait for its end."""
    if pid is None or timeout is None:
        return None
    if timeout < 0:
        raise SqlError("22003", '"timeout" must not be negative')
    other = _backend(session, pid)
    if other is None:
        return False
    check_may_terminate(session, other)
    other.terminate()
    session.check_cancelled()  # it may be this one
    until = time.monotonic() + int(timeout) / 1000
    while timeout and session.database.sessions.get(int(pid)) is other:
        session.check_cancelled()
        if time.monotonic() > until:
            text = f"backend with PID {pid} did not terminate within {timeout} millisecond{'' if timeout == 1 else 's'}"
            session.notice("01000", text, "WARNING")
            return False
        time.sleep(min(timeout / 1000, _NAP))
    return True


def _reload(session: Session) -> bool:
    check_may_reload(session)
    session.database.reload()
    return True


def _maintain_index(session: Session, name: Any) -> str | None:
    return None if name is None else ruvector_reports.maintain_index(session, str(name))


def _advisory_lock(shared: bool, transaction: bool) -> Callable[..., Value]:
    kind = Kind(shared, transaction)

    def lock(session: Session, *numbers: Any) -> str | None:
        if None in numbers:
            return None
        timeout = int(session.settings["lock_timeout"]) / 1000 or None
        locks = session.database.advisory_locks
        locks.acquire(
            session.pid, Key.of(session.published.oid, numbers), kind, timeout=timeout, check=session.check_cancelled
        )
        return ""

    return lock


def _try_advisory_lock(shared: bool, transaction: bool) -> Callable[..., Value]:
    kind = Kind(shared, transaction)

    def lock(session: Session, *numbers: Any) -> bool | None:
        if None in numbers:
            return None
        return session.database.advisory_locks.try_acquire(session.pid, Key.of(session.published.oid, numbers), kind)

    return lock


def _advisory_unlock(shared: bool) -> Callable[..., Value]:
    def unlock(session: Session, *numbers: Any) -> bool | None:
        if None in numbers:
            return None
        released = session.database.advisory_locks.release(
            session.pid, Key.of(session.published.oid, numbers), shared=shared
        )
        if not released:
            name = "ShareLock" if shared else "ExclusiveLock"
            session.notice("01000", f"you don't own a lock of type {name}", "WARNING")
        return released

    return unlock


def _advisory_unlock_all(session: Session) -> str:
    session.database.advisory_locks.release_all(session.pid, transaction=False)
    return ""


def _transaction_id(session: Session) -> int:
    """The transaction's number, given out when it is first asked for."""
    transaction = session.transaction
    if transaction.number is None:
        transaction.number = session.database.next_transaction_number()
    return transaction.number


def _assigned_transaction_id(session: Session) -> int | None:
    return _transaction_id(session) if session.transaction.writes else session.transaction.number


_ADVISORY: dict[str, Callable[..., Value]] = {"pg_advisory_unlock_all": _advisory_unlock_all}
for _shared, _suffix in ((False, ""), (True, "_shared")):
    _ADVISORY[f"pg_advisory_unlock{_suffix}"] = _advisory_unlock(_shared)
    for _transaction, _scope in ((False, ""), (True, "_xact")):
        _ADVISORY[f"pg_advisory{_scope}_lock{_suffix}"] = _advisory_lock(_shared, _transaction)
        _ADVISORY[f"pg_try_advisory{_scope}_lock{_suffix}"] = _try_advisory_lock(_shared, _transaction)

_FUNCTIONS: dict[str, Callable[..., Value]] = {
    "version": lambda _s: f"PostgreSQL {SERVER_VERSION} (ruvector-server 0.1.0)",
    "current_database": lambda s: s.database_name,
    "pg_client_encoding": lambda s: s.settings["client_encoding"],
    "current_catalog": lambda s: s.database_name,
    "current_schema": _current_schema,
    "current_schemas": _current_schemas,
    "current_user": lambda s: s.user,
    "current_role": lambda s: s.user,
    "session_user": lambda s: s.identity.session.name,
    "user": lambda s: s.user,
    "getpgusername": lambda s: s.user,
    "pg_backend_pid": lambda s: s.pid,
    "now": lambda s: micros(s.transaction_time),
    "transaction_timestamp": lambda s: micros(s.transaction_time),
    "statement_timestamp": lambda s: micros(s.statement_time),
    "clock_timestamp": lambda _s: micros(time.time()),
    "current_setting": _current_setting,
    "set_config": _set_config,
    "pg_postmaster_start_time": lambda s: micros(s.database.started_at),
    "pg_conf_load_time": lambda s: micros(s.database.configured_at),
    "pg_reload_conf": _reload,
    "inet_client_addr": lambda s: None if s.client_address is None else parse_inet(s.client_address),
    "inet_client_port": lambda s: s.client_port if s.client_address is not None else None,
    "pg_is_in_recovery": lambda _s: False,
    "setval": sequence_values.set_value,
    "pg_sequence_last_value": sequence_values.last_value,
    "pg_get_sequence_data": sequence_values.data,
    "sequence_last_value": sequence_values.read_last,
    "sequence_is_called": sequence_values.read_called,
    "pg_sleep": _sleep,
    "pg_cancel_backend": _cancel,
    "pg_terminate_backend": _terminate,
    "system_user": lambda s: s.system_user,
    "pg_current_xact_id": _transaction_id,
    "pg_current_xact_id_if_assigned": _assigned_transaction_id,
    "txid_current": _transaction_id,
    "txid_current_if_assigned": _assigned_transaction_id,
    **_ADVISORY,
    "get_current_ts_config": _current_configuration,
    **{name: _to_query(name) for name in to_query.MAKERS},
    "ruvector_version": ruvector_reports.version,
    "ruvector_simd_info": ruvector_reports.simd,
    "ruvector_memory_stats": ruvector_reports.memory_stats,
    "ruvector_memory_detailed": ruvector_reports.memory_detailed,
    "ruvector_reset_peak_memory": ruvector_reports.reset_peak_memory,
    "ruvector_index_stats": ruvector_reports.index_stats,
    "ruvector_ivfflat_stats": ruvector_reports.ivfflat_stats,
    "ruhnsw_index_info": ruvector_reports.hnsw_index_info,
    "ruivfflat_index_info": ruvector_reports.ivfflat_index_info,
    "ruvector_index_maintenance": _maintain_index,
}
