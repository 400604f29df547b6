"""What codes in the place of vectors cost and save: this server alone, one kind of codes after the other.

Each kind has a server of its own, started anew after the build, so that memory is what serving takes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from tests.oracle.server import running_server

from bench.datasets import Dataset
from bench.measure import Effort, Method, Speed, build, clients, index_size, load, recall
from bench.targets import Target

KINDS = ("none", "f16", "sq8", "sq4", "pq16", "pq32", "binary")


@dataclass(frozen=True, slots=True)
class Row:
    """One kind: seconds of the build, bytes of the index and of the server's own memory, figures for each setting."""

    kind: str
    build: float
    index: int
    own: int
    points: tuple[tuple[int, float, Speed], ...]


def sweep(dataset: Dataset, method: Method, effort: Effort) -> Iterator[Row]:
    """Measure every kind with one index method."""
    for kind in KINDS:
        with _server(dataset, replace(method, options=f"{method.options}, quantization = {kind}")) as (target, seconds):
            points = []
            with clients(target, dataset, method, 1) as pool:
                for value in method.values:
                    found = recall(target, dataset, method, value)
                    points.append((value, found, pool.speed(1, value, effort)))
            yield Row(kind, seconds, index_size(target) or 0, _own_memory(target), tuple(points))


def table(dataset: Dataset, method: Method, rows: list[Row]) -> str:
    """The rows in Markdown; MB are 10^6 bytes."""
    heads = [f"{method.setting} {value}: recall@10, queries/s" for value in method.values]
    lines = [
        f"## {dataset.title}: {method.name} with codes",
        "",
        f"| quantization | build, s | index, MB | server's own memory, MB | {' | '.join(heads)} |",
        f"|---|{'---:|' * (3 + len(heads))}",
    ]
    for row in rows:
        cells = [f"{found:.3f}, {speed.queries_per_second:,.0f}" for _, found, speed in row.points]
        lines.append(
            f"| {row.kind} | {row.build:.1f} | {row.index / 1e6:.1f} | {row.own / 1e6:.0f} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


@contextmanager
def _server(dataset: Dataset, method: Method) -> Iterator[tuple[Target, float]]:
    """A server that has loaded the index, and how long it took to build."""
    with tempfile.TemporaryDirectory(prefix="ruvector-bench-") as folder:
        data = Path(folder) / "data"
        with running_server(data) as server:
            target = Target("ruvector", server.port, server.pid)
            load(target, dataset)
            seconds = build(target, dataset, method)
        with running_server(data) as server:
            yield Target("ruvector", server.port, server.pid), seconds


def _own_memory(target: Target) -> int:
    """Bytes that no file backs: what the kernel cannot drop and read again."""
    memory = psutil.Process(target.pid).memory_info()
    return int(memory.rss - memory.shared)
