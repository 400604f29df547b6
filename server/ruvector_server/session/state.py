"""What a session's conversation shares between its parts: output, statements, portals."""

from __future__ import annotations

from collections.abc import Callable

from ruvector_engine.errors import SqlError
from ruvector_engine.types.encodings import AS_UTF8, reader, writer
from ruvector_server.session.codecs import TextSettings, name_writer
from ruvector_server.session.engine import EngineSession
from ruvector_server.session.patience import Patience
from ruvector_server.session.statements import Portal, Statements
from ruvector_server.wire import backend
from ruvector_server.wire.decoder import FrontendDecoder


class SessionState:
    """One session after its start-up. `out` is what goes to the client next; the driver empties it."""

    __slots__ = (
        "_encoding",
        "cancelled",
        "decoder",
        "encode",
        "ending",
        "engine",
        "flush",
        "gone",
        "idle",
        "idle_seconds",
        "out",
        "patience",
        "portals",
        "skipping",
        "statements",
        "text",
    )

    def __init__(self, engine: EngineSession, out: bytearray, decoder: FrontendDecoder) -> None:
        self.engine = engine
        self.out = out
        self.decoder = decoder
        self.text = TextSettings(engine.settings, engine.read_name)
        self.statements = Statements(engine.statements, self.text)
        self._encoding = "UTF8"
        self.encode: Callable[[str], bytes] = (
            backend.utf8
        )  # text in messages; what cannot be told is told by question marks
        self.portals: dict[str, Portal] = {}
        self.skipping = False  # after an error in the extended protocol, up to Sync
        self.idle = True  # ReadyForQuery was the last word
        self.patience = Patience(engine.settings)
        self.idle_seconds = 0.0  # how long that may last; 0 for ever
        self.flush = False  # the client asked for what there is
        self.cancelled = False  # a cancel request came for what runs now
        self.gone = False  # the client has disconnected
        self.ending = False  # nothing more is read from the client

    def portal(self, name: str) -> Portal:
        """Return a portal; 34000 when there is none of that name."""
        found = self.portals.get(name)
        if found is None:
            raise SqlError("34000", f'portal "{name}" does not exist')
        return found

    def drop_portals(self) -> list[Callable[[], None]]:
        """Forget all portals, as at the end of a transaction; return what frees their results and may block."""
        closes = [close for portal in self.portals.values() if (close := portal.take_close())]
        self.portals.clear()
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
            for name, value in engine.changed_parameters:
                self.out += backend.parameter_status(name, value, self.encode)
            engine.changed_parameters.clear()
        if engine.notifications:
            self.report_notifications()
        status = engine.status
        self.out += backend.READY_FOR_QUERY[status]
        self.idle_seconds = self.patience.seconds(status)
        self.idle = True


def query_cancelled() -> SqlError:
    """The error of a statement that the user has cancelled."""
    return SqlError("57014", "canceling statement due to user request")
