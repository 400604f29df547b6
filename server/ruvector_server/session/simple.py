"""The simple query protocol: a text of statements, which are one implicit transaction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ruvector_server.session.engine import Prepared
from ruvector_server.session.extended import LONG_SQL, finish_transaction
from ruvector_server.session.running import execute_last, send_result
from ruvector_server.session.state import SessionState
from ruvector_server.session.statements import Portal, Statement
from ruvector_server.session.steps import ClientGone, Steps, Work
from ruvector_server.wire import backend
from ruvector_server.wire.messages import Query


def query(state: SessionState, message: Query) -> Steps[None]:
    """Query: run every statement of the text."""
    state.statements.drop("")
    unnamed = state.portals.pop("", None)
    if unnamed is not None and (close := unnamed.take_close()):
        yield Work(close)
    engine, text = state.engine, message.query
    raws: Sequence[Any] = (yield Work(partial(engine.parse, text))) if len(text) > LONG_SQL else engine.parse(text)
    if not raws:
        state.out += backend.EMPTY_QUERY_RESPONSE
    engine.in_implicit_block = len(raws) > 1
    for number, raw in enumerate(raws, 1):
        if state.gone:
            raise ClientGone
        prepared: Prepared = (yield Work(partial(engine.prepare, raw))) if len(text) > LONG_SQL else engine.prepare(raw)
        yield from _run(state, prepared, last=number == len(raws))
    closes = state.drop_portals() if engine.status == "I" else []
    yield from finish_transaction(state, closes)


def _run(state: SessionState, prepared: Prepared, *, last: bool) -> Steps[None]:
    """Run one statement. The last one's CommandComplete follows the commit: it tells the client that all is safe."""
    engine = state.engine
    portal = state.portals[""] = Portal("", Statement("", prepared, state.text), (), (), engine.savepoint_level)
    result = engine.execute_now(prepared)
    if result is None:
        result = yield Work(partial(execute_last, engine, prepared) if last else partial(engine.execute, prepared))
    portal.start(result)
    complete = yield from send_result(state, portal, result, describe=True)
    state.portals.pop("", None)
    if last and engine.needs_sync:
        yield Work(engine.sync)
    state.out += complete
