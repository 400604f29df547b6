"""What the protocol costs by itself: SELECT 1 by psycopg, prepared, from several clients; memory of idle connections.

`python -m bench.round_trips PORT SECONDS` is one client: it prints how many round trips a second it made.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.targets import Target

CLIENTS = 8
IDLE_CONNECTIONS = 50
_WARM_UP = 0.3  # seconds
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Round trips a second of all clients together, and bytes of memory an idle connection takes."""

    target: str
    per_second: float
    idle_bytes: float


def measure(target: Target, seconds: float) -> RoundTrips:
    """Measure one server; it should hold no data yet."""
    command = [sys.executable, "-m", "bench.round_trips", str(target.port), str(seconds)]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) for _ in range(CLIENTS)]
    total = sum(float(client.communicate()[0]) for client in clients)
    return RoundTrips(target.name, total, _idle_bytes(target))


def _idle_bytes(target: Target) -> float:
    """Memory a connection takes that has run one statement: what so many more add to the process tree."""
    with contextlib.ExitStack() as stack:

        def connect(number: int) -> None:
            for _ in range(number):
                stack.enter_context(target.connect()).execute("SELECT 1")

        connect(5)
        before = target.memory()
        connect(IDLE_CONNECTIONS)
        return (target.memory() - before) / IDLE_CONNECTIONS


def main() -> None:
    """Be one client."""
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    dsn = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.cursor(binary=True)
        made = 0
        for duration in (_WARM_UP, seconds):
            made = 0
            end = time.perf_counter() + duration
            while time.perf_counter() < end:
                if cursor.execute("SELECT 1", prepare=True).fetchone() != (1,):
                    raise RuntimeError("SELECT 1 did not give 1")
                made += 1
    print(made / seconds)


if __name__ == "__main__":
    main()
