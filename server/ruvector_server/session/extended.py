"""The extended query protocol: a handler a message.

A handler answers at once and returns None, or returns steps when something may block. A prepared k-NN query takes
only the first way, and everything on it is measured: see `bench`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Result
from ruvector_server.session.codecs import RowCodec
from ruvector_server.session.engine import EngineSession, Prepared
from ruvector_server.session.running import command_complete, execute_last, row_codec, send_result
from ruvector_server.session.state import SessionState, no_portal
from ruvector_server.session.statements import Portal, Statement
from ruvector_server.session.steps import Steps, Work
from ruvector_server.wire import backend
from ruvector_server.wire.messages import Bind, Close, Describe, Execute, Flush, Parse, Sync

#: SQL longer than this (in characters) is parsed and analyzed on a worker thread.
LONG_SQL = 16 * 1024
#: A complete result of up to so many rows is encoded in one go.
FEW_ROWS = 256


def parse(state: SessionState, message: Parse) -> Steps[None] | None:
    """Parse: prepare a statement."""
    if not message.name:
        state.statements.drop("")
    if len(message.query) > LONG_SQL:
        return _parse_long(state, message)
    _store(state, message.name, _prepare(state.engine, message))
    return None


def _parse_long(state: SessionState, message: Parse) -> Steps[None]:
    _store(state, message.name, (yield Work(partial(_prepare, state.engine, message))))


def _prepare(engine: EngineSession, message: Parse) -> Prepared | None:
    raws = engine.parse(message.query)
    if not raws:
        return None
    if len(raws) > 1:
        raise SqlError("42601", "cannot insert multiple commands into a prepared statement")
    return engine.prepare(raws[0], message.parameter_oids)


def _store(state: SessionState, name: str, prepared: Prepared | None) -> None:
    state.statements.store(name, prepared)
    state.report_notices()
    state.out += backend.PARSE_COMPLETE


def bind(state: SessionState, message: Bind) -> Steps[None] | None:
    """Bind: make a portal of a statement and its parameters."""
    statement = state.statements.get(message.statement)
    engine = state.engine
    engine.check_runnable(statement.prepared)
    values = statement.values(message)
    name, formats = message.portal, message.result_formats
    replaced = state.portals.get(name)
    if replaced is not None and name:
        raise SqlError("42P03", f'cursor "{name}" already exists')
    if statement.rows is not None:
        statement.rows.check(formats)
    state.portals[name] = Portal(name, statement, values, formats, engine.savepoint_level)
    if replaced is not None and (close := replaced.take_close()):
        return _then(state, close, backend.BIND_COMPLETE)
    state.out += backend.BIND_COMPLETE
    return None


def _then(state: SessionState, close: Callable[[], None], answer: bytes) -> Steps[None]:
    yield Work(close)
    state.out += answer


def describe(state: SessionState, message: Describe) -> None:
    """Describe: what a statement or a portal takes and gives."""
    engine = state.engine
    if message.kind == "S":
        statement = state.statements.get(message.name)
        if statement.rows is not None:
            _check_described(state, statement)
        state.out += statement.describe()
        return
    portal = state.portals.get(message.name)
    if portal is not None:
        rows = portal.statement.rows
        if rows is not None and engine.status == "E":
            engine.check_runnable(portal.statement.prepared)
        state.out += backend.NO_DATA if rows is None else rows.row_description(portal.formats)
        return
    columns = engine.cursor_columns(message.name)  # a cursor of SQL's is a portal of that name too
    if columns is None:
        raise no_portal(message.name)
    state.out += RowCodec(columns, state.text).row_description(())


def _check_described(state: SessionState, statement: Statement) -> None:
    """Errors as PostgreSQL tells them: of a statement whose table has changed after its parameters."""
    try:
        state.engine.check_runnable(statement.prepared)
    except SqlError as error:
        if error.sqlstate != "25P02":
            state.out += backend.parameter_description(statement.parameters)
        raise


def execute(state: SessionState, message: Execute) -> Steps[None] | None:
    """Execute: run a portal, or go on with it."""
    portal = state.portals.get(message.portal)
    if portal is None:
        if state.engine.cursor_columns(message.portal) is None:
            raise no_portal(message.portal)
        return _fetch(state, message.portal, max(message.max_rows, 0))
    prepared = portal.statement.prepared
    if state.executed:
        state.engine.in_implicit_block = True
    state.executed = True
    if state.engine.status == "E":
        state.engine.check_runnable(prepared)
    if prepared is None:
        state.out += backend.EMPTY_QUERY_RESPONSE
        return None
    result = portal.result
    if result is None:
        result = state.engine.execute_now(prepared, portal.values)
        if result is None:
            return _execute(state, portal, prepared, max(message.max_rows, 0))
        if result.more is None and len(result.rows) <= FEW_ROWS and message.max_rows <= 0 and result.close is None:
            _answer(state, portal, result)
            return None
        portal.start(result)
    elif result.columns is None or result.copy is not None:
        raise SqlError("55000", f'portal "{message.portal}" cannot be run')
    return _continue(state, portal, result, max(message.max_rows, 0))


def _fetch(state: SessionState, cursor: str, limit: int) -> Steps[None]:
    """Execute a cursor of SQL's, which is a portal too."""
    state.engine.check_runnable(None)
    result: Result = yield Work(partial(state.engine.fetch, cursor, limit))
    rows = result.rows
    assert result.columns is not None
    state.out += RowCodec(result.columns, state.text).encoder(())(rows) if rows else b""
    state.out += backend.PORTAL_SUSPENDED if limit and len(rows) == limit else command_complete(result, len(rows))


