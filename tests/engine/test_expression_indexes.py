"""Indexes on expressions and partial indexes: used where they serve, never otherwise, right after every change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database

D = 8
#: An index's key and class, and what a query orders by: an expression, a distance, and the query's own expression.
EXPRESSIONS = [
    ("(v::halfvec(8)) halfvec_l2_ops", "v::halfvec(8) <-> {q}::halfvec(8)"),
    ("(v::halfvec(8)) halfvec_cosine_ops", "v::halfvec(8) <=> {q}"),
    ("(binary_quantize(v)::bit(8)) bit_hamming_ops", "binary_quantize(v)::bit(8) <~> binary_quantize({q}::vector)"),
    (
        "(subvector(v, 1, 4)::vector(4)) vector_cosine_ops",
        "subvector(v, 1, 4)::vector(4) <=> subvector({q}::vector, 1, 4)",
    ),
    ("(w::vector(8)) vector_l2_ops", "w::vector(8) <-> {q}"),
    ("(a::vector(8)) vector_l1_ops", "a::vector(8) <+> {q}"),
    ("(l2_normalize(v)::vector(8)) vector_ip_ops", "l2_normalize(v)::vector(8) <#> {q}"),
]


def numbers(rng: np.random.Generator) -> str:
    """A vector's text."""
    return f"[{','.join(f'{x:.4f}' for x in rng.normal(size=D))}]"


class Table:
    """A table `t` of vectors, in a column with and one without dimensions, and in an array."""

    def __init__(self, db: Talk) -> None:
        self.db = db
        self.rng = np.random.default_rng(5)
        self.next_id = 1
        db.result("CREATE TABLE t (id int PRIMARY KEY, tag text, n int, v vector(8), w vector, a real[])")

    def insert(self, rows: int) -> None:
        """More rows; every tenth has no vector."""
        values = []
        for i in range(self.next_id, self.next_id + rows):
            text = numbers(self.rng)
            vector = "NULL" if i % 10 == 0 else f"'{text}'"
            array = "NULL" if i % 10 == 0 else f"'{{{text[1:-1]}}}'"
            values.append(f"({i}, 'c{i % 3}', {i % 7}, {vector}, {vector}, {array})")
        self.db.result(f"INSERT INTO t VALUES {', '.join(values)}")
        self.next_id += rows

    def check(self, order: str, where: str = "", *, index: bool = True, db: Talk | None = None) -> None:
        """The plan has the index, or has none, and the answer is that of a search row by row."""
        db = db or self.db
        db.result("SET hnsw.ef_search = 200")
        for _ in range(2):
            distance = order.format(q=f"'{numbers(self.rng)}'")
            sql = f"SELECT id, {distance} AS d FROM t {where} ORDER BY {distance} LIMIT 7"
            assert ("Index Scan using knn on t" in db.plan(sql)) is index
            plain = f"SELECT id, d FROM (SELECT id, {distance} AS d FROM t {where} OFFSET 0) AS s ORDER BY d, id"
            every = db.rows(plain)
            for _again in range(2):
                found = db.rows(sql)
                assert [d for _, d in found] == [d for _, d in every[:7]]
                assert set(found) <= set(every)


@pytest.mark.parametrize(("key", "order"), EXPRESSIONS, ids=[key for key, _ in EXPRESSIONS])
def test_an_expression_index_over_its_life(data_dir: Path, key: str, order: str) -> None:
    database = Database.open(data_dir)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    table = Table(db)
    table.insert(60)
    db.result(f"CREATE INDEX knn ON t USING hnsw ({key})")
    table.check(order)
    table.insert(20)
    other = numbers(table.rng)
    db.result(f"UPDATE t SET v = '{other}', w = '{other}', a = '{{{other[1:-1]}}}' WHERE id % 4 = 1")
    db.result("DELETE FROM t WHERE id % 6 = 2")
    table.check(order)
    table.check(order, "WHERE tag = 'c1'")
    db.result("BEGIN")
    table.insert(10)
    db.result("SAVEPOINT s")
    db.result("DELETE FROM t WHERE id < 30")
    table.check(order)
    db.result("ROLLBACK TO s")
    table.check(order)
    table.check(order, db=talk(database))
    db.result("COMMIT")
    table.check(order)
    db.session.close()
    database.close()
    again = Database.open(data_dir)
    table.db = db = talk(again)
    table.check(order)
    table.insert(10)
    db.result("REINDEX INDEX knn")
    table.check(order)
    db.session.close()
    again.close()


def test_other_expressions_do_not_use_the_index(db: Talk) -> None:
    table = Table(db)
    table.insert(40)
    db.result("CREATE INDEX knn ON t USING hnsw ((v::halfvec(8)) halfvec_l2_ops)")
    table.check("v::halfvec(8) <-> {q}")
    table.check("{q} <-> v::halfvec(8)")
    table.check("v::halfvec(8) <=> {q}", index=False)
    table.check("v <-> {q}", index=False)
    table.check("(v + v)::halfvec(8) <-> {q}", index=False)


def test_re_ranking_reads_the_candidates_from_the_index(db: Talk) -> None:
    """The manual's: candidates by the bits, then in the order of the full vectors."""
    table = Table(db)
    table.insert(80)
    db.result("CREATE INDEX knn ON t USING hnsw ((binary_quantize(v)::bit(8)) bit_hamming_ops)")
    query = numbers(table.rng)
    inner = f"SELECT * FROM t ORDER BY binary_quantize(v)::bit(8) <~> binary_quantize('{query}'::vector(8)) LIMIT 30"
    sql = f"SELECT id FROM ({inner}) s ORDER BY v <=> '{query}' LIMIT 5"
    assert "Index Scan using knn on t" in db.plan(sql)
    found = db.column(sql)
    distances: dict[int, float] = dict(db.rows(f"SELECT id, v <=> '{query}' FROM t WHERE v IS NOT NULL"))
    assert len(found) == 5
    assert [distances[i] for i in found] == sorted(distances[i] for i in found)


