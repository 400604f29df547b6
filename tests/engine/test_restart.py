"""What a restart must keep, and what it makes good."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import index_values
from ruvector_engine.executor.index_values import IndexValues

NEAR = "SELECT id FROM items ORDER BY embedding <-> '[5,5,5]' LIMIT 5"


def filled(data_dir: Path) -> tuple[Database, Talk]:
    database = Database.open(data_dir)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    db.result("CREATE TABLE items (id int PRIMARY KEY, note text, embedding vector(3))")
    matrix = np.random.default_rng(3).normal(size=(200, 3)).astype(np.float32)
    db.result("BEGIN")
    for number, row in enumerate(matrix):
        db.result("INSERT INTO items VALUES ($1, 'n', $2)", [number, row.tobytes()])
    db.result("COMMIT")
    db.result("CREATE INDEX knn ON items USING hnsw (embedding vector_l2_ops)")
    return database, db


def shut(database: Database) -> None:
    for session in list(database.sessions.values()):
        session.close()
    database.close()


def test_data_and_index_come_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database, db = filled(tmp_path)
    db.result("INSERT INTO items VALUES (900, 'late', '[5,5,5]')")
    db.result("DELETE FROM items WHERE id = 3")
    before = db.column(NEAR)
    shut(database)
    with caplog.at_level(logging.WARNING):
        database = Database.open(tmp_path)
    assert not caplog.records
    db = talk(database)
    assert "Index Scan using knn" in db.plan(NEAR)
    assert db.column(NEAR) == before
    assert db.column("SELECT count(*) FROM items") == [200]
    db.result("INSERT INTO items VALUES (901, 'later', '[5,5,5.01]')")
    assert db.column(NEAR)[:2] == [900, 901]
    shut(database)


def test_a_damaged_index_is_built_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database, db = filled(tmp_path)
    before = db.column(NEAR)
    shut(database)
    for path in (tmp_path / "indexes").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        database = Database.open(tmp_path)
    assert "rebuilding index" in caplog.text
    assert talk(database).column(NEAR) == before
    shut(database)


def test_an_index_that_cannot_be_built_is_put_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A former server took a row for which its expression has no value: the others must still be reached."""
    database, db = filled(tmp_path)
    db.result("CREATE TABLE lists (id int, numbers real[])")
    db.result("INSERT INTO lists VALUES (1, '{1,1}'), (2, '{3,3}')")
    db.result("CREATE INDEX broken ON lists USING hnsw ((numbers::vector(2)) vector_l2_ops)")
    with monkeypatch.context() as former:
        former.setattr(index_values, "of_new_rows", lambda *_: IndexValues((), ()))
        db.result("INSERT INTO lists VALUES (3, '{1,2,3}')")
    shut(database)
    with caplog.at_level(logging.ERROR):
        database = Database.open(tmp_path)
    assert 'index "broken" is put aside' in caplog.text
    db = talk(database)
    assert db.column("SELECT id FROM lists ORDER BY id") == [1, 2, 3]
    assert "Index Scan using knn" in db.plan(NEAR)
    near = "SELECT id FROM lists WHERE id < 3 ORDER BY (numbers::vector(2)) <-> '[3,3]' LIMIT 1"
    assert db.column(near) == [2]
    db.result("DELETE FROM lists WHERE id = 3")
    db.result("REINDEX INDEX broken")
    assert db.column("SELECT id FROM lists ORDER BY (numbers::vector(2)) <-> '[3,3]' LIMIT 1") == [2]
    shut(database)


