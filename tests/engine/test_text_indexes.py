"""Indexes on documents inside the engine: they answer as a scan does, through commits, rollbacks and restarts."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database

WORDS = ("cat", "cats", "dog", "quick", "the", "fox-hound", "it's", "")
BODIES = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
QUERIES = (
    "cat",
    "cat & dog",
    "cat | fox",
    "!cat",
    "ca:*",
    "cat <-> dog",
    "!(cat <-> dog) & quick",
    "dog:A | fox <2> cat",
)
TABLE = (
    "CREATE TABLE docs (id int PRIMARY KEY, body text, n int DEFAULT 0, "
    "tsv tsvector GENERATED ALWAYS AS (to_tsvector('english', body)) STORED)"
)
INDEXES = (
    "CREATE INDEX by_column ON docs USING gin (tsv)",
    "CREATE INDEX by_expression ON docs USING gin (to_tsvector('english', body))",
    "CREATE INDEX by_part ON docs USING gin (to_tsvector('simple', body)) WHERE n > 0",
)
CONDITIONS = {
    "by_column": "tsv @@ to_tsquery('english', '{}')",
    "by_expression": "to_tsvector('english', body) @@ to_tsquery('english', '{}')",
    "by_part": "n > 0 AND to_tsvector('simple', body) @@ to_tsquery('simple', '{}')",
}


def shut(database: Database) -> None:
    for session in list(database.sessions.values()):
        session.close()
    database.close()


def check(db: Talk) -> None:
    """Every query gets by each index what a scan finds."""
    for name, condition in CONDITIONS.items():
        for query in QUERIES:
            sql = f"SELECT id FROM docs WHERE {condition.format(query)} ORDER BY id"
            db.result("SET enable_bitmapscan = on")
            found, plan = db.column(sql), db.plan(sql)
            assert f"Bitmap Index Scan on {name}" in plan
            db.result("SET enable_bitmapscan = off")
            assert "Seq Scan" in db.plan(sql)
            assert found == db.column(sql), sql
    db.result("RESET enable_bitmapscan")


class Life(RuleBasedStateMachine):
    """Rows come, change and go in one session, in blocks and out of them; another looks on."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="ruvector-", dir=memory if memory.is_dir() else None))
        self.next_id = 1
        self.in_block = False
        self.open()

    def open(self) -> None:
        self.database = Database.open(self.folder / "data")
        self.db, self.other = talk(self.database), talk(self.database)

    @initialize()
    def make(self) -> None:
        for statement in (TABLE, *INDEXES):
            self.db.result(statement)

    @rule(bodies=st.lists(BODIES, min_size=1, max_size=5))
    def insert(self, bodies: list[str]) -> None:
        for body in bodies:
            self.db.result("INSERT INTO docs (id, body, n) VALUES ($1, $2, $3)", [self.next_id, body, self.next_id % 2])
            self.next_id += 1

    @rule(number=st.integers(1, 20), body=BODIES)
    def update(self, number: int, body: str) -> None:
        self.db.result("UPDATE docs SET body = $2 WHERE id = $1", [number, body])

    @rule(number=st.integers(1, 20))
    def update_beside(self, number: int) -> None:
        self.db.result("UPDATE docs SET n = 1 - n WHERE id % 3 = $1 % 3", [number])

    @rule(number=st.integers(1, 20), body=BODIES)
    def upsert(self, number: int, body: str) -> None:
        self.db.result(
            "INSERT INTO docs (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            [number, body],
        )
        self.next_id = max(self.next_id, number + 1)

    @rule(number=st.integers(1, 20))
    def delete(self, number: int) -> None:
        self.db.result("DELETE FROM docs WHERE id = $1", [number])

    @rule(end=st.sampled_from(["COMMIT", "ROLLBACK"]))
    def block(self, end: str) -> None:
        self.db.result(end if self.in_block else "BEGIN")
        self.in_block = not self.in_block

    @rule(statement=st.sampled_from(["REINDEX TABLE docs", "TRUNCATE docs", "VACUUM"]))
    def maintain(self, statement: str) -> None:
        if not self.in_block:
            self.db.result(statement)

    @rule(keep=st.booleans())
    def restart(self, keep: bool) -> None:
        self.in_block = False
        shut(self.database)
        if not keep:
            shutil.rmtree(self.folder / "data" / "text_indexes")
        self.open()

    @rule()
    def look(self) -> None:
        check(self.db)
        check(self.other)

    def teardown(self) -> None:
        check(self.db)
        check(self.other)
        shut(self.database)
        shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=6, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)


def filled(data_dir: Path) -> tuple[Database, Talk]:
    database = Database.open(data_dir)
    db = talk(database)
    for statement in (TABLE, *INDEXES):
        db.result(statement)
    db.result("INSERT INTO docs (id, body, n) SELECT i, 'cat ' || (i % 7) || ' dog', i FROM generate_series(1, 300) i")
    return database, db


