"""What happens to a session when something has gone wrong: what the client is told, and where it may go on."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ruvector_engine.errors import SqlError
from ruvector_server.session.engine import EngineSession
from ruvector_server.session.state import SessionState, terminated
from ruvector_server.session.steps import Steps, Work
from ruvector_server.wire.errors import LostSync, ProtocolError
from ruvector_server.wire.messages import Bind, Close, Describe, Execute, Flush, Frontend, Parse

_log = logging.getLogger(__name__)

#: After an error in one of these, everything up to Sync is skipped; after any other, ReadyForQuery follows.
_EXTENDED = (Parse, Bind, Describe, Execute, Close, Flush)
_EXTENDED_TYPES = frozenset(b"PBDECH")


def as_sql_error(error: Exception) -> SqlError:
    """Return the error for the client; one that no client should ever see is logged with its traceback."""
    if isinstance(error, SqlError):
        return error
    if isinstance(error, RecursionError):
        return SqlError("54001", "stack depth limit exceeded", hint="Make the statement less deeply nested.")
    if isinstance(error, MemoryError):
        return SqlError("53200", "out of memory")
    _log.error("internal error", exc_info=error)
    return SqlError("XX000", f"internal error: {type(error).__name__}", hint="The server's log says more.")


def recover(state: SessionState, error: Exception, message: Frontend | None) -> Steps[None]:
    """Report an error that `message` (None: one that could not be read) has caused, and get ready for what follows."""
    told = as_sql_error(error)
    if told.sqlstate == "57014" and state.engine.terminating:
        told = terminated()
    state.report_notices()
    if told.severity in ("FATAL", "PANIC"):
        _end(state, told)
        return
    state.out += state.error_response(told)
    engine, closes = state.engine, state.end_portals()
    if closes or engine.needs_sync or engine.status != "I":
        yield Work(lambda: _abort(engine, closes))
    if engine.status == "I":
        state.portals.clear()
    if _extended(error, message):
        state.skipping = True
    else:
        state.ready()


def _end(state: SessionState, error: SqlError) -> None:
    """Say why the session ends, if the client is to know."""
    state.ending = True
    if isinstance(error, ProtocolError) and error.untold:
        _log.info("a session ends: %s", error.message)
        return
    if isinstance(error, LostSync):
        error.severity = "ERROR"
        state.out += state.error_response(error)
        text = "terminating connection because protocol synchronization was lost"
        error = ProtocolError(text, fatal=True)
    state.out += state.error_response(error)


def _extended(error: Exception, message: Frontend | None) -> bool:
    if message is None:
        return isinstance(error, ProtocolError) and error.message_type in _EXTENDED_TYPES
    return isinstance(message, _EXTENDED)


def _abort(engine: EngineSession, closes: list[Callable[[], None]]) -> None:
    try:
        for close in closes:
            close()
    finally:
        engine.fail()
