"""READ COMMITTED after the first write: a statement sees what others have committed before it began."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.engine.conftest import Talk

from ruvector_engine.executor import snapshots


@pytest.fixture
def pair(connect: Callable[[], Talk]) -> tuple[Talk, Talk]:
    """Two sessions over two tables, one of them with vectors."""
    one, other = connect(), connect()
    one.result("CREATE TABLE orders (id bigserial PRIMARY KEY, n int)")
    one.result("CREATE TABLE counters (id int PRIMARY KEY, n int)")
    one.result("CREATE TABLE items (id int PRIMARY KEY, note text, v vector(2))")
    one.result("CREATE INDEX ON items USING hnsw (v vector_l2_ops)")
    one.result("INSERT INTO counters VALUES (1, 0), (2, 0)")
    one.result("INSERT INTO items VALUES (1, 'a', '[1,1]'), (2, 'b', '[2,2]'), (3, 'c', '[3,3]')")
    return one, other


def test_a_counter_that_others_have_moved(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.result("BEGIN")
    one.result("INSERT INTO orders (n) VALUES (7)")
    other.result("UPDATE counters SET n = n + 1 WHERE id = 1")
    assert one.rows("UPDATE counters SET n = n + 1 WHERE id = 1 RETURNING n") == [(2,)]
    assert one.rows("SELECT n FROM orders") == [(7,)]
    one.result("COMMIT")
    assert other.rows("SELECT n FROM counters ORDER BY id") == [(2,), (0,)]
    assert other.rows("SELECT id, n FROM orders") == [(1, 7)]


def test_rows_that_came_and_went(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.result("BEGIN")
    one.result("UPDATE items SET note = 'mine', v = '[1.5,1.5]' WHERE id = 1")
    one.result("DELETE FROM counters WHERE id = 2")
    other.result("INSERT INTO items VALUES (4, 'theirs', '[0,0]')")
    assert one.rows("SELECT id, note FROM items ORDER BY v <-> '[0,0]' LIMIT 3") == [
        (4, "theirs"),
        (1, "mine"),
        (2, "b"),
    ]
    assert one.column("SELECT id FROM counters ORDER BY id") == [1]
    assert one.result("DELETE FROM items WHERE id = 4").tag == "DELETE 1"
    one.result("COMMIT")
    assert other.rows("SELECT id, note FROM items ORDER BY v <-> '[0,0]' LIMIT 5") == [
        (1, "mine"),
        (2, "b"),
        (3, "c"),
    ]
    assert other.column("SELECT id FROM counters ORDER BY id") == [1]


def test_tables_that_others_make_or_alter(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.result("BEGIN")
    one.result("INSERT INTO orders (n) VALUES (1)")
    other.result("CREATE TABLE fresh AS SELECT 5 AS five")
    other.result("ALTER TABLE counters ADD COLUMN note text DEFAULT 'new'")
    assert one.rows("SELECT five FROM fresh") == [(5,)]
    assert one.rows("SELECT note FROM counters WHERE id = 1") == [("new",)]
    one.result("COMMIT")
    assert other.column("SELECT n FROM orders") == [1]


def test_a_key_that_others_have_taken(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.result("BEGIN")
    one.result("INSERT INTO counters VALUES (9, 1)")
    one.result("INSERT INTO orders (n) VALUES (1)")
    other.result("INSERT INTO orders (n) VALUES (2)")
    assert one.error("INSERT INTO counters VALUES (9, 1)").sqlstate == "23505"
    one.result("ROLLBACK")
    assert other.column("SELECT n FROM orders") == [2]


def test_a_savepoint_from_before(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.result("BEGIN")
    one.result("INSERT INTO orders (n) VALUES (1)")
    one.result("SAVEPOINT a")
    one.result("UPDATE items SET v = '[9,9]' WHERE id = 1")
    other.result("UPDATE counters SET n = 5")
    assert one.column("SELECT n FROM counters") == [5, 5]
    one.result("INSERT INTO orders (n) VALUES (2)")
    one.result("ROLLBACK TO a")
    assert one.column("SELECT n FROM orders") == [1]
    assert one.column("SELECT id FROM items ORDER BY v <-> '[1,1]' LIMIT 1") == [1]
    one.result("COMMIT")
    assert other.column("SELECT n FROM orders") == [1]
    assert other.column("SELECT n FROM counters") == [5, 5]


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_the_stricter_levels_stay_where_they_are(pair: tuple[Talk, Talk], level: str) -> None:
    one, other = pair
    one.result(f"BEGIN ISOLATION LEVEL {level}")
    one.result("INSERT INTO orders (n) VALUES (1)")
    other.result("INSERT INTO counters VALUES (3, 3)")
    assert one.column("SELECT count(*) FROM counters") == [2]
    one.result("COMMIT")


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("first", ["SELECT 1", "SELECT now()", "SELECT count(*) FROM orders"])
def test_the_stricter_levels_begin_with_their_first_query(pair: tuple[Talk, Talk], level: str, first: str) -> None:
    one, other = pair
    one.result(f"BEGIN ISOLATION LEVEL {level}")
    one.result(first)
    other.result("INSERT INTO counters VALUES (3, 3)")
    assert one.column("SELECT count(*) FROM counters") == [2]
    one.result("COMMIT")
    assert one.column("SELECT count(*) FROM counters") == [3]


def test_a_transaction_that_has_written_much_stays_where_it_is(
    pair: tuple[Talk, Talk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MOST_REWRITTEN", 100)
    one, other = pair
    one.result("BEGIN")
    one.result("INSERT INTO orders (n) SELECT g FROM generate_series(1, 100) g")
    other.result("INSERT INTO counters VALUES (3, 3)")
    assert one.column("SELECT count(*) FROM counters") == [2]
    one.result("COMMIT")
    assert one.column("SELECT count(*) FROM counters") == [3]


def test_many_clients_that_each_insert_and_count(pair: tuple[Talk, Talk], connect: Callable[[], Talk]) -> None:
    clients = [connect() for _ in range(4)]
    for number in range(20):
        client, other = clients[number % 4], clients[(number + 1) % 4]
        client.result("BEGIN")
        client.result("INSERT INTO orders (n) VALUES (1)")
        other.result("UPDATE counters SET n = n + 1 WHERE id = 1")
        client.result("UPDATE counters SET n = n + 1 WHERE id = 1")
        client.result("COMMIT")
    assert pair[0].column("SELECT n FROM counters ORDER BY id") == [40, 0]
    assert pair[0].column("SELECT count(*), count(DISTINCT id) FROM orders") == [20]
