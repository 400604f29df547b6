"""Privileges hold on every way to an answer: the event loop's, a batch's, a prepared statement's older than a grant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.conftest import Talk, talk
from tests.engine.test_knn import fill

from ruvector_engine.database import Database
from ruvector_engine.errors import SqlError
from ruvector_engine.session import Prepared
from ruvector_engine.types.registry import VECTOR

KNN = "SELECT id, category FROM items ORDER BY embedding <-> $1 LIMIT 7"
QUERY = bytes(32)  # a vector of eight zeros


def prepared(db: Talk, sql: str = KNN) -> Prepared:
    (raw,) = db.session.parse(sql)
    return db.session.prepare(raw, (VECTOR,))


def as_role(database: Database, name: str) -> Talk:
    """A session that a superuser began and that acts for a role."""
    db = talk(database)
    db.result(f"SET ROLE {name}")
    return db


@pytest.fixture
def owner(database: Database, db: Talk) -> Talk:
    """The superuser's session, with an indexed table and two roles that were granted nothing."""
    fill(db)
    db.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    db.result("CREATE ROLE reader")
    db.result("CREATE ROLE other")
    db.rows(KNN, [QUERY])  # so that the rows are in the cache
    return db


def warm(db: Talk, statement: Prepared) -> None:
    """Run it the long way once, as a client's first time would."""
    db.session.execute(statement, [QUERY])
    db.session.sync()


def refused(db: Talk, statement: Prepared) -> str:
    """The error that running a statement gives, which the event loop must leave to `execute`."""
    assert db.session.execute_now(statement, [QUERY]) is None
    assert db.session.plan_for_now(statement) is None
    with pytest.raises(SqlError) as caught:
        db.session.execute(statement, [QUERY])
    db.session.fail()
    assert caught.value.sqlstate == "42501"
    return caught.value.message


def test_the_event_loop_answers_whom_it_may(database: Database, owner: Talk) -> None:
    reader = as_role(database, "reader")
    statement = prepared(reader)
    assert refused(reader, statement) == "permission denied for table items"
    owner.result("GRANT SELECT ON items TO reader")
    warm(reader, statement)
    found = reader.session.execute_now(statement, [QUERY])
    assert found is not None
    assert found.rows == owner.rows(KNN, [QUERY])


def test_a_revoked_privilege_ends_prepared_statements(database: Database, owner: Talk) -> None:
    owner.result("GRANT SELECT ON items TO reader")
    reader = as_role(database, "reader")
    statement = prepared(reader)
    warm(reader, statement)
    assert reader.session.execute_now(statement, [QUERY]) is not None
    owner.result("REVOKE SELECT ON items FROM reader")
    assert refused(reader, statement) == "permission denied for table items"
    owner.result("GRANT SELECT (id, category, embedding) ON items TO reader")
    warm(reader, statement)
    assert reader.session.execute_now(statement, [QUERY]) is not None
    owner.result("REVOKE SELECT (embedding) ON items FROM reader")  # the order reads it
    assert refused(reader, statement) == "permission denied for table items"


def test_a_statement_is_the_current_role_s(database: Database, owner: Talk) -> None:
    owner.result("GRANT SELECT ON items TO reader")
    db = talk(database)
    statement = prepared(db)
    warm(db, statement)
    assert db.session.execute_now(statement, [QUERY]) is not None
    db.result("SET ROLE other")
    assert refused(db, statement) == "permission denied for table items"
    db.result("SET ROLE reader")
    warm(db, statement)
    assert db.session.execute_now(statement, [QUERY]) is not None
    db.result("RESET ROLE")
    warm(db, statement)  # the search path is another now
    assert db.session.execute_now(statement, [QUERY]) is not None


def test_a_superuser_no_more(database: Database, owner: Talk) -> None:
    owner.result("CREATE ROLE boss SUPERUSER")
    boss = as_role(database, "boss")
    statement = prepared(boss)
    warm(boss, statement)
    assert boss.session.execute_now(statement, [QUERY]) is not None
    owner.result("ALTER ROLE boss NOSUPERUSER")
    assert refused(boss, statement) == "permission denied for table items"


def test_membership_counts_while_it_lasts(database: Database, owner: Talk) -> None:
    owner.result("GRANT SELECT ON items TO other")
    owner.result("GRANT other TO reader")
    reader = as_role(database, "reader")
    statement = prepared(reader)
    warm(reader, statement)
    assert reader.session.execute_now(statement, [QUERY]) is not None
    owner.result("REVOKE other FROM reader")
    assert refused(reader, statement) == "permission denied for table items"


def test_a_batch_leaves_out_whom_it_may_not_answer(database: Database, owner: Talk) -> None:
    owner.result("GRANT SELECT ON items TO reader")
    readers = [as_role(database, name) for name in ("reader", "other", "reader")]
    asked = [(db, prepared(db)) for db in readers]
    for db, statement in (asked[0], asked[2]):
        warm(db, statement)
    found = database.execute_together([(db.session, statement, [QUERY]) for db, statement in asked])
    assert [result is not None for result in found] == [True, False, True]
    owner.result("REVOKE ALL ON items FROM reader")
    found = database.execute_together([(db.session, statement, [QUERY]) for db, statement in asked])
    assert found == [None, None, None]


