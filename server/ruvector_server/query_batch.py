"""Repeated queries of several clients that arrive at the same moment are run together.

While one query runs on the event loop, others arrive; the loop then finds all their sockets readable at once. Answered
one by one they would keep one core busy and leave the others idle.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ruvector_engine.results import Result
from ruvector_server.session.engine import Engine, Query

_log = logging.getLogger(__name__)


class QueryBatch:
    """One a loop. What is added runs when the loop has looked at every socket that was readable."""

    def __init__(self, loop: asyncio.AbstractEventLoop, engine: Engine) -> None:
        self._loop = loop
        self._engine = engine
        self._waiting: list[tuple[Query, Callable[[Result | None], None]]] = []

    def add(self, query: Query, answered: Callable[[Result | None], None], *, now: bool) -> None:
        """Run a query soon, or `now`, then call `answered` with its result, None if it could not run so."""
        self._waiting.append((query, answered))
        if now:
            self.run()
        elif len(self._waiting) == 1:
            self._loop.call_soon(self.run)

    def run(self) -> None:
        """Run what waits now."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            results = self._engine.execute_together([query for query, _ in waiting])
        except Exception:  # noqa: BLE001 - logged; each query is run by itself, which tells its client
            _log.exception("running %d queries together failed", len(waiting))
            results = [None] * len(waiting)
        for (_, answered), result in zip(waiting, results, strict=True):
            answered(result)
