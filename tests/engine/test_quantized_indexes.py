"""Indexes WITH (quantization = ...) from SQL: the plan says so, answers are exact and complete, a restart keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database
from ruvector_engine.index import faiss_hnsw, graph_search

D, ROWS = 32, 1500
OPERATORS = {"l2": "<->", "ip": "<#>", "cosine": "<=>"}
KINDS = [(m, "vector", name) for m in ("hnsw", "ivfflat") for name in ("sq8", "sq4", "f16", "pq", "binary")]
KINDS += [("hnsw", "halfvec", "sq8"), ("ivfflat", "halfvec", "pq")]
KINDS += [("ruhnsw", "ruvector", "bq"), ("ruivfflat", "ruvector", "product")]
#: What the options make of each, as EXPLAIN has it.
SHOWN = {"pq": "pq 16 x 16", "product": "pq 16 x 16", "bq": "binary"}


@pytest.fixture(autouse=True)
def _by_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices exact scans out: so few rows would be searched by them."""
    for module in (faiss_hnsw, graph_search):
        monkeypatch.setattr(module, "scan_us", lambda rows, dimensions: 1e9)


class Items:
    """A table of clustered vectors, and the exact answers."""

    def __init__(self, db: Talk, type_name: str) -> None:
        self.db, self.type_name = db, type_name
        rng = np.random.default_rng(5)
        self.centres = rng.standard_normal((15, D))
        if type_name == "ruvector":
            db.result("CREATE EXTENSION ruvector")
        db.result(f"CREATE TABLE items (id serial PRIMARY KEY, tag int, v {type_name}({D}))")
        self.insert(ROWS, seed=1)

    def insert(self, rows: int, seed: int) -> None:
        values = ", ".join(f"({n % 4}, '{self.text(seed, n)}')" for n in range(rows))
        self.db.result(f"INSERT INTO items (tag, v) VALUES {values}")

    def text(self, seed: int, number: int) -> str:
        rng = np.random.default_rng((seed, number))
        point = self.centres[rng.integers(15)] + 0.6 * rng.standard_normal(D)
        return f"[{','.join(f'{x:.4f}' for x in point)}]"

    def query(self, number: int, suffix: str, where: str = "") -> str:
        distance = f"v {OPERATORS[suffix]} '{self.text(99, number)}'"
        return f"SELECT id, {distance} FROM items {where} ORDER BY {distance} LIMIT 10"

    def check(self, suffix: str, shown: str) -> None:
        """Answers by the index against those without it."""
        hits = 0
        for number in range(6):
            for where in ("", "WHERE tag = 1"):
                query = self.query(number, suffix, where)
                assert "Index Scan using knn" in self.db.plan(query)
                found = self.db.rows(query)
                self.db.result("SET enable_indexscan = off")
                assert "Index Scan" not in self.db.plan(query)
                exact = self.db.rows(query)
                every: dict[int, float] = dict(self.db.rows(query.replace("LIMIT 10", "")))
                self.db.result("RESET enable_indexscan")
                assert len(found) == 10
                assert [distance for _, distance in found] == [every[number] for number, _ in found]
                assert [distance for _, distance in found] == sorted(distance for _, distance in found)
                hits += sum(distance <= exact[-1][1] for _, distance in found)
        assert hits >= 0.95 * 6 * 2 * 10
        assert f"Quantization: {shown}" in "\n".join(self.db.column(f"EXPLAIN (VERBOSE) {self.query(1, suffix)}"))