def test_a_directory_is_served_once(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    with pytest.raises(SqlError, match="is in use by another server"):
        Database.open(tmp_path)
    database.close()
    Database.open(tmp_path).close()


def test_sequences_do_not_start_over(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    db.result("CREATE TABLE t (id serial PRIMARY KEY, v vector(2))")
    assert db.column("INSERT INTO t (v) VALUES ('[1,2]'), ('[3,4]') RETURNING id") == [1, 2]
    shut(database)
    database = Database.open(tmp_path)
    assert talk(database).column("INSERT INTO t (v) VALUES ('[5,6]') RETURNING id") == [3]
    shut(database)


def test_numbers_come_back(tmp_path: Path) -> None:
    """Clients keep the OIDs of types, and prepare queries by them: a restart must not change any."""
    database = Database.open(tmp_path)
    db = talk(database)
    for statement in (
        "CREATE EXTENSION vector",
        "CREATE TYPE mood AS ENUM ('sad')",
        "CREATE TYPE pair AS (a int, b vector(2))",
        "CREATE TABLE numbered (id int PRIMARY KEY, v vector(3), h halfvec(3), s sparsevec(3), mood mood, pair pair)",
    ):
        db.result(statement)
    known = (
        "SELECT typname, typnamespace, oid, typarray, typrelid FROM pg_type ORDER BY oid",
        "SELECT relname, relnamespace, oid, reltype FROM pg_class ORDER BY oid",
        "SELECT attrelid, attnum, atttypid, atttypmod FROM pg_attribute ORDER BY 1, 2",
        "SELECT proname, oid, prorettype FROM pg_proc ORDER BY oid",
        "SELECT oid, extname FROM pg_extension ORDER BY oid",
    )
    before = [db.rows(query) for query in known]
    assert {"vector", "_vector", "halfvec", "sparsevec", "mood", "pair"} <= {row[0] for row in before[0]}
    shut(database)
    database = Database.open(tmp_path)
    db = talk(database)
    assert [db.rows(query) for query in known] == before
    db.result("CREATE TYPE later AS ENUM ('x')")
    (row,) = db.rows("SELECT oid FROM pg_type WHERE typname = 'later'")
    assert row[0] not in [number for _, _, oid, array, _ in before[0] for number in (oid, array)]
    shut(database)


def test_enums_come_back(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    db = talk(database)
    for statement in (
        "CREATE TYPE mood AS ENUM ('sad', 'happy')",
        "CREATE TABLE moods (mood mood PRIMARY KEY, more mood[] DEFAULT '{sad}')",
        "INSERT INTO moods VALUES ('happy'), ('sad')",
        "ALTER TYPE mood ADD VALUE 'fine' BEFORE 'happy'",
    ):
        db.result(statement)
    known = "SELECT oid, typarray FROM pg_type WHERE typname = 'mood'"
    oids = db.rows(known)
    shut(database)
    database = Database.open(tmp_path)
    db = talk(database)
    assert db.rows(known) == oids
    db.result("INSERT INTO moods VALUES ('fine')")
    assert db.rows("SELECT * FROM moods ORDER BY mood") == [("sad", ["sad"]), ("fine", ["sad"]), ("happy", ["sad"])]
    with pytest.raises(SqlError, match='invalid input value for enum mood: "no"'):
        db.result("INSERT INTO moods VALUES ('no')")
    shut(database)


def test_composite_types_and_shaped_arrays_come_back(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    db = talk(database)
    for statement in (
        "CREATE TYPE mood AS ENUM ('sad', 'happy')",
        "CREATE TYPE person AS (name text, moods mood[])",
        "CREATE TYPE team AS (lead person, since daterange)",
        "CREATE TABLE teams (id int PRIMARY KEY, team team, grid int[][], plain int[])",
        "CREATE TABLE kept (row teams)",
        """INSERT INTO teams VALUES (1, ROW(ROW('a', '{sad}'), '[2020-01-01,)'), '{{1},{2}}', '{3}')""",
        "INSERT INTO teams (id, plain) VALUES (2, '[0:0]={4}')",
        "INSERT INTO kept SELECT t FROM teams AS t WHERE id = 1",
        "ALTER TYPE mood ADD VALUE 'fine'",
        "ALTER TYPE person ADD ATTRIBUTE age int",
    ):
        db.result(statement)
    shut(database)
    database = Database.open(tmp_path)
    db = talk(database)
    db.result("""UPDATE teams SET team = ROW(ROW('b', '{fine}', 7), NULL) WHERE id = 2""")
    found = db.rows("SELECT ((team).lead).moods, ((team).lead).age, grid, plain::text FROM teams ORDER BY id")
    assert found == [(["sad"], None, [[1], [2]], "{3}"), (["fine"], 7, None, "[0:0]={4}")]
    assert db.column("SELECT ((((row).team).lead).name) FROM kept") == ["a"]
    assert db.column("SELECT row = t FROM kept, teams AS t WHERE id = 1") == [True]
    shut(database)


def test_names_in_stored_texts_come_back(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    db = talk(database)
    for sql in (
        "CREATE SCHEMA a",
        "CREATE SCHEMA b",
        "CREATE TYPE a.mood AS ENUM ('sad', 'ok')",
        "SET search_path = a",
        "CREATE SEQUENCE numbers START 7",
        "CREATE TABLE t (id serial, n int DEFAULT nextval('numbers'), m mood DEFAULT 'ok' CHECK (m > 'sad'))",
        "CREATE VIEW v AS SELECT *, m = 'ok' AS fine FROM t",
        "CREATE VIEW w WITH (security_barrier) AS SELECT v.id, t.n FROM v JOIN t USING (id)",
        "INSERT INTO t DEFAULT VALUES",
        "ALTER TABLE t RENAME COLUMN n TO number",
        "ALTER TABLE t ADD COLUMN later int",
    ):
        db.result(sql)
    shut(database)
    database = Database.open(tmp_path)
    db = talk(database)
    db.result("SET search_path = b")
    db.result("CREATE SEQUENCE numbers START 5000")
    db.result("INSERT INTO a.t DEFAULT VALUES")
    assert db.rows("SELECT * FROM a.v ORDER BY id") == [(1, 7, "ok", True), (2, 8, "ok", True)]
    db.result("ALTER SEQUENCE a.numbers RENAME TO counter")
    db.result("ALTER TYPE a.mood RENAME VALUE 'ok' TO 'good'")
    db.result("ALTER TABLE a.t RENAME COLUMN id TO key")
    db.result("ALTER SCHEMA a RENAME TO c")
    shut(database)
    database = Database.open(tmp_path)
    db = talk(database)
    db.result("INSERT INTO c.t DEFAULT VALUES")
    assert db.rows("SELECT * FROM c.v ORDER BY id")[2] == (3, 9, "good", True)
    assert db.rows("SELECT * FROM c.w ORDER BY id") == [(1, 7), (2, 8), (3, 9)]
    assert db.error("ALTER TABLE c.t DROP COLUMN number").detail == (
        "view c.v depends on column number of table c.t\nview c.w depends on column number of table c.t"
    )
    assert db.error("INSERT INTO c.t (m) VALUES ('sad')").sqlstate == "23514"
    assert db.column("SELECT reloptions FROM pg_class WHERE relname = 'w'") == [["security_barrier=true"]]
    db.result("ALTER TABLE c.t DROP COLUMN later")
    assert len(db.rows("SELECT * FROM c.w")) == 3
    shut(database)
