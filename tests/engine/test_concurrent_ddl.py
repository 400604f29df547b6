"""What DDL, index builds and other sessions' commits do to each other: no row is lost, no index misses one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.engine.conftest import Talk


@contextmanager
def waiting(session: Talk, sql: str) -> Iterator[None]:
    """A statement that waits for a lock which the body gives back."""
    thread = threading.Thread(target=session.result, args=(sql,))
    thread.start()
    time.sleep(0.1)
    yield
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def other(connect: Callable[[], Talk]) -> Talk:
    """A second session."""
    return connect()


@pytest.fixture
def items(db: Talk) -> None:
    """A table with a row and an index, and another table."""
    db.result("CREATE TABLE items (id int, v vector(2))")
    db.result("CREATE INDEX ON items USING hnsw (v vector_l2_ops)")
    db.result("INSERT INTO items VALUES (1, '[1,1]')")
    db.result("CREATE TABLE notes (n int)")


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    "ddl",
    [
        "ALTER TABLE items ADD COLUMN n int DEFAULT 5",
        "ALTER TABLE items ALTER COLUMN id SET NOT NULL",
        "CREATE UNIQUE INDEX ON items (id)",
        "TRUNCATE items",
    ],
)
def test_what_touches_every_row_refuses_an_old_snapshot(db: Talk, other: Talk, ddl: str) -> None:
    db.result("BEGIN")
    db.result("INSERT INTO notes VALUES (1)")  # takes the snapshot
    other.result("INSERT INTO items VALUES (2, '[2,2]')")
    assert db.error(ddl).sqlstate == "40001"
    db.result("ROLLBACK")
    assert other.column("SELECT id FROM items ORDER BY id") == [1, 2]


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    "ddl", ["ALTER TABLE items ADD COLUMN n int DEFAULT 5", "CREATE UNIQUE INDEX ON items (id)", "TRUNCATE items"]
)
def test_ddl_that_waited_for_a_writer_sees_its_rows(db: Talk, other: Talk, ddl: str) -> None:
    db.result("BEGIN")
    db.result("INSERT INTO items VALUES (2, '[2,2]')")
    with waiting(other, ddl):
        db.result("COMMIT")
    assert db.column("SELECT id FROM items ORDER BY id") == ([] if ddl.startswith("TRUNCATE") else [1, 2])


@pytest.mark.usefixtures("items")
def test_a_unique_index_that_waited_keeps_new_columns(db: Talk, other: Talk) -> None:
    db.result("BEGIN")
    db.result("ALTER TABLE items ADD COLUMN n int DEFAULT 5")
    with waiting(other, "CREATE UNIQUE INDEX ON items (id)"):
        db.result("COMMIT")
    assert db.rows("SELECT id, n FROM items") == [(1, 5)]


@pytest.mark.usefixtures("items")
def test_an_index_built_in_a_block_has_what_others_committed_since(db: Talk, other: Talk) -> None:
    db.result("BEGIN")
    db.result("INSERT INTO items VALUES (5, '[5,5]')")
    other.result("INSERT INTO items VALUES (2, '[-2,-2]')")
    db.result("CREATE INDEX ON items USING hnsw (v vector_ip_ops)")
    other.result("INSERT INTO items VALUES (3, '[-3,-3]')")
    db.result("COMMIT")
    assert other.column("SELECT id FROM items ORDER BY v <#> '[-1,-1]' LIMIT 3") == [3, 2, 1]
    assert other.column("SELECT id FROM items ORDER BY v <-> '[5,5]' LIMIT 1") == [5]


@pytest.mark.usefixtures("items")
def test_reindex_of_a_table_keeps_each_of_its_indexes_whole(
    db: Talk, other: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.result("CREATE INDEX ON items USING hnsw (v vector_ip_ops)")
    build = db.session.database.indexes.build
    numbers = iter((7, 8))

    def build_after_an_insert(*args: object, **kwargs: object) -> None:
        number = next(numbers)
        other.result(f"INSERT INTO items VALUES ({number}, '[{number},{number}]')")
        build(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(db.session.database.indexes, "build", build_after_an_insert)
    db.result("REINDEX TABLE items")
    assert db.column("SELECT id FROM items ORDER BY v <-> '[9,9]' LIMIT 3") == [8, 7, 1]
    assert db.column("SELECT id FROM items ORDER BY v <#> '[1,1]' LIMIT 3") == [8, 7, 1]


@pytest.mark.usefixtures("items")
def test_vectors_written_before_their_column_was_renamed_are_indexed(db: Talk) -> None:
    db.result("BEGIN")
    db.result("INSERT INTO items VALUES (2, '[2,2]')")
    db.result("ALTER TABLE items RENAME COLUMN v TO w")
    db.result("INSERT INTO items VALUES (3, '[3,3]')")
    db.result("COMMIT")
    assert db.column("SELECT id FROM items ORDER BY w <-> '[9,9]' LIMIT 2") == [3, 2]


def test_create_extension_keeps_other_sessions_ddl(db: Talk, other: Talk) -> None:
    db.result("BEGIN")
    db.result("CREATE EXTENSION ruvector")
    with waiting(other, "CREATE TABLE made_meanwhile (x int)"):
        db.result("COMMIT")
    assert db.rows("SELECT * FROM made_meanwhile") == []


@pytest.mark.usefixtures("items")
def test_for_update_keeps_other_writers_out(db: Talk, other: Talk) -> None:
    db.result("BEGIN")
    assert db.column("SELECT id FROM items FOR UPDATE") == [1]
    with waiting(other, "UPDATE items SET id = id + 10"):
        assert db.column("SELECT id FROM items") == [1]
        db.result("UPDATE items SET id = 2")
        db.result("COMMIT")
    assert db.column("SELECT id FROM items") == [12]


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    ("ddl", "statement"),
    [
        ("CREATE TABLE late (n int)", "SELECT * FROM late"),
        ("ALTER TABLE items ALTER COLUMN id TYPE text", "SELECT id FROM items"),
        ("ALTER TABLE items ALTER COLUMN id TYPE text", "SELECT id FROM items ORDER BY v <-> '[1,1]' LIMIT 1"),
        ("ALTER TABLE items ADD COLUMN n int DEFAULT 5", "INSERT INTO items (n) VALUES (1)"),
    ],
)
@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_tables_that_changed_after_the_snapshot(db: Talk, other: Talk, ddl: str, statement: str, level: str) -> None:
    db.result(f"BEGIN ISOLATION LEVEL {level}")
    db.result("INSERT INTO notes VALUES (1)")  # takes the snapshot
    other.result(ddl)
    if level == "READ COMMITTED":
        db.result(statement)  # which moves to a new one
        db.result("COMMIT")
        assert other.column("SELECT count(*) FROM notes") == [1]
    else:
        assert db.error(statement).sqlstate == "40001"
        db.result("ROLLBACK")
        db.result(statement)


def test_a_write_that_waited_for_alter_table_is_not_run_as_it_was_planned(db: Talk, other: Talk) -> None:
    db.result("CREATE TABLE plain (v vector(2))")
    db.result("BEGIN")
    db.result("ALTER TABLE plain ALTER COLUMN v TYPE vector(3) USING '[1,1,1]'::vector")
    errors: list[str] = []
    thread = threading.Thread(target=lambda: errors.append(other.error("INSERT INTO plain VALUES ('[1,1]')").sqlstate))
    thread.start()
    time.sleep(0.1)
    db.result("COMMIT")
    thread.join(10)
    assert errors == ["40001"]
    assert db.rows("SELECT v FROM plain") == []
