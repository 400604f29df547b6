"""Every access method x operator class x type: the index is used, and answers as a row by row search does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database

D = 16
OPERATORS = {"l2": "<->", "ip": "<#>", "cosine": "<=>", "l1": "<+>", "hamming": "<~>", "jaccard": "<%>"}
KINDS = [
    *(("hnsw", t, s) for t in ("vector", "ruvector", "halfvec", "sparsevec") for s in ("l2", "ip", "cosine", "l1")),
    *(("ivfflat", t, s) for t in ("vector", "ruvector", "halfvec") for s in ("l2", "ip", "cosine")),
    ("hnsw", "bit", "hamming"),
    ("hnsw", "bit", "jaccard"),
    ("ivfflat", "bit", "hamming"),
    *((m, "real[]", s) for m in ("hnsw", "ivfflat") for s in ("l2", "ip", "cosine")),
]
#: One for each way of storing vectors and of searching them.
SOME = [
    ("hnsw", "halfvec", "cosine"),
    ("ivfflat", "halfvec", "l2"),
    ("hnsw", "sparsevec", "ip"),
    ("hnsw", "bit", "hamming"),
    ("hnsw", "bit", "jaccard"),
    ("ivfflat", "bit", "hamming"),
    ("hnsw", "real[]", "l2"),
    ("ivfflat", "real[]", "cosine"),
]


def text(type_name: str, numbers: np.ndarray) -> str:
    """A value's text; of bits those above zero are set, of sparse vectors the larger numbers kept."""
    if type_name == "bit":
        return "".join("1" if x > 0 else "0" for x in numbers)
    if type_name == "sparsevec":
        kept = ",".join(f"{i + 1}:{x:.4f}" for i, x in enumerate(numbers) if abs(x) > 0.6)
        return f"{{{kept}}}/{len(numbers)}"
    listed = ",".join(f"{x:.4f}" for x in numbers)
    return f"{{{listed}}}" if type_name == "real[]" else f"[{listed}]"


class Items:
    """A table `items` with an index `knn`, and what it should answer."""

    def __init__(self, db: Talk, method: str, type_name: str, suffix: str) -> None:
        self.db, self.method, self.type_name, self.suffix = db, method, type_name, suffix
        self.rng = np.random.default_rng(11)
        self.next_id = 1
        if type_name in ("ruvector", "real[]"):
            db.result("CREATE EXTENSION ruvector")
        #: With its dimensions, where it can have some.
        self.declared = type_name if type_name == "real[]" else f"{type_name}({D})"
        db.result(f"CREATE TABLE items (id int PRIMARY KEY, tag text, v {self.declared})")

    def insert(self, rows: int) -> None:
        """More rows, one of them without a vector."""
        values = [
            f"({self.next_id + n}, 't{n % 3}', '{text(self.type_name, self.rng.normal(size=D))}')" for n in range(rows)
        ]
        values.append(f"({self.next_id + rows}, 'none', NULL)")
        self.db.result(f"INSERT INTO items VALUES {', '.join(values)}")
        self.next_id += rows + 1

    def create(self) -> None:
        """The index."""
        prefix = self.method if self.type_name == "real[]" else self.type_name
        self.db.result(f"CREATE INDEX knn ON items USING {self.method} (v {prefix}_{self.suffix}_ops)")

    def check(self, db: Talk | None = None, where: str = "") -> None:
        """The index is used, and its distances are those of a search row by row, best first."""
        db = db or self.db
        db.result("SET hnsw.ef_search = 200")
        db.result("SET ivfflat.probes = 100")
        operator = OPERATORS[self.suffix]
        for _ in range(3):
            query = f"'{text(self.type_name, self.rng.normal(size=D))}'::{self.declared}"
            sql = f"SELECT id, v {operator} {query} AS d FROM items {where} ORDER BY v {operator} {query} LIMIT 12"
            assert "Index Scan using knn on items" in db.plan(sql)
            plain = (
                f"SELECT id, d FROM (SELECT id, v {operator} {query} AS d FROM items {where} OFFSET 0) AS t "
                "ORDER BY d, id LIMIT 12"
            )
            expected = db.rows(plain)
            for _again in range(2):  # the second time from the caches
                found = db.rows(sql)
                assert [d for _, d in found] == [d for _, d in expected]
                assert len({i for i, _ in found}) == 12
                assert set(found) <= set(db.rows(plain.replace("LIMIT 12", "LIMIT 400")))

    def check_recall(self) -> None:
        """Nine in ten of what the index finds are no farther than the tenth nearest row."""
        self.db.result("SET hnsw.ef_search = 60")
        self.db.result("SET ivfflat.probes = 40")
        operator, good, queries = OPERATORS[self.suffix], 0, 10
        for _ in range(queries):
            query = f"'{text(self.type_name, self.rng.normal(size=D))}'::{self.declared}"
            sql = f"SELECT v {operator} {query} AS d FROM items ORDER BY v {operator} {query} LIMIT 10"
            assert "Index Scan using knn on items" in self.db.plan(sql)
            plain = f"SELECT d FROM (SELECT v {operator} {query} AS d FROM items OFFSET 0) AS t ORDER BY d LIMIT 10"
            farthest = self.db.column(plain)[-1]
            found = self.db.column(sql)
            assert len(found) == 10
            good += sum(d <= farthest for d in found)
        assert good >= 0.9 * 10 * queries


