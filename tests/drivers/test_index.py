"""Indexes as a client sees them: plans that show the index, and answers through it at every moment of a row's life."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
from pgvector import Vector
from pgvector.psycopg import register_vector
from tests.drivers.conftest import Connection
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

ROWS = 3000
METRICS = {"vector_l2_ops": "<->", "vector_ip_ops": "<#>", "vector_cosine_ops": "<=>", "vector_l1_ops": "<+>"}


@pytest.fixture(params=["ruvector", "postgres"])
def filled(request: pytest.FixtureRequest) -> Postgres | Server:
    """A server with a table of random vectors."""
    server: Postgres | Server = request.getfixturevalue(request.param)
    vectors = np.random.default_rng(1).standard_normal((ROWS, 8)).astype(np.float32)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(connection)
        connection.execute("DROP TABLE IF EXISTS driver_index")
        connection.execute("CREATE TABLE driver_index (id int PRIMARY KEY, tag text, embedding vector(8))")
        with connection.cursor().copy("COPY driver_index FROM STDIN WITH (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "text", "vector"])
            for number, vector in enumerate(vectors):
                copy.write_row((number, f"tag {number % 10}", vector))
    return server


def plan(connection: Connection, statement: str) -> str:
    return "\n".join(str(row[0]) for row in connection.execute(f"EXPLAIN {statement}"))


def literal(seed: int) -> str:
    return "'" + str(Vector(np.random.default_rng(seed).standard_normal(8)).to_text()) + "'"


@pytest.mark.parametrize(
    ("method", "operator_class"),
    [("hnsw", one) for one in METRICS] + [("ivfflat", one) for one in METRICS if one != "vector_l1_ops"],
)
def test_the_index_answers_and_answers_well(filled: Postgres | Server, method: str, operator_class: str) -> None:
    operator = METRICS[operator_class]
    with psycopg.connect(filled.dsn(), autocommit=True) as connection:
        queries = [
            f"SELECT id FROM driver_index ORDER BY embedding {operator} {literal(seed)} LIMIT 10"
            for seed in range(100, 120)
        ]
        exact = [connection.execute(query).fetchall() for query in queries]
        options = "lists = 10" if method == "ivfflat" else "m = 16, ef_construction = 64"
        connection.execute(
            f"CREATE INDEX driver_ann ON driver_index USING {method} (embedding {operator_class}) WITH ({options})"
        )
        connection.execute("SET hnsw.ef_search = 100" if method == "hnsw" else "SET ivfflat.probes = 8")
        connection.execute("SET enable_seqscan = off")
        assert "Index Scan using driver_ann on driver_index" in plan(connection, queries[0])
        found = [connection.execute(query).fetchall() for query in queries]
    hits = sum(len(set(one) & set(other)) for one, other in zip(exact, found, strict=True))
    assert hits >= 0.9 * 10 * len(queries)


def test_explain_analyze(filled: Postgres | Server) -> None:
    with psycopg.connect(filled.dsn(), autocommit=True) as connection:
        connection.execute("CREATE INDEX driver_ann ON driver_index USING hnsw (embedding vector_l2_ops)")
        connection.execute("SET enable_seqscan = off")
        query = "SELECT id FROM driver_index ORDER BY embedding <-> '[1,2,3,4,5,6,7,8]' LIMIT 10"
        text = plan(connection, query)
        assert text.startswith("Limit  (cost=")
        assert "Order By: (embedding <-> '[1,2,3,4,5,6,7,8]'::vector)" in text
        analyzed = "\n".join(str(row[0]) for row in connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query}"))
        assert "actual time=" in analyzed
        assert "Execution Time:" in analyzed


@pytest.mark.parametrize("method", ["hnsw (embedding vector_l2_ops)", "ivfflat (embedding vector_l2_ops)"])
def test_a_row_through_its_life(filled: Postgres | Server, method: str) -> None:
    far, farther = "'[50,50,50,50,50,50,50,50]'", "'[-50,-50,-50,-50,-50,-50,-50,-50]'"
    nearest = "SELECT id FROM driver_index ORDER BY embedding <-> {} LIMIT 1"
    with (
        psycopg.connect(filled.dsn(), autocommit=True) as connection,
        psycopg.connect(filled.dsn(), autocommit=True) as other,
    ):
        connection.execute(f"CREATE INDEX driver_ann ON driver_index USING {method}")
        for session in (connection, other):
            session.execute("SET enable_seqscan = off")
            session.execute("SET ivfflat.probes = 100")
        connection.execute("BEGIN")
        connection.execute(f"INSERT INTO driver_index VALUES (9001, 'new', {far})")
        assert connection.execute(nearest.format(far)).fetchone() == (9001,)
        assert other.execute(nearest.format(far)).fetchone() != (9001,)
        connection.execute("COMMIT")
        assert other.execute(nearest.format(far)).fetchone() == (9001,)
        connection.execute(f"UPDATE driver_index SET embedding = {farther} WHERE id = 9001")
        assert other.execute(nearest.format(far)).fetchone() != (9001,)
        assert other.execute(nearest.format(farther)).fetchone() == (9001,)
        connection.execute("BEGIN")
        connection.execute("DELETE FROM driver_index WHERE id = 9001")
        assert connection.execute(nearest.format(farther)).fetchone() != (9001,)
        assert other.execute(nearest.format(farther)).fetchone() == (9001,)
        connection.execute("ROLLBACK")
        assert connection.execute(nearest.format(farther)).fetchone() == (9001,)
        connection.execute("DELETE FROM driver_index WHERE id = 9001")
        assert other.execute(nearest.format(farther)).fetchone() != (9001,)


def test_a_limit_is_always_filled(ruvector: Server) -> None:
    """pgvector stops at ef_search candidates; here LIMIT k gives k rows whenever k rows match."""
    with psycopg.connect(ruvector.dsn(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("DROP TABLE IF EXISTS driver_limit")
        connection.execute("CREATE TABLE driver_limit (id int PRIMARY KEY, tag int, embedding vector(2))")
        connection.execute(
            "INSERT INTO driver_limit SELECT g, g % 50, ('[' || g || ',1]')::vector FROM generate_series(1, 2000) g"
        )
        connection.execute("CREATE INDEX driver_limit_idx ON driver_limit USING hnsw (embedding vector_l2_ops)")
        connection.execute("SET hnsw.ef_search = 10")
        nearest = "FROM driver_limit {} ORDER BY embedding <-> '[1000,1]' LIMIT {}"
        for condition, limit, expected in (
            ("", 500, 500),
            ("WHERE tag = 7", 10, 10),
            ("WHERE tag = 7", 100, 40),
            ("WHERE id IN (1, 2, 1999)", 3, 3),
            ("WHERE id < 0", 5, 0),
        ):
            rows = connection.execute("SELECT id " + nearest.format(condition, limit)).fetchall()
            assert len(rows) == expected, condition
        rows = connection.execute("SELECT id " + nearest.format("WHERE tag = 7", 3)).fetchall()
        assert rows == [(1007,), (957,), (1057,)]
