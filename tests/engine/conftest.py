"""An embedded database and a way to talk to it, without a socket."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ruvector_engine.database import Database
from ruvector_engine.errors import SqlError
from ruvector_engine.results import Result, Row
from ruvector_engine.session import Session

_pids = itertools.count(1)


class Talk:
    """A session, one statement at a time, as a client that sends a Sync after each."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def result(self, sql: str, params: Sequence[Any] = ()) -> Result:
        """The result, rows complete; the statement is committed outside a block."""
        self.session.forget_cancel()
        try:
            result = None
            for raw in self.session.parse(sql):
                prepared = self.session.prepare(raw, ())
                result = self.session.execute_now(prepared, params)
                if result is None:
                    result = self.session.execute(prepared, params)
                while result.more is not None and (rows := result.more(1000)):
                    result.rows += rows
            self.session.sync()
        except SqlError:
            self.session.fail()
            raise
        assert result is not None
        return result

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """The rows."""
        return self.result(sql, params).rows

    def column(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """The first column."""
        return [row[0] for row in self.rows(sql, params)]

    def plan(self, sql: str, params: Sequence[Any] = ()) -> str:
        """EXPLAIN's text."""
        return "\n".join(self.column(f"EXPLAIN (COSTS OFF) {sql}", params))

    def error(self, sql: str, params: Sequence[Any] = ()) -> SqlError:
        """The error it must raise."""
        with pytest.raises(SqlError) as caught:
            self.result(sql, params)
        return caught.value


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder in memory where there is one: these tests commit often, and a disk would wait each time."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="ruvector-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder) / "data"


@pytest.fixture
def database(data_dir: Path) -> Iterator[Database]:
    """An empty database with the extension."""
    opened = Database.open(data_dir)
    talk(opened).result("CREATE EXTENSION vector")
    yield opened
    for session in list(opened.sessions.values()):
        session.close()
    opened.close()


@pytest.fixture
def connect(database: Database) -> Callable[[], Talk]:
    """Makes sessions."""
    return lambda: talk(database)


@pytest.fixture
def db(database: Database) -> Talk:
    """One session."""
    return talk(database)


def talk(database: Database, name: str = "postgres") -> Talk:
    """A new session in the database of that name."""
    return Talk(database.session(user="postgres", database=name, pid=next(_pids), startup={}))


def vector(*numbers: float) -> bytes:
    """A vector parameter in its Python form."""
    return np.asarray(numbers, np.float32).tobytes()
