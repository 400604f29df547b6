"""FunctionCall: one function called by its OID, without SQL; obsolete, but what libpq's large-object functions use."""

from __future__ import annotations

from functools import partial

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Result
from ruvector_server.session.codecs import RowCodec, parameter_decoders
from ruvector_server.session.extended import finish_transaction
from ruvector_server.session.running import execute_last
from ruvector_server.session.state import SessionState
from ruvector_server.session.steps import Steps, Work
from ruvector_server.wire import backend
from ruvector_server.wire.messages import FunctionCall

#: Bytes of a DataRow of one column before the value's length.
_ROW_HEAD = 7


def function_call(state: SessionState, message: FunctionCall) -> Steps[None]:
    """Call the function and send its value."""
    engine, given, formats = state.engine, message.arguments, message.argument_formats
    if engine.status == "E":
        engine.check_runnable(None)
    prepared, strict = engine.prepare_call(message.function, len(given))
    if len(formats) > 1 and len(formats) != len(given):
        raise SqlError(
            "08P01", f"function call message contains {len(formats)} argument formats but {len(given)} arguments"
        )
    decoders = parameter_decoders(prepared.description.parameters, formats, state.text.current(), engine.read_name)
    values = [None if data is None else decode(data) for decode, data in zip(decoders, given, strict=True)]
    value = backend.FUNCTION_CALL_NULL
    if not (strict and None in values):
        result: Result = yield Work(partial(execute_last, engine, prepared, values))
        assert result.columns is not None
        row = RowCodec(result.columns, state.text).encoder((message.result_format,))(result.rows)
        value = row[_ROW_HEAD:]
        if result.close is not None:
            yield Work(result.close)
    state.report_notices()
    state.out += backend.function_call_response(value)
    yield from finish_transaction(state, [])
