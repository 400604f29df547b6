"""Enums under change: order after many additions, rows kept in memory, rollbacks, other sessions."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from tests.engine.conftest import Talk, vector


@pytest.fixture
def moods(db: Talk) -> Talk:
    """A session that made an enum and a table of it."""
    db.result("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
    db.result("CREATE TABLE moods (id int PRIMARY KEY, mood mood, embedding vector(2))")
    return db


@pytest.mark.parametrize("seed", range(3))
def test_order_after_additions_anywhere(db: Talk, seed: int) -> None:
    choose = random.Random(seed)
    labels = ["l0"]
    db.result("CREATE TYPE grown AS ENUM ('l0')")
    db.result("CREATE TABLE grown_values (value grown PRIMARY KEY)")
    db.result("INSERT INTO grown_values VALUES ('l0')")
    for number in range(1, 25):
        place = choose.randrange(len(labels))
        where, at = choose.choice([("BEFORE", place), ("AFTER", place + 1)])
        db.result(f"ALTER TYPE grown ADD VALUE 'l{number}' {where} '{labels[place]}'")
        labels.insert(at, f"l{number}")
        db.result(f"INSERT INTO grown_values VALUES ('l{number}')")
    assert db.column("SELECT value FROM grown_values ORDER BY value") == labels
    assert db.column("SELECT enum_range(NULL::grown)") == [labels]
    middle = labels[len(labels) // 2]
    below = db.column("SELECT value FROM grown_values WHERE value < $1 ORDER BY value DESC", [middle])
    assert below == labels[: len(labels) // 2][::-1]


def test_where_no_number_is_left(db: Talk) -> None:
    """PostgreSQL numbers all values anew then, which would rewrite tables here."""
    db.result("CREATE TYPE dense AS ENUM ('a', 'n0')")
    for number in range(52):
        db.result(f"ALTER TYPE dense ADD VALUE 'n{number + 1}' BEFORE 'n{number}'")
    error = db.error("ALTER TYPE dense ADD VALUE 'more' BEFORE 'n52'")
    assert (error.sqlstate, error.hint) == ("0A000", "Create a new type with all the values.")
    assert db.column("SELECT enum_range(NULL::dense)") == [["a", *(f"n{number}" for number in range(52, -1, -1))]]


def test_rows_in_memory_follow_a_renamed_label(moods: Talk, connect: Callable[[], Talk]) -> None:
    moods.result("INSERT INTO moods VALUES (1, 'sad', $1), (2, 'happy', $2)", [vector(0, 0), vector(3, 3)])
    moods.result("CREATE INDEX ON moods USING hnsw (embedding vector_l2_ops)")
    nearest = "SELECT id, mood FROM moods ORDER BY embedding <-> '[0,0]' LIMIT 1"
    assert "Index Scan" in moods.plan(nearest)
    for _ in range(3):
        assert moods.rows(nearest) == [(1, "sad")]
    connect().result("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'")
    assert moods.rows(nearest) == [(1, "blue")]
    assert moods.rows("SELECT id FROM moods WHERE mood < 'happy' ORDER BY embedding <-> '[3,3]' LIMIT 5") == [(1,)]


def test_rolled_back_to_a_savepoint(moods: Talk) -> None:
    moods.result("BEGIN")
    moods.result("INSERT INTO moods VALUES (1, 'sad')")
    moods.result("SAVEPOINT before")
    moods.result("ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok'")
    moods.result("ROLLBACK TO before")
    assert moods.column("SELECT enum_range(NULL::mood)") == [["sad", "ok", "happy"]]
    moods.result("COMMIT")
    assert moods.rows("SELECT id, mood FROM moods") == [(1, "sad")]
    assert moods.error("INSERT INTO moods VALUES (2, 'meh')").sqlstate == "22P02"


def test_others_see_a_type_when_it_is_committed(db: Talk, connect: Callable[[], Talk]) -> None:
    other = connect()
    db.result("BEGIN")
    db.result("CREATE TYPE fresh AS ENUM ('x')")
    assert db.column("SELECT 'x'::fresh") == ["x"]
    assert other.error("SELECT 'x'::fresh").sqlstate == "42704"
    db.result("COMMIT")
    assert other.column("SELECT 'x'::fresh") == ["x"]


def test_an_open_transaction_takes_a_label_that_others_added(moods: Talk, connect: Callable[[], Talk]) -> None:
    moods.result("BEGIN")
    moods.result("INSERT INTO moods VALUES (1, 'sad')")
    connect().result("ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok'")
    moods.result("INSERT INTO moods VALUES (2, 'meh')")
    moods.result("COMMIT")
    assert moods.rows("SELECT id FROM moods WHERE mood < 'ok' ORDER BY mood") == [(1,), (2,)]
