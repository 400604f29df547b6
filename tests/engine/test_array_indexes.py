"""Indexes on real[]: the first array tells the dimensions, wherever it comes from, and the others must have them."""

from __future__ import annotations

from pathlib import Path

from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database

NEAREST = "SELECT id FROM a ORDER BY v <-> '{0,0}' LIMIT 3"


def prepared(db: Talk) -> None:
    db.result("CREATE TABLE a (id int, v real[])")
    db.result("CREATE INDEX knn ON a USING hnsw (v hnsw_l2_ops)")


def used(db: Talk) -> bool:
    return "Index Scan using knn on a" in db.plan(NEAREST)


def test_an_index_on_an_empty_table_waits_for_the_first_array(data_dir: Path) -> None:
    database = Database.open(data_dir)
    db = talk(database)
    prepared(db)
    db.result("INSERT INTO a VALUES (1, NULL)")
    assert not used(db)
    assert db.rows(NEAREST) == [(1,)]
    db.session.close()
    database.close()
    database = Database.open(data_dir)
    db = talk(database)
    db.result("REINDEX INDEX knn")
    assert not used(db)
    db.result("UPDATE a SET v = '{3,4}'")
    assert used(db)
    db.result("INSERT INTO a VALUES (2, '{1,1}')")
    assert db.column(NEAREST) == [2, 1]
    db.session.close()
    database.close()
    database = Database.open(data_dir)
    db = talk(database)
    assert used(db)
    assert db.column(NEAREST) == [2, 1]
    assert db.error("INSERT INTO a VALUES (3, '{1}')").message == "expected 2 dimensions, not 1"
    db.session.close()
    database.close()


def test_what_is_rolled_back_tells_nothing(db: Talk) -> None:
    prepared(db)
    db.result("BEGIN")
    db.result("INSERT INTO a VALUES (1, '{1,2,3}')")
    assert db.error("INSERT INTO a VALUES (1, '{1,2}')").message == "expected 3 dimensions, not 2"
    db.result("ROLLBACK")
    assert not used(db)
    db.result("BEGIN")
    db.result("INSERT INTO a VALUES (1, '{1,2}')")
    db.result("INSERT INTO a VALUES (2, '{1,1}'), (3, NULL)")
    assert used(db)
    assert db.column(NEAREST) == [2, 1, 3]
    db.result("DELETE FROM a WHERE id = 2")
    db.result("COMMIT")
    assert db.column(NEAREST) == [1, 3]
    index = db.session.database.indexes.get(db.session.catalog.relations["public", "knn"].oid)
    assert index is not None
    assert index.live_count == 1


def test_rows_of_transactions_that_began_before_the_first_array(database: Database, db: Talk) -> None:
    prepared(db)
    other = talk(database)
    other.result("BEGIN")
    other.result("INSERT INTO a VALUES (1, NULL)")
    db.result("INSERT INTO a VALUES (2, '{1,1}')")
    assert other.error("INSERT INTO a VALUES (3, '{1}')").message == "expected 2 dimensions, not 1"
    other.result("ROLLBACK")
    other.result("BEGIN")
    other.result("INSERT INTO a VALUES (3, '{2,2}')")
    assert db.column(NEAREST) == [2]
    other.result("COMMIT")
    assert db.column(NEAREST) == [2, 3]


def test_an_index_is_made_of_the_rows_there_are(db: Talk) -> None:
    db.result("CREATE TABLE a (id int, v real[])")
    db.result("INSERT INTO a SELECT i, ARRAY[i, i] FROM generate_series(1, 50) AS i")
    db.result("CREATE INDEX knn ON a USING ivfflat (v ivfflat_l2_ops) WITH (lists = 3)")
    db.result("SET ivfflat.probes = 3")
    db.result("SET enable_seqscan = off")
    assert used(db)
    assert db.column(NEAREST) == [1, 2, 3]
    assert db.column(NEAREST.replace("ORDER", "WHERE id > 40 ORDER")) == [41, 42, 43]
    for query in ("'{0,0,0}'", "ARRAY[0,0,0]::real[]"):
        error = db.error(NEAREST.replace("'{0,0}'", query))
        assert (error.sqlstate, error.message) == ("22000", "different vector dimensions 2 and 3")
    assert db.column(NEAREST.replace("'{0,0}'", "$1"), [[0.0, 0.0]]) == [1, 2, 3]
    assert len(db.column(NEAREST.replace("'{0,0}'", "$1"), [None])) == 3


def test_arrays_of_another_shape_do_not_get_in(db: Talk) -> None:
    prepared(db)
    db.result("INSERT INTO a VALUES (1, '{1,2}')")
    assert db.error("INSERT INTO a VALUES (2, '{{1,2}}')").message == "array must be 1-D"
    assert db.error("INSERT INTO a VALUES (2, '{1,NULL}')").message == "array must not contain nulls"
    assert used(db)
    assert db.column(NEAREST) == [1]
