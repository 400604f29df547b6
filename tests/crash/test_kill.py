"""kill -9 in the middle of work: every acknowledged commit is there, no half of another is, the index agrees."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import psycopg
import pytest
from tests.crash.workload import TABLE, Connection, Worker, as_text, embedding, working
from tests.oracle.server import Server

WORKERS = 4
INDEXES = {
    "hnsw": "CREATE INDEX crash_idx ON crash USING hnsw (embedding vector_l2_ops)",
    "ivfflat": "CREATE INDEX crash_idx ON crash USING ivfflat (embedding vector_l2_ops) WITH (lists = 10)",
}
TEXT_INDEX = "CREATE INDEX crash_words ON crash USING gin (words)"
NEAREST = "SELECT id FROM crash ORDER BY embedding <-> '{}' LIMIT {}"
QUERIES = 20


@pytest.mark.parametrize("method", INDEXES)
@pytest.mark.parametrize(
    "rounds",
    [pytest.param(3, id="few"), pytest.param(25, id="many", marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_kill_in_the_middle_of_work(tmp_path: Path, method: str, rounds: int) -> None:
    chance = random.Random(f"{method} {rounds}")
    server = Server(tmp_path / "data")
    workers = [Worker(number, random.Random(number)) for number in range(WORKERS)]
    server.start()
    try:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute(TABLE)
            connection.execute(INDEXES[method])
            connection.execute(TEXT_INDEX)
        for _ in range(rounds):
            before = sum(worker.acknowledged for worker in workers)
            with working(workers, server.dsn()):
                time.sleep(chance.uniform(0.3, 1.0))
                server.kill()
            assert sum(worker.acknowledged for worker in workers) > before, server.log()
            if chance.random() < 0.3:
                kill_while_starting(server, chance.uniform(0.05, 1.0))
            server.start()
            with psycopg.connect(server.dsn(), autocommit=True) as connection:
                check_rows(connection, workers)
                check_index(connection, workers)
                check_words(connection, workers)
        server.stop()
        server.start()
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            check_rows(connection, workers)
            check_index(connection, workers)
            check_words(connection, workers)
    finally:
        if server.is_running:
            server.stop()


@pytest.mark.slow
def test_kill_while_building_an_index(tmp_path: Path) -> None:
    """The index is there whole or not at all, and can be made again."""
    server = Server(tmp_path / "data")
    workers = [Worker(0, random.Random(0))]
    server.start()
    try:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute(TABLE)
            with connection.cursor().copy("COPY crash FROM STDIN") as copy:
                for row in range(5000):
                    copy.write_row((row, 0, as_text(embedding(row, 0))))
        workers[0].settle(dict.fromkeys(range(5000), 0))
        for pause in (0.01, 0.05, 0.2):
            connection = psycopg.connect(server.dsn(), autocommit=True)
            connection.execute("DROP INDEX IF EXISTS crash_idx")
            connection.pgconn.send_query(INDEXES["hnsw"].encode())
            time.sleep(pause)
            server.kill()
            connection.close()
            server.start()
            with psycopg.connect(server.dsn(), autocommit=True) as connection:
                connection.execute(INDEXES["hnsw"].replace("INDEX", "INDEX IF NOT EXISTS"))
                check_rows(connection, workers)
                check_index(connection, workers)
    finally:
        if server.is_running:
            server.stop()


def kill_while_starting(server: Server, seconds: float) -> None:
    """Kill the server once more before it is ready, or shortly after."""
    server.launch()
    time.sleep(seconds)
    server.kill()


def check_rows(connection: Connection, workers: list[Worker]) -> None:
    """Each worker's rows are those it was told of, with or without its last transaction as a whole."""
    found: dict[int, tuple[int, str]] = {}
    for row, version, text in connection.execute("SELECT id, version, embedding FROM crash"):
        assert isinstance(row, int)
        assert isinstance(version, int)
        found[row] = (version, str(text))
    for worker in workers:
        rows = {row: version for row, (version, _) in found.items() if worker.owns(row)}
        expected = worker.outcomes()
        assert rows in expected, _difference(rows, expected[0], worker)
        worker.settle(rows)
    for row, (version, text) in found.items():
        stored = np.array(text[1:-1].split(","), dtype=np.float32)
        np.testing.assert_array_equal(stored, embedding(row, version))


def check_index(connection: Connection, workers: list[Worker]) -> None:
    """What the index finds is what an exact search over the rows finds."""
    rows = {row: version for worker in workers for row, version in worker.rows.items()}
    numbers = np.array(sorted(rows))
    vectors = np.array([embedding(int(row), rows[int(row)]) for row in numbers])
    for statement in ("SET enable_seqscan = off", "SET hnsw.ef_search = 400", "SET ivfflat.probes = 10"):
        connection.execute(statement)
    random_queries = np.random.default_rng(len(rows)).standard_normal((QUERIES, vectors.shape[1]))
    own = vectors[np.random.default_rng(len(rows)).integers(0, len(vectors), QUERIES)]
    for query in [*random_queries.astype(np.float32), *own]:
        statement = NEAREST.format(as_text(query), 10)
        plan = "\n".join(str(line[0]) for line in connection.execute(f"EXPLAIN {statement}"))
        assert "Index Scan using crash_idx on crash" in plan
        exact = numbers[np.argsort(((vectors - query) ** 2).sum(axis=1), kind="stable")[:10]]
        found = [row[0] for row in connection.execute(statement)]
        assert found == exact.tolist()
    everything = connection.execute(NEAREST.format(as_text(own[0]), len(numbers) + 100)).fetchall()
    assert sorted(int(str(row[0])) for row in everything) == numbers.tolist()


def check_words(connection: Connection, workers: list[Worker]) -> None:
    """What the text index finds are the rows of each version."""
    rows = {row: version for worker in workers for row, version in worker.rows.items()}
    for version in [-1, *sorted(set(rows.values()))[:6]]:
        statement = f"SELECT id FROM crash WHERE words @@ '{version}'::tsquery"
        plan = "\n".join(str(line[0]) for line in connection.execute(f"EXPLAIN {statement}"))
        assert "Bitmap Index Scan on crash_words" in plan
        found = sorted(int(str(row[0])) for row in connection.execute(statement))
        assert found == sorted(row for row, known in rows.items() if known == version)


def _difference(found: dict[int, int], expected: dict[int, int], worker: Worker) -> str:
    wrong = {row: (expected.get(row), found.get(row)) for row in found.keys() | expected.keys()}
    wrong = {row: pair for row, pair in wrong.items() if pair[0] != pair[1]}
    return f"id: (acknowledged version, found version) {wrong}; under way: {worker.pending}"
