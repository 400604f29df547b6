"""What is in indexes on expressions and partial ones, after anything that transactions do, against exact searches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.catalog.model import IndexDef
from ruvector_engine.database import Database
from ruvector_engine.errors import SqlError

INDEXES = (
    "CREATE INDEX ON t USING hnsw ((e::vector(2)) vector_l2_ops)",
    "CREATE INDEX ON t USING hnsw (v vector_l2_ops) WHERE n > 2",
    "CREATE INDEX ON t USING hnsw ((v::halfvec(2)) halfvec_l2_ops) WHERE 12 / n > 2",
)
SEARCHES = (
    "SELECT id FROM t ORDER BY e::vector(2) <-> '[{x},{y}]' LIMIT 200",
    "SELECT id FROM t WHERE n > 2 ORDER BY v <-> '[{x},{y}]' LIMIT 200",
    "SELECT id FROM t WHERE 12 / n > 2 ORDER BY v::halfvec(2) <-> '[{x},{y}]' LIMIT 200",
)
#: Statements with numbers in them, the last of each kind with a row that an index refuses.
WRITES = (
    "INSERT INTO t SELECT {id} + i, 1 + i % 5, ARRAY[{x} + i, {y}], ARRAY[{x}, {y} + i] FROM generate_series(1, 4) i",
    "INSERT INTO t VALUES ({id}, 3, '[{x},{y}]', '[{y},{x}]'), ({low}, 4, '[{x},1]', '[2,{x}]') "
    "ON CONFLICT (id) DO UPDATE SET n = t.n % 5 + 1, e = excluded.e",
    "UPDATE t SET n = n % 5 + 1 WHERE id BETWEEN {low} AND {low} + 3",
    "UPDATE t SET e = '[{x},{y}]', note = 'x' WHERE id % 5 = {low} % 5",
    "UPDATE t SET note = 'y' WHERE id < {low}",
    "DELETE FROM t WHERE id % 11 = {low} % 11",
    "INSERT INTO t VALUES ({id}, 1, '[{x},{y}]', '[1,2]'), ({id} + 1, 1, '[{x},{y},1]', '[1,2]')",
    "UPDATE t SET n = 0 WHERE id > {low}",
    "INSERT INTO t VALUES ({low}, 1, '[1]', '[1,2]') ON CONFLICT (id) DO UPDATE SET e = excluded.e",
)


class Life:
    """One session's random transactions over a table, and a second one that looks."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng, self.next_id = folder, np.random.default_rng(seed), 1
        self.database = Database.open(folder)
        db = talk(self.database)
        db.result("CREATE EXTENSION vector")
        db.result("CREATE TABLE t (id int PRIMARY KEY, n int, e vector, v vector(2), note text)")
        for index in INDEXES:
            db.result(index)
        self.db = db

    def write(self) -> None:
        """One statement; one that fails leaves nothing."""
        numbers = {"id": self.next_id, "low": int(self.rng.integers(1, self.next_id + 1))}
        x, y = (round(float(value), 3) for value in self.rng.normal(size=2) * 20)
        self.next_id += 10
        sql = WRITES[self.rng.integers(len(WRITES))].format(**numbers, x=x, y=y)
        in_block = self.db.session.transaction.state == "block"
        if in_block:
            self.db.result("SAVEPOINT before")
        before = self.db.rows("SELECT * FROM t ORDER BY id")
        failed = ""
        try:
            self.db.result(sql)
        except SqlError as error:
            failed = error.sqlstate
        if failed:
            if in_block:
                self.db.result("ROLLBACK TO before")
            assert self.db.rows("SELECT * FROM t ORDER BY id") == before
        assert failed in ("", "22000", "22012")

    def check(self, db: Talk) -> None:
        """Every search gives the rows that it gives without an index."""
        db.result("SET hnsw.ef_search = 400")
        x, y = (round(float(value), 3) for value in self.rng.normal(size=2) * 20)
        for search in SEARCHES:
            sql = search.format(x=x, y=y)
            found = db.column(sql)
            db.result("SET enable_indexscan = off")
            assert sorted(found) == sorted(db.column(sql))
            db.result("RESET enable_indexscan")

    def check_counts(self) -> None:
        """The indexes are there, and hold as many rows as the table has for them."""
        wanted = ("e IS NOT NULL", "n > 2", "12 / n > 2")
        definitions = [r for r in self.db.session.catalog.relations.values() if isinstance(r, IndexDef) and r.is_vector]
        for definition, where in zip(sorted(definitions, key=lambda d: d.oid), wanted, strict=True):
            index = self.database.indexes.get(definition.oid)
            assert index is not None
            assert index.live_count == talk(self.database).column(f"SELECT count(*) FROM t WHERE {where}")[0]

    def transaction(self) -> None:
        """A block of statements, kept or not."""
        self.db.result("BEGIN")
        for _ in range(self.rng.integers(1, 5)):
            self.write()
            self.check(self.db)
        if self.rng.random() < 0.4:
            self.db.result("SAVEPOINT one")
            self.write()
            self.db.result("ROLLBACK TO one")
            self.write()
        self.db.result("COMMIT" if self.rng.random() < 0.7 else "ROLLBACK")

    def restart(self) -> None:
        """Close and open."""
        for session in list(self.database.sessions.values()):
            session.close()
        self.database.close()
        self.database = Database.open(self.folder)
        self.db = talk(self.database)


@pytest.mark.parametrize("seed", range(3))
def test_after_anything_that_transactions_do(tmp_path: Path, seed: int) -> None:
    life = Life(tmp_path, seed)
    for step in range(14):
        if life.rng.random() < 0.4:
            life.transaction()
        else:
            life.write()
        life.check(life.db)
        life.check_counts()
        if step % 6 == 5:
            life.restart()
            life.check(life.db)
            life.check_counts()
    life.database.close()
