"""Texts that the catalog keeps follow what they name: nothing is put aside, before and after a restart."""

from __future__ import annotations

from pathlib import Path

from tests.engine.conftest import Talk, talk

from ruvector_engine.catalog.model import IndexDef
from ruvector_engine.database import Database

SETUP = """
CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (x int, y text);
CREATE TABLE s.t (
    id int PRIMARY KEY, m s.mood, p pair, v vector(2), d date,
    w vector(2),
    g text GENERATED ALWAYS AS (CASE WHEN m = 'ok'::s.mood THEN (p).y || '!' ELSE (t.p).y || (t.p).x END) STORED,
    h bool GENERATED ALWAYS AS (m = ANY ('{sad,ok}'::s.mood[]) OR d < '2020-02-03') STORED,
    f s.mood GENERATED ALWAYS AS (CASE (p).x WHEN 1 THEN 'sad'::s.mood ELSE 'ok' END) STORED);
CREATE INDEX by_label ON s.t USING hnsw (v vector_l2_ops) WHERE m = 'ok';
CREATE INDEX by_field ON s.t USING hnsw (w vector_l2_ops) WHERE (p).x > 3 AND t.id > 0;
CREATE INDEX by_key ON s.t USING hnsw
    ((CASE WHEN m <> 'sad'::s.mood AND (ROW(1, 'a')::pair).y <> (p).y THEN v ELSE w END::vector(2)) vector_l2_ops);
INSERT INTO s.t SELECT i, (ARRAY['sad', 'ok', 'happy']::s.mood[])[i % 3 + 1], ROW(i, 'y' || i)::pair,
    ARRAY[i, 1]::vector, date '2020-01-01' + i, ARRAY[1, i]::vector FROM generate_series(1, 40) i;
"""

RENAMES = [
    "ALTER TYPE s.mood RENAME VALUE 'ok' TO 'it''s fine'",
    'ALTER TYPE s.mood RENAME TO "Spirits"',
    "ALTER TABLE s.t RENAME COLUMN m TO m2",
    'ALTER TABLE s.t RENAME COLUMN p TO "P"',
    "ALTER TABLE s.t RENAME COLUMN id TO number",
    "ALTER TABLE s.t RENAME COLUMN v TO v2",
    "ALTER TYPE pair RENAME ATTRIBUTE y TO why",
    "ALTER TYPE pair RENAME ATTRIBUTE x TO ex",
    "ALTER TYPE pair RENAME TO twins",
    "ALTER TABLE s.t RENAME TO u",
    'ALTER SCHEMA s RENAME TO "S 2"',
    'ALTER TYPE "S 2"."Spirits" SET SCHEMA public',
    'ALTER TABLE "S 2".u SET SCHEMA public',
    'ALTER TYPE twins SET SCHEMA "S 2"',
]


def indexes(database: Database) -> list[IndexDef]:
    """The vector indexes of the catalog."""
    return [r for r in talk(database).session.catalog.relations.values() if isinstance(r, IndexDef) and r.is_vector]


def check_all_there(database: Database) -> None:
    """Every index is searched, none was put aside."""
    assert len(indexes(database)) == 3
    for definition in indexes(database):
        assert database.indexes.get(definition.oid) is not None, definition.name


def search(db: Talk, where: str, order: str) -> list[int]:
    """The nearest rows by the index, which are those of an exact search."""
    sql = f"SELECT number FROM u WHERE {where} ORDER BY {order} <-> '[7,3]' LIMIT 5"
    assert "Index Scan" in db.plan(sql)
    found = db.column(sql)
    db.result("SET enable_indexscan = off")
    assert found == db.column(sql)
    db.result("RESET enable_indexscan")
    return found


def check_queries(db: Talk) -> None:
    """What the indexes are over under the last names of everything."""
    assert search(db, "m2 = 'it''s fine'", "v2")
    assert search(db, '("P").ex > 3 AND number > 0', "w")
    key = "(CASE WHEN m2 <> 'sad' AND (ROW(1, 'a')::\"S 2\".twins).why <> (\"P\").why THEN v2 ELSE w END::vector(2))"
    assert search(db, "number > 0", key)


def test_after_each_rename_rows_go_in_and_the_server_starts(tmp_path: Path) -> None:
    """One rename after another, an INSERT and an UPDATE after each, and now and then a restart."""
    database = Database.open(tmp_path)
    db = talk(database)
    db.result("CREATE EXTENSION vector")
    for statement in SETUP.split(";\n"):
        if statement.strip():
            db.result(statement)
    column = "INSERT INTO {t} VALUES ({n}, 'happy', ROW({n}, 'z'), '[1,2]', '2030-01-01', '[3,4]')"
    table = "s.t"
    for number, rename in enumerate(RENAMES, 100):
        db.result(rename)
        table = {"ALTER TABLE s.t RENAME TO u": "s.u"}.get(rename, table)
        table = '"S 2".u' if rename.startswith("ALTER SCHEMA") else "u" if "u SET SCHEMA" in rename else table
        db.result(column.format(t=table, n=number))
        assert db.rows(f"SELECT g, h, f FROM {table} WHERE d = '2030-01-01' AND w = '[3,4]' LIMIT 1")
        db.result(f"UPDATE {table} SET w = '[5,{number}]' WHERE d = '2030-01-01' AND w = '[3,4]'")
        check_all_there(database)
        if number % 4 == 0:
            database.close()
            database = Database.open(tmp_path)
            db = talk(database)
            check_all_there(database)
    check_queries(db)
    database.close()
    database = Database.open(tmp_path)
    check_all_there(database)
    check_queries(talk(database))
    generated = "SELECT g, h, f::text FROM u WHERE number = {}"
    assert talk(database).rows(generated.format(4)) == [("y4!", True, "it's fine")]
    database.close()
