"""CREATE, ALTER and DROP EXTENSION on a fresh database of each server: the same answers, the same objects left."""

from __future__ import annotations

from pathlib import Path

import psycopg
from tests.congruence.runner import Sessions, run
from tests.congruence.script import Record
from tests.oracle.postgres import Postgres
from tests.oracle.server import running_server

STATEMENTS = (
    "SELECT '[1]'::vector",
    "CREATE EXTENSION vector VERSION '9.9'",
    "CREATE EXTENSION vector SCHEMA nowhere",
    "CREATE EXTENSION vector VERSION '0.8.5'",
    "CREATE EXTENSION vector",
    "CREATE EXTENSION IF NOT EXISTS vector SCHEMA public CASCADE",
    "CREATE EXTENSION nothing",
    "ALTER EXTENSION vector UPDATE",
    "ALTER EXTENSION vector UPDATE TO '0.8.5'",
    "ALTER EXTENSION vector UPDATE TO '0.9.0'",
    "ALTER EXTENSION nothing UPDATE",
    "DROP EXTENSION vector, nothing",
    "DROP EXTENSION IF EXISTS nothing",
    "CREATE TABLE documents (id int PRIMARY KEY, v vector(3))",
    "INSERT INTO documents VALUES (1, '[1,2,3]')",
    "CREATE INDEX documents_v ON documents USING hnsw (v vector_l2_ops)",
    "DROP EXTENSION vector",
    "DROP EXTENSION vector RESTRICT",
    "ALTER TABLE documents ADD COLUMN t text DEFAULT (NULL::vector)::text",
    "ALTER TABLE documents ADD CHECK (t::vector IS NULL)",
    "CREATE VIEW documents_view AS SELECT id, v FROM documents",
    "CREATE VIEW documents_above AS SELECT id FROM documents_view",
    "CREATE VIEW documents_none AS SELECT NULL::vector AS v",
    "DROP EXTENSION vector",
    "BEGIN",
    "DROP EXTENSION vector CASCADE",
    "ALTER TABLE documents RENAME TO papers",
    "SELECT * FROM papers",
    "SELECT relname FROM pg_class WHERE relname LIKE 'documents%' ORDER BY 1",
    "ROLLBACK",
    "DROP VIEW documents_above, documents_view, documents_none",
    "ALTER TABLE documents DROP COLUMN t",
    "BEGIN",
    "DROP EXTENSION vector CASCADE",
    "SELECT * FROM documents",
    "ROLLBACK",
    "SELECT * FROM documents ORDER BY v <-> '[1,2,3]'",
    "SELECT name, version, installed, superuser, trusted, relocatable FROM pg_available_extension_versions "
    "WHERE name = 'vector' AND version = '0.8.5'",
    "DROP EXTENSION vector CASCADE",
    "SELECT * FROM documents",
    "SELECT relname FROM pg_class WHERE relname LIKE 'documents%' ORDER BY 1",
    "SELECT count(*) FROM pg_extension WHERE extname = 'vector'",
    "SELECT count(*) FROM pg_type WHERE typname IN ('vector', '_vector', 'halfvec', 'sparsevec')",
    "SELECT count(*) FROM pg_operator WHERE oprname IN ('<=>', '<+>', '<~>')",
    "SELECT count(*) FROM pg_proc WHERE proname IN ('l2_distance', 'vector_in', 'vector_norm')",
    "SELECT count(*) FROM pg_opclass WHERE opcname LIKE 'vector%'",
    "SELECT count(*) FROM pg_am WHERE amname IN ('hnsw', 'ivfflat')",
    "CREATE TABLE others (v vector)",
    "DROP EXTENSION vector",
    "CREATE EXTENSION vector",
    "SELECT '[1]'::vector",
)


def test_the_life_of_an_extension(postgres: Postgres, tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        for one in (postgres, server):
            with psycopg.connect(one.dsn(), autocommit=True) as admin:
                admin.execute("CREATE DATABASE extensions")
        oracle, ours = Sessions(postgres.dsn("extensions")), Sessions(server.dsn("extensions"))
        try:
            for statement in STATEMENTS:
                record = Record(0, "query", statement, [])
                assert run(record, ours, "simple") == run(record, oracle, "simple"), statement
        finally:
            oracle.close()
            ours.close()


def test_two_extensions_with_types_of_their_own(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server, psycopg.connect(server.dsn(), autocommit=True) as connection:
        run_all = connection.execute
        run_all("CREATE EXTENSION vector")
        run_all("CREATE EXTENSION IF NOT EXISTS ruvector CASCADE")
        run_all("CREATE TABLE both_kinds (id int, v vector(2), r ruvector(2))")
        run_all("INSERT INTO both_kinds VALUES (1, '[1,2]', '[3,4]')")
        notices: list[str | None] = []
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        run_all("ALTER EXTENSION ruvector UPDATE")
        run_all("DROP EXTENSION ruvector CASCADE")
        assert notices == [
            'version "0.3.0" of extension "ruvector" is already installed',
            "drop cascades to column r of table both_kinds",
        ]
        assert run_all("SELECT id, v::text FROM both_kinds").fetchall() == [(1, "[1,2]")]
        assert run_all("SELECT extname, extversion FROM pg_extension WHERE extname LIKE '%vector'").fetchall() == [
            ("vector", "0.8.5")
        ]
