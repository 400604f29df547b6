"""ALTER COLUMN SET EXPRESSION of what indexes are over: they have the new values, after restarts and crashes too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database

INDEXES = {
    "column": ("(g vector_l2_ops)", "g", "true"),
    "expression": ("((g::halfvec(2)) halfvec_l2_ops)", "g::halfvec(2)", "true"),
    "predicate": ("(v vector_l2_ops) WHERE n > 5", "v", "n > 5"),
    "another column": ("(v vector_l2_ops)", "v", "true"),
}


def filled(folder: Path, index: str) -> tuple[Database, Talk]:
    """A table with two generated columns, and the index."""
    database = Database.open(folder)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    db.result(
        "CREATE TABLE t (id int PRIMARY KEY, v vector(2), a int, g vector(2) GENERATED ALWAYS AS (v) STORED, "
        "n int GENERATED ALWAYS AS (a) STORED)"
    )
    db.result("INSERT INTO t SELECT i, ARRAY[i, 50 - i]::vector, i % 11 FROM generate_series(1, 50) i")
    db.result(f"CREATE INDEX knn ON t USING hnsw {index}")
    return database, db


def check(db: Talk, key: str, where: str) -> None:
    """The index's answer is that of an exact search."""
    sql = f"SELECT id FROM t WHERE {where} AND id > 0 ORDER BY {key} <-> '[10.3,-30.17]' LIMIT 12"
    db.result("SET hnsw.ef_search = 200")
    assert "Index Scan using knn" in db.plan(sql)
    found = db.column(sql)
    db.result("SET enable_indexscan = off")
    assert found == db.column(sql)
    assert found
    db.result("RESET enable_indexscan")


@pytest.mark.parametrize("kind", INDEXES)
def test_the_index_has_the_new_values(tmp_path: Path, kind: str) -> None:
    index, key, where = INDEXES[kind]
    database, db = filled(tmp_path / "data", index)
    other = talk(database)
    check(db, key, where)
    db.result("ALTER TABLE t ALTER COLUMN g SET EXPRESSION AS (v * '[1,-1]'::vector)")
    db.result("ALTER TABLE t ALTER COLUMN n SET EXPRESSION AS (10 - a)")
    check(db, key, where)
    check(other, key, where)
    db.result("INSERT INTO t VALUES (60, '[10,31]', 1), (61, '[10,-31]', 2)")
    db.result("UPDATE t SET v = '[11,29]' WHERE id = 5")
    db.result("DELETE FROM t WHERE id = 9")
    check(other, key, where)
    db.result("BEGIN")
    db.result("INSERT INTO t VALUES (70, '[10,32]', 1)")
    db.result("ALTER TABLE t ALTER COLUMN g SET EXPRESSION AS (v + '[1,1]'::vector)")
    db.result("INSERT INTO t VALUES (71, '[9,-31]', 0)")
    check(db, key, where)
    db.result("COMMIT")
    check(db, key, where)
    check(other, key, where)
    db.result("BEGIN")
    db.result("ALTER TABLE t ALTER COLUMN n SET EXPRESSION AS (a * 2)")
    db.result("ROLLBACK")
    check(db, key, where)
    database.close()
    database = Database.open(tmp_path / "data")
    check(talk(database), key, where)
    database.close()


@pytest.mark.parametrize("kind", INDEXES)
def test_what_was_saved_before_is_not_taken_for_it(tmp_path: Path, kind: str) -> None:
    """As after a crash between the commit and the index's next save."""
    index, key, where = INDEXES[kind]
    database, db = filled(tmp_path / "data", index)
    database.close()
    shutil.copytree(tmp_path / "data" / "indexes", tmp_path / "former")
    database = Database.open(tmp_path / "data")
    db = talk(database)
    db.result("ALTER TABLE t ALTER COLUMN g SET EXPRESSION AS (v * '[1,-1]'::vector)")
    db.result("ALTER TABLE t ALTER COLUMN n SET EXPRESSION AS (10 - a)")
    database.close()
    shutil.rmtree(tmp_path / "data" / "indexes")
    shutil.copytree(tmp_path / "former", tmp_path / "data" / "indexes")
    database = Database.open(tmp_path / "data")
    check(talk(database), key, where)
    database.close()
