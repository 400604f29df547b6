"""A Listener over a FakeEngine, on an event loop in a thread of its own, for clients with real sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from tests.server.fake_engine import FakeAccounts, FakeEngine

from ruvector_engine.verifiers import Verifier
from ruvector_server.access import Access, AccessFiles
from ruvector_server.listener import Listener, new_event_loop
from ruvector_server.sockets import Limits


@dataclass
class Listening:
    """A server that runs."""

    engine: FakeEngine
    listener: Listener
    port: int
    loop: asyncio.AbstractEventLoop

    def dsn(self, **options: object) -> str:
        """A libpq connection string."""
        settings = {"host": "127.0.0.1", "port": self.port, "user": "ann", "dbname": "db"} | options
        return " ".join(f"{name}={value}" for name, value in settings.items())

    def stop(self, timeout: float) -> Future[bool]:
        """Begin to stop the listener."""
        return asyncio.run_coroutine_threadsafe(self.listener.stop(timeout), self.loop)

    def hurry(self) -> None:
        """Ask a stopping listener to hurry."""
        self.loop.call_soon_threadsafe(self.listener.hurry)


@contextmanager
def listening(
    *, verifier: Verifier | None = None, max_connections: int = 10, limits: Limits | None = None
) -> Iterator[Listening]:
    """Run a server as long as the context lasts; it must end without a session left."""
    engine = FakeEngine()
    started: Future[Listening] = Future()

    async def serve() -> None:
        access = Access(AccessFiles(), FakeAccounts(verifier))
        listener = Listener(engine, access, max_connections=max_connections, limits=limits)
        _, port = await listener.start("127.0.0.1", 0)
        ended = asyncio.Event()
        started.set_result(Listening(engine, listener, port, asyncio.get_running_loop()))
        ends.append(ended)
        await ended.wait()
        await listener.stop(5)

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(serve())
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise

    ends: list[asyncio.Event] = []
    thread = threading.Thread(target=run, name="listener")
    thread.start()
    server = started.result(10)
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(ends[0].set)
        thread.join(20)
        assert not thread.is_alive()
        assert {id(s) for s in engine.closed} == {id(s) for s in engine.sessions}
