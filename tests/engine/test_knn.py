"""k-NN queries: the index runs, the answer is exact on small data, and LIMIT is filled."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from tests.engine.conftest import Talk, vector

from ruvector_engine.executor import candidates, queries
from ruvector_engine.executor.filters import FilterCache
from ruvector_engine.index import VectorIndex

OPERATORS = {"<->": "l2", "<#>": "ip", "<=>": "cosine", "<+>": "l1"}


def fill(db: Talk, rows: int = 300, dimensions: int = 8) -> np.ndarray:
    """A table `items` of random vectors with ids from 1 and a category for every third."""
    matrix = np.random.default_rng(7).normal(size=(rows, dimensions)).astype(np.float32)
    db.result(f"CREATE TABLE items (id bigserial PRIMARY KEY, category text, embedding vector({dimensions}))")
    db.result("BEGIN")
    for number, row in enumerate(matrix):
        db.result("INSERT INTO items (category, embedding) VALUES ($1, $2)", [f"c{number % 3}", row.tobytes()])
    db.result("COMMIT")
    return matrix


def truth(matrix: np.ndarray, query: np.ndarray, operator: str) -> list[int]:
    """All ids, nearest first."""
    if operator == "<->":
        distances = np.linalg.norm(matrix - query, axis=1)
    elif operator == "<#>":
        distances = -(matrix @ query)
    elif operator == "<=>":
        distances = 1 - (matrix @ query) / np.linalg.norm(matrix, axis=1) / np.linalg.norm(query)
    else:
        distances = np.abs(matrix - query).sum(axis=1)
    return [int(i) + 1 for i in np.argsort(distances, kind="stable")]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("method", ["hnsw", "ivfflat", "none"])
def test_nearest_rows_by_every_operator_and_method(db: Talk, operator: str, method: str) -> None:
    if method == "ivfflat" and operator == "<+>":
        pytest.skip("pgvector's ivfflat has no operator class for L1 either")
    matrix = fill(db)
    sql = f"SELECT id FROM items ORDER BY embedding {operator} $1 LIMIT 10"
    query = np.random.default_rng(8).normal(size=8).astype(np.float32)
    if method != "none":
        db.result(f"CREATE INDEX knn ON items USING {method} (embedding vector_{OPERATORS[operator]}_ops)")
        db.result("SET ivfflat.probes = 100")
        db.result("SET hnsw.ef_search = 300")
        assert "Index Scan using knn on items" in db.plan(sql, [query.tobytes()])
    else:
        assert "Seq Scan on items" in db.plan(sql, [query.tobytes()])
    assert db.column(sql, [query.tobytes()]) == truth(matrix, query, operator)[:10]


def test_the_query_vector_may_come_in_any_form(db: Talk) -> None:
    fill(db, 50, 3)
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    expected = db.column("SELECT id FROM items ORDER BY embedding <-> '[1,2,3]' LIMIT 5")
    assert len(expected) == 5
    for form, params in (
        ("'[1,2,3]'::vector", []),
        ("'[1,2,3]'::vector(3)", []),
        ("$1", [vector(1, 2, 3)]),
        ("$1::vector", [vector(1, 2, 3)]),
        ("(SELECT '[1,2,3]'::vector)", []),
        ("(SELECT l2_normalize('[1,2,3]'::vector) * '[3.7416573,3.7416573,3.7416573]'::vector)", []),
    ):
        assert db.column(f"SELECT id FROM items ORDER BY embedding <-> {form} LIMIT 5", params) == expected, form


def test_distances_offset_and_other_columns(db: Talk) -> None:
    matrix = fill(db, 100, 4)
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    query = np.ones(4, np.float32)
    order = truth(matrix, query, "<->")
    sql = "SELECT category, embedding <-> $1 AS distance, id FROM items ORDER BY embedding <-> $1 LIMIT 5 OFFSET 3"
    for _ in range(2):  # from DuckDB first, from the cache then
        rows = db.rows(sql, [query.tobytes()])
        assert [row[2] for row in rows] == order[3:8]
        for category, distance, number in rows:
            assert category == f"c{(number - 1) % 3}"
            assert distance == pytest.approx(float(np.linalg.norm(matrix[number - 1] - query)), rel=1e-6)


@pytest.mark.parametrize("limit", [1, 20, 33])
def test_a_where_never_shortens_the_answer(db: Talk, limit: int) -> None:
    matrix = fill(db, 99, 4)
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    query = np.zeros(4, np.float32)
    expected = [i for i in truth(matrix, query, "<->") if (i - 1) % 3 == 1][:limit]
    sql = f"SELECT id FROM items WHERE category = 'c1' ORDER BY embedding <-> $1 LIMIT {limit}"
    for _ in range(2):
        assert db.column(sql, [query.tobytes()]) == expected


def test_limit_beyond_the_table_returns_rows_without_vectors_too(db: Talk) -> None:
    fill(db, 10, 4)
    db.result("INSERT INTO items (category) VALUES ('none')")
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    assert len(db.column("SELECT id FROM items ORDER BY embedding <-> '[0,0,0,0]' LIMIT 50")) == 11
    assert db.column("SELECT id FROM items ORDER BY embedding <-> '[0,0,0,0]' LIMIT 50")[-1] == 11


def test_joins_subqueries_and_ctes_use_the_index(db: Talk) -> None:
    matrix = fill(db, 90, 4)
    db.result("CREATE INDEX knn ON items USING hnsw (embedding vector_l2_ops)")
    db.result("CREATE TABLE names (category text PRIMARY KEY, name text)")
    db.result("INSERT INTO names VALUES ('c0', 'zero'), ('c2', 'two')")
    order = truth(matrix, np.zeros(4, np.float32), "<->")
    joined = (
        "SELECT i.id FROM items i JOIN names n ON n.category = i.category ORDER BY i.embedding <-> '[0,0,0,0]' LIMIT 20"
    )
    assert "Index Scan using knn on items i" in db.plan(joined)
    assert db.column(joined) == [i for i in order if (i - 1) % 3 != 1][:20]
    nested = (
        "SELECT category, count(*) FROM (SELECT category FROM items ORDER BY embedding <-> '[0,0,0,0]' LIMIT 12) s "
        "GROUP BY category ORDER BY category"
    )
    assert "Index Scan using knn on items" in db.plan(nested)
    counted = [sum(1 for i in order[:12] if (i - 1) % 3 == c) for c in range(3)]
    assert db.rows(nested) == [(f"c{c}", n) for c, n in enumerate(counted) if n]
    cte = (
        "WITH near AS (SELECT id FROM items ORDER BY embedding <-> '[0,0,0,0]' LIMIT 4) SELECT id FROM near ORDER BY id"
    )
    assert db.column(cte) == sorted(order[:4])


def test_wrong_dimensions_are_refused_in_pgvectors_words(db: Talk) -> None:
    fill(db, 5, 3)
    assert db.error("INSERT INTO items (embedding) VALUES ('[1,2]')").message == "expected 3 dimensions, not 2"
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    error = db.error("SELECT id FROM items ORDER BY embedding <-> '[1,2]' LIMIT 1")
    assert (error.sqlstate, error.message) == ("22000", "different vector dimensions 2 and 3")


def test_settings_steer_the_plan(db: Talk) -> None:
    fill(db, 20, 3)
    db.result("CREATE INDEX knn ON items USING hnsw (embedding vector_l2_ops)")
    sql = "SELECT id FROM items ORDER BY embedding <-> '[1,2,3]' LIMIT 3"
    db.result("SET enable_indexscan = off")
    assert "Seq Scan on items" in db.plan(sql)
    exact = db.column(sql)
    db.result("RESET enable_indexscan")
    assert "Index Scan using knn on items" in db.plan(sql)
    assert db.column(sql) == exact
    other = "SELECT id FROM items ORDER BY embedding <=> '[1,2,3]' LIMIT 3"
    assert "Index Scan" not in db.plan(other)


def test_rows_are_seen_when_they_should_be(db: Talk, connect: Callable[[], Talk]) -> None:
    fill(db, 40, 3)
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    other = connect()
    near = "SELECT id FROM items ORDER BY embedding <-> '[9,9,9]' LIMIT 1"
    before = db.column(near)
    db.result("BEGIN")
    db.result("INSERT INTO items (id, embedding) VALUES (1000, '[9,9,9]')")
    assert db.column(near) == [1000]
    assert other.column(near) == before
    db.result("COMMIT")
    assert other.column(near) == [1000]
    db.result("BEGIN")
    db.result("UPDATE items SET embedding = '[-9,-9,-9]' WHERE id = 1000")
    assert db.column(near) == before
    assert other.column(near) == [1000]
    db.result("ROLLBACK")
    assert db.column(near) == [1000]
    db.result("DELETE FROM items WHERE id = 1000")
    assert db.column(near) == before
    assert other.column(near) == before


def test_an_update_of_other_columns_is_seen_through_the_cache(db: Talk, connect: Callable[[], Talk]) -> None:
    fill(db, 40, 3)
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    other = connect()
    sql = "SELECT id, category FROM items ORDER BY embedding <-> '[1,1,1]' LIMIT 1"
    number, _ = db.rows(sql)[0]
    other.result("UPDATE items SET category = 'changed' WHERE id = $1", [number])
    assert db.rows(sql) == [(number, "changed")]


def test_upsert_keeps_the_index_right(db: Talk) -> None:
    fill(db, 30, 3)
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    upsert = (
        "INSERT INTO items (id, embedding) VALUES (1, '[50,50,50]'), (500, '[60,60,60]') "
        "ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding RETURNING id"
    )
    assert sorted(db.column(upsert)) == [1, 500]
    assert db.column("SELECT id FROM items ORDER BY embedding <-> '[55,55,55.1]' LIMIT 2") == [500, 1]
    db.result("INSERT INTO items (id, embedding) VALUES (1, '[0,0,0]') ON CONFLICT (id) DO NOTHING")
    assert db.column("SELECT id FROM items ORDER BY embedding <-> '[50,50,50]' LIMIT 1") == [1]
    touch = "INSERT INTO items (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET category = 'touched'"
    db.result(touch)
    assert db.rows("SELECT id, category FROM items ORDER BY embedding <-> '[50,50,50]' LIMIT 1") == [(1, "touched")]


def test_truncate_and_drop(db: Talk) -> None:
    fill(db, 30, 3)
    db.result("CREATE INDEX knn ON items USING hnsw (embedding vector_l2_ops)")
    db.result("TRUNCATE items")
    near = "SELECT id FROM items ORDER BY embedding <-> '[1,1,1]' LIMIT 3"
    assert db.column(near) == []
    db.result("INSERT INTO items (id, embedding) VALUES (7, '[1,1,1]')")
    assert db.column(near) == [7]
    db.result("DROP INDEX knn")
    assert "Index Scan" not in db.plan(near)
    assert db.column(near) == [7]
    db.result("DROP TABLE items")
    assert db.error(near).sqlstate == "42P01"


def _with_fifty_rows(db: Talk) -> None:
    db.result("CREATE TABLE t (id int, at timestamptz, v vector(2))")
    db.result("CREATE INDEX ON t USING hnsw (v vector_l2_ops)")
    db.result("INSERT INTO t SELECT g, '2024-01-01 23:00+00', '[1,1]' FROM generate_series(1, 50) g")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM t WHERE id IN (SELECT id FROM wanted) ORDER BY v <-> '[1,1]' LIMIT 1",
        "WITH w AS (SELECT id FROM wanted) SELECT id FROM t WHERE id IN (SELECT id FROM w) "
        "ORDER BY v <-> '[1,1]' LIMIT 1",
    ],
)
def test_a_filter_that_reads_another_table_is_never_stale(db: Talk, query: str) -> None:
    _with_fifty_rows(db)
    db.result("CREATE TABLE wanted (id int)")
    db.result("INSERT INTO wanted VALUES (1)")
    assert db.column(query) == db.column(query) == [1]
    db.result("UPDATE wanted SET id = 7")
    assert db.column(query) == [7]


def test_a_cached_filter_follows_the_time_zone(db: Talk) -> None:
    _with_fifty_rows(db)
    query = "SELECT count(*) FROM (SELECT id FROM t WHERE at::date = '2024-01-01' ORDER BY v <-> '[1,1]' LIMIT 3) q"
    assert db.column(query) == db.column(query) == [3]
    db.result("SET TimeZone = 'Asia/Tokyo'")
    assert db.column(query) == [0]


def test_the_query_vector_may_come_from_a_with_query(db: Talk) -> None:
    _with_fifty_rows(db)
    db.result("INSERT INTO t (id, v) VALUES (51, '[9,9]')")
    query = "WITH q AS (SELECT v FROM t WHERE id = 51) SELECT id FROM t ORDER BY v <-> (SELECT v FROM q) LIMIT 1"
    assert "Index Scan" in db.plan(query)
    assert db.column(query) == [51]


def test_repeatable_read_begins_with_a_search(db: Talk, connect: Callable[[], Talk]) -> None:
    _with_fifty_rows(db)
    query = "SELECT id FROM t ORDER BY v <-> '[9,9]' LIMIT 1"
    db.rows(query)
    db.result("BEGIN ISOLATION LEVEL REPEATABLE READ")
    first = db.rows(query)
    connect().result("INSERT INTO t (id, v) VALUES (51, '[9,9]')")
    assert db.rows(query) == first
    db.result("COMMIT")
    assert db.column(query) == [51]


def test_predicates_that_let_nothing_through_take_room_in_the_filter_cache() -> None:
    cache = FilterCache(budget=10_000)
    for number in range(1_000):
        cache.put(number, np.empty(0, np.int64))
    assert cache.get(999) is not None
    assert cache.get(0) is None


def test_a_commit_between_search_and_query_leaves_the_limit_filled(
    db: Talk, connect: Callable[[], Talk], monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_fifty_rows(db)
    other, nearest = connect(), candidates.nearest
    commits = ["UPDATE t SET v = '[1,1]' WHERE id = 1"]  # the row takes a new hidden id

    def nearest_then_a_commit(*args: Any) -> Any:
        found = nearest(*args)
        if commits:
            other.result(commits.pop())
        return found

    monkeypatch.setattr(queries, "nearest", nearest_then_a_commit)
    rows = db.column("SELECT id + 0 FROM t WHERE id <= 3 ORDER BY v <-> '[1,1]' LIMIT 3")
    assert sorted(rows) == [1, 2, 3]


def test_a_snapshot_keeps_a_row_that_is_deleted_during_its_search(
    db: Talk, connect: Callable[[], Talk], monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_fifty_rows(db)
    db.result("INSERT INTO t (id, v) VALUES (51, '[9,9]')")
    other, contains = connect(), VectorIndex.contains

    def contains_then_a_commit(index: VectorIndex, ids: np.ndarray) -> np.ndarray:
        found = contains(index, ids)
        other.result("DELETE FROM t WHERE id = 51")
        return found

    db.result("BEGIN ISOLATION LEVEL REPEATABLE READ")
    assert db.column("SELECT count(*) FROM t") == [51]
    monkeypatch.setattr(VectorIndex, "contains", contains_then_a_commit)
    assert db.column("SELECT id FROM t ORDER BY v <-> '[9,9]' LIMIT 1") == [51]
    db.result("COMMIT")


def test_returning_may_compute_with_parameters(db: Talk) -> None:
    db.result("CREATE TABLE t (id int, price numeric(10,2), embedding vector(2))")
    sql = "INSERT INTO t VALUES ($1, $2, $3) RETURNING embedding <-> $4, price + $2, id, now() IS NOT NULL"
    assert db.rows(sql, [7, Decimal("1.50"), vector(3, 4), vector(0, 0)]) == [(5.0, Decimal("3.00"), 7, True)]


def test_a_condition_on_text_follows_the_session_that_asks(db: Talk, connect: Callable[[], Talk]) -> None:
    """What one session's settings print must not answer another, whose settings print something else."""
    db.result("CREATE TABLE printed (id int, f float8, v vector(2))")
    rows = "SELECT n, 0.1::float8 + 0.2::float8, ARRAY[n, 0]::real[]::vector FROM generate_series(1, 3) n"
    db.result(f"INSERT INTO printed {rows}")
    db.result("CREATE INDEX ON printed USING hnsw (v vector_l2_ops)")
    query = "SELECT id FROM printed WHERE f::text = '0.3' ORDER BY v <-> '[0,0]' LIMIT 3"
    db.result("SET extra_float_digits = 0")
    assert db.column(query) == [1, 2, 3]
    assert connect().column(query) == []
