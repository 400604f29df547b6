"""CREATE INDEX on an expression, or with a WHERE, beside UPDATEs of what it reads: the index has the last values."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database
from ruvector_engine.index import VectorIndex
from ruvector_engine.results import Result

INDEXES = {
    "expression": "((CASE WHEN n > 0 THEN v ELSE w END::vector(2)) vector_l2_ops)",
    "predicate": "(v vector_l2_ops) WHERE n > 0",
    "unread": "(v vector_l2_ops)",
}
NEAREST = {
    "expression": "SELECT id FROM t ORDER BY (CASE WHEN n > 0 THEN v ELSE w END::vector(2)) <-> '[0,0]' LIMIT 50",
    "predicate": "SELECT id FROM t WHERE n > 0 ORDER BY v <-> '[0,0]' LIMIT 50",
    "unread": "SELECT id FROM t ORDER BY v <-> '[0,0]' LIMIT 50",
}
kinds = pytest.mark.parametrize("kind", INDEXES)


@pytest.fixture
def db(database: Database) -> Talk:
    """A session over a table of 40 rows."""
    db = talk(database)
    db.result("CREATE TABLE t (id int PRIMARY KEY, n int, v vector(2), w vector(2))")
    db.result(
        "INSERT INTO t SELECT i, i % 3 - 1, ARRAY[i, 1]::vector, ARRAY[-2 * i, 3]::vector FROM generate_series(1, 40) i"
    )
    return db


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """Runs what has to wait."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def until(happened: Callable[[], Any]) -> None:
    """Wait for something that is sure to come."""
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.005)


def check(database: Database, db: Talk, kind: str) -> None:
    """The index is there, and its answers are those of an exact search."""
    found = db.session.catalog.relations["public", "knn"]
    index = database.indexes.get(found.oid)
    assert index is not None
    if kind == "predicate":
        assert index.live_count == db.column("SELECT count(*) FROM t WHERE n > 0")[0]
    db.result("SET hnsw.ef_search = 200")
    assert "Index Scan using knn" in db.plan(NEAREST[kind])
    answer = db.column(NEAREST[kind])
    db.result("SET enable_indexscan = off")
    assert answer == db.column(NEAREST[kind])
    db.result("RESET enable_indexscan")


class Paused:
    """Holds index builds between reading the rows and the end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        original = VectorIndex.build

        def build(*args: Any, **options: Any) -> VectorIndex:
            self.reached.set()
            assert self.go_on.wait(30)
            return original(*args, **options)

        monkeypatch.setattr(VectorIndex, "build", build)


@kinds
def test_what_an_update_under_way_changes_is_seen(
    database: Database, db: Talk, thread: ThreadPoolExecutor, kind: str
) -> None:
    """It began before there was an index, so that its rows keep their ids: the build waits for it, as PostgreSQL's."""
    late = talk(database)
    late.result("BEGIN")
    late.result("UPDATE t SET n = -n")
    building = thread.submit(db.result, f"CREATE INDEX knn ON t USING hnsw {INDEXES[kind]}")
    if kind != "unread":
        oid = db.session.catalog.relations["public", "t"].oid
        until(lambda: (oid, db.session.pid, "update", False) in database.locks.listed())
    else:
        building.result(30)
    late.result("COMMIT")
    building.result(30)
    check(database, db, kind)


@kinds
def test_what_is_updated_during_the_build_is_seen(
    database: Database, db: Talk, thread: ThreadPoolExecutor, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers go on: one commits before the index is there, one after, one not at all."""
    paused = Paused(monkeypatch)
    builder, first, second, third = (talk(database) for _ in range(4))
    building: Future[Result] = thread.submit(builder.result, f"CREATE INDEX knn ON t USING hnsw {INDEXES[kind]}")
    assert paused.reached.wait(30)
    first.result("UPDATE t SET n = -n WHERE id % 2 = 0")
    first.result("UPDATE t SET n = 1, w = '[7,7]' WHERE id = 3")
    first.result("INSERT INTO t VALUES (41, 1, '[0.5,0.5]', '[9,9]'), (42, -1, '[0.25,0.5]', '[9,8]')")
    first.result("INSERT INTO t VALUES (1, 1, '[3,3]', '[3,3]') ON CONFLICT (id) DO UPDATE SET n = -7")
    third.result("BEGIN")
    third.result("UPDATE t SET n = 5 WHERE id = 7")
    third.result("ROLLBACK")
    second.result("BEGIN")
    second.result("UPDATE t SET n = 1 - n WHERE id BETWEEN 10 AND 20")
    paused.go_on.set()
    building.result(30)
    second.result("COMMIT")
    check(database, db, kind)


@kinds
def test_a_block_with_an_old_snapshot_does_not_index_it(database: Database, db: Talk, kind: str) -> None:
    """It moves on to what is committed, or is refused."""
    other = talk(database)
    db.result("CREATE TABLE notes (n int)")
    db.result("BEGIN")
    db.result("INSERT INTO notes VALUES (1)")
    other.result("UPDATE t SET n = -n")
    db.result(f"CREATE INDEX knn ON t USING hnsw {INDEXES[kind]}")
    db.result("COMMIT")
    check(database, db, kind)
    db.result("DROP INDEX knn")
    db.result("BEGIN ISOLATION LEVEL REPEATABLE READ")
    db.result("SELECT count(*) FROM t")
    other.result("UPDATE t SET n = -n")
    if kind == "unread":
        db.result(f"CREATE INDEX knn ON t USING hnsw {INDEXES[kind]}")
        db.result("COMMIT")
        check(database, db, kind)
    else:
        assert db.error(f"CREATE INDEX knn ON t USING hnsw {INDEXES[kind]}").sqlstate == "40001"
        db.result("ROLLBACK")


@kinds
def test_own_changes_before_and_after(database: Database, db: Talk, kind: str) -> None:
    """The transaction that builds the index updates what it reads."""
    db.result("BEGIN")
    db.result("UPDATE t SET n = -n WHERE id < 20")
    db.result(f"CREATE INDEX knn ON t USING hnsw {INDEXES[kind]}")
    db.result("UPDATE t SET n = -n, w = '[3,4]' WHERE id > 10")
    db.result("INSERT INTO t VALUES (50, 1, '[0.5,0.5]', '[9,9]'), (51, -1, '[0.25,0.5]', '[0,8]')")
    db.result("COMMIT")
    check(database, db, kind)


@kinds
def test_any_order_of_writers_and_builds(database: Database, db: Talk, kind: str) -> None:
    """Writers in threads of their own, indexes made and dropped beside them."""
    stop = threading.Event()

    def write(seed: int) -> None:
        session, rng = talk(database), np.random.default_rng(seed)
        while not stop.is_set():
            low = int(rng.integers(1, 40))
            session.result(f"UPDATE t SET n = {rng.integers(-1, 2)} WHERE id BETWEEN {low} AND {low + 3}")

    with ThreadPoolExecutor(2) as writers:
        writing = [writers.submit(write, seed) for seed in (1, 2)]
        for _ in range(6):
            db.result(f"CREATE INDEX knn ON t USING hnsw {INDEXES[kind]}")
            db.result("DROP INDEX knn")
        db.result(f"CREATE INDEX knn ON t USING hnsw {INDEXES[kind]}")
        stop.set()
        for one in writing:
            one.result(30)
    check(database, db, kind)
