"""Several databases in one directory: what each keeps for itself, over a restart too; and directories from before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.catalog.databases import PG_DATABASE, POSTGRES
from ruvector_engine.catalog.formats import FORMAT_VERSION
from ruvector_engine.database import Database
from ruvector_engine.errors import SqlError

NEAREST = "SELECT id FROM items ORDER BY e <-> '[0,0]' LIMIT 3"


@contextmanager
def opened(data_dir: Path) -> Iterator[Database]:
    """A data directory, with every session ended at the end."""
    database = Database.open(data_dir)
    try:
        yield database
    finally:
        for session in list(database.sessions.values()):
            session.close()
        database.close()


def fill(db: Talk, *numbers: int) -> None:
    """A table with an index, the same names in whichever database."""
    db.result("CREATE EXTENSION vector")
    db.result("CREATE TABLE items (id int PRIMARY KEY, n serial, e vector(2))")
    for number in numbers:
        db.result(f"INSERT INTO items (id, e) VALUES ({number}, '[{number},0]')")
    db.result("CREATE INDEX nearest ON items USING hnsw (e vector_l2_ops)")


def files(database: Database) -> set[str]:
    """The names of the indexes' folders."""
    return {path.name for path in (database.data_dir / "indexes").iterdir()}


def tables(database: Database) -> set[str]:
    """The names of the tables and sequences in DuckDB."""
    with database.store.connection() as connection:
        found = connection.run("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT temporary")
        found += connection.run("SELECT sequence_name FROM duckdb_sequences() WHERE schema_name = 'main'")
    return {name for (name,) in found}


def test_the_same_names_in_two_databases_over_a_restart(data_dir: Path) -> None:
    with opened(data_dir) as database:
        talk(database).result("CREATE DATABASE one")
        talk(database).result("CREATE DATABASE two")
        one, two = talk(database, "one"), talk(database, "two")
        fill(one, 1, 2, 3, 4)
        fill(two, 10, 20, 30, 40)
        one.result("DELETE FROM items WHERE id = 1")
        two.result("INSERT INTO items (id, e) VALUES (5, '[5,0]')")
        assert (one.column(NEAREST), two.column(NEAREST)) == ([2, 3, 4], [5, 10, 20])
    with opened(data_dir) as database:
        one, two = talk(database, "one"), talk(database, "two")
        for db in (one, two):
            assert "Index Scan using nearest" in db.plan(NEAREST)
        assert (one.column(NEAREST), two.column(NEAREST)) == ([2, 3, 4], [5, 10, 20])
        assert one.column("INSERT INTO items (id, e) VALUES (9, '[9,9]') RETURNING n") == [5]
        assert two.column("INSERT INTO items (id, e) VALUES (9, '[9,9]') RETURNING n") == [6]
        assert talk(database).error(NEAREST).sqlstate == "42P01"


def test_what_a_dropped_database_had_is_gone(data_dir: Path) -> None:
    with opened(data_dir) as database:
        db = talk(database)
        fill(db, 1)
        before = tables(database)
        db.result("CREATE DATABASE gone")
        inside = talk(database, "gone")
        fill(inside, 1, 2)
        inside.result("CREATE TYPE mood AS ENUM ('a')")
        inside.result("CREATE VIEW seen AS SELECT id FROM items")
        db.result("ALTER DATABASE gone SET application_name = 'x'")
        db.result("COMMENT ON DATABASE gone IS 'x'")
        assert tables(database) > before
        inside.session.close()
        db.result("VACUUM")
        db.result("DROP DATABASE gone")
        assert tables(database) == before
        (index,) = db.column("SELECT 'nearest'::regclass::oid::int8")
        with database.store.connection() as connection:
            owners = connection.run("SELECT DISTINCT database FROM ruvector_catalog.entries ORDER BY 1")
            left = connection.run("SELECT count(*) FROM ruvector_catalog.entries WHERE kind = 'settings'")
        assert owners == [(0,), (1,), (4,), (5,)]
        assert left == [(0,)]
        with pytest.raises(SqlError, match='database "gone" does not exist'):
            talk(database, "gone")
    with opened(data_dir) as database:
        assert files(database) == {str(index)}
        assert tables(database) == before


