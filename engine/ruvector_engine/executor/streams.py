"""Rows of a running query, fetched as the client takes them.

DuckDB keeps one unfinished result a connection: before anything else runs there, the rest is read into memory
(a portal that is suspended while other statements run), or dropped (the transaction ends).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ruvector_engine.results import Row

#: Rows in the first batch, and in each one that is read ahead.
BATCH = 1000


class RowStream:
    """Call it with n for the next n rows at most; [] at the end."""

    def __init__(self, fetch: Callable[[int], list[Row]], abandon: Callable[[], None]) -> None:
        self._fetch: Callable[[int], list[Row]] | None = fetch
        self._abandon = abandon
        self._buffer: deque[Row] = deque()

    def __call__(self, count: int) -> list[Row]:
        """The next rows."""
        if self._buffer:
            return [self._buffer.popleft() for _ in range(min(count, len(self._buffer)))]
        if self._fetch is None:
            return []
        rows = self._fetch(count)
        if not rows:
            self._fetch = None
        return rows

    @property
    def running(self) -> bool:
        """Whether DuckDB may still have rows for it."""
        return self._fetch is not None

    def detach(self) -> None:
        """Read the rest into memory; the connection is free afterwards."""
        fetch, self._fetch = self._fetch, None
        while fetch is not None:
            rows = fetch(BATCH)
            if not rows:
                return
            self._buffer.extend(rows)

    def close(self) -> None:
        """Drop the rest; the connection is free afterwards."""
        if self._fetch is not None:
            self._fetch = None
            self._abandon()
        self._buffer.clear()