@pytest.mark.parametrize(("method", "type_name", "suffix"), KINDS)
def test_an_index_answers_as_a_search_row_by_row(db: Talk, method: str, type_name: str, suffix: str) -> None:
    items = Items(db, method, type_name, suffix)
    items.insert(200)
    items.create()
    items.check()
    items.insert(60)
    db.result("DELETE FROM items WHERE id % 5 = 0")
    items.check()
    items.check(where="WHERE tag = 't1'")


@pytest.mark.parametrize(("method", "type_name", "suffix"), KINDS)
def test_recall(db: Talk, method: str, type_name: str, suffix: str) -> None:
    """With settings that leave most rows unseen: after the build, more rows, fewer rows, other vectors."""
    items = Items(db, method, type_name, suffix)
    items.insert(900)
    items.create()
    items.check_recall()
    items.insert(300)
    items.check_recall()
    db.result("DELETE FROM items WHERE id % 3 = 0")
    items.check_recall()
    db.result("UPDATE items AS a SET v = b.v FROM items AS b WHERE b.id = a.id - 1 AND a.id % 3 = 2 AND b.id % 3 = 1")
    items.check_recall()


@pytest.mark.parametrize(("method", "type_name", "suffix"), SOME)
def test_the_life_of_an_index(data_dir: Path, method: str, type_name: str, suffix: str) -> None:
    """Update, savepoint, rollback, an open transaction, restart, rebuild."""
    database = Database.open(data_dir)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    items = Items(db, method, type_name, suffix)
    items.insert(150)
    items.create()
    other = text(type_name, items.rng.normal(size=D))
    db.result(f"UPDATE items SET v = '{other}' WHERE id % 7 = 0")
    items.check()
    db.result("BEGIN")
    items.insert(20)
    items.check()
    db.result("SAVEPOINT s")
    db.result("DELETE FROM items WHERE id < 60")
    items.check()
    db.result("ROLLBACK TO s")
    db.result("UPDATE items SET tag = 't9' WHERE id % 4 = 0")
    db.result("COMMIT")
    items.check()
    db.result("BEGIN")
    db.result("DELETE FROM items WHERE id % 2 = 0")
    items.check()
    items.check(talk(database))  # which sees them still
    db.result("ROLLBACK")
    items.check()
    db.result("REINDEX INDEX knn")
    items.check()
    db.session.close()
    database.close()
    again = Database.open(data_dir)
    db = items.db = talk(again)
    items.check()
    items.insert(30)
    items.check()
    db.result("TRUNCATE items")
    items.next_id = 1
    items.insert(50)
    items.check()
    db.session.close()
    again.close()