def test_a_database_begins_with_what_its_template_has(data_dir: Path) -> None:
    with opened(data_dir) as database:
        template = talk(database, "template1")
        template.result("CREATE EXTENSION vector")
        template.result("CREATE SCHEMA extra")
        template.result("COMMENT ON SCHEMA extra IS 'more'")
        template.session.close()
        db = talk(database)
        db.result("CREATE DATABASE full_one")
        db.result("CREATE DATABASE bare_one TEMPLATE template0")
        full, bare = talk(database, "full_one"), talk(database, "bare_one")
        assert full.column("SELECT obj_description('extra'::regnamespace, 'pg_namespace')") == ["more"]
        assert full.column("SELECT '[1,2]'::vector::text") == ["[1,2]"]
        assert bare.error("SELECT '[1,2]'::vector").sqlstate == "42704"
        full.result("DROP SCHEMA extra")
        again = talk(database, "template1")
        assert again.column("SELECT count(*) FROM pg_namespace WHERE nspname = 'extra'") == [1]


def test_a_template_with_tables(data_dir: Path) -> None:
    """Everything is there again, under OIDs of its own, and is apart from then on; over a restart too."""
    with opened(data_dir) as database:
        db = talk(database)
        db.result("CREATE ROLE ann")
        db.result("CREATE DATABASE model")
        model = talk(database, "model")
        fill(model, 1, 2, 3)
        for statement in (
            "CREATE TYPE mood AS ENUM ('sad', 'ok')",
            "CREATE TYPE pair AS (x int, m mood)",
            "ALTER TABLE items ADD COLUMN m mood DEFAULT 'ok'",
            """CREATE TABLE more (g int GENERATED ALWAYS AS IDENTITY, n numeric UNIQUE, p pair, whole items,
               CHECK (g > 0))""",
            "INSERT INTO more (n, p) VALUES (1.50, ROW(1, 'sad'))",
            "INSERT INTO more (whole) SELECT items FROM items WHERE id = 2",
            "CREATE INDEX near_one ON items USING hnsw (e vector_l2_ops) WHERE id > 1",
            "CREATE VIEW seen AS SELECT id, m FROM items",
            "CREATE SEQUENCE counted START 7",
            "SELECT nextval('counted')",
            "GRANT SELECT (id) ON items TO ann",
            "COMMENT ON COLUMN items.id IS 'which'",
            "ALTER TABLE more OWNER TO ann",
        ):
            model.result(statement)
        model.session.close()
        db.result("CREATE DATABASE made TEMPLATE model")
        # The table, its identity's sequence, and a column of the other table.
        assert db.error("DROP ROLE ann").detail == "3 objects in database model\n3 objects in database made"
        model, made = talk(database, "model"), talk(database, "made")
        assert "Index Scan using nearest" in made.plan(NEAREST)
        assert made.column(NEAREST) == [1, 2, 3]
        made.result("UPDATE items SET m = 'sad' WHERE id = 1")
        made.result("DELETE FROM items WHERE id = 3")
        assert model.rows("SELECT id, m::text FROM items ORDER BY id") == [(1, "ok"), (2, "ok"), (3, "ok")]
    for _ in range(2):
        with opened(data_dir) as database:
            model, made = talk(database, "model"), talk(database, "made")
            oids = "SELECT oid::int8 FROM pg_class WHERE relnamespace = 2200 UNION SELECT oid::int8 FROM pg_enum"
            assert len(model.column(oids)) == len(made.column(oids)) > 10
            assert not set(model.column(oids)) & set(made.column(oids))
            assert "Index Scan using nearest" in made.plan(NEAREST)
            assert (model.column(NEAREST), made.column(NEAREST)) == ([1, 2, 3], [1, 2])
            assert made.rows("SELECT id, m::text FROM seen ORDER BY id") == [(1, "sad"), (2, "ok")]
            assert made.rows("SELECT n::text, p::text FROM more WHERE n = 1.5") == [("1.50", "(1,sad)")]
            assert made.column("SELECT (whole).id FROM more WHERE n IS NULL") == [2]
            assert made.error("INSERT INTO more (n) VALUES (1.5)").sqlstate == "23505"
            assert made.column("SELECT col_description('items'::regclass, 1)") == ["which"]
            assert made.column("SELECT has_column_privilege('ann', 'items', 'id', 'SELECT')") == [True]
            assert made.column("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'more'") == ["ann"]
            for db in (model, made):
                assert db.rows("SELECT last_value, is_called FROM counted") == [(7, True)]
                assert db.rows("SELECT last_value, is_called FROM items_n_seq") == [(3, True)]


