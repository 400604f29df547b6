"""Clients that change rows and write down what the server acknowledged, until the server dies under them.

Each worker owns a range of ids, so what it knows needs no agreement with the others. A row's vector follows from its
id and version, so a row that is found can be checked without having been kept.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import psycopg
from numpy.typing import NDArray
from tests.crash.kinds import DIMENSIONS, Kind

RANGE = 1_000_000  # ids of one worker
TABLE = (
    "CREATE TABLE crash (id bigint PRIMARY KEY, version int NOT NULL, embedding {}, "
    "words tsvector GENERATED ALWAYS AS (to_tsvector('simple', version::text)) STORED)"
)
_INSERT = "INSERT INTO crash (id, version, embedding) VALUES (%s, %s, '{}')"
_UPDATE = "UPDATE crash SET version = %s, embedding = '{}' WHERE id = %s"
_DELETE = "DELETE FROM crash WHERE id = %s"

Connection = psycopg.Connection[tuple[object, ...]]


def embedding(row: int, version: int) -> NDArray[np.float32]:
    """Return the vector of a row's version; no two are equal."""
    return np.random.default_rng((row, version)).standard_normal(DIMENSIONS).astype(np.float32)


@dataclass(slots=True)
class Worker:
    """One client: the rows whose commit was acknowledged, and what the transaction under way would change."""

    number: int
    random: random.Random
    kind: Kind
    rows: dict[int, int] = field(default_factory=dict)  # id -> version
    pending: dict[int, int | None] = field(default_factory=dict)  # id -> version, None: deleted
    acknowledged: int = 0  # commits
    _next: int = 0

    def outcomes(self) -> list[dict[int, int]]:
        """Return the states the table may be in: with and without the transaction that was under way."""
        after = dict(self.rows)
        for row, version in self.pending.items():
            if version is None:
                after.pop(row, None)
            else:
                after[row] = version
        return [self.rows, after]

    def owns(self, row: int) -> bool:
        """Whether a row's id is of this worker's range."""
        return row // RANGE == self.number

    def settle(self, rows: dict[int, int]) -> None:
        """Go on from the state that was found after a restart."""
        self.rows = dict(rows)
        self.pending = {}

    def run(self, dsn: str, stop: threading.Event) -> None:
        """Change rows until the server is gone."""
        connection = psycopg.connect(dsn, autocommit=True)
        try:
            while not stop.is_set():
                self._change(connection)
        except psycopg.OperationalError:
            if not connection.closed:  # closed: the server died, as it was meant to
                raise
        finally:
            connection.close()

    def _change(self, connection: Connection) -> None:
        known = self.random.sample(sorted(self.rows), min(len(self.rows), 3))
        self.pending = {}
        match self.random.choice(("insert", "insert", "insert many", "update", "delete", "mixture")):
            case "insert":
                self.pending = {self._new(): 0}
            case "insert many":
                self.pending = {self._new(): 0 for _ in range(5)}
            case "update":
                self.pending = {row: self.rows[row] + 1 for row in known[:1]}
            case "delete":
                self.pending = dict.fromkeys(known[:1])
            case _:
                self.pending = {self._new(): 0, self._new(): 0}
                self.pending |= {row: self.rows[row] + 1 for row in known[:1]} | dict.fromkeys(known[1:2])
        if len(self.pending) == 1:
            self._apply(connection)
        else:
            with connection.transaction():
                self._apply(connection)
        self.settle(self.outcomes()[1])
        self.acknowledged += 1

    def _apply(self, connection: Connection) -> None:
        for row, version in self.pending.items():
            if version is None:
                connection.execute(_DELETE, (row,))
            elif row in self.rows:
                connection.execute(_UPDATE.format(self._text(row, version)).encode(), (version, row))
            else:
                connection.execute(_INSERT.format(self._text(row, version)).encode(), (row, version))

    def _text(self, row: int, version: int) -> str:
        return self.kind.text(self.kind.stored(embedding(row, version)))

    def _new(self) -> int:
        self._next += 1
        return self.number * RANGE + self._next


@contextmanager
def working(workers: list[Worker], dsn: str) -> Iterator[None]:
    """Run the workers while the body runs; the body ends with the server's death."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def run(worker: Worker) -> None:
        try:
            worker.run(dsn, stop)
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
