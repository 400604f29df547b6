"""Playing a conversation against a server: every step's answers, as lines."""

from __future__ import annotations

import select
import socket
import time
from difflib import ndiff
from struct import pack

from tests.transcripts.script import Conversation, Step
from tests.transcripts.trace import backend, frontend, sorted_settings, split

#: How long an answer may take, and how long it takes to be sure that a server says nothing; seconds.
PATIENCE = 20.0
QUIET = 0.25
CLOSED = "closed"
_STARTUP = 'StartupMessage 3 0 "user" "postgres" "database" "postgres"'
_TERMINATE = "Terminate"
_BEFORE_A_SESSION = ("StartupMessage", "SSLRequest", "GSSENCRequest", "CancelRequest", "Packet")


class Client:
    """One connection: takes bytes, gives lines."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.closed = False
        self.key = b""
        self._rest = b""
        self._bare = 0  # answers that are single bytes and still to come

    def expect(self, line: str) -> None:
        """Take note of a message that will be sent."""
        if line.split("\t")[1] in ("SSLRequest", "GSSENCRequest"):
            self._bare += 1

    def receive(self) -> list[str]:
        """The lines of what has come; waits for at least a byte of it."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
            return [CLOSED] if not self._rest else [f"rest\t{self._rest!r}", CLOSED]
        self._rest += data
        lines = []
        while self._bare and self._rest[:1] in (b"N", b"S", b"G") and self._rest:
            lines.append(f"1\tEncryption\t {self._rest[:1].decode()}")
            self._bare, self._rest = self._bare - 1, self._rest[1:]
        messages, self._rest = split(self._rest)
        for kind, body in messages:
            if kind == "K":
                self.key = body
            lines.append(backend(kind, body))
        return lines

    def greet(self) -> None:
        """Begin a session."""
        self.socket.sendall(frontend(_STARTUP)[1])
        while not any("ReadyForQuery" in line for line in self.receive()):
            pass


class Player:
    """The connections of one conversation."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: dict[str, Client] = {}

    def close(self) -> None:
        for client in self._clients.values():
            client.socket.close()

    def play(self, step: Step, *, recording: bool) -> dict[str, list[str]]:
        """Send a step's messages; the answers: all until it is quiet, or as many as are expected."""
        if any("CancelRequest" in line for _, line, _ in step.sent):
            time.sleep(4 * QUIET)  # it is meant to find the server at work
        sent: dict[str, bytes] = {}
        for name, line, data in step.sent:
            self._client(name, line).expect(line)
            sent[name] = sent.get(name, b"") + self._with_key(line, data)
        for name, data in sent.items():
            self._clients[name].socket.sendall(data)
        answers: dict[str, list[str]] = {}
        deadline = time.monotonic() + PATIENCE
        while not self._complete(answers, step) or recording:
            wait = QUIET if recording else deadline - time.monotonic()
            received = self._receive(answers, wait)
            if not received:
                break
        return {name: sorted_settings(lines) for name, lines in answers.items()}

    def finish(self) -> dict[str, list[str]]:
        """Say goodbye on all connections; what has come since the last step, and that they were closed."""
        answers: dict[str, list[str]] = {}
        for client in self._clients.values():
            if not client.closed:
                client.socket.sendall(frontend(_TERMINATE)[1])
        while self._receive(answers, PATIENCE):
            pass
        return answers

    def _complete(self, answers: dict[str, list[str]], step: Step) -> bool:
        return all(len(answers.get(name, ())) >= len(lines) for name, lines in step.answers.items())

    def _receive(self, answers: dict[str, list[str]], wait: float) -> bool:
        """Take what comes within so many seconds; False when nothing does."""
        names = {client.socket: name for name, client in self._clients.items() if not client.closed}
        readable, _, _ = select.select(list(names), [], [], max(wait, 0)) if names else ([], [], [])
        for ready in readable:
            name = names[ready]
            answers.setdefault(name, []).extend(self._clients[name].receive())
        return bool(readable)

    def _client(self, name: str, line: str) -> Client:
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = Client(self._port)
            if line.split("\t")[1] not in _BEFORE_A_SESSION:
                client.greet()
        return client

    def _with_key(self, line: str, data: bytes) -> bytes:
        """`CancelRequest 0 ''` is one for the first connection's session."""
        if "CancelRequest" not in line or not line.endswith(" 0 ''"):
            return data
        key = self._clients[""].key
        return pack("!i", 8 + len(key)) + data[4:8] + key


def differences(conversation: Conversation, port: int) -> list[str]:
    """Play a conversation; a passage for each step that went otherwise than written."""
    player = Player(port)
    found = []
    try:
        for step in conversation.steps:
            answers = player.play(step, recording=False)
            if answers != step.answers:
                found.append(_passage(step, answers))
                break
        else:
            rest = {name: lines for name, lines in player.finish().items() if lines != [CLOSED]}
            if rest:
                found.append(f"after the end: {rest}")
    finally:
        player.close()
    return found


def _passage(step: Step, answers: dict[str, list[str]]) -> str:
    """What was sent, and what came with marks where it is otherwise than written."""
    lines = [f"F{name} {line}" for name, line, _ in step.sent]
    for name in sorted(step.answers | answers):
        written, came = ([f"B{name} {line}" for line in found.get(name, [])] for found in (step.answers, answers))
        lines += ndiff(written, came)
    return "\n".join(line.replace("\t", " ") for line in lines if not line.startswith("? "))


def record(conversation: Conversation, port: int) -> None:
    """Play a conversation and write down the answers."""
    player = Player(port)
    try:
        for step in conversation.steps:
            answers = player.play(step, recording=True)
            step.answers = {name: answers[name] for name in sorted(answers)}
        rest = {name: lines for name, lines in player.finish().items() if lines != [CLOSED]}
        if rest:
            raise RuntimeError(f"{conversation.name}: answers that came late: {rest}")
    finally:
        player.close()