def test_sessions_wait_for_nobody_in_another_database(data_dir: Path) -> None:
    """What one writes and has not committed keeps nobody in another database from the table of the same name."""
    with opened(data_dir) as database:
        talk(database).result("CREATE DATABASE other")
        here, there = talk(database), talk(database, "other")
        for db in (here, there):
            db.result("CREATE TABLE items (id int PRIMARY KEY)")
        here.result("BEGIN")
        here.result("INSERT INTO items VALUES (1)")
        here.result("LOCK TABLE items")
        there.result("INSERT INTO items VALUES (1)")
        there.result("UPDATE items SET id = 2")
        here.result("COMMIT")
        assert (here.column("SELECT id FROM items"), there.column("SELECT id FROM items")) == ([1], [2])


def test_a_role_changes_in_every_database_at_once(data_dir: Path) -> None:
    """Also for statements that were prepared before."""
    with opened(data_dir) as database:
        db = talk(database)
        db.result("CREATE ROLE ann LOGIN")
        db.result("CREATE DATABASE other")
        talk(database, "other").result("CREATE TABLE items (id int)")
        ann = Talk(database.session(user="ann", database="other", pid=90_000, startup={}))
        assert ann.error("SELECT id FROM items").sqlstate == "42501"
        db.result("ALTER ROLE ann SUPERUSER")
        prepared = ann.session.prepare(ann.session.parse("SELECT id FROM items")[0], ())
        ann.session.execute(prepared)
        ann.session.sync()
        db.result("ALTER ROLE ann NOSUPERUSER")
        with pytest.raises(SqlError, match="permission denied for table items"):
            ann.session.execute(prepared)
        ann.session.fail()


def test_who_may_come_in(data_dir: Path) -> None:
    with opened(data_dir) as database:
        db = talk(database)
        db.result("CREATE ROLE ann LOGIN")
        db.result("CREATE DATABASE one CONNECTION LIMIT 1")

        def refusal(name: str, user: str = "ann") -> str:
            with pytest.raises(SqlError) as caught:
                database.session(user=user, database=name, pid=90_000, startup={})
            assert caught.value.severity == "FATAL"
            return f"{caught.value.sqlstate} {caught.value.message}"

        assert refusal("nothing") == '3D000 database "nothing" does not exist'
        assert refusal("nothing", "nobody") == '28000 role "nobody" does not exist'
        assert refusal("template0", "postgres") == '55000 database "template0" is not currently accepting connections'
        first = database.session(user="ann", database="one", pid=90_001, startup={})
        assert refusal("one") == '53300 too many connections for database "one"'
        talk(database, "one").session.close()  # superusers always find a place
        first.close()
        db.result("ALTER DATABASE one ALLOW_CONNECTIONS false")
        assert refusal("one") == '55000 database "one" is not currently accepting connections'
        db.result("ALTER DATABASE one ALLOW_CONNECTIONS true CONNECTION LIMIT -1")
        db.result("REVOKE CONNECT ON DATABASE one FROM PUBLIC")
        assert refusal("one") == '42501 permission denied for database "one"'
        database.session(user="ann", database="template1", pid=90_002, startup={})


