"""What a conversation asks of whoever drives it.

A conversation never waits: where it would, it is a generator that yields one of these and is resumed when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Work:
    """Call this on a worker thread, because it may block; resume with what it returns or raises."""

    call: Callable[[], Any]


class Wait(Enum):
    """Resume when there is..."""

    MESSAGE = auto()  # ... a further message from the client, and with it
    ROOM = auto()  # ... room in the output, which may be sent now
    TLS = auto()  # ... an encrypted stream, begun after what stands in the output, and with it what it has established


Steps: TypeAlias = Generator[Work | Wait, Any, T]


class ClientGone(Exception):
    """Raised at a wait when the client has disconnected: clean up (work may still be asked for) and end."""
