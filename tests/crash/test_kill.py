"""kill -9 in the middle of work: every acknowledged commit is there, no half of another is, the index agrees."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import psycopg
import pytest
from tests.crash.kinds import DIMENSIONS, KINDS, Kind, Numbers
from tests.crash.workload import TABLE, Connection, Worker, embedding, working
from tests.oracle.server import Server

WORKERS = 4
TEXT_INDEX = "CREATE INDEX crash_words ON crash USING gin (words)"
NEAREST = "SELECT id FROM crash {where} ORDER BY {key} {operator} {query} LIMIT {limit}"
QUERIES = 20
_SLOW = [pytest.mark.slow, pytest.mark.timeout(600)]
LIVES = [
    pytest.param(
        name, rounds, id=f"{name}-{rounds}", marks=_SLOW if rounds > 2 or name not in ("hnsw", "ivfflat") else []
    )
    for name, rounds in [
        *((name, 2) for name in KINDS),
        ("hnsw", 5),
        ("ivfflat", 5),
    ]
]


def create_table(connection: Connection, kind: Kind) -> None:
    """The table without its index."""
    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    connection.execute(TABLE.format(kind.type_name).encode())


def create_index(connection: Connection, kind: Kind) -> None:
    """Its index, unless there is one."""
    connection.execute(f"CREATE INDEX IF NOT EXISTS crash_idx ON crash {kind.index}".encode())


@pytest.mark.parametrize(("name", "rounds"), LIVES)
def test_kill_in_the_middle_of_work(tmp_path: Path, name: str, rounds: int) -> None:
    kind = KINDS[name]
    chance = random.Random(f"{name} {rounds}")
    server = Server(tmp_path / "data")
    workers = [Worker(number, random.Random(number), kind) for number in range(WORKERS)]
    server.start()
    try:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            create_table(connection, kind)
            create_index(connection, kind)
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
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["hnsw", "halfvec lists", "bit", "sparsevec", "array", "expression", "partial"])
def test_kill_while_building_an_index(tmp_path: Path, name: str) -> None:
    """The index is there whole or not at all, and can be made again."""
    kind = KINDS[name]
    server = Server(tmp_path / "data")
    workers = [Worker(0, random.Random(0), kind)]
    server.start()
    try:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            create_table(connection, kind)
            with connection.cursor().copy("COPY crash FROM STDIN") as copy:
                for row in range(5000):
                    copy.write_row((row, 0, kind.text(kind.stored(embedding(row, 0)))))
        workers[0].settle(dict.fromkeys(range(5000), 0))
        for pause in (0.02, 0.15):
            connection = psycopg.connect(server.dsn(), autocommit=True)
            connection.execute("DROP INDEX IF EXISTS crash_idx")
            connection.pgconn.send_query(f"CREATE INDEX crash_idx ON crash {kind.index}".encode())
            time.sleep(pause)
            server.kill()
            connection.close()
            server.start()
            with psycopg.connect(server.dsn(), autocommit=True) as connection:
                create_index(connection, kind)
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
    kind = workers[0].kind
    for row, (version, text) in found.items():
        np.testing.assert_array_equal(kind.read(text), kind.stored(embedding(row, version)))


def check_index(connection: Connection, workers: list[Worker]) -> None:
    """What the index finds is what an exact search over the rows finds, but for which of equally near rows."""
    kind = workers[0].kind
    rows = {row: version for worker in workers for row, version in worker.rows.items() if kind.holds(version)}
    numbers = np.array(sorted(rows))
    places = {int(row): place for place, row in enumerate(numbers)}
    keys = np.array([kind.key(kind.stored(embedding(int(row), rows[int(row)]))) for row in numbers])
    for statement in ("SET enable_seqscan = off", "SET hnsw.ef_search = 400", "SET ivfflat.probes = 10"):
        connection.execute(statement)
    chance = np.random.default_rng(len(rows))
    others = [kind.stored(chance.standard_normal(DIMENSIONS).astype(np.float32)) for _ in range(QUERIES)]
    own = keys[chance.integers(0, len(keys), QUERIES)]
    for query in [*(kind.key(numbers) for numbers in others), *own]:
        search = nearest(kind, query, 10)
        plan = "\n".join(str(line[0]) for line in connection.execute(b"EXPLAIN " + search))
        assert "Index Scan using crash_idx on crash" in plan
        distances = kind.distances(keys, query)
        found = [places[int(str(row[0]))] for row in connection.execute(search)]
        assert len(set(found)) == min(10, len(numbers))
        np.testing.assert_allclose(distances[found], np.sort(distances)[: len(found)], rtol=1e-5, atol=1e-6)
    everything = connection.execute(nearest(kind, own[0], len(numbers) + 100)).fetchall()
    assert sorted(int(str(row[0])) for row in everything) == numbers.tolist()


def nearest(kind: Kind, query: Numbers, limit: int) -> bytes:
    """The search for the rows nearest to a query."""
    literal = kind.query(query)
    return NEAREST.format(
        where=kind.where, key=kind.key_sql, operator=kind.operator, query=literal, limit=limit
    ).encode()


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
