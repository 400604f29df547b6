"""Keeps the event loop awake for a moment after an answer, while one client asks and asks.

A core that goes to sleep between two queries takes tens of microseconds to wake, which is a good part of a short
query (virtual machines are worst). While the same connection has sent the last queries, the loop therefore polls for a
short time instead of sleeping. Several busy clients keep it awake by themselves, and idle ones cost nothing.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Final

#: How long the loop polls after an answer, in seconds.
POLL_SECONDS: Final = 0.0002
#: Answers to one connection in a row before it does.
STREAK: Final = 16


class BusyPoll:
    """One a loop. `answered` is called on the loop after each answer that took no other thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._possible = (os.cpu_count() or 1) > 1  # the client needs a core too
        self._last: object = None
        self._streak = 0
        self._until = 0.0
        self._polling = False

    def answered(self, connection: object) -> None:
        """A connection has got an answer."""
        if connection is not self._last:
            self._last, self._streak = connection, 0
            return
        self._streak += 1
        if self._streak < STREAK or not self._possible:
            return
        self._until = time.monotonic() + POLL_SECONDS
        if not self._polling:
            self._polling = True
            self._loop.call_soon(self._poll)

    def is_lone(self, connection: object) -> bool:
        """Whether this connection has asked alone for a while: nobody else's queries need be waited for."""
        return connection is self._last and self._streak >= STREAK

    def _poll(self) -> None:
        """Being ready to run keeps the loop from sleeping: it looks at its sockets and comes back."""
        if time.monotonic() < self._until:
            self._loop.call_soon(self._poll)
        else:
            self._polling = False
