"""Who is connected: the bound on sessions, and the keys with which a client may cancel what its session does."""

from __future__ import annotations

import hmac
import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from ruvector_engine.errors import SqlError

#: Length of the cancel secret in protocol 3.0 and since 3.2, in bytes.
SHORT_SECRET = 4
LONG_SECRET = 32


@dataclass(frozen=True, slots=True)
class Ticket:
    """A session's place: its process id and its cancel secret."""

    pid: int
    secret: bytes
    cancel: Callable[[], None]


class Registry:
    """The sessions of a server. Used on the event loop only."""

    def __init__(self, max_sessions: int) -> None:
        self._max_sessions = max_sessions
        self._tickets: dict[int, Ticket] = {}
        self._pids = itertools.count(1)
        self._closed = False

    def enter(self, cancel: Callable[[], None], secret_length: int) -> Ticket:
        """Take a place; 53300 when all are taken, 57P03 while the server shuts down."""
        if self._closed:
            raise SqlError("57P03", "the database system is shutting down", severity="FATAL")
        if len(self._tickets) >= self._max_sessions:
            raise SqlError("53300", "sorry, too many clients already", severity="FATAL")
        ticket = Ticket(next(self._pids), secrets.token_bytes(secret_length), cancel)
        self._tickets[ticket.pid] = ticket
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give a place back."""
        self._tickets.pop(ticket.pid, None)

    def cancel(self, pid: int, secret: bytes) -> None:
        """Cancel what a session does, if the secret is its own; nobody is told whether it was."""
        ticket = self._tickets.get(pid)
        if ticket is not None and hmac.compare_digest(ticket.secret, secret):
            ticket.cancel()

    def close(self) -> None:
        """Let no more sessions in."""
        self._closed = True
