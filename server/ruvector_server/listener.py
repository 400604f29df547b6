"""The server on the network: accepts connections, and ends them in stages, each with a bound."""

from __future__ import annotations

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ruvector_server.access import Access
from ruvector_server.busy_poll import BusyPoll
from ruvector_server.connection import Connection
from ruvector_server.query_batch import QueryBatch
from ruvector_server.session.engine import Engine
from ruvector_server.session.registry import Registry
from ruvector_server.session.startup import Services
from ruvector_server.sockets import Limits

try:
    from uvloop import new_event_loop
except ImportError:  # not made for this platform
    from asyncio import new_event_loop

__all__ = ["Listener", "new_event_loop"]

_log = logging.getLogger(__name__)

#: Connections that the kernel may hold for us while we are busy.
BACKLOG: Final = 512
#: Seconds for cancelled statements to end, before their connections are given up.
CANCEL_GRACE: Final = 5.0


class Listener:
    """A listening server over an engine. `max_connections` bounds sessions, and with them worker threads."""

    def __init__(
        self, engine: Engine, access: Access, *, max_connections: int = 100, limits: Limits | None = None
    ) -> None:
        self._registry = Registry(max_connections)
        self._services = Services(engine, self._registry, access)
        self._limits = limits or Limits()
        # A thread a session: any of them may wait for a lock that another must release.
        self._executor = ThreadPoolExecutor(max_connections, thread_name_prefix="session")
        self._connections: set[Connection] = set()
        self._servers: list[asyncio.Server] = []
        self._empty = asyncio.Event()
        self._empty.set()
        self._hurry = asyncio.Event()

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen on TCP; return the address and port that were bound. OSError when that cannot be."""
        loop = asyncio.get_running_loop()
        self._busy_poll = BusyPoll(loop)
        self._batch = QueryBatch(loop, self._services.engine)
        server = await loop.create_server(self._connection, host, port, backlog=BACKLOG)
        self._servers.append(server)
        bound = server.sockets[0].getsockname()
        return bound[0], bound[1]

    async def start_local(self, sock: socket.socket) -> None:
        """Listen on a Unix-domain socket too, after `start`."""
        server = await asyncio.get_running_loop().create_unix_server(self._connection, sock=sock, backlog=BACKLOG)
        self._servers.append(server)

    def hurry(self) -> None:
        """Cut short the patience of `stop` with running statements."""
        self._hurry.set()

    async def stop(self, timeout: float) -> bool:
        """Accept nothing more, let statements run for `timeout` seconds, cancel the rest, and end every session.

        False when some did not end even so: then their threads are still at work, and the engine must not be closed.
        """
        for server in self._servers:
            server.close()
        self._registry.close()
        for connection in list(self._connections):
            connection.stop()
        if not await self._wait_until_empty(timeout):
            _log.warning("cancelling the statements of %d sessions", len(self._connections))
            for connection in list(self._connections):
                connection.abort()
            if not await self._wait_until_empty(CANCEL_GRACE, patient=True):
                _log.error("%d sessions do not end", len(self._connections))
                return False
        self._executor.shutdown()
        return True

    async def _wait_until_empty(self, timeout: float, *, patient: bool = False) -> bool:
        events = [self._empty] if patient else [self._empty, self._hurry]
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self._empty.is_set()

    def _connection(self) -> Connection:
        return Connection(
            self._services, self._executor, self._busy_poll, self._batch, self._limits, self._made, self._lost
        )

    def _made(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._empty.clear()

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
