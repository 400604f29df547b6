"""Data directories of earlier formats."""

from __future__ import annotations

import json
from pathlib import Path

from tests.engine.conftest import talk
from tests.engine.test_databases import opened

CONSTRAINTS = "SELECT conname FROM pg_constraint WHERE conrelid = 't'::regclass ORDER BY conname"


def test_unique_indexes_that_were_constraints(data_dir: Path) -> None:
    """Until format 4 clients took them for constraints; those that are remain."""
    with opened(data_dir) as database:
        db = talk(database)
        db.result("CREATE TABLE t (a int UNIQUE, b int)")
        db.result("CREATE UNIQUE INDEX by_b ON t (b)")
        db.result("ALTER TABLE t ADD CONSTRAINT pair UNIQUE (a, b)")
        with database.store.connection() as connection:
            entries = "ruvector_catalog.entries"
            for key, body in connection.run(f"SELECT key, body FROM {entries} WHERE kind = 'table'"):
                table = json.loads(body)
                for constraint in table["constraints"]:
                    del constraint["index_only"]
                for column in table["columns"]:
                    del column["not_null_name"]
                connection.run(f"UPDATE {entries} SET body = ? WHERE key = ?", (json.dumps(table), key))
            for key, body in connection.run(f"SELECT key, body FROM {entries} WHERE kind = 'index'"):
                index = json.loads(body)
                del index["orders"]
                connection.run(f"UPDATE {entries} SET body = ? WHERE key = ?", (json.dumps(index), key))
            connection.run(f"DELETE FROM {entries} WHERE kind = 'extension'")
            connection.run(f"UPDATE {entries} SET body = '4' WHERE kind = 'format'")
    for _ in range(2):  # the second time it is of the current format
        with opened(data_dir) as database:
            db = talk(database)
            assert db.column("SELECT extname FROM pg_extension") == ["plpgsql"]
            assert db.column(CONSTRAINTS) == ["pair", "t_a_key"]
            assert db.column("SELECT indexname FROM pg_indexes WHERE tablename = 't' ORDER BY 1") == [
                "by_b",
                "pair",
                "t_a_key",
            ]
    with opened(data_dir) as database:
        db = talk(database)
        db.result("DROP INDEX by_b")
        db.result("INSERT INTO t VALUES (1, 1), (2, 1)")
        assert db.column("SELECT count(*) FROM t") == [2]