PREDICATES = [
    ("tag = 'c1'", "WHERE tag = 'c1'", True),
    ("tag = 'c1'", "WHERE tag = 'c1' AND n > 2", True),
    ("tag = 'c1'", "WHERE n > 2 AND 'c1' = tag", False),
    ("tag = 'c1'", "WHERE tag = 'c2'", False),
    ("tag = 'c1'", "", False),
    ("tag = 'c1'", "WHERE tag = 'c1' OR n = 1", False),
    ("n > 2 AND tag = 'c1'", "WHERE tag = 'c1' AND n > 2", True),
    ("n > 2 AND tag = 'c1'", "WHERE tag = 'c1'", False),
    ("tag IS NOT NULL", "WHERE tag IS NOT NULL", True),
]


@pytest.mark.parametrize(("predicate", "where", "used"), PREDICATES)
def test_a_partial_index_is_used_where_the_condition_implies_it(
    db: Talk, predicate: str, where: str, used: bool
) -> None:
    table = Table(db)
    table.insert(120)
    db.result(f"CREATE INDEX knn ON t USING hnsw (v vector_l2_ops) WHERE {predicate}")
    table.check("v <-> {q}", where, index=used)


def test_a_partial_index_over_its_life(data_dir: Path) -> None:
    """Rows come to the predicate and leave it, by themselves and with their vectors."""
    database = Database.open(data_dir)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    table = Table(db)
    table.insert(90)
    db.result("CREATE INDEX knn ON t USING hnsw (v vector_l2_ops) WHERE tag = 'c1' AND n < 6")
    db.result("CREATE INDEX other ON t USING hnsw (v vector_cosine_ops)")
    order, where = "v <-> {q}", "WHERE tag = 'c1' AND n < 6"

    def check() -> None:
        table.check(order, where)
        index = database.indexes.get(db.session.catalog.relations["public", "knn"].oid)
        assert index is not None
        assert index.live_count == db.column(f"SELECT count(*) FROM t {where} AND v IS NOT NULL")[0]

    check()
    for change in (
        "UPDATE t SET tag = 'c1' WHERE id % 5 = 0",
        "UPDATE t SET tag = 'c2' WHERE id % 7 = 0",
        "UPDATE t SET n = n + 1",
        "UPDATE t SET n = 0, tag = 'c1' WHERE id < 20",
        "INSERT INTO t (id, tag, n, v) VALUES (500, 'c1', 1, '[1,2,3,4,5,6,7,8]') ON CONFLICT (id) DO NOTHING",
        "INSERT INTO t (id, tag) VALUES (500, 'c9') ON CONFLICT (id) DO UPDATE SET tag = 'c9'",
        "DELETE FROM t WHERE id % 11 = 3",
    ):
        db.result(change)
        check()
    db.result("BEGIN")
    db.result("UPDATE t SET tag = 'c1' WHERE id > 60")
    table.check(order, where)
    db.result("SAVEPOINT s")
    db.result("UPDATE t SET tag = 'c2' WHERE id > 40")
    table.check(order, where)
    db.result("ROLLBACK TO s")
    db.result("COMMIT")
    check()
    db.result("ALTER TABLE t RENAME COLUMN tag TO label")
    where = "WHERE label = 'c1' AND n < 6"
    check()
    db.session.close()
    database.close()
    database = Database.open(data_dir)
    table.db = db = talk(database)
    check()
    db.result("UPDATE t SET label = 'c1' WHERE id % 3 = 0")
    check()
    db.session.close()
    database.close()


def test_explain_shows_what_is_tested_beside_a_partial_index(db: Talk) -> None:
    table = Table(db)
    table.insert(20)
    db.result("CREATE INDEX knn ON t USING hnsw (v vector_l2_ops) WHERE tag = 'c1'")
    order = f"ORDER BY v <-> '{numbers(table.rng)}' LIMIT 3"
    assert "Filter" not in db.plan(f"SELECT id FROM t WHERE tag = 'c1' {order}")
    assert "Filter: (n > 2)" in db.plan(f"SELECT id FROM t WHERE tag = 'c1' AND n > 2 {order}")


def test_a_row_that_the_expression_fails_on_is_refused_where_it_is_written(db: Talk) -> None:
    db.result("CREATE TABLE loose (id int PRIMARY KEY, v vector)")
    db.result("CREATE INDEX ON loose USING hnsw ((v::vector(2)) vector_l2_ops)")
    db.result("INSERT INTO loose VALUES (1, '[1,2]'), (2, NULL)")
    for statement in (
        "INSERT INTO loose VALUES (3, '[1,2,3]')",
        "UPDATE loose SET v = '[1]' WHERE id = 2",
        "INSERT INTO loose VALUES (1, NULL) ON CONFLICT (id) DO UPDATE SET v = '[1,2,3]'",
    ):
        error = db.error(statement)
        assert error.sqlstate == "22000"
        assert error.message.startswith("expected 2 dimensions, not ")
    assert db.rows("SELECT id, v <-> '[1,2]' FROM loose WHERE v IS NOT NULL ORDER BY v::vector(2) <-> '[1,2]'") == [
        (1, 0.0)
    ]
