"""A conversation without sockets or threads: messages go in, the answers come back, work is done on the spot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.server.fake_engine import FakeAccounts, FakeEngine, FakeSession
from tests.wire.client import Backend, encode, split

from ruvector_engine.verifiers import Verifier
from ruvector_server.access import Access, AccessFiles
from ruvector_server.session.conversation import Conversation
from ruvector_server.session.peer import Peer
from ruvector_server.session.registry import Registry
from ruvector_server.session.startup import Services
from ruvector_server.session.steps import Work
from ruvector_server.wire import messages as m

STARTUP = m.StartupMessage(3, 0, {"user": "ann", "database": "db"})


class Dialogue:
    """One client of a FakeEngine."""

    def __init__(
        self,
        engine: FakeEngine | None = None,
        *,
        verifier: Verifier | None = None,
        registry: Registry | None = None,
        rules: Path | None = None,
        peer: Peer | None = None,
        access: Access | None = None,
    ) -> None:
        self.engine = engine or FakeEngine(on_main_thread=True)
        self.registry = registry or Registry(10)
        self.sent: list[bytes] = []
        self.slow = False  # after each piece, the client needs time: see `catch_up`
        access = access or Access(AccessFiles(rules), FakeAccounts(verifier))
        services = Services(self.engine, self.registry, access)
        self.conversation = Conversation(services, self._send, self.cancel_request, self._wake, peer or Peer())
        self._rest = b""

    @classmethod
    def connected(cls, engine: FakeEngine | None = None) -> Dialogue:
        """A dialogue after its start-up."""
        dialogue = cls(engine)
        dialogue.send(STARTUP)
        dialogue.session.calls.clear()
        return dialogue

    @property
    def session(self) -> FakeSession:
        """The engine's side of it."""
        return self.engine.sessions[-1]

    def _send(self, data: bytes) -> None:
        self.sent.append(data)
        if self.slow:
            self.conversation.writable = False

    def catch_up(self) -> None:
        """The slow client has read what was sent."""
        self.conversation.writable = True
        self.run()

    def cancel_request(self) -> None:
        """What the registry calls for a cancel request that has come."""
        self.conversation.interrupt()
        if not self.conversation.working:
            self.run()

    def _wake(self) -> None:
        """Something has come for the session."""

    def run(self) -> None:
        """Go on until bytes or room are needed, doing all work."""
        while True:
            work = self.conversation.advance()
            if work is not None:
                self.do(work)
            elif not self.conversation.again:
                return

    def do(self, work: Work) -> None:
        """Do work here and now."""
        value: object = None
        failure: Exception | None = None
        try:
            value = work.call()
        except Exception as error:  # noqa: BLE001 - as the connection does
            failure = error
        self.conversation.finish_work(value, failure)

    def send_bytes(self, data: bytes) -> list[Backend]:
        """Send bytes; return what has come back whole."""
        self.conversation.feed(data)
        self.run()
        return self.received()

    def send(self, *messages: m.Frontend) -> list[Backend]:
        """Send messages in one piece; return the answers."""
        return self.send_bytes(b"".join(map(encode, messages)))

    def received(self) -> list[Backend]:
        """What has come since the last look."""
        found, self._rest = split(self._rest + b"".join(self.sent))
        self.sent.clear()
        return found


def brief(messages: Iterable[Backend]) -> list[str]:
    """Messages as lines: the name and what matters of the content."""
    return [_line(message) for message in messages]


def _line(message: Backend) -> str:
    content = message.content
    if message.name in ("ErrorResponse", "NoticeResponse") and isinstance(content, dict):
        return f"{message.name} {content['S']} {content['C']} {content['M']}"
    if message.name == "RowDescription" and isinstance(content, list):
        return f"RowDescription {' '.join(f'{row[0]}:{row[3]}:{row[6]}' for row in content)}".rstrip()
    if message.name == "DataRow" and isinstance(content, list):
        return f"DataRow {' '.join('NULL' if v is None else _shown(v) for v in content)}"
    if isinstance(content, bytes):
        return f"{message.name} {_shown(content)}"
    return message.name if content is None else f"{message.name} {content}"


def _shown(data: bytes) -> str:
    text = data.decode("latin-1")
    return text if text.isprintable() else data.hex()