def test_others_in_a_database_keep_it(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ruvector_engine.executor.databases._PATIENCE", 0.05)
    with opened(data_dir) as database:
        db = talk(database)
        db.result("CREATE DATABASE busy")
        talk(database, "busy")
        talk(database, "busy")
        for statement, source in (
            ("DROP DATABASE busy", ""),
            ("ALTER DATABASE busy RENAME TO idle", ""),
            ("CREATE DATABASE copy TEMPLATE busy", "source "),
        ):
            error = db.error(statement)
            assert (error.sqlstate, error.message) == (
                "55006",
                f'{source}database "busy" is being accessed by other users',
            )
            assert error.detail == "There are 2 other sessions using the database."


def make_format_3(database: Database) -> None:
    """Write the catalog as it was when there was one database."""
    with database.store.connection() as connection:
        entries = "ruvector_catalog.entries"
        connection.run("BEGIN")
        connection.run(f"DELETE FROM {entries} WHERE kind = 'database' OR database NOT IN (0, {POSTGRES})")
        connection.run(f"DELETE FROM {entries} WHERE key LIKE 'comment:{PG_DATABASE}:%'")
        connection.run(f"DELETE FROM {entries} WHERE key = 'comment:2615:2200:0'")
        connection.run(f"UPDATE {entries} SET key = replace(key, ':3079:16384', ':3079:15000')")
        connection.run(f"ALTER TABLE {entries} DROP COLUMN database")
        connection.run(f"UPDATE {entries} SET body = '3' WHERE kind = 'format'")
        connection.run("COMMIT")


def test_a_directory_from_before_there_were_several(data_dir: Path) -> None:
    """What is in it is in the database postgres then, and what belongs to the cluster is in all."""
    with opened(data_dir) as database:
        db = talk(database)
        fill(db, 1, 2, 3)
        db.result("CREATE ROLE ann LOGIN")
        db.result("COMMENT ON EXTENSION vector IS 'an extension'")
        db.result("COMMENT ON ROLE ann IS 'a role'")
        db.result("COMMENT ON TABLE items IS 'a table'")
        db.result("GRANT SELECT ON items TO ann")
        db.result("GRANT CREATE ON DATABASE postgres TO ann")
        db.result("CREATE SCHEMA extra AUTHORIZATION ann")
        db.result("ALTER DATABASE postgres SET application_name = 'kept'")
        make_format_3(database)
    for _ in range(2):  # the second time it is of the current format
        with opened(data_dir) as database:
            db, elsewhere = talk(database), talk(database, "template1")
            assert db.column(NEAREST) == [1, 2, 3]
            assert "Index Scan using nearest" in db.plan(NEAREST)
            assert db.column("SELECT obj_description('items'::regclass)") == ["a table"]
            assert db.column("SELECT obj_description(oid, 'pg_extension') FROM pg_extension WHERE oid > 16383") == [
                "an extension"
            ]
            assert db.column("SELECT obj_description('public'::regnamespace)") == ["standard public schema"]
            assert db.column("SELECT has_table_privilege('ann', 'items', 'SELECT')") == [True]
            assert db.column("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'extra'") == ["ann"]
            assert db.column("SHOW application_name") == ["kept"]
            assert elsewhere.column("SHOW application_name") == [""]
            assert elsewhere.column("SELECT relname FROM pg_class WHERE relname = 'items'") == []
            assert elsewhere.column("SELECT has_database_privilege('ann', 'postgres', 'CREATE')") == [True]
            assert elsewhere.column("SELECT shobj_description('ann'::regrole, 'pg_authid')") == ["a role"]
            assert db.column("SELECT datname FROM pg_database ORDER BY oid") == ["template1", "template0", "postgres"]


def test_a_directory_from_the_future(data_dir: Path) -> None:
    with opened(data_dir) as database, database.store.connection() as connection:
        connection.run("UPDATE ruvector_catalog.entries SET body = '99' WHERE kind = 'format'")
    with pytest.raises(SqlError, match=f"format 99, this server reads format {FORMAT_VERSION}"):
        Database.open(data_dir)