def test_settings_that_change_do_not_send_a_statement_the_long_way(database: Database, owner: Talk) -> None:
    owner.result("GRANT SELECT ON items TO reader")
    reader = as_role(database, "reader")
    statement = prepared(reader)
    warm(reader, statement)
    reader.result("SET hnsw.ef_search = 77")
    assert reader.session.execute_now(statement, [QUERY]) is not None


def test_views_are_read_in_their_owner_s_name(database: Database, owner: Talk) -> None:
    owner.result("CREATE VIEW near AS SELECT id, embedding FROM items")
    owner.result("GRANT SELECT ON near TO reader")
    sql = "SELECT id FROM near ORDER BY embedding <-> $1 LIMIT 3"
    reader = as_role(database, "reader")
    statement = prepared(reader, sql)
    warm(reader, statement)
    assert reader.session.execute_now(statement, [QUERY]) is not None
    owner.result("ALTER VIEW near OWNER TO other")
    assert refused(reader, statement) == "permission denied for table items"
    assert owner.error(sql, [QUERY]).message == "permission denied for table items"


def test_named_statements_and_cursors(database: Database, owner: Talk) -> None:
    owner.result("GRANT SELECT ON items TO reader")
    reader = as_role(database, "reader")
    reader.result("PREPARE p AS SELECT count(*) FROM items")
    assert reader.column("EXECUTE p") == owner.column("SELECT count(*) FROM items")
    reader.result("BEGIN")
    reader.result("DECLARE c CURSOR FOR SELECT id FROM items ORDER BY id")
    assert reader.column("FETCH 2 FROM c") == [1, 2]
    owner.result("REVOKE SELECT ON items FROM reader")
    assert reader.column("FETCH 1 FROM c") == [3]  # an open cursor goes on
    assert reader.error("EXECUTE p").message == "permission denied for table items"
    reader.result("ROLLBACK")
    assert reader.error("EXPLAIN SELECT id FROM items").sqlstate == "42501"
    assert reader.error("CREATE TABLE mine AS SELECT id FROM items").sqlstate == "42501"


def test_what_a_transaction_granted_holds_in_it_alone(connect: Callable[[], Talk], owner: Talk) -> None:
    other = connect()
    other.result("SET ROLE other")
    owner.result("BEGIN")
    owner.result("GRANT SELECT ON items TO other")
    owner.result("SET LOCAL ROLE other")
    assert owner.column("SELECT count(*) FROM items") == [len(owner.column("SELECT id FROM items"))]
    assert other.error("SELECT count(*) FROM items").sqlstate == "42501"
    owner.result("ROLLBACK")
    assert other.error("SELECT count(*) FROM items").sqlstate == "42501"


def test_a_restart_keeps_owners_and_privileges(data_dir: Path) -> None:
    database = Database.open(data_dir)
    db = talk(database)
    db.result("CREATE ROLE reader")
    db.result("CREATE ROLE builder")
    db.result("CREATE SCHEMA app AUTHORIZATION builder")
    db.result("CREATE TABLE app.t (a int, b text)")
    db.result("ALTER TABLE app.t OWNER TO builder")
    db.result("GRANT SELECT (a) ON app.t TO reader WITH GRANT OPTION")
    db.result("GRANT USAGE ON SCHEMA app TO reader")
    db.result("CREATE VIEW app.v WITH (security_invoker) AS SELECT a FROM app.t")
    shown = (
        "SELECT relname, relowner::regrole::text, relacl::text, (SELECT array_agg(attacl::text) FROM pg_attribute "
        "WHERE attrelid = c.oid AND attacl IS NOT NULL) FROM pg_class c WHERE relnamespace = 'app'::regnamespace "
        "ORDER BY 1"
    )
    before = db.rows(shown)
    for session in list(database.sessions.values()):
        session.close()
    database.close()
    again = Database.open(data_dir)
    db = talk(again)
    assert db.rows(shown) == before
    assert before[0] == ("t", "builder", None, ["{reader=r*/builder}"])
    db.result("SET ROLE reader")
    assert db.rows("SELECT a FROM app.t") == []
    assert db.error("SELECT b FROM app.t").sqlstate == "42501"
    assert db.error("SELECT * FROM app.v").message == "permission denied for view v"
    db.session.close()
    again.close()


def test_who_may_not_connect(database: Database, db: Talk) -> None:
    db.result("CREATE ROLE guest LOGIN")
    db.result("CREATE ROLE chief LOGIN SUPERUSER")
    db.result("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    with pytest.raises(SqlError) as caught:
        database.session(user="guest", database="postgres", pid=90_001, startup={})
    assert (caught.value.sqlstate, caught.value.severity) == ("42501", "FATAL")
    assert caught.value.message == 'permission denied for database "postgres"'
    assert caught.value.detail == "User does not have CONNECT privilege."
    database.session(user="chief", database="postgres", pid=90_002, startup={})
    db.result("GRANT CONNECT ON DATABASE postgres TO guest")
    database.session(user="guest", database="postgres", pid=90_003, startup={})
