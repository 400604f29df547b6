"""The driver of one client's conversation: reads messages, runs their handlers, says what work must be done.

Sans-IO: bytes come by `feed`, go by the `send` it was given, and what may block comes out of `advance` as Work. All
methods belong to one thread; only the call inside a Work runs elsewhere, and no other method but `feed` and
`interrupt` may be called until `finish_work`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Result
from ruvector_server.session import extended, fastpath, simple
from ruvector_server.session.patience import idle_too_long
from ruvector_server.session.peer import Peer
from ruvector_server.session.recovery import as_sql_error, recover
from ruvector_server.session.repeat import Repeats, Repetition
from ruvector_server.session.startup import Admission, Services, start_up
from ruvector_server.session.state import SessionState, query_cancelled, terminated
from ruvector_server.session.steps import ClientGone, Steps, Wait, Work
from ruvector_server.tls import Encryption
from ruvector_server.wire import backend
from ruvector_server.wire import messages as m
from ruvector_server.wire.decoder import FrontendDecoder
from ruvector_server.wire.errors import OldProtocol, ProtocolError
from ruvector_server.wire.phases import Phase

_log = logging.getLogger(__name__)

#: Seconds that a conversation may go on without a wait before other conversations have their turn.
TURN: Final = 0.005
#: Bytes of output that are sent before the next message is handled; less goes out with what follows.
EARLY_OUTPUT: Final = 64 * 1024


def _ignore(_state: SessionState, _message: object) -> None:
    """COPY messages that were on their way when the COPY failed."""


def _terminate(state: SessionState, _message: m.Terminate) -> None:
    state.ending = True


_HANDLERS: dict[type, Callable[[SessionState, Any], Steps[None] | None]] = {
    m.Query: simple.query,
    m.Parse: extended.parse,
    m.Bind: extended.bind,
    m.Describe: extended.describe,
    m.Execute: extended.execute,
    m.Close: extended.close,
    m.Flush: extended.flush,
    m.Sync: extended.sync,
    m.FunctionCall: fastpath.function_call,
    m.CopyDone: _ignore,
    m.Terminate: _terminate,
}


class Conversation:
    """One client, from its first byte to its last.

    `advance` goes on until it needs something: Work (do it, tell `finish_work`, advance again), bytes (`feed`, then
    advance), or room in the output (`writable`, then advance). Once `finished`, the connection should be closed.
    """

    def __init__(
        self,
        services: Services,
        send: Callable[[bytes], None],
        cancel: Callable[[], None],
        wake: Callable[[], None],
        peer: Peer,
    ) -> None:
        """`cancel` is called for a cancel request, `wake` (from any thread) when `advance` has something to tell."""
        self._services = services
        self._send = send
        self._peer = peer
        self._out = bytearray()
        self._decoder = FrontendDecoder()
        self._admission = Admission()
        self._state: SessionState | None = None
        self._steps: Steps[None] | None = None
        self._request: Work | Wait | None = None
        self._gone = False
        self._ending = False
        self._stopping = False
        self._closed = False
        self._repeats = Repeats()
        self.writable = True
        self.finished = False
        self.again = False  # `advance` returned only to give others a turn: call it soon
        self._begin(self._start_up(cancel, wake))

    # ------------------------------------------------------------ for the connection

    @property
    def established(self) -> bool:
        """Whether the client has a session."""
        return self._state is not None

    @property
    def working(self) -> bool:
        """Whether a Work that `advance` gave out is not finished."""
        return isinstance(self._request, Work)

    @property
    def buffered(self) -> int:
        """Bytes fed and not yet read as messages."""
        return self._decoder.buffered

    @property
    def idle_seconds(self) -> float:
        """How long the client may go on saying nothing, from now; 0 for ever. Then call `expire`."""
        state = self._state
        return state.idle_seconds if state is not None and state.idle and self._steps is None else 0

    def expire(self) -> None:
        """The client has been idle for too long. Then call `advance`."""
        state = self._state
        if self.idle_seconds and state is not None:
            self._out += backend.error_response(idle_too_long(state.engine.status))
            self._ending = True

    @property
    def wants_tls(self) -> bool:
        """Whether the stream is to be encrypted from here on; `secured` says that it is."""
        return self._request is Wait.TLS

    def take_unread(self) -> bytes:
        """Take back what was fed and not read: the client has begun to encrypt before it was told to."""
        return self._decoder.take_buffered()

    def secured(self, encryption: Encryption, send: Callable[[bytes], None]) -> None:
        """The stream is encrypted now, and `send` encrypts. Nothing that came in clear before counts any more."""
        self._send = send
        self._peer.encryption = encryption
        if self.wants_tls:
            self._resume(encryption, None)

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._decoder.feed(data)

    @property
    def at_rest(self) -> bool:
        """Whether everything received has been answered, outside a transaction, and the next message may come."""
        state = self._state
        if state is None or self._steps is not None or self._out or self._decoder.buffered or not self.writable:
            return False
        leaving = self._stopping or self._ending or self._gone
        return state.idle and not leaving and state.engine.status == "I"

    def recall(self, data: bytes) -> Repetition | None:
        """The query in `data`, if it repeats one that was answered before: for `reply`, once it has run."""
        if not self._repeats or not self.at_rest:
            return None
        assert self._state is not None
        return self._repeats.find(data, self._state)

    def reply(self, repetition: Repetition, result: Result | None) -> bool:
        """Send the answer to what `recall` gave; False if there is none, and its data must be fed."""
        answer = None if result is None or not self.at_rest else repetition.repeat.answer(result)
        if answer is None:
            repetition.repeat.misses += 1
            return False
        repetition.repeat.misses = 0
        self._send(answer)
        return True

    def remember(self, data: bytes) -> None:
        """Take note of `data`, fed before and answered by now, in case it is a query that comes again."""
        if data[:1] == b"B" and self.at_rest:
            assert self._state is not None
            if self._decoder.recodes:  # it is told from others by the bytes of names
                return
            self._repeats.note(data, self._state)

    def finish_work(self, value: object, error: BaseException | None) -> None:
        """Take what a Work returned or raised; then call `advance`."""
        self._request = None
        self._resume(value, error)

    def hang_up(self) -> None:
        """The client has gone: what runs is cancelled, and everything is given back. Then call `advance`."""
        if self._gone:
            return
        self._gone = True
        self._decoder.phase = Phase.CLOSED
        if self._state is not None:
            self._state.gone = True
        if self.working and not self._closed and self._admission.engine is not None:
            self._admission.engine.cancel()

    def interrupt(self) -> None:
        """Cancel what runs, if anything does. Then call `advance`, unless it is working."""
        state = self._state
        if state is None or self._steps is None or self._closed:
            return
        state.cancelled = True
        if self.working:
            state.engine.cancel()

    def stop(self) -> None:
        """Say goodbye as soon as nothing runs: the server shuts down. Then call `advance`, unless it is working."""
        self._stopping = True

    # ------------------------------------------------------------ going on

    def advance(self) -> Work | None:
        """Go on as far as possible without waiting; return the work to do, if it is work that is needed."""
        self.again = False
        deadline = monotonic() + TURN
        while not self.finished:
            if self._steps is not None:
                if not self._go_on(deadline):
                    break
            elif self._ending or self._gone:
                self._end()
            elif not self._has_room() or not self._handle_next():
                break
            elif monotonic() > deadline:
                self.again = True
                break
        request = self._request
        if isinstance(request, Work):
            if self._state is not None and self._state.due:
                self._flush(self._state.due)
            return request
        self._flush()
        return None

    def _has_room(self) -> bool:
        """Whether the client takes what is sent: a slow one's next message waits."""
        if len(self._out) >= EARLY_OUTPUT:
            self._flush()
        return self.writable

    def _flush(self, size: int | None = None) -> None:
        """Send what there is, or its first bytes."""
        if self._out:
            data = bytes(self._out[:size])
            del self._out[:size]
            if self._state is not None:
                self._state.due = 0
            if not self._gone:
                self._send(data)

    def _handle_next(self) -> bool:
        """Read and handle one message; False when there is none."""
        state = self._state
        assert state is not None
        if (self._stopping and state.idle) or state.engine.terminating:
            self._say_goodbye()
            return True
        try:
            message = self._decoder.next_message()
        except ProtocolError as error:
            if error.fatal or not state.skipping:
                self._begin(self._guarded(recover(state, error, None), None))
            return True
        if message is None:
            if self._stopping:
                self._say_goodbye()
                return True
            if state.idle and state.engine.notifications:
                state.report_notifications()
            return False
        kind = type(message)
        if state.skipping:
            if kind is m.Sync:
                state.skipping = False
            elif kind is not m.Terminate:
                return True
        state.idle = False
        try:
            steps = _HANDLERS[kind](state, message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the session survives it
            steps = recover(state, error, message)
        if steps is not None:
            state.cancelled = False
            state.engine.forget_cancel()
            self._begin(self._guarded(steps, message))
        elif state.ending:
            self._ending = True
        return True

    def _guarded(self, steps: Steps[None], message: m.Frontend | None) -> Steps[None]:
        state = self._state
        assert state is not None
        try:
            yield from steps
        except ClientGone:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the session survives it
            yield from recover(state, error, message)
        self._ending = self._ending or state.ending

    def _go_on(self, deadline: float) -> bool:
        """Give the suspended steps what they wait for; False when it is not there."""
        request = self._request
        if isinstance(request, Work):
            return False
        state = self._state
        if self._gone:
            self._resume(None, ClientGone())
        elif state is not None and state.cancelled:
            state.cancelled = False
            self._resume(None, query_cancelled())
        elif state is not None and state.engine.terminating:
            self._resume(None, terminated())
        elif request is Wait.MESSAGE:
            return self._give_message()
        elif request is Wait.TLS:
            if self._stopping:
                self._resume(None, terminated())
            return self._stopping
        else:
            self._flush()
            if not self.writable:
                return False
            if monotonic() > deadline:
                self.again = True
                return False
            self._resume(None, None)
        return True

    def _give_message(self) -> bool:
        if self._stopping and self._state is None:
            self._resume(None, terminated())
            return True
        try:
            message = self._decoder.next_message()
        except ProtocolError as error:
            self._resume(None, error)
            return True
        if message is None:
            return False
        self._resume(message, None)
        return True

    def _begin(self, steps: Steps[None]) -> None:
        self._steps = steps
        self._resume(None, None)

    def _resume(self, value: object, error: BaseException | None) -> None:
        steps = self._steps
        assert steps is not None
        try:
            self._request = steps.send(value) if error is None else steps.throw(error)
        except StopIteration:
            self._steps = self._request = None
        except Exception:  # noqa: BLE001 - logged; the session is given up
            # Recovery itself has failed: nothing is known of this session any more.
            _log.exception("a session ends because its recovery failed")
            self._steps = self._request = None
            self._out += backend.error_response(SqlError("XX000", "internal error", severity="FATAL"))
            self._ending = True

    # ------------------------------------------------------------ the beginning and the end

    def _start_up(self, cancel: Callable[[], None], wake: Callable[[], None]) -> Steps[None]:
        try:
            self._state = yield from start_up(
                self._services, self._admission, self._peer, cancel, self._out, self._decoder
            )
            self._ending = self._state is None
            if self._state is not None:
                self._state.engine.notifications.wake = wake
        except ClientGone:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the server survives it
            told = as_sql_error(error)
            told.severity = "FATAL"
            if isinstance(told, ProtocolError) and told.untold:
                _log.info("%s: %s", self._peer.address or "[local]", told.message)
            elif isinstance(told, OldProtocol):
                self._out += backend.error_response_2(told)
            else:
                self._out += backend.error_response(told)
            self._ending = True

    def _say_goodbye(self) -> None:
        self._out += backend.error_response(terminated())
        self._ending = True

    def _end(self) -> None:
        """Send the last words and give back what the session holds; the connection can be closed then."""
        self._decoder.phase = Phase.CLOSED
        self._flush()
        if not self._closed:
            self._closed = True
            self._begin(self._close())
        else:
            self.finished = True

    def _close(self) -> Steps[None]:
        closes = self._state.drop_portals() if self._state is not None else []
        engine, ticket = self._admission.engine, self._admission.ticket
        try:
            for close in closes:
                yield Work(close)
        finally:
            if engine is not None:
                yield Work(engine.close)
            if ticket is not None:
                self._services.registry.leave(ticket)
