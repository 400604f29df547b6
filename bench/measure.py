"""What is measured of a server: load, index build, recall, queries per second and latencies, memory, index size."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import Vector
from pgvector.psycopg import register_vector

from bench.datasets import Dataset, K
from bench.targets import Target, timed
from bench.wire import Connection, query_message, vector_parameter

Query = TypeVar("Query")

M, EF_CONSTRUCTION = 16, 64
_OPERATORS = {"l2": "<->", "cosine": "<=>"}
_COPY_CHUNK = 1 << 20
_LEAD = 0.1  # seconds between a request to the clients and the common start
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long each point is measured."""

    seconds: float
    warm_up: float
    repetitions: int
    loads: int  # short, so more often
    clients: tuple[int, ...] = (1, 8)


@dataclass(frozen=True, slots=True)
class Method:
    """An index method: its DDL and the setting that trades speed for recall."""

    name: str
    options: str
    setting: str
    values: tuple[int, ...]


@dataclass(slots=True)
class Speed:
    """Queries per second and latencies (milliseconds) of one point with one number of clients."""

    queries_per_second: float
    p50: float
    p95: float
    p99: float


@dataclass(slots=True)
class Point:
    """One value of the search setting."""

    value: int
    recall: float
    speeds: dict[str, Speed] = field(default_factory=dict)  # by number of clients, or "psycopg"


@dataclass(slots=True)
class Measurement:
    """All that was measured of one server with one index; seconds and bytes."""

    target: str
    load: float
    build: float
    index_size: int | None = None
    memory: int = 0
    points: list[Point] = field(default_factory=list)


def knn_sql(dataset: Dataset) -> str:
    """Return the query that is measured."""
    return f"SELECT id FROM items ORDER BY embedding {_OPERATORS[dataset.metric]} $1 LIMIT {K}"


def hnsw(values: Sequence[int]) -> Method:
    """Return the HNSW index with pgvector's default options."""
    return Method("hnsw", f"m = {M}, ef_construction = {EF_CONSTRUCTION}", "hnsw.ef_search", tuple(values))


