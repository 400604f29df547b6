"""Running one statement to the point where its CommandComplete may follow; both query protocols end here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ruvector_engine.results import CopyIn, CopyOut, Result
from ruvector_engine.types.registry import Value
from ruvector_server.session.codecs import RowCodec
from ruvector_server.session.copying import copy_in, copy_out
from ruvector_server.session.engine import EngineSession, Prepared
from ruvector_server.session.rows import send_rows
from ruvector_server.session.state import SessionState
from ruvector_server.session.statements import Portal
from ruvector_server.session.steps import Steps, Work
from ruvector_server.wire import backend

#: The tags of RELEASE and ROLLBACK TO; what they mean for portals.
_SAVEPOINT_TAGS = ("RELEASE", "ROLLBACK")
#: What the tags of statements with RETURNING begin with.
_CHANGES = ("INSERT ", "UPDATE ", "DELETE ", "MERGE ")


@lru_cache(maxsize=1024)
def _counted(tag: str, rows: int) -> bytes:
    return backend.command_complete(f"{tag} {rows}")


def command_complete(result: Result, rows: int) -> bytes:
    """CommandComplete for a result of which so many rows were sent."""
    return _counted(result.tag, rows) if result.counted else backend.command_complete(result.tag)


def execute_last(engine: EngineSession, prepared: Prepared, values: Sequence[Value] = ()) -> Result:
    """Run (on a worker) a statement after which the implicit transaction ends: commits, if nothing is left to fetch.

    That saves a second trip to the worker thread, and CommandComplete tells the client that the commit has happened.
    """
    result = engine.execute(prepared, values)
    if result.more is None and result.copy is None and engine.needs_sync:
        engine.sync()
    return result


def row_codec(state: SessionState, portal: Portal, result: Result) -> RowCodec | None:
    """Return the codec for a result's rows: the statement's own, unless the result has other columns."""
    rows, columns = portal.statement.rows, result.columns
    if columns is None or (rows is not None and (rows.columns is columns or rows.columns == columns)):
        return rows
    return RowCodec(columns, state.text)


def send_result(
    state: SessionState, portal: Portal, result: Result, *, describe: bool = False, limit: int = 0
) -> Steps[bytes]:
    """Send a started portal's rows or do its COPY; return the message that ends it."""
    state.report_notices()
    suspended = portal.suspended and result.tag.startswith(_CHANGES)
    if isinstance(result.copy, CopyIn):
        tag = yield from copy_in(state, result.copy)
        state.report_notices()
        return backend.command_complete(tag)
    sent = 0
    if isinstance(result.copy, CopyOut):
        sent = yield from copy_out(state, portal, result, result.copy)
    elif (codec := row_codec(state, portal, result)) is not None:
        if describe:
            state.out += codec.row_description(portal.formats)
        sent = yield from send_rows(state, portal, codec.encoder(portal.formats), limit)
        if limit and sent == limit:
            portal.suspended = True
            return backend.PORTAL_SUSPENDED
    if close := portal.take_close():
        yield Work(close)
    if result.tag in _SAVEPOINT_TAGS and state.engine.status == "T":
        for close in state.follow_savepoints(result.tag):
            yield Work(close)
    state.report_notices()
    if state.engine.changed_parameters:  # in a pipeline, what comes next may be in the encoding that was just set
        state.follow_encoding()
    if suspended:  # of rows that changed something: the tag tells how many went out now
        return backend.command_complete(f"{result.tag.rpartition(' ')[0]} {sent}")
    return command_complete(result, sent)
