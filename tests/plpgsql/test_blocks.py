"""DO over an embedded database: what a `.test` file cannot say."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable

import pytest
from tests.engine.conftest import Talk

from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.run import statements


def notices(db: Talk) -> list[str]:
    """The notices since they were last asked for."""
    found = [notice.message for notice in db.session.notices]
    db.session.notices.clear()
    return found


def test_searching_with_several_settings(db: Talk) -> None:
    """The RuVector dialect's own example of tuning: SET LOCAL by EXECUTE, a search, a notice."""
    db.result("CREATE EXTENSION ruvector")
    db.result("CREATE TABLE items (id int, embedding ruvector(3))")
    db.result("INSERT INTO items SELECT i, ('[' || i || ',1,2]')::ruvector FROM generate_series(1, 200) i")
    db.result("CREATE INDEX ON items USING ruhnsw (embedding ruvector_l2_ops) WITH (m = 16, ef_construction = 64)")
    db.result(
        """
        DO $$
        DECLARE
          v int;
          q ruvector(3) := '[100,1,2]';
          nearest int;
        BEGIN
          FOREACH v IN ARRAY ARRAY[40, 100, 200] LOOP
            EXECUTE format('SET LOCAL ruvector.ef_search = %s', v);
            PERFORM id FROM items ORDER BY embedding <-> q LIMIT 10;
            SELECT id INTO nearest FROM items ORDER BY embedding <-> q LIMIT 1;
            RAISE NOTICE 'ef_search=% nearest=%', current_setting('ruvector.ef_search'), nearest;
          END LOOP;
        END
        $$
        """
    )
    assert notices(db) == [f"ef_search={v} nearest=100" for v in (40, 100, 200)]
    assert db.rows("SHOW ruvector.ef_search") == [("40",)]


def test_a_migration_runs_twice(db: Talk) -> None:
    script = """
        DO $$ BEGIN
          IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'status') THEN
            CREATE TYPE status AS ENUM ('new', 'done');
          END IF;
        END $$;
        DO $$ BEGIN CREATE TYPE status AS ENUM ('new'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        DO $$ BEGIN
          CREATE TABLE jobs (id bigserial PRIMARY KEY, state status, embedding vector(2));
          CREATE INDEX jobs_embedding ON jobs USING hnsw (embedding vector_l2_ops);
        EXCEPTION WHEN duplicate_table THEN
          RAISE NOTICE 'there already';
        END $$;
        DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'jobs' AND column_name = 'note') THEN
            ALTER TABLE jobs ADD COLUMN note text DEFAULT 'none';
          END IF;
        END $$;
        DO $$ BEGIN
          ALTER TABLE jobs ADD CONSTRAINT jobs_note CHECK (note <> '');
        EXCEPTION WHEN duplicate_object THEN NULL;
        END $$
    """
    for statement in 2 * script.split("$$;"):
        db.result(statement if statement.rstrip().endswith("$$") else f"{statement}$$")
    assert "there already" in notices(db)
    db.result("INSERT INTO jobs (state, embedding) VALUES ('new', '[1,2]')")
    assert db.rows("SELECT id, state, note FROM jobs ORDER BY embedding <-> '[1,1]' LIMIT 1") == [(1, "new", "none")]


def test_cancelling_a_loop(db: Talk) -> None:
    """A cancel ends a loop that never asks DuckDB for anything; only a handler that names it catches it."""
    db.result("DO $$ BEGIN NULL; END $$")
    error: list[SqlError] = []
    loop = "DO $$ BEGIN LOOP NULL; END LOOP; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught'; END $$"
    worker = threading.Thread(target=lambda: error.append(db.error(loop)))
    worker.start()
    while worker.is_alive():
        time.sleep(0.01)
        db.session.cancel()
    assert [e.sqlstate for e in error] == ["57014"]
    assert notices(db) == []


def test_a_timeout_that_is_caught_is_over(db: Talk) -> None:
    db.result("SET statement_timeout = '500ms'")
    db.result("DO $$ BEGIN LOOP NULL; END LOOP; EXCEPTION WHEN query_canceled THEN RAISE NOTICE '%', SQLERRM; END $$")
    assert notices(db) == ["canceling statement due to statement timeout"]


