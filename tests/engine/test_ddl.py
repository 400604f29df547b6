"""CREATE, ALTER, DROP: what they check, what they keep."""

from __future__ import annotations

import pytest
from tests.engine.conftest import Talk


def test_create_table_with_everything_the_main_job_needs(db: Talk) -> None:
    db.result(
        "CREATE TABLE items (id bigserial PRIMARY KEY, content text, category text DEFAULT 'none', "
        "price numeric(10,2) CHECK (price >= 0), meta jsonb, created_at timestamptz DEFAULT now(), "
        "code varchar(5) UNIQUE, embedding vector(3))"
    )
    assert db.rows("INSERT INTO items (content, price) VALUES ('a', 1.5) RETURNING id, category, price::text") == [
        (1, "none", "1.50")
    ]
    assert db.error("INSERT INTO items (price) VALUES (-1)").constraint == "items_price_check"
    db.result("INSERT INTO items (code) VALUES ('x')")
    assert db.error("INSERT INTO items (code) VALUES ('x')").constraint == "items_code_key"
    assert db.error("INSERT INTO items (code) VALUES ('toolong')").sqlstate == "22001"
    error = db.error("INSERT INTO items (id) VALUES (NULL)")
    assert error.message == 'null value in column "id" of relation "items" violates not-null constraint'


@pytest.mark.parametrize(
    ("sql", "sqlstate", "message"),
    [
        ("CREATE TABLE t (a int, a int)", "42701", 'column "a" specified more than once'),
        ("CREATE TABLE t (a nosuch)", "42704", 'type "nosuch" does not exist'),
        ("CREATE TABLE old (a int)", "42P07", 'relation "old" already exists'),
        ("CREATE TABLE t (a int PRIMARY KEY, b int PRIMARY KEY)",
         "42P16", 'multiple primary keys for table "t" are not allowed'),
        ("CREATE TABLE t (a int, UNIQUE (b))", "42703", 'column "b" named in key does not exist'),
        ("CREATE TABLE no.t (a int)", "3F000", 'schema "no" does not exist'),
        ("DROP TABLE nothing", "42P01", 'table "nothing" does not exist'),
        ("DROP INDEX old", "42809", '"old" is not an index'),
        ("ALTER TABLE old DROP COLUMN z", "42703", 'column "z" of relation "old" does not exist'),
        ("ALTER TABLE old ADD COLUMN a int", "42701", 'column "a" of relation "old" already exists'),
        ("CREATE INDEX ON old USING hnsw (a vector_l2_ops)",
         "42804", 'operator class "vector_l2_ops" does not accept data type integer'),
        ("CREATE INDEX ON old USING hnsw (v)",
         "42704", 'data type vector has no default operator class for access method "hnsw"'),
        ("CREATE INDEX ON old USING hnsw (v vector_l2_ops) WITH (m = 1)",
         "22023", 'value 1 out of bounds for option "m"'),
        ("CREATE INDEX ON old USING hnsw (v vector_l2_ops) WITH (m = 101)",
         "22023", 'value 101 out of bounds for option "m"'),
        ("CREATE INDEX ON old USING ivfflat (v) WITH (lists = 32769)",
         "22023", 'value 32769 out of bounds for option "lists"'),
        ("CREATE INDEX ON old USING hnsw (v vector_l2_ops) WITH (q = 1)", "22023", 'unrecognized parameter "q"'),
        ("CREATE INDEX ON old USING nope (v)", "42704", 'access method "nope" does not exist'),
    ],
)  # fmt: skip
def test_refusals(db: Talk, sql: str, sqlstate: str, message: str) -> None:
    db.result("CREATE TABLE old (a int, v vector(3))")
    error = db.error(sql)
    assert (error.sqlstate, error.message) == (sqlstate, message)


def test_unnamed_indexes_get_postgresqls_names(db: Talk) -> None:
    db.result("CREATE TABLE items (id int, embedding vector(2))")
    for _ in range(2):
        db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    db.result("CREATE INDEX ON items (id)")
    names = {
        relation.name
        for relation in db.session.catalog.indexes_of(db.session.catalog.relations[("public", "items")].oid)
    }
    assert names == {"items_embedding_idx", "items_embedding_idx1", "items_id_idx"}


