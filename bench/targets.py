"""The two servers that are measured, each a real process tree with its own data directory."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from tests.oracle.postgres import running_postgres
from tests.oracle.server import running_server

#: What a careful administrator would set for this work; everything else as PostgreSQL comes, durability included.
POSTGRES_SETTINGS = {
    "shared_buffers": "1GB",
    "maintenance_work_mem": "2GB",
    "max_parallel_maintenance_workers": "2",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A running server: its name in the report, its port and the root of its process tree."""

    name: str
    port: int
    pid: int

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Open an autocommit connection."""
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True)

    def memory(self) -> int:
        """Return the bytes of memory of the process tree: proportional set sizes, so that shared pages count once."""
        total = 0
        root = psutil.Process(self.pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += int(process.memory_full_info().pss)
        return total


@contextlib.contextmanager
def pgvector() -> Iterator[Target]:
    """PostgreSQL 18 with pgvector 0.8.5."""
    with running_postgres(POSTGRES_SETTINGS) as server:
        yield Target("pgvector", server.port, server.pid)


@contextlib.contextmanager
def ruvector() -> Iterator[Target]:
    """This server with its default settings."""
    with (
        tempfile.TemporaryDirectory(prefix="ruvector-bench-") as folder,
        running_server(Path(folder) / "data") as server,
    ):
        yield Target("ruvector", server.port, server.pid)


def timed(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> float:
    """Run a statement and return the seconds it took."""
    begun = time.perf_counter()
    connection.execute(statement)
    return time.perf_counter() - begun