def ivfflat(values: Sequence[int], rows: int) -> Method:
    """Return the IVF index with a list for a thousand rows, as pgvector advises."""
    lists = max(rows // 1000, 10)
    fitting = tuple(value for value in values if value <= lists)
    return Method("ivfflat", f"lists = {lists}", "ivfflat.probes", fitting)


def load(target: Target, dataset: Dataset) -> float:
    """Create the table and copy the rows in, binary; return the seconds of the COPY."""
    payload = _copy_payload(dataset)
    with target.connect() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("DROP TABLE IF EXISTS items")
        connection.execute(f"CREATE TABLE items (id bigint PRIMARY KEY, embedding vector({dataset.dimensions}))")
        begun = time.perf_counter()
        with connection.cursor().copy("COPY items (id, embedding) FROM STDIN WITH (FORMAT binary)") as copy:
            for at in range(0, len(payload), _COPY_CHUNK):
                copy.write(payload[at : at + _COPY_CHUNK])
        return time.perf_counter() - begun


def build(target: Target, dataset: Dataset, method: Method) -> float:
    """Create the index; return the seconds it took."""
    operator_class = f"vector_{dataset.metric}_ops"
    with target.connect() as connection:
        connection.execute("DROP INDEX IF EXISTS items_embedding_idx")
        seconds = timed(
            connection,
            f"CREATE INDEX items_embedding_idx ON items USING {method.name} (embedding {operator_class}) "
            f"WITH ({method.options})",
        )
        if target.name == "pgvector":
            connection.execute("VACUUM ANALYZE items")  # its planner decides by statistics
    return seconds


def index_size(target: Target) -> int | None:
    """Return the bytes of the index, or None where the server does not say."""
    with target.connect() as connection:
        try:
            row = connection.execute("SELECT pg_relation_size('items_embedding_idx')").fetchone()
        except psycopg.Error:
            return None
    return int(str(row[0])) if row and row[0] is not None else None


def recall(target: Target, dataset: Dataset, method: Method, value: int) -> float:
    """Return recall@10 over all queries, after making sure that the index answers them."""
    connection = Connection(target.port)
    connection.execute(f"SET {method.setting} = {value}")
    _require_index(target, dataset)
    connection.prepare(knn_sql(dataset))
    found = [connection.ids(query_message(vector_parameter(q.astype(">f4").tobytes()))) for q in dataset.queries]
    connection.close()
    return dataset.recall(found)


def psycopg_speed(target: Target, dataset: Dataset, method: Method, value: int, effort: Effort) -> Speed:
    """Measure one client that is psycopg with pgvector's adapter, binary and prepared."""
    sql = knn_sql(dataset).replace("$1", "%s")
    parameters = [(Vector(query),) for query in dataset.queries]
    with target.connect() as connection:
        register_vector(connection)
        connection.execute(f"SET {method.setting} = {value}")
        cursor = connection.cursor(binary=True)

        def search(parameter: tuple[Vector]) -> None:
            cursor.execute(sql, parameter, prepare=True)
            cursor.fetchall()

        return repeat(search, parameters, effort)


def repeat(search: Callable[[Query], object], queries: Sequence[Query], effort: Effort) -> Speed:
    """Search for one query after the other, again and again, and measure that after the warm-up."""
    latencies: list[int] = []
    for seconds in (effort.warm_up, effort.seconds):
        latencies.clear()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            begun = time.perf_counter_ns()
            search(queries[len(latencies) % len(queries)])
            latencies.append(time.perf_counter_ns() - begun)
    return summarise([latencies], effort.seconds)


def summarise(latencies: Sequence[Sequence[int]], seconds: float) -> Speed:
    """Turn the nanoseconds of each client's queries within `seconds` into a Speed."""
    together = np.concatenate([np.asarray(one, dtype=np.int64) for one in latencies]) / 1e6
    p50, p95, p99 = np.percentile(together, [50, 95, 99])
    return Speed(len(together) / seconds, float(p50), float(p95), float(p99))


class Clients:
    """Client processes connected to one target."""

    def __init__(self, processes: list[subprocess.Popen[str]], setting: str) -> None:
        self._processes = processes
        self._setting = setting

    def speed(self, number: int, value: int, effort: Effort) -> Speed:
        """Run `number` of the clients at once."""
        start = time.monotonic() + _LEAD
        chosen = self._processes[:number]
        for position, process in enumerate(chosen):
            request = {
                "setting": f"SET {self._setting} = {value}",
                "start": start,
                "warm_up": effort.warm_up,
                "seconds": effort.seconds,
                "offset": position * 131,
            }
            assert process.stdin is not None
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        answers = []
        for process in chosen:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("a client process failed; its error is above")
            answers.append(json.loads(line))
        return summarise(answers, effort.seconds)


@contextlib.contextmanager
def clients(target: Target, dataset: Dataset, method: Method, number: int) -> Iterator[Clients]:
    """Start client processes with the dataset's queries."""
    with tempfile.NamedTemporaryFile(suffix=".f4") as queries:
        queries.write(dataset.queries.astype(">f4").tobytes())
        queries.flush()
        command = [sys.executable, "-m", "bench.client", str(target.port), str(dataset.dimensions), queries.name]
        processes = [
            subprocess.Popen(
                [*command, knn_sql(dataset)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
            )
            for _ in range(number)
        ]
        try:
            yield Clients(processes, method.setting)
        finally:
            for process in processes:
                process.communicate()


def _require_index(target: Target, dataset: Dataset) -> None:
    literal = "'[" + ",".join(str(value) for value in dataset.queries[0]) + "]'"
    with target.connect() as connection:
        rows = connection.execute(f"EXPLAIN {knn_sql(dataset).replace('$1', literal)}").fetchall()
    plan = "\n".join(str(row[0]) for row in rows)
    if "Index Scan using items_embedding_idx" not in plan:
        raise RuntimeError(f"{target.name} does not use the index:\n{plan}")


def _copy_payload(dataset: Dataset) -> bytes:
    """Return the rows in COPY's binary format, ids counting from 0."""
    dimensions = dataset.dimensions
    row = np.dtype(
        [("fields", ">i2"), ("id_length", ">i4"), ("id", ">i8"), ("vector_length", ">i4"), ("dimensions", ">i2"),
         ("unused", ">i2"), ("values", ">f4", (dimensions,))]
    )  # fmt: skip
    rows: NDArray[np.void] = np.zeros(len(dataset.rows), dtype=row)
    rows["fields"] = 2
    rows["id_length"] = 8
    rows["id"] = np.arange(len(rows))
    rows["vector_length"] = 4 + 4 * dimensions
    rows["dimensions"] = dimensions
    rows["values"] = dataset.rows
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff"
