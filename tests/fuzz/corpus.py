"""Inputs to begin with: the conversations of tests/transcripts, and every statement that the scripted engine knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import pack, unpack_from

from tests.fuzz.targets import METHODS
from tests.server.fake_engine import STATEMENTS
from tests.transcripts.script import Conversation, parse
from tests.wire.client import encode

from ruvector_server.wire import messages as m

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
#: Statements that wait, or whose purpose is an internal error.
_UNFIT = ("wait", "sleep", "select much", "bug", "bug now")


def conversations() -> Iterator[Conversation]:
    """All recorded ones but those that wait for a long time."""
    for path in sorted(TRANSCRIPTS.glob("*.trace")):
        for conversation in parse(path.read_text()):
            if not any("pg_sleep" in line for step in conversation.steps for _, line, _ in step.sent):
                yield conversation


def _sent(conversation: Conversation) -> list[bytes]:
    """What the first client sends."""
    return [data for step in conversation.steps for client, _, data in step.sent if not client]


def _scripted() -> Iterator[list[bytes]]:
    for sql in STATEMENTS:
        if sql not in _UNFIT:
            one_shot: list[m.Frontend] = [
                m.Parse("", sql),
                m.Bind("", ""),
                m.Describe("P", ""),
                m.Execute("", 2),
                m.Sync(),
            ]
            yield [encode(message) for message in (m.Query(sql), *one_shot, m.CopyData(b"1\tx\n"), m.CopyDone())]


def _unframed(sent: list[bytes]) -> bytes:
    """Messages with the short lengths that `targets.framed` reads."""
    found = []
    for data in sent:
        if len(data) >= 5 and 0 <= unpack_from("!i", data, 1)[0] - 4 == len(data) - 5 < 2**16:
            found.append(data[:1] + pack("!H", len(data) - 5) + data[5:])
    return b"".join(found)


def seeds(target: str) -> list[bytes]:
    """The inputs for a target."""
    recorded = [(c, _sent(c)) for c in conversations()]
    if target == "login":
        startups = [b"".join(sent) for _, sent in recorded if sent and not sent[0][:1].isalpha()]
        first = b"n,,n=,r=abcdefghijklmnop"
        answers: list[m.Frontend] = [
            m.StartupMessage(3, 0, {"user": "ann", "database": "db"}),
            m.SASLInitialResponse("SCRAM-SHA-256", first),
            m.SASLResponse(b"c=biws,r=abcdefghijklmnop,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ]
        password: list[m.Frontend] = [answers[0], m.PasswordMessage("secret"), m.Query("select 1")]
        logins = [b"".join(map(encode, messages)) for messages in (answers, password)]
        return [bytes([method]) + data for method in range(len(METHODS)) for data in startups + logins]
    sessions = [sent for _, sent in recorded if sent and sent[0][:1].isalpha()]
    if target == "database":
        return [_unframed(sent) for sent in sessions]
    scripted = list(_scripted())
    if target == "messages":
        return [_unframed(sent) for sent in sessions + scripted]
    return [b"".join(sent) for sent in sessions + scripted]


def write(folder: Path, target: str) -> None:
    """Put the seeds into a folder, a file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(target)):
        (folder / f"seed-{number:04}").write_bytes(data)
