"""One client's socket: the only place that reads and writes it, and that sends blocking work to a thread.

Backpressure works both ways: a client that does not read stops its statement from fetching, and one that sends more
than its statements can take is not read from.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final, cast

from ruvector_engine.results import Result
from ruvector_server import sockets
from ruvector_server.busy_poll import BusyPoll
from ruvector_server.query_batch import QueryBatch
from ruvector_server.session.conversation import Conversation
from ruvector_server.session.repeat import Repetition
from ruvector_server.session.startup import Services
from ruvector_server.session.steps import Work
from ruvector_server.tls import HANDSHAKE_BYTE, TlsStream

_log = logging.getLogger(__name__)

#: Bytes that may wait to be sent before the conversation is told to pause.
OUTPUT_HIGH_WATER: Final = 256 * 1024
#: Bytes received beyond what runs; above it the client is not read from. COPY data is fed in pieces below this.
INPUT_HIGH_WATER: Final = 1024 * 1024


class Connection(asyncio.Protocol):
    """The asyncio side of a Conversation."""

    def __init__(
        self,
        services: Services,
        executor: Executor,
        busy_poll: BusyPoll,
        batch: QueryBatch,
        limits: sockets.Limits,
        on_made: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self._services = services
        self._executor = executor
        self._busy_poll = busy_poll
        self._batch = batch
        self._limits = limits
        self._tls: TlsStream | None = None
        self._direct = False  # TLS was there from the first byte
        self._incoming: Callable[[bytes], bytes] | None = None  # what bytes go through before they are messages
        self._repetition: Repetition | None = None  # in the batch, not answered yet
        self._on_made = on_made
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._reading = True
        self._connected = False
        self._idle_timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------ asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the conversation."""
        self._transport = transport = cast(asyncio.Transport, transport)
        self._connected = True
        transport.set_write_buffer_limits(high=OUTPUT_HIGH_WATER)
        sock = transport.get_extra_info("socket")
        try:
            self._peer = sockets.peer_of(sock)
        except OSError:  # `connection_lost` follows
            self._peer = sockets.NOBODY
            transport.abort()
        sockets.prepare(sock, self._limits)  # afterwards: the peer knows what the system had
        self._incoming = self._first_data if self._peer.address is not None else None
        self._conversation = Conversation(self._services, transport.write, self._cancel, self._wake, self._peer)
        self._timeout = self._loop.call_later(self._limits.authentication_timeout, self._authentication_timeout)
        self._on_made(self)

    def data_received(self, data: bytes) -> None:
        """Answer, at once if nothing has to wait."""
        if self._idle_timer is not None:
            self._stop_idle_timer()
        if self._incoming is not None:
            data = self._incoming(data)
            if not data:
                return
        if self._repetition is not None:
            self._batch.run()  # answers come in the order of the questions
        conversation = self._conversation
        repetition = conversation.recall(data)
        if repetition is not None:
            self._repetition = repetition
            self._batch.add(repetition.query, self._answered, now=self._busy_poll.is_lone(self))
            return
        self._take(data)
        if not conversation.working:
            conversation.remember(data)

    def _take(self, data: bytes) -> None:
        conversation = self._conversation
        conversation.feed(data)
        if not conversation.working:
            self._advance()
            if not conversation.working:
                self._busy_poll.answered(self)
        if self._reading and conversation.buffered > INPUT_HIGH_WATER and self._occupied():
            self._reading = False
            self._transport.pause_reading()

    def _answered(self, result: Result | None) -> None:
        """What was recalled has run, or has to be run the usual way."""
        repetition, self._repetition = self._repetition, None
        if repetition is None:
            return
        if self._conversation.reply(repetition, result):
            self._busy_poll.answered(self)
            self._start_idle_timer()
        else:
            self._take(repetition.data)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._conversation.writable = False

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._conversation.writable = True
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what runs and give everything back; the conversation then ends by itself."""
        if exc is not None:
            _log.debug("connection lost: %s", exc)
        self._connected = False
        self._repetition = None
        self._timeout.cancel()
        self._stop_idle_timer()
        self._conversation.hang_up()
        if self._conversation.finished:
            self._on_lost(self)
        else:
            self._go_on()

    # ------------------------------------------------------------ for the server

    def stop(self) -> None:
        """End as soon as nothing runs."""
        if self._repetition is not None:
            self._batch.run()
        self._conversation.stop()
        self._go_on()

    def abort(self) -> None:
        """End now: what runs is cancelled and what is not sent is dropped."""
        self._transport.abort()

    # ------------------------------------------------------------ encryption

    def _first_data(self, data: bytes) -> bytes:
        """Look whether the client begins with TLS, without asking."""
        self._incoming = None
        if data[0] != HANDSHAKE_BYTE:
            return data
        self._direct = True
        if self._services.access.tls is None:
            _log.info("%s began with TLS, and there is no certificate", self._peer.address)
            self._transport.close()
            return b""
        self._begin_tls()
        return self._decrypt(data)

    def _begin_tls(self) -> None:
        tls = self._services.access.tls
        assert tls is not None
        self._tls = TlsStream(tls, self._transport.write)
        self._incoming = self._decrypt

    def _decrypt(self, data: bytes) -> bytes:
        stream = self._tls
        assert stream is not None
        begun = stream.established
        try:
            plain = stream.receive(data)
        except ssl.SSLError as error:
            _log.info("could not accept SSL connection from %s: %s", self._peer.address, error.reason or error)
            self._transport.close()
            return b""
        if stream.established and not begun:
            if self._direct and not stream.negotiated_alpn:
                _log.info("%s began with TLS, but not for PostgreSQL's protocol", self._peer.address)
                self._transport.close()
                return b""
            self._conversation.secured(stream.encryption(), stream.send)
        if stream.ended:
            self._loop.call_soon(self._transport.close)
        return plain

    # ------------------------------------------------------------ inside

    def _cancel(self) -> None:
        self._conversation.interrupt()
        self._go_on()

    def _wake(self) -> None:
        """Something has come for an idle client. On any thread."""
        self._loop.call_soon_threadsafe(self._go_on)

    def _start_idle_timer(self) -> None:
        """The client has been answered: if its patience is bounded, it runs from here."""
        self._stop_idle_timer()
        if self._connected and (seconds := self._conversation.idle_seconds):
            self._idle_timer = self._loop.call_later(seconds, self._idle_too_long)

    def _stop_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _idle_too_long(self) -> None:
        self._idle_timer = None
        self._conversation.expire()
        self._go_on()

    def _authentication_timeout(self) -> None:
        if not self._conversation.established:
            _log.info("canceling authentication of %s due to timeout", self._peer.address or "[local]")
            self._transport.abort()

    def _occupied(self) -> bool:
        """Whether the conversation cannot take more input now, so that what is there is not one long message."""
        return self._conversation.working or not self._conversation.writable

    def _go_on(self) -> None:
        if not self._conversation.working:
            self._advance()

    def _advance(self) -> None:
        conversation = self._conversation
        work = conversation.advance()
        if work is not None:
            self._executor.submit(self._work, work)
        elif conversation.finished:
            self._finish()
        elif conversation.wants_tls and self._tls is None:
            self._begin_tls()
            if early := conversation.take_unread():
                self._decrypt(early)  # a handshake takes more than one turn: nothing comes of it yet
        elif conversation.again:
            self._loop.call_soon(self._go_on)
        else:
            if not self._reading and conversation.writable:
                self._reading = True
                self._transport.resume_reading()
            self._start_idle_timer()

    def _work(self, work: Work) -> None:
        """Do work; on a worker thread."""
        value: object = None
        failure: BaseException | None = None
        try:
            value = work.call()
        except BaseException as error:  # noqa: BLE001 - handed to the conversation, which reports it
            failure = error
        self._loop.call_soon_threadsafe(self._work_done, value, failure)

    def _work_done(self, value: object, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, Exception):
            error = RuntimeError(f"{type(error).__name__} on a worker thread")
        self._conversation.finish_work(value, error)
        self._advance()

    def _finish(self) -> None:
        """Both ends must be over: the conversation, and the socket, which may have something left to send."""
        self._timeout.cancel()
        if self._connected:
            if self._tls is not None:
                self._tls.close()
            self._transport.close()
        else:
            self._on_lost(self)
