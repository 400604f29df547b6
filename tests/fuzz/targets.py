"""What is fuzzed: bytes of a client, before and after login. Whatever they are, every one of these holds:

* no exception leaves the conversation, and none is logged as an internal error;
* it does not hang: it ends its work with every input, and ends altogether when the client goes;
* nothing stays: all sessions are closed, nothing is buffered but what came in;
* what goes out is whole messages.

`login` and `stream` take bytes as they are; `messages` and `database` frame them, so that a changed length does not end
most conversations at their first message: a type byte, two bytes of length, and so many bytes of body.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from struct import pack, unpack_from

from tests.server.dialogue import STARTUP, Dialogue
from tests.server.fake_engine import FakeEngine
from tests.wire.client import encode

from ruvector_engine.database import Database
from ruvector_engine.verifiers import Verifier
from ruvector_server.access import Access, AccessFiles
from ruvector_server.session.conversation import Conversation
from ruvector_server.session.peer import Peer
from ruvector_server.session.registry import Registry
from ruvector_server.session.startup import Services
from ruvector_server.session.steps import Work
from ruvector_server.wire import messages as m

METHODS = ("trust", "scram-sha-256", "password", "md5", "reject")
#: Milliseconds that a statement of the real engine may take.
STATEMENT_TIMEOUT = 500


class _Watch(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record)


@contextmanager
def _nothing_logged() -> Iterator[None]:
    watch, logger = _Watch(), logging.getLogger("ruvector_server")
    logger.addHandler(watch)
    try:
        yield
    finally:
        logger.removeHandler(watch)
    for record in watch.seen:
        raise AssertionError(record.getMessage()) from (record.exc_info[1] if record.exc_info else None)


class FuzzDialogue(Dialogue):
    """A dialogue that does not wait before it says that a login has failed."""

    def do(self, work: Work) -> None:
        if getattr(work.call, "func", None) is time.sleep:
            self.conversation.finish_work(None, None)
        else:
            super().do(work)


@lru_cache(maxsize=1)
def _verifier() -> Verifier:
    return Verifier.of("secret")


@lru_cache(maxsize=8)
def _rules(method: str) -> Path:
    path = Path(tempfile.mkdtemp(prefix="ruvector-fuzz-")) / "pg_hba.conf"
    path.write_text(f"host all all all {method}\n")
    return path


def _hang_up(dialogue: Dialogue, fed: int) -> None:
    """The client goes; nothing is left of it."""
    assert dialogue.conversation.buffered <= fed
    assert not dialogue.conversation.working
    dialogue.conversation.hang_up()
    dialogue.run()
    assert dialogue.conversation.finished
    assert dialogue.engine.closed == dialogue.engine.sessions


def login(data: bytes) -> None:
    """Bytes from the first on, to a server that asks for a password in one of the ways; the first byte says which."""
    with _nothing_logged():
        rules = _rules(METHODS[data[0] % len(METHODS)] if data else "trust")
        dialogue = FuzzDialogue(verifier=_verifier(), rules=rules)
        dialogue.conversation.feed(data[1:])
        dialogue.run()
        _hang_up(dialogue, len(data))


def _connected() -> FuzzDialogue:
    dialogue = FuzzDialogue(FakeEngine(on_main_thread=True))
    dialogue.send(STARTUP)
    return dialogue


def stream(data: bytes) -> None:
    """Bytes after login."""
    with _nothing_logged():
        dialogue = _connected()
        dialogue.send_bytes(data)
        _hang_up(dialogue, len(data))


def framed(data: bytes) -> bytes:
    """Messages of the protocol from types, short lengths and bodies."""
    found, at = [], 0
    while at + 3 <= len(data):
        (length,) = unpack_from("!H", data, at + 1)
        body = data[at + 3 : at + 3 + length]
        found.append(data[at : at + 1] + pack("!i", len(body) + 4) + body)
        at += 3 + length
    return b"".join(found)


def messages(data: bytes) -> None:
    """Messages after login, to a scripted engine."""
    with _nothing_logged():
        dialogue = _connected()
        dialogue.send_bytes(framed(data))
        # With COPY ended and errors skipped, the session is ready again, whatever came before.
        answers = dialogue.send(m.CopyFail(""), m.Sync(), m.Sync())
        if not dialogue.conversation.finished:
            assert answers[-1].name == "ReadyForQuery"
        _hang_up(dialogue, len(data) * 3)


@lru_cache(maxsize=1)
def _database() -> Database:
    return Database.open(Path(tempfile.mkdtemp(prefix="ruvector-fuzz-")) / "data")


def database(data: bytes) -> None:
    """Messages after login, to the engine itself."""
    engine = _database()
    sent: list[bytes] = []
    with _nothing_logged():
        services = Services(engine, Registry(10), Access(AccessFiles(), engine.accounts))
        conversation = Conversation(services, sent.append, lambda: None, lambda: None, Peer())
        options = f"-c statement_timeout={STATEMENT_TIMEOUT} -c lock_timeout={STATEMENT_TIMEOUT}"
        conversation.feed(encode(m.StartupMessage(3, 0, {"user": "postgres", "options": options})))
        _run(conversation)
        assert conversation.established
        conversation.feed(framed(data))
        _run(conversation)
        assert not conversation.working
        conversation.hang_up()
        _run(conversation)
        assert conversation.finished
        assert not engine.sessions


def _run(conversation: Conversation) -> None:
    while (work := conversation.advance()) is not None or conversation.again:
        if work is None:
            continue
        value, failure = None, None
        try:
            value = work.call()
        except Exception as error:  # noqa: BLE001 - as the connection does
            failure = error
        conversation.finish_work(value, failure)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "login": login,
    "stream": stream,
    "messages": messages,
    "database": database,
}
