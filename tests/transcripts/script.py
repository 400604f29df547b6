"""The files of conversations: what a client sends and what PostgreSQL answers, in the form of libpq's trace.

    # what the following is about
    [name of a conversation]
    F	13	Query	 "SELECT 1"
    B	33	RowDescription	 1 "?column?" 0 0 23 4 -1 0
    ...

A conversation goes on a new connection, which begins with a session of the user postgres unless its first message is
one that comes before there is a session. It is played in steps: what a client sends up to the next answer, empty line
or message of another client goes at once, then everything the server says to that is read. `F2` and `B2` are of a
second connection. `B closed` says that the server has closed the connection. At the end every connection sends
Terminate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.transcripts.trace import BadLine, frontend

_LINE = re.compile(r"([FB])(\d?)\s+(.+)")


@dataclass
class Step:
    """Messages to send, each with its connection, and the lines of what comes back by connection."""

    sent: list[tuple[str, str, bytes]] = field(default_factory=list)  # connection, line, bytes
    answers: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Conversation:
    """A named conversation with the lines of comment that stand before it."""

    name: str
    comment: list[str]
    line: int
    steps: list[Step] = field(default_factory=list)


def parse(text: str) -> list[Conversation]:
    """The conversations of a file; BadLine says what is wrong, with the number of the line."""
    found: list[Conversation] = []
    comment: list[str] = []
    fresh = True  # the next message begins a step
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped:
            fresh = True
        elif stripped.startswith("#"):
            comment.append(stripped)
        elif stripped.startswith("["):
            found.append(Conversation(stripped.strip("[]"), comment, number))
            comment, fresh = [], True
        else:
            try:
                fresh = _take(found[-1].steps, stripped, fresh=fresh)
            except (BadLine, ValueError, IndexError) as error:
                raise BadLine(f"line {number}: {error}") from error
    return found


def _take(steps: list[Step], line: str, *, fresh: bool) -> bool:
    """Add a line to the steps; whether the next message begins a step."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadLine(f"neither F nor B: {line}")
    direction, connection, rest = match.groups()
    if direction == "B":
        steps[-1].answers.setdefault(connection, []).append(rest)
        return True
    if fresh or connection != steps[-1].sent[-1][0]:
        steps.append(Step())
    shown, data = frontend(rest)
    steps[-1].sent.append((connection, shown, data))
    return False


def written(conversations: list[Conversation]) -> str:
    """The text of a file."""
    blocks = []
    for conversation in conversations:
        lines = [*conversation.comment, f"[{conversation.name}]"]
        for step in conversation.steps:
            lines += [f"F{connection}\t{line}" for connection, line, _ in step.sent]
            lines += [f"B{connection}\t{line}" for connection, answers in step.answers.items() for line in answers]
            if not step.answers:
                lines.append("")
        blocks.append("\n".join(lines).rstrip())
    return "\n\n".join(blocks) + "\n"