def test_plans_end_with_the_block(db: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[statements.Statements]] = []

    class Watched(statements.Statements):
        def __init__(self, *args: object) -> None:
            super().__init__(*args)  # type: ignore[arg-type]
            made.append(weakref.ref(self))

    monkeypatch.setattr("ruvector_engine.plpgsql.run.interpreter.Statements", Watched)
    for _ in range(3):
        db.result(
            "DO $$ DECLARE r record; BEGIN FOR r IN SELECT g FROM generate_series(1, 9) g LOOP NULL; END LOOP; END $$"
        )
        assert db.error("DO $$ BEGIN PERFORM 1 / 0; END $$").sqlstate == "22012"
    gc.collect()
    assert len(made) == 6
    assert [reference() for reference in made] == [None] * 6
    assert (db.session.variables, db.session.program_depth, db.session.statements) == (None, 0, {})


def test_depth_is_bounded(db: Talk) -> None:
    nested = "BEGIN " * 3000 + "NULL; " + "END; " * 3000
    assert db.error(f"DO $$ {nested} $$").sqlstate == "54001"
    block = "BEGIN NULL; END"
    for _ in range(10):
        quoted = block.replace("'", "''")
        block = f"BEGIN EXECUTE 'DO ''{quoted.replace(chr(39), chr(39) * 2)}'''; END"
        db.result(f"DO $outer${block}$outer$")


def test_the_rights_are_the_users(connect: Callable[[], Talk]) -> None:
    owner, other = connect(), connect()
    owner.result("CREATE TABLE secrets (a int)")
    owner.result("CREATE ROLE reader")
    owner.result("GRANT USAGE ON SCHEMA public TO reader")
    other.result("SET ROLE reader")
    for sql in ("PERFORM * FROM secrets", "INSERT INTO secrets VALUES (1)", "EXECUTE 'SELECT a FROM secrets'"):
        assert other.error(f"DO $$ BEGIN {sql}; END $$").sqlstate == "42501"
    other.result(
        "DO $$ BEGIN PERFORM a FROM secrets; EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE 'no'; END $$"
    )
    assert notices(other) == ["no"]
    owner.result("DO $$ BEGIN SET LOCAL ROLE reader; PERFORM a FROM secrets; EXCEPTION WHEN OTHERS THEN NULL; END $$")
    assert owner.rows("SELECT current_user") == [("postgres",)]


def test_a_variable_is_not_seen_by_views_and_generated_columns(db: Talk) -> None:
    """Only the block's own text may name variables: `a` in the texts of the catalog is the column."""
    db.result("CREATE TABLE t (a int DEFAULT 5, b int GENERATED ALWAYS AS (a * 2) STORED)")
    db.result("CREATE VIEW v AS SELECT a, b FROM t WHERE a > 1")
    db.result(
        """
        DO $$ DECLARE a int := 100; n int; BEGIN
          INSERT INTO t DEFAULT VALUES;
          UPDATE t SET b = DEFAULT;
          SELECT v.b INTO n FROM v;
          RAISE NOTICE '%', n;
        END $$
        """
    )
    assert notices(db) == ["10"]


def test_what_others_commit_is_seen_by_the_next_statement(connect: Callable[[], Talk]) -> None:
    """READ COMMITTED inside a block, and locks that COMMIT gives back."""
    one, other = connect(), connect()
    one.result("CREATE TABLE t (a int)")
    one.result("DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); ROLLBACK; END $$")
    assert other.column("SELECT a FROM t") == [1]
    other.result("DELETE FROM t")
    assert one.column("SELECT a FROM t") == []


def test_a_failed_commit_ends_the_block(connect: Callable[[], Talk]) -> None:
    """After an error the session's transaction is over, wherever in the block it came up."""
    db = connect()
    db.result("CREATE TABLE t (a int PRIMARY KEY)")
    error = db.error("DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (1); END $$")
    assert error.sqlstate == "23505"
    assert db.session.status == "I"
    assert db.column("SELECT a FROM t") == [1]
