"""A query that is known by its bytes is refused once its privilege was revoked, and answered again once it is back."""

from __future__ import annotations

import struct

import psycopg
import pytest
from psycopg import pq
from psycopg.adapt import Dumper
from tests.oracle.server import Server

KNN = "SELECT id FROM repeated ORDER BY embedding <-> %b LIMIT 3"


class Vector:
    """A value that travels in pgvector's binary format."""


class VectorDumper(Dumper):
    """(1, 0, 0) as a vector."""

    format = pq.Format.BINARY

    def dump(self, _obj: Vector) -> bytes:
        """Dimensions, an unused field, the elements."""
        return struct.pack("!hh3f", 3, 0, 1, 0, 0)


def connect(server: Server) -> psycopg.Connection[tuple[int, ...]]:
    return psycopg.connect(server.dsn(), autocommit=True)


def test_a_repeated_query_follows_revoke(ruvector: Server) -> None:
    with connect(ruvector) as owner, connect(ruvector) as reader:
        owner.execute("CREATE EXTENSION IF NOT EXISTS vector")
        owner.execute("CREATE TABLE repeated (id int PRIMARY KEY, embedding vector(3))")
        owner.execute("INSERT INTO repeated SELECT g, ('[' || g || ',1,2]')::vector FROM generate_series(1, 50) g")
        owner.execute("CREATE INDEX ON repeated USING hnsw (embedding vector_l2_ops)")
        owner.execute("CREATE ROLE repeater")
        owner.execute("GRANT SELECT ON repeated TO repeater")
        try:
            reader.execute("SET ROLE repeater")
            reader.adapters.register_dumper(Vector, VectorDumper)
            query = reader.cursor(binary=True)

            def nearest() -> list[int]:
                query.execute(KNN, [Vector()], prepare=True)
                return [row[0] for row in query.fetchall()]

            expected = nearest()
            assert [nearest() for _ in range(20)] == [expected] * 20
            owner.execute("REVOKE SELECT ON repeated FROM repeater")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for table repeated"):
                nearest()
            owner.execute("GRANT SELECT ON repeated TO repeater")
            assert [nearest() for _ in range(5)] == [expected] * 5
            reader.execute("RESET ROLE")
            owner.execute("REVOKE SELECT ON repeated FROM repeater")
            assert nearest() == expected
        finally:
            owner.execute("DROP TABLE repeated")
            owner.execute("DROP ROLE repeater")
