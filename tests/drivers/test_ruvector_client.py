"""The queries of RuVector's command line client as its driver sends them: unnamed statements of the extended protocol,
parameters as text without types, answers as text."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from psycopg import pq
from tests.oracle.server import Server

TABLE = "rv_client"


class Client:
    """One connection."""

    def __init__(self, dsn: str) -> None:
        self.connection = pq.PGconn.connect(dsn.encode())
        assert self.connection.status == pq.ConnStatus.OK

    def query(self, sql: str, *parameters: object) -> list[dict[str, str | None]]:
        """The rows, by column name."""
        values = [None if value is None else str(value).encode() for value in parameters]
        result = self.connection.exec_params(sql.encode(), values)
        assert result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK), result.error_message
        names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
        return [
            {
                name: None if (value := result.get_value(row, column)) is None else value.decode()
                for column, name in enumerate(names)
            }
            for row in range(result.ntuples)
        ]

    def value(self, sql: str, *parameters: object) -> str | None:
        """The only value."""
        ((value,),) = (row.values() for row in self.query(sql, *parameters))
        return value


@pytest.fixture
def client(ruvector: Server) -> Iterator[Client]:
    client = Client(ruvector.dsn())
    client.query("SET client_min_messages = error")
    client.query("CREATE EXTENSION IF NOT EXISTS ruvector CASCADE")
    client.query(f"DROP TABLE IF EXISTS {TABLE}")
    yield client
    client.connection.finish()


def test_it_finds_the_extension(client: Client) -> None:
    assert client.value("SELECT extversion as version FROM pg_extension WHERE extname = 'ruvector'")
    for method in ("hnsw", "ivfflat"):
        assert client.value(f"SELECT 1 FROM pg_am WHERE amname = '{method}'") == "1"
    assert client.query("SELECT 1 FROM pg_proc WHERE proname = $1", "ruvector_l2_distance")
    assert set(json.loads(client.value("SELECT ruvector_memory_stats()") or "")) == {
        "index_memory_mb", "vector_cache_mb", "quantization_tables_mb", "total_extension_mb",
    }  # fmt: skip


def test_vectors(client: Client) -> None:
    client.query(
        f'CREATE TABLE IF NOT EXISTS "{TABLE}" (id SERIAL PRIMARY KEY, embedding ruvector, dimensions INT DEFAULT 384, '
        "metadata JSONB, created_at TIMESTAMPTZ DEFAULT NOW())"
    )
    client.query(f'CREATE INDEX IF NOT EXISTS "{TABLE}_id_idx" ON "{TABLE}" (id)')
    inserted = client.query(
        f'INSERT INTO "{TABLE}" (embedding, metadata) VALUES ($1::ruvector, $2), ($3::ruvector, $4) RETURNING id',
        "[1,2,3]", '{"a": 1}', "[3,2,1]", None,
    )  # fmt: skip
    assert [row["id"] for row in inserted] == ["1", "2"]
    for operator in ("<=>", "<->", "<#>"):
        found = client.query(
            f'SELECT id, embedding {operator} $1::ruvector as distance, metadata FROM "{TABLE}" '
            f"ORDER BY embedding {operator} $1::ruvector LIMIT $2",
            "[0,0,5]", "1",
        )  # fmt: skip
        assert [row["id"] for row in found] == ["1"]


def test_parameters_without_a_cast(client: Client) -> None:
    client.query(f"CREATE TABLE {TABLE} (id int, embedding ruvector(3), plain real[])")
    client.query(f"INSERT INTO {TABLE} VALUES ($1, $2, $3), (2, $4, $5)", 1, "[1,2,3]", "{1,2,3}", "[3,2,1]", "{3,2,1}")
    client.query(f"CREATE INDEX ON {TABLE} USING ruhnsw (embedding ruvector_l2_ops)")
    client.query(f"CREATE INDEX ON {TABLE} USING hnsw (plain hnsw_l2_ops)")
    for _ in range(4):  # a repeated query takes other ways
        for column, query in (("embedding", "[3,2,2]"), ("plain", "{3,2,2}")):
            found = client.query(
                f"SELECT id, {column} <-> $1 AS d FROM {TABLE} ORDER BY {column} <-> $1 LIMIT $2", query, 1
            )
            assert found == [{"id": "2", "d": "1"}]


def test_functions(client: Client) -> None:
    arrays = "{1,2,3}", "{2,4,6}"
    assert client.value("SELECT cosine_distance_arr($1::real[], $2::real[])", *arrays) == "0"
    assert client.value("SELECT l2_distance_arr($1::real[], $2::real[])", *arrays) == "3.7416575"
    assert client.value("SELECT inner_product_arr($1::real[], $2::real[])", *arrays) == "28"
    assert client.value("SELECT vector_normalize($1::real[])", "{3,4}") == "{0.6,0.8}"
    assert client.value("SELECT binary_quantize_arr($1::real[])", "{1,-1,2}") == "\\x05"
    assert json.loads(client.value("SELECT scalar_quantize_arr($1::real[])", "{0,127,254}") or "") == {
        "data": [-127, 0, 127], "scale": 1.0, "offset": 0.0,
    }  # fmt: skip
    pair = "{1:1,3:2}/5", "{3:4,5:1}/5"
    assert client.value("SELECT ruvector_sparse_dot($1::text, $2::text)", *pair) == "8"
    assert client.value("SELECT ruvector_sparse_euclidean($1, $2)", *pair) == "2.4494898"
    assert client.value("SELECT ruvector_sparse_cosine($1::text, $2::text)", "{}/2", "{1:1}/2") == "0"
    assert (
        client.value(
            "SELECT ruvector_sparse_bm25($1::text, $2::text, $3, $4, $5, $6)", "{1:2}/5", "{1:3}/5", 10, 8, 1.2, 0.75
        )
        == "2.9830508"
    )
    assert client.value("SELECT ruvector_sparse_top_k($1::text, $2)", "{1:3,2:4}/5", 1) == "{2:4}/5"
    to_sparse = "SELECT ruvector_to_sparse($1::int[], $2::real[], $3)"
    assert client.value(to_sparse, "{10,20}", "{0.5,0.3}", 100) == "{10:0.5,20:0.3}/100"
