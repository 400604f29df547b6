"""ROLLBACK TO beside other sessions, under the isolations, after a crash of the process; and what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database


@pytest.fixture(autouse=True)
def items(db: Talk) -> None:
    db.result("CREATE TABLE items (id serial PRIMARY KEY, name text UNIQUE, v vector(2))")
    db.result("CREATE TABLE plain (id int PRIMARY KEY, n int)")
    db.result("INSERT INTO items (name, v) VALUES ('a', '[0,1]'), ('b', '[0,2]')")
    db.result("INSERT INTO plain VALUES (1, 1), (2, 2)")


def fail_and_go_back(db: Talk, savepoint: str = "s") -> None:
    assert db.error("INSERT INTO items (id, name) VALUES (1, 'again')").sqlstate == "23505"
    assert db.result(f"ROLLBACK TO {savepoint}").tag == "ROLLBACK"


def test_ids_that_were_handed_out_stay_with_their_rows(db: Talk) -> None:
    db.result("BEGIN")
    given = db.column("INSERT INTO items (name, v) VALUES ('c', '[0,3]'), ('d', '[0,4]') RETURNING id")
    db.result("SAVEPOINT s")
    fail_and_go_back(db)
    more = db.column("INSERT INTO items (name, v) VALUES ('e', '[0,5]') RETURNING id")
    db.result("COMMIT")
    assert db.column("SELECT id FROM items WHERE name IN ('c', 'd') ORDER BY id") == given
    assert more[0] > max(given)


def test_rows_of_others_are_seen_and_kept(db: Talk, connect: Callable[[], Talk]) -> None:
    other = connect()
    db.result("BEGIN")
    db.result("UPDATE items SET v = '[5,5]' WHERE name = 'a'")
    db.result("INSERT INTO plain VALUES (3, 3)")
    db.result("SAVEPOINT s")
    other.result("INSERT INTO items (name, v) VALUES ('other', '[9,9]')")
    other.result("INSERT INTO plain VALUES (4, 4)")
    fail_and_go_back(db)
    assert db.column("SELECT n FROM plain ORDER BY n") == [1, 2, 3, 4]
    assert db.column("SELECT name FROM items ORDER BY v <-> '[9,9]'") == ["other", "a", "b"]
    db.result("COMMIT")
    assert other.column("SELECT n FROM plain ORDER BY n") == [1, 2, 3, 4]
    assert other.column("SELECT name FROM items ORDER BY v <-> '[9,9]'") == ["other", "a", "b"]


def test_a_key_that_somebody_else_took_meanwhile(db: Talk, connect: Callable[[], Talk]) -> None:
    db.result("BEGIN")
    db.result("INSERT INTO plain VALUES (3, 3)")
    db.result("SAVEPOINT s")
    connect().result("INSERT INTO plain VALUES (3, 4)")
    assert db.error("SELECT 1/0").sqlstate == "22012"
    assert db.error("ROLLBACK TO s").sqlstate == "40001"
    assert db.session.status == "E"
    assert db.result("COMMIT").tag == "ROLLBACK"
    assert db.column("SELECT n FROM plain WHERE id = 3") == [4]


def test_rows_that_came_while_others_were_changed(db: Talk, connect: Callable[[], Talk]) -> None:
    db.result("BEGIN")
    db.result("UPDATE plain SET n = 10 WHERE id = 1")
    connect().result("INSERT INTO plain VALUES (3, 3)")
    db.result("SAVEPOINT s")
    db.result("UPDATE plain SET n = 20")
    assert db.error("ROLLBACK TO s").sqlstate == "40001"
    db.result("ROLLBACK")
    assert db.column("SELECT n FROM plain ORDER BY id") == [1, 2, 3]


def test_stricter_isolations_keep_their_snapshot_or_fail(db: Talk, connect: Callable[[], Talk]) -> None:
    for wanted in ("ROLLBACK", "40001"):
        db.result("BEGIN ISOLATION LEVEL REPEATABLE READ")
        count = db.column("SELECT count(*) FROM plain")
        db.result("SAVEPOINT s")
        assert db.error("SELECT 1/0").sqlstate == "22012"
        if wanted == "40001":
            connect().result("INSERT INTO plain VALUES (7, 7)")
            assert db.error("ROLLBACK TO s").sqlstate == "40001"
        else:
            assert db.result("ROLLBACK TO s").tag == wanted
            connect().result("INSERT INTO plain VALUES (6, 6)")
            assert db.column("SELECT count(*) FROM plain") == count
        db.result("ROLLBACK")


def test_a_loop_of_savepoints(db: Talk) -> None:
    db.result("BEGIN")
    for n in range(30):
        db.result("SAVEPOINT s")
        db.result(f"INSERT INTO items (name, v) VALUES ('n{n}', '[{n},0]')")
        if n % 3 == 0:
            db.result(f"UPDATE plain SET n = {n} WHERE id = 1")
        if n % 5 == 0:
            fail_and_go_back(db)
        db.result("RELEASE s")
    db.result("COMMIT")
    kept = [f"n{n}" for n in range(30) if n % 5]
    assert sorted(db.column("SELECT name FROM items WHERE name LIKE 'n%'")) == sorted(kept)
    assert db.column("SELECT n FROM plain WHERE id = 1") == [27]
    db.result("CREATE INDEX ON items USING hnsw (v vector_l2_ops)")
    assert db.column("SELECT name FROM items ORDER BY v <-> '[29,0]' LIMIT 2") == ["n29", "n28"]


def test_what_was_written_again_is_there_after_a_restart(data_dir: Path) -> None:
    database = Database.open(data_dir.parent / "second")
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    db.result("CREATE TABLE t (id serial PRIMARY KEY, v vector(2))")
    db.result("CREATE INDEX ON t USING hnsw (v vector_l2_ops)")
    db.result("BEGIN")
    db.result("INSERT INTO t (v) VALUES ('[1,1]'), ('[2,2]')")
    db.result("SAVEPOINT s")
    db.result("DELETE FROM t")
    db.result("ROLLBACK TO s")
    db.result("COMMIT")
    near = "SELECT id FROM t ORDER BY v <-> '[2,2]' LIMIT 3"
    assert db.column(near) == [2, 1]
    db.session.close()
    database.close()
    database = Database.open(data_dir.parent / "second")
    db = talk(database)
    assert db.column(near) == [2, 1]
    assert db.column("INSERT INTO t (v) VALUES ('[2,3]') RETURNING id")[0] > 2
    assert db.column(near)[0] == 2
    db.session.close()
    database.close()


def test_what_is_refused(db: Talk) -> None:
    db.result("BEGIN")
    db.result("CREATE TABLE fresh (a int)")
    db.result("SAVEPOINT s")
    db.result("INSERT INTO fresh VALUES (1)")
    error = db.error("ROLLBACK TO s")
    assert error.sqlstate == "0A000"
    assert "changed the catalog before the savepoint" in error.message
    db.result("ROLLBACK")
    db.result('CREATE TABLE odd ("rowid" int)')
    db.result("BEGIN")
    db.result("INSERT INTO odd VALUES (1)")
    db.result("SAVEPOINT s")
    db.result("INSERT INTO odd VALUES (2)")
    assert db.error("ROLLBACK TO s").sqlstate == "0A000"
    db.result("ROLLBACK")


@pytest.mark.parametrize("seed", range(6))
def test_random_work_gives_what_a_model_says(db: Talk, seed: int) -> None:
    """Savepoints, writes and failures in any order, over a table with an index; the model is a dict of rows."""
    chance = random.Random(seed)
    db.result("CREATE INDEX ON items USING hnsw (v vector_l2_ops)")
    rows: Rows = {1: ("a", 1), 2: ("b", 2)}
    stack: list[Rows] = []
    db.result("BEGIN")
    for step in range(60):
        action = chance.choice(["insert", "insert", "move", "rename", "delete", "savepoint", "back", "fail", "release"])
        some = chance.choice(sorted(rows)) if rows else 0
        if action == "insert":
            given = db.column(f"INSERT INTO items (name, v) VALUES ('s{step}', '[0,{step}]') RETURNING id")
            rows[given[0]] = (f"s{step}", step)
        elif action == "move" and rows:
            db.result(f"UPDATE items SET v = '[0,{100 + step}]' WHERE id = {some}")
            rows[some] = (rows[some][0], 100 + step)
        elif action == "rename" and rows:
            db.result(f"UPDATE items SET name = 'r{step}' WHERE id = {some}")
            rows[some] = (f"r{step}", rows[some][1])
        elif action == "delete" and len(rows) > 1:
            db.result(f"DELETE FROM items WHERE id = {some}")
            del rows[some]
        elif action == "savepoint":
            db.result(f"SAVEPOINT s{len(stack)}")
            stack.append(dict(rows))
        elif action == "release" and stack:
            stack.pop()
            db.result(f"RELEASE s{len(stack)}")
        elif action in ("back", "fail") and stack:
            place = chance.randrange(len(stack))
            if action == "fail":
                db.error(f"INSERT INTO items (id, name) VALUES ({some}, 'x'), ({some}, 'y')")
            db.result(f"ROLLBACK TO s{place}")
            del stack[place + 1 :]
            rows = dict(stack[place])
        assert found(db) == rows
        assert nearest(db) == expected_nearest(rows)
    db.result("COMMIT")
    assert found(db) == rows
    assert nearest(db) == expected_nearest(rows)


Rows = dict[int, tuple[str, int]]
QUERY = 40


def found(db: Talk) -> Rows:
    return {row: (name, at) for row, name, at in db.rows("SELECT id, name, vector_norm(v)::int FROM items")}


def nearest(db: Talk) -> list[int]:
    return db.column(f"SELECT l2_distance(v, '[0,{QUERY}]')::int FROM items ORDER BY v <-> '[0,{QUERY}]' LIMIT 5")


def expected_nearest(rows: Rows) -> list[int]:
    return sorted(abs(at - QUERY) for _, at in rows.values())[:5]


def test_an_update_of_no_row_is_kept_too(db: Talk) -> None:
    db.result("CREATE TABLE v (id int, v vector(2))")
    db.result("BEGIN")
    db.result("UPDATE v SET v = '[1,2]' WHERE id = 7")
    db.result("SAVEPOINT one")
    db.result("INSERT INTO v VALUES (1, '[1,2]')")
    db.result("ROLLBACK TO one")
    db.result("COMMIT")
    assert db.rows("SELECT * FROM v") == []