def test_alter_table_keeps_rows_and_their_index(db: Talk) -> None:
    db.result("CREATE TABLE items (id int PRIMARY KEY, old text, embedding vector(2))")
    db.result("INSERT INTO items VALUES (1, 'x', '[1,1]'), (2, 'y', '[5,5]')")
    db.result("CREATE INDEX knn ON items USING hnsw (embedding vector_l2_ops)")
    near = "SELECT id FROM items ORDER BY embedding <-> '[4,4]' LIMIT 1"
    db.result("ALTER TABLE items ADD COLUMN n int NOT NULL DEFAULT 7")
    assert db.rows("SELECT id, n FROM items ORDER BY id") == [(1, 7), (2, 7)]
    db.result("ALTER TABLE items DROP COLUMN old")
    assert [c.name for c in db.result("SELECT * FROM items").columns or ()] == ["id", "embedding", "n"]
    db.result("ALTER TABLE items RENAME COLUMN n TO m")
    db.result("ALTER TABLE items ALTER COLUMN m TYPE bigint")
    db.result("ALTER TABLE items ALTER COLUMN m DROP NOT NULL")
    db.result("ALTER TABLE items RENAME TO things")
    near = near.replace("items", "things")
    assert "Index Scan using knn on things" in db.plan(near)
    assert db.column(near) == [2]
    db.result("UPDATE things SET embedding = '[9,9]' WHERE id = 2")
    assert db.rows("SELECT id, m FROM things ORDER BY embedding <-> '[9,9]' LIMIT 2") == [(2, 7), (1, 7)]


def test_a_vector_column_may_come_later(db: Talk) -> None:
    db.result("CREATE TABLE items (id int)")
    db.result("INSERT INTO items VALUES (1), (2)")
    db.result("ALTER TABLE items ADD COLUMN embedding vector(2)")
    db.result("UPDATE items SET embedding = '[1,2]' WHERE id = 2")
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_cosine_ops)")
    assert db.column("SELECT id FROM items ORDER BY embedding <=> '[1,2]' LIMIT 1") == [2]


def test_the_hidden_columns_stay_hidden(db: Talk) -> None:
    db.result("CREATE TABLE items (id int, embedding vector(2))")
    db.result("INSERT INTO items VALUES (1, '[1,2]')")
    assert [c.name for c in db.result("SELECT * FROM items").columns or ()] == ["id", "embedding"]
    assert [c.name for c in db.result("SELECT items.* FROM items NATURAL JOIN items b").columns or ()] == [
        "id",
        "embedding",
    ]
    assert [c.name for c in db.result("INSERT INTO items VALUES (2) RETURNING *").columns or ()] == ["id", "embedding"]
    assert db.error("SELECT __ruvector_rid FROM items").sqlstate == "42703"


def test_views_create_table_as_and_schemas(db: Talk) -> None:
    db.result("CREATE SCHEMA app")
    db.result("CREATE TABLE app.t (a int, v vector(2))")
    db.result("INSERT INTO app.t VALUES (1, '[1,2]'), (2, '[3,4]')")
    db.result("CREATE VIEW doubled AS SELECT a * 2 AS b, v FROM app.t")
    assert db.column("SELECT b FROM doubled ORDER BY b") == [2, 4]
    assert db.result("CREATE TABLE copy AS SELECT * FROM app.t").tag == "SELECT 2"
    assert db.column("SELECT a FROM copy ORDER BY v <-> '[3,4]' LIMIT 1") == [2]
    db.result("SET search_path = app")
    assert db.column("SELECT count(*) FROM t") == [2]
    error = db.error("DROP TABLE t")
    assert (error.sqlstate, error.detail) == ("2BP01", "view public.doubled depends on table t")
    assert db.error("DROP SCHEMA app").sqlstate == "2BP01"
    db.result("DROP SCHEMA app CASCADE")
    assert db.error("SELECT * FROM app.t").sqlstate == "42P01"


def test_cascade_drops_the_views_too(db: Talk) -> None:
    db.result("CREATE TABLE t (a int)")
    db.result("CREATE VIEW v AS SELECT a FROM t")
    db.result("CREATE VIEW w AS SELECT a FROM v")
    assert db.error("DROP VIEW v").sqlstate == "2BP01"
    db.result("DROP TABLE t CASCADE")
    assert not any(name in ("t", "v", "w") for _, name in db.session.catalog.relations)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMP TABLE t (a int)",
        "CREATE TABLE t (a int REFERENCES b)",
        "CREATE TABLE t (a int) PARTITION BY RANGE (a)",
    ],
)
def test_what_is_not_served_is_refused_clearly(db: Talk, statement: str) -> None:
    db.result("CREATE TABLE b (a int PRIMARY KEY)")
    db.result("BEGIN")
    error = db.error(statement)
    assert error.sqlstate == "0A000"
    assert error.message
    db.result("ROLLBACK")