@pytest.mark.parametrize("type_name", ["halfvec", "sparsevec", "bit"])
def test_tables_from_before_their_types_could_be_indexed(data_dir: Path, type_name: str) -> None:
    database = Database.open(data_dir)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    items = Items(db, "hnsw", type_name, "hamming" if type_name == "bit" else "l2")
    items.insert(50)
    storage = db.session.catalog.find("items", None, ("public",)).storage_name  # type: ignore[union-attr]
    with database.store.connection() as connection:  # as such a table was stored
        connection.run(f"ALTER TABLE {storage} DROP COLUMN __ruvector_rid")
        connection.run(f"ALTER TABLE {storage} DROP COLUMN __ruvector_prev")
    db.session.close()
    database.close()
    again = Database.open(data_dir)
    db = items.db = talk(again)
    items.create()
    items.insert(20)
    items.check()
    db.session.close()
    again.close()


def test_dimensions_must_match(db: Talk) -> None:
    for type_name, query, words in (
        ("halfvec", "[1,2]", "halfvec dimensions"),
        ("sparsevec", "{1:1}/2", "sparsevec dimensions"),
        ("bit", "01", "bit lengths"),
    ):
        operator = "<~>" if type_name == "bit" else "<->"
        db.result(f"CREATE TABLE t_{type_name} (v {type_name}(3))")
        error = db.error(f"SELECT 1 FROM t_{type_name} ORDER BY v {operator} '{query}'::{type_name}(2) LIMIT 1")
        assert (error.sqlstate, error.message) == ("22000", f"different {words} 3 and 2")


def test_a_cast_parameter_takes_no_evaluation_and_is_checked(db: Talk) -> None:
    items = Items(db, "hnsw", "halfvec", "l2")
    items.insert(30)
    items.create()
    query = np.zeros(D, "<f2").tobytes()
    sql = f"SELECT id FROM items ORDER BY v <-> $1::halfvec({D}) LIMIT 3"
    assert db.column(sql, [query]) == db.column(sql.replace("$1", f"'{[0] * D}'"))
    assert db.error(sql, [query[:-2]]).message == f"expected {D} dimensions, not {D - 1}"


@pytest.mark.parametrize(
    ("method", "type_name", "given", "kept"),
    [
        ("ruhnsw", "ruvector", "ruvector_cosine_ops", "hnsw (v ruvector_cosine_ops)"),
        ("ruhnsw", "ruvector", "", "hnsw (v)"),
        ("ruhnsw", "vector", "vector_ip_ops", "hnsw (v vector_ip_ops)"),
        ("hnsw", "ruvector", "hnsw_cosine_ops", "hnsw (v ruvector_cosine_ops)"),
        ("ruivfflat", "ruvector", "", "ivfflat (v)"),
        ("ruivfflat", "vector", "ruvector_ivfflat_ip_ops", "ivfflat (v vector_ip_ops)"),
        ("ruivfflat", "halfvec", "halfvec_l2_ops", "ivfflat (v halfvec_l2_ops)"),
    ],
)
def test_names_of_the_ruvector_dialect(db: Talk, method: str, type_name: str, given: str, kept: str) -> None:
    db.result("CREATE EXTENSION ruvector")
    db.result(f"CREATE TABLE items (v {type_name}(3))")
    db.result(f"CREATE INDEX knn ON items USING {method} (v {given})")
    assert db.column("SELECT indexdef FROM pg_indexes WHERE indexname = 'knn'")[0].endswith(f"USING {kept}")


def test_the_operator_chooses_among_several_indexes(db: Talk) -> None:
    items = Items(db, "hnsw", "vector", "l2")
    items.insert(30)
    items.create()
    for name, method, suffix in (("by_ip", "hnsw", "ip"), ("lists", "ivfflat", "cosine"), ("graph", "hnsw", "cosine")):
        db.result(f"CREATE INDEX {name} ON items USING {method} (v vector_{suffix}_ops)")
    query = text("vector", np.ones(D))
    for operator, name in (("<->", "knn"), ("<#>", "by_ip"), ("<=>", "graph")):
        assert f"Index Scan using {name} on items" in db.plan(
            f"SELECT id FROM items ORDER BY v {operator} '{query}' LIMIT 3"
        )
    assert "Seq Scan on items" in db.plan(f"SELECT id FROM items ORDER BY v <+> '{query}' LIMIT 3")
    db.result("DROP INDEX graph")
    assert "using lists on items" in db.plan(f"SELECT id FROM items ORDER BY v <=> '{query}' LIMIT 3")
