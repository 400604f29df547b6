"""What a session's conversation shares between its parts: output, statements, portals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ruvector_engine.errors import SqlError
from ruvector_engine.types.encodings import AS_UTF8, reader, writer
from ruvector_server.session.codecs import TextSettings, name_writer
from ruvector_server.session.engine import EngineSession
from ruvector_server.session.patience import Patience
from ruvector_server.session.peer import TcpOptions
from ruvector_server.session.statements import Portal, Statements
from ruvector_server.wire import backend
from ruvector_server.wire.decoder import FrontendDecoder

#: The settings that are about a client's TCP socket.
TCP_SETTINGS = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")


class SessionState:
    """One session after its start-up. `out` is what goes to the client next; the driver empties it."""

    __slots__ = (
        "_encoding",
        "_tcp",
        "_tcp_generation",
        "cancelled",
        "decoder",
        "due",
        "encode",
        "ending",
        "engine",
        "executed",
        "gone",
        "idle",
        "idle_seconds",
        "out",
        "patience",
        "portals",
        "skipping",
        "statements",
        "text",
        "told",
    )

    def __init__(self, engine: EngineSession, out: bytearray, decoder: FrontendDecoder) -> None:
        self.engine = engine
        self.out = out
        self.decoder = decoder
        self.text = TextSettings(engine.settings, engine.read_name)
        self.statements = Statements(engine.statements, self.text)
        self._encoding = "UTF8"
        self._tcp: TcpOptions | None = None
        self._tcp_generation = -1
        self.encode: Callable[[str], bytes] = (
            backend.utf8
        )  # text in messages; what cannot be told is told by question marks
        self.portals: dict[str, Portal] = {}
        self.skipping = False  # after an error in the extended protocol, up to Sync
        self.idle = True  # ReadyForQuery was the last word
        self.patience = Patience(engine.settings)
        self.idle_seconds = 0.0  # how long that may last; 0 for ever
        self.told: dict[str, str] = {}  # the settings as the client knows them
        self.due = 0  # bytes of `out` that the client waits for
        self.executed = False  # something has been executed since the last ReadyForQuery
        self.cancelled = False  # a cancel request came for what runs now
        self.gone = False  # the client has disconnected
        self.ending = False  # nothing more is read from the client

    def drop_portals(self) -> list[Callable[[], None]]:
        """Forget all portals, as at the end of a transaction; return what frees their results and may block."""
        closes = self.end_portals()
        self.portals.clear()
        return closes

    def end_portals(self) -> list[Callable[[], None]]:
        """End all portals, whose names stay taken: a failed transaction. Return what frees their results."""
        return [close for portal in self.portals.values() if (close := portal.take_close())]

    def follow_savepoints(self, tag: str) -> list[Callable[[], None]]:
        """After RELEASE or ROLLBACK TO: portals made since that savepoint belong to the one before, or are gone.

        Returns what frees their results and may block.
        """
        level, closes = self.engine.savepoint_level, []
        for name, portal in list(self.portals.items()):
            if tag == "ROLLBACK" and portal.level >= level:
                del self.portals[name]
                if close := portal.take_close():
                    closes.append(close)
            portal.level = min(portal.level, level)
        return closes

    def check_cancelled(self) -> None:
        """57014 when a cancel request came since the statement began; for places where the engine does not look."""
        if self.cancelled:
            raise query_cancelled()

    def follow_encoding(self) -> None:
        """Read and write text from here on as client_encoding says."""
        encoding = self.engine.settings["client_encoding"]
        if encoding != self._encoding:
            self._encoding = encoding
            self.encode = name_writer(self.text.current())
            self.decoder.recode(None if encoding in AS_UTF8 else reader(encoding))
            self.statements.renew()

    def follow_socket(self, tcp: TcpOptions | None) -> None:
        """Have settings set this socket's options from here on, and SHOW show what it has; None: it has none, all 0."""
        self._tcp = tcp
        for name in TCP_SETTINGS:
            self.engine.settings.live[name] = partial(self._socket_value, name)

    def _socket_value(self, name: str) -> int:
        if self._tcp is None:
            return 0
        self._tcp.follow(self.engine.settings)
        return self._tcp.value(name)

    def error_response(self, error: SqlError) -> bytes:
        """ErrorResponse; of an error that the client's encoding has no characters for, that this is so."""
        if self._encoding in AS_UTF8:
            return backend.error_response(error)
        try:
            return backend.error_response(error, writer(self._encoding))
        except SqlError as untold:
            return backend.error_response(untold)

    def report_notices(self) -> None:
        """Send the notices that have come up."""
        notices = self.engine.notices
        if notices:
            for notice in notices:
                self.out += backend.notice_response(notice, self.encode)
            notices.clear()

    def report_parameters(self, now: Mapping[str, str]) -> None:
        """Send the settings that are not what the client was told last."""
        for name, value in now.items():
            if self.told.get(name) != value:
                self.told[name] = value
                self.out += backend.parameter_status(name, value, self.encode)

    def report_notifications(self) -> None:
        """Send what has come by NOTIFY, unless a transaction is under way."""
        if self.engine.status == "I":
            for pid, channel, payload in self.engine.notifications.take():
                self.out += backend.notification_response(pid, channel, payload, self.encode)

    def ready(self) -> None:
        """Send ReadyForQuery, and before it the settings that have changed and what has come by NOTIFY."""
        engine = self.engine
        if engine.notices:
            self.report_notices()
        if engine.changed_parameters:
            self.follow_encoding()
            self.report_parameters(dict(engine.changed_parameters))
            engine.changed_parameters.clear()
        if engine.notifications:
            self.report_notifications()
        if self._tcp is not None and self._tcp_generation != engine.settings.generation:
            self._tcp_generation = engine.settings.generation
            self._tcp.follow(engine.settings)
        status = engine.status
        self.out += backend.READY_FOR_QUERY[status]
        self.idle_seconds = self.patience.seconds(status)
        self.idle = True
        self.due = len(self.out)
        self.executed = engine.in_implicit_block = False


def no_portal(name: str) -> SqlError:
    """The error when there is no portal of a name."""
    return SqlError("34000", f'portal "{name}" does not exist')


def terminated() -> SqlError:
    """The last words to a session that an administrator ends, or the server's end."""
    return SqlError("57P01", "terminating connection due to administrator command", severity="FATAL")


def query_cancelled() -> SqlError:
    """The error of a statement that the user has cancelled."""
    return SqlError("57014", "canceling statement due to user request")
