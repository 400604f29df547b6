"""LISTEN, NOTIFY and UNLISTEN: messages between sessions, sent when a transaction commits, in the order of commits.

As in PostgreSQL (async.c): all three take effect at the commit and not at all when it is rolled back, the same message
twice in one transaction is one, and a session gets its own messages too. Nothing is kept over a restart.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from ruvector_engine.errors import SqlError

#: Bytes of a channel's name and of a payload must be fewer than these.
MAX_CHANNEL_BYTES: Final = 64
MAX_PAYLOAD_BYTES: Final = 8000
#: Bytes that may wait for a session that does not take its messages.
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
#: What a message takes beside its texts.
_OVERHEAD: Final = 200

Action = tuple[Literal["listen", "unlisten", "unlisten all"], str]


class Notification(NamedTuple):
    """A message: the process id of the session that sent it, and what it said."""

    pid: int
    channel: str
    payload: str

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.channel) + len(self.payload) + _OVERHEAD


class NotificationMark(NamedTuple):
    """How much a transaction has asked for at one moment."""

    actions: int
    messages: int


class Exchange:
    """All mailboxes, of every database: messages stay in their own. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listening: dict[int, Mailbox] = {}

    def commit(self, sender: Mailbox, messages: list[Notification]) -> None:
        """Let a mailbox listen to what it wants now, and hand the messages round."""
        with self._lock:
            sender.change_channels()
            if sender.channels:
                self._listening[sender.pid] = sender
            else:
                self._listening.pop(sender.pid, None)
            listening = [box for box in self._listening.values() if box.database == sender.database]
            reached = [box for box in listening if box.put(messages)]
        for box in reached:
            box.wake()

    def check_room(self) -> None:
        """54000 when somebody has left too much lying."""
        if self.usage() >= 1:
            raise SqlError("54000", "too many notifications in the NOTIFY queue")

    def usage(self) -> float:
        """How full the fullest mailbox is, from 0 to 1."""
        with self._lock:
            return max((box.waiting_bytes for box in self._listening.values()), default=0) / MAX_WAITING_BYTES

    def leave(self, box: Mailbox) -> None:
        """A session ends."""
        with self._lock:
            self._listening.pop(box.pid, None)


class Mailbox:
    """One session's side: what it listens to, what has come, and what its transaction has asked for.

    `wake` is called, from any thread, when something has come.
    """

    def __init__(self, exchange: Exchange, database: int, pid: int) -> None:
        self.database = database
        self.pid = pid
        self.channels: dict[str, None] = {}  # in the order of their LISTENs
        self.wake: Callable[[], object] = lambda: None
        self.waiting_bytes = 0
        self._exchange = exchange
        self._inbox: deque[Notification] = deque()
        self._actions: list[Action] = []
        self._messages: dict[tuple[str, str], None] = {}

    def __bool__(self) -> bool:
        """Whether something has come."""
        return bool(self._inbox)

    # ------------------------------------------------------------ in a transaction

    def listen(self, channel: str) -> None:
        """LISTEN channel."""
        self._actions.append(("listen", channel))

    def unlisten(self, channel: str | None) -> None:
        """UNLISTEN channel, or UNLISTEN * for None."""
        self._actions.append(("unlisten all", "") if channel is None else ("unlisten", channel))

    def notify(self, channel: str | None, payload: str | None) -> None:
        """NOTIFY channel, payload; 22023 for texts that are too long, or no channel."""
        channel, payload = channel or "", payload or ""
        if not channel:
            raise SqlError("22023", "channel name cannot be empty")
        if len(channel.encode()) >= MAX_CHANNEL_BYTES:
            raise SqlError("22023", "channel name too long")
        if len(payload.encode()) >= MAX_PAYLOAD_BYTES:
            raise SqlError("22023", "payload string too long")
        self._messages[channel, payload] = None

    @property
    def has_something_to_commit(self) -> bool:
        """Whether the transaction has asked for anything."""
        return bool(self._actions or self._messages)

    def mark(self) -> NotificationMark:
        """What `back_to` goes back to."""
        return NotificationMark(len(self._actions), len(self._messages))

    def back_to(self, mark: NotificationMark) -> None:
        """Forget what was asked for since `mark` was made."""
        del self._actions[mark.actions :]
        while len(self._messages) > mark.messages:
            self._messages.popitem()

    def check_room(self) -> None:
        """54000 when there are messages to send and no room for them."""
        if self._messages:
            self._exchange.check_room()

    def commit(self) -> None:
        """The transaction is committed: do what it has asked for."""
        messages = [Notification(self.pid, channel, payload) for channel, payload in self._messages]
        self._exchange.commit(self, messages)
        self.rollback()

    def rollback(self) -> None:
        """Forget what the transaction has asked for."""
        self._actions.clear()
        self._messages.clear()

    # ------------------------------------------------------------ between transactions

    def take(self) -> list[Notification]:
        """What has come on channels that are still listened to."""
        taken = []
        while self._inbox:
            message = self._inbox.popleft()
            self.waiting_bytes -= message.size
            if message.channel in self.channels:
                taken.append(message)
        return taken

    def close(self) -> None:
        """Listen to nothing any more."""
        self._exchange.leave(self)

    # ------------------------------------------------------------ for the exchange

    def change_channels(self) -> None:
        """Do the LISTENs and UNLISTENs."""
        for action, channel in self._actions:
            if action == "listen":
                self.channels[channel] = None
            elif action == "unlisten":
                self.channels.pop(channel, None)
            else:
                self.channels.clear()

    def put(self, messages: list[Notification]) -> bool:
        """Take those of the messages that are listened to; whether there were any."""
        wanted = [message for message in messages if message.channel in self.channels]
        self.waiting_bytes += sum(message.size for message in wanted)
        self._inbox += wanted
        return bool(wanted)