def test_indexes_come_back(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    database, db = filled(data_dir)
    db.result("DELETE FROM docs WHERE id < 10")
    check(db)
    shut(database)
    with caplog.at_level(logging.WARNING):
        database = Database.open(data_dir)
    assert not caplog.records
    check(talk(database))
    shut(database)


def test_a_damaged_index_is_built_anew(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    database, _ = filled(data_dir)
    shut(database)
    for path in (data_dir / "text_indexes").rglob("postings"):
        path.write_bytes(path.read_bytes()[:-1])
    with caplog.at_level(logging.WARNING):
        database = Database.open(data_dir)
    assert "rebuilding index" in caplog.text
    check(talk(database))
    shut(database)


def test_rows_committed_during_a_build_are_in_it(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, db = filled(data_dir)
    other = talk(database)
    db.result("DROP INDEX by_column")
    from ruvector_engine import text_indexes

    fill = text_indexes._fill

    def slowly(*args: object) -> None:
        fill(*args)  # type: ignore[arg-type]
        other.result("INSERT INTO docs (id, body) VALUES (900, 'a fox')")
        other.result("UPDATE docs SET n = 5, body = 'quick' WHERE id = 1")
        other.result("DELETE FROM docs WHERE id = 2")

    monkeypatch.setattr(text_indexes, "_fill", slowly)
    db.result(INDEXES[0])
    check(db)
    check(other)
    shut(database)


def test_an_older_snapshot_is_answered_from_its_own_rows(connect: Callable[[], Talk]) -> None:
    db, other = connect(), connect()
    for statement in (TABLE, *INDEXES):
        db.result(statement)
    db.result("INSERT INTO docs (id, body) VALUES (1, 'cat'), (2, 'dog'), (3, 'cat dog')")
    search = "SELECT id FROM docs WHERE tsv @@ 'cat'::tsquery ORDER BY id"
    other.result("BEGIN ISOLATION LEVEL REPEATABLE READ")
    assert other.column(search) == [1, 3]
    db.result("UPDATE docs SET body = 'dog' WHERE id = 1")
    db.result("UPDATE docs SET body = 'cat' WHERE id = 2")
    db.result("DELETE FROM docs WHERE id = 3")
    db.result("INSERT INTO docs (id, body) VALUES (4, 'cat')")
    assert other.column(search) == [1, 3]
    assert db.column(search) == [2, 4]
    other.result("COMMIT")
    assert other.column(search) == [2, 4]


def test_a_filtered_vector_search_goes_through_it(db: Talk) -> None:
    db.result("CREATE TABLE items (id int, doc tsvector, e vector(2))")
    db.result(
        "INSERT INTO items SELECT i, ('w' || i % 10)::tsvector, ('[' || i || ',0]')::vector "
        "FROM generate_series(1, 500) i"
    )
    db.result("INSERT INTO items VALUES (501, 'w3', NULL)")
    db.result("CREATE INDEX ON items USING gin (doc)")
    db.result("CREATE INDEX ON items USING hnsw (e vector_l2_ops)")
    nearest = "SELECT id FROM items WHERE doc @@ 'w3'::tsquery ORDER BY e <-> '[100,0]' LIMIT {}"
    assert db.column(nearest.format(3)) == [103, 93, 113]
    assert db.column(nearest.format(3)) == [103, 93, 113]  # by the cached filter
    assert len(db.column(nearest.format(100))) == 51
    db.result("UPDATE items SET doc = 'w4' WHERE id = 103")
    assert db.column(nearest.format(2)) == [93, 113]
    db.result("BEGIN")
    db.result("UPDATE items SET doc = 'w3' WHERE id = 101")
    assert db.column(nearest.format(2)) == [101, 93]
    db.result("ROLLBACK")
    assert db.column(nearest.format(2)) == [93, 113]


def test_a_copied_database_has_its_own(data_dir: Path) -> None:
    database = Database.open(data_dir)
    db = talk(database)
    db.result("CREATE DATABASE model")
    model = talk(database, "model")
    for statement in (TABLE, *INDEXES):
        model.result(statement)
    model.result("INSERT INTO docs (id, body, n) VALUES (1, 'cat dog', 1), (2, 'fox', 0)")
    model.session.close()
    db.result("CREATE DATABASE made TEMPLATE model")
    made = talk(database, "made")
    check(made)
    made.result("INSERT INTO docs (id, body, n) VALUES (3, 'cat', 1)")
    check(made)
    check(talk(database, "model"))
    shut(database)
    database = Database.open(data_dir)
    check(talk(database, "made"))
    shut(database)