@pytest.mark.parametrize(
    ("method", "type_name", "name", "suffix"), [(*kind, list(OPERATORS)[i % 3]) for i, kind in enumerate(KINDS)]
)
def test_answers_over_a_life(data_dir: Path, method: str, type_name: str, name: str, suffix: str) -> None:
    database = Database.open(data_dir)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    db.result("SET hnsw.ef_search = 200")
    db.result("SET ivfflat.probes = 8")
    items = Items(db, type_name)
    options = [f"quantization = '{name}'", *(["pq_m = 16", "pq_k = 16"] if name in ("pq", "product") else [])]
    options += ["lists = 10"] if method.endswith("ivfflat") else ["m = 16", "ef_construction = 100"]
    db.result(f"CREATE INDEX knn ON items USING {method} (v {type_name}_{suffix}_ops) WITH ({', '.join(options)})")
    shown = SHOWN.get(name, name)
    items.check(suffix, f"{shown}, 1500 of 1500 rows, rescored exactly")

    items.insert(100, seed=2)
    db.result("DELETE FROM items WHERE id % 10 = 0")
    db.result("UPDATE items SET v = (SELECT i.v FROM items i WHERE i.id = 1) WHERE id = 2")
    items.check(suffix, shown)
    for session in list(database.sessions.values()):
        session.close()
    database.close()

    database = Database.open(data_dir)
    items.db = db = talk(database)
    db.result("SET hnsw.ef_search = 200")
    db.result("SET ivfflat.probes = 8")
    items.check(suffix, shown)
    db.result("VACUUM items")
    items.check(suffix, f"{shown}, 1440 of 1440 rows, rescored exactly")
    for session in list(database.sessions.values()):
        session.close()
    database.close()


def test_own_changes_are_seen_in_a_transaction(db: Talk) -> None:
    items = Items(db, "vector")
    db.result("CREATE INDEX knn ON items USING hnsw (v vector_l2_ops) WITH (quantization = binary)")
    near = items.text(99, 0)
    first = db.rows(items.query(0, "l2"))[0][0]
    db.result("BEGIN")
    db.result(f"INSERT INTO items (id, tag, v) VALUES (9000, 0, '{near}')")
    db.result("DELETE FROM items WHERE id = $1", [first])
    found = [row[0] for row in db.rows(items.query(0, "l2"))]
    assert found[0] == 9000
    assert first not in found
    db.result("ROLLBACK")
    assert db.rows(items.query(0, "l2"))[0][0] == first


def test_options_count_when_the_index_is_built(db: Talk) -> None:
    items = Items(db, "vector")
    db.result("CREATE INDEX knn ON items USING hnsw (v vector_l2_ops)")

    def codes() -> str:
        lines = db.column(f"EXPLAIN (VERBOSE, COSTS OFF) {items.query(1, 'l2')}")
        return next((line.strip() for line in lines if "Quantization" in line), "")

    def bytes_held() -> int:
        return int(db.column("SELECT pg_relation_size('knn')")[0])

    assert codes() == ""
    whole = bytes_held()
    db.result("ALTER INDEX knn SET (quantization = 'sq8')")
    assert codes() == ""
    db.result("REINDEX INDEX knn")
    assert codes() == "Quantization: sq8, 1500 of 1500 rows, rescored exactly"
    assert whole - bytes_held() == ROWS * D * 3
    assert "Quantization" not in db.plan(items.query(1, "l2"))
    assert "Quantization: sq8" in "\n".join(db.column(f"EXPLAIN ANALYZE {items.query(1, 'l2')}"))
    db.result("CREATE EXTENSION ruvector")
    stats = json.loads(db.column("SELECT ruvector_memory_stats()")[0])
    assert stats["quantization_tables_mb"] == round(2 * 4 * D / 2**20, 6)
    assert stats["index_memory_mb"] == round(bytes_held() / 2**20, 6)
    db.result("ALTER INDEX knn RESET (quantization)")
    db.result("REINDEX INDEX knn")
    assert codes() == ""
    assert bytes_held() == whole


def test_options_changed_before_a_restart_count_afterwards(data_dir: Path) -> None:
    database = Database.open(data_dir)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    items = Items(db, "vector")
    db.result("CREATE INDEX knn ON items USING ivfflat (v vector_l2_ops) WITH (lists = 10)")
    db.result("ALTER INDEX knn SET (quantization = 'sq4')")
    for session in list(database.sessions.values()):
        session.close()
    database.close()
    database = Database.open(data_dir)
    items.db = talk(database)
    items.db.result("SET ivfflat.probes = 10")
    items.check("l2", "sq4, 1500 of 1500 rows, rescored exactly")
    database.close()