def _answer(state: SessionState, portal: Portal, result: Result) -> None:
    """Send a complete small result."""
    portal.result = result
    if state.engine.notices:
        state.report_notices()
    rows = result.rows
    if rows:
        codec = row_codec(state, portal, result)
        if codec is not None:
            state.out += codec.encoder(portal.formats)(rows)
    state.out += command_complete(result, len(rows))


def _execute(state: SessionState, portal: Portal, prepared: Prepared, limit: int) -> Steps[None]:
    engine = state.engine
    last = limit == 0 and len(state.portals) == 1 and state.decoder.next_is_sync()
    run = partial(execute_last, engine) if last else engine.execute
    result: Result = yield Work(partial(run, prepared, portal.values))
    portal.start(result)
    yield from _continue(state, portal, result, limit)


def _continue(state: SessionState, portal: Portal, result: Result, limit: int) -> Steps[None]:
    state.out += yield from send_result(state, portal, result, limit=limit)


def close(state: SessionState, message: Close) -> Steps[None] | None:
    """Close: forget a statement or portal; that there is none of that name is no error."""
    if message.kind == "S":
        state.statements.drop(message.name)
    else:
        portal = state.portals.pop(message.name, None)
        if portal is not None and (free := portal.take_close()):
            return _then(state, free, backend.CLOSE_COMPLETE)
    state.out += backend.CLOSE_COMPLETE
    return None


def flush(state: SessionState, _message: Flush) -> None:
    """Flush: send what there is."""
    state.due = len(state.out)


def sync(state: SessionState, _message: Sync) -> Steps[None] | None:
    """Sync: the end of a pipeline, and of its implicit transaction."""
    engine = state.engine
    closes = state.drop_portals() if state.portals and engine.status == "I" else []
    if closes or engine.needs_sync:
        return finish_transaction(state, closes)
    state.ready()
    return None


def finish_transaction(state: SessionState, closes: list[Callable[[], None]]) -> Steps[None]:
    """Free portals, commit an implicit transaction, and say ReadyForQuery."""
    for free in closes:
        yield Work(free)
    if state.engine.needs_sync:
        yield Work(state.engine.sync)
    state.ready()
