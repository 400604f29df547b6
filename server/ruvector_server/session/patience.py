"""How long a session may be idle: idle_session_timeout and idle_in_transaction_session_timeout."""

from __future__ import annotations

from typing import Literal

from ruvector_engine.errors import SqlError
from ruvector_server.session.engine import Settings


class Patience:
    """The two timeouts of a session, read anew when a setting has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._generation = -1
        self._idle = self._in_transaction = 0.0

    def seconds(self, status: Literal["I", "T", "E"]) -> float:
        """How long the session may be idle in a transaction status; 0 for ever."""
        if self._generation != self._settings.generation:
            self._generation = self._settings.generation
            self._idle = int(self._settings["idle_session_timeout"]) / 1000
            self._in_transaction = int(self._settings["idle_in_transaction_session_timeout"]) / 1000
        return self._idle if status == "I" else self._in_transaction


def idle_too_long(status: Literal["I", "T", "E"]) -> SqlError:
    """The last words to a session that was idle for too long."""
    if status == "I":
        return SqlError("57P05", "terminating connection due to idle-session timeout", severity="FATAL")
    return SqlError("25P03", "terminating connection due to idle-in-transaction timeout", severity="FATAL")
