"""The COPY conversations. The data's formats are the business of `ruvector_server.copy`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ruvector_engine.errors import SqlError
from ruvector_engine.results import CopyIn, CopyOptions, CopyOut, CopySink, Result, Row
from ruvector_server.copy import CopyDecoder, CopyEncoder, copy_decoder, copy_encoder
from ruvector_server.session.file_copying import copy_from_file, copy_to_file
from ruvector_server.session.rows import send_rows
from ruvector_server.session.state import SessionState
from ruvector_server.session.statements import Portal
from ruvector_server.session.steps import Steps, Wait, Work
from ruvector_server.wire import backend
from ruvector_server.wire.messages import CopyData, CopyDone, CopyFail
from ruvector_server.wire.phases import Phase

#: Bytes of COPY data that are decoded in one go: a hop to the worker thread must be worth its while.
FEED_BYTES = 512 * 1024


def copy_in(state: SessionState, copy: CopyIn) -> Steps[str]:
    """Take data from the client until it says that it is done, or from a file; return the command tag."""
    if copy.path is not None:
        return (yield from copy_from_file(state, copy, copy.path, copy_decoder(copy, state.text.current())))
    state.out += backend.copy_in_response(_format_code(copy.options), len(copy.columns))
    state.decoder.phase = Phase.COPY_IN
    try:
        codec = copy_decoder(copy, state.text.current())
        rest = yield from _receive(state, codec)
        tag: str = yield Work(partial(_finish, codec, rest, copy.sink))
    except Exception:
        yield Work(copy.sink.abort)
        raise
    finally:
        if not state.ending:
            state.decoder.phase = Phase.READY
    return tag


def _receive(state: SessionState, codec: CopyDecoder) -> Steps[bytes]:
    """Decode data as it comes; return the last piece, not yet decoded."""
    pending: list[bytes] = []
    size = 0
    while True:
        message = yield Wait.MESSAGE
        match message:
            case CopyData(data):
                pending.append(data)
                size += len(data)
                if size >= FEED_BYTES:
                    yield Work(partial(codec.feed, b"".join(pending)))
                    state.check_cancelled()
                    pending, size = [], 0
            case CopyDone():
                return b"".join(pending)
            case CopyFail(reason):
                raise SqlError("57014", f"COPY from stdin failed: {reason}")
            case _:  # Flush and Sync mean nothing here, says the protocol
                pass


def _finish(codec: CopyDecoder, rest: bytes, sink: CopySink) -> str:
    codec.feed(rest)
    codec.finish()
    return sink.finish()


def copy_out(state: SessionState, portal: Portal, result: Result, copy: CopyOut) -> Steps[int]:
    """Send a result as COPY data, or write it into a file; return the number of rows.

    The client is told that data will come before the query runs, so that an error of the query comes after that.
    """
    columns = result.columns or ()
    encoder = copy_encoder(columns, copy.options, state.text.current())
    if copy.path is not None:
        return (yield from copy_to_file(state, portal, copy.path, encoder))
    state.out += backend.copy_out_response(_format_code(copy.options), len(columns))
    framed = _Framed(encoder)
    if copy.options.format != "binary":
        state.out += framed.header()
    state.due = len(state.out)
    sent = yield from send_rows(state, portal, framed.rows)
    state.out += framed.end() + backend.COPY_DONE
    return sent


class _Framed:
    """Encoded rows as CopyData messages, one a row as PostgreSQL sends them, which some clients rely on.

    A text header is a row of its own; the binary one stands before the first row in the same message.
    """

    def __init__(self, encoder: CopyEncoder) -> None:
        self._encoder = encoder
        self._header = encoder.header()

    def header(self) -> bytes:
        """Return the header's own message, if it has any to say."""
        header, self._header = self._header, b""
        return backend.copy_data([header]) if header else b""

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Return the messages for some rows."""
        return self._frame(self._encoder.rows(rows))

    def end(self) -> bytes:
        """Return the messages after the last row."""
        trailer = self._encoder.trailer()
        return self._frame([trailer] if trailer else [])

    def _frame(self, payloads: list[bytes]) -> bytes:
        header, self._header = self._header, b""
        if header:
            payloads = [header + payloads[0], *payloads[1:]]
        return backend.copy_data(payloads)


def _format_code(options: CopyOptions) -> int:
    return 1 if options.format == "binary" else 0
