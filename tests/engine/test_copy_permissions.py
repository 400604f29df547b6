"""Who may COPY from and to files of the server. The errors are PostgreSQL's own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.engine.conftest import Talk

from ruvector_engine.catalog.roles import BOOTSTRAP_ROLE, Membership, RoleDef
from ruvector_engine.results import CopyIn, CopyOut

HINT = "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone."
READ, WRITE, GROUP, TESTER = 4569, 4570, 20_001, 20_002


def become(db: Talk, *memberships: tuple[int, int], superuser: bool = False, inherit: bool = True) -> None:
    """Make the session's user an ordinary role with these memberships, (role, member) each."""
    database = db.session.database
    authority = database.catalog.authority
    roles = {
        "tester": RoleDef(TESTER, "tester", superuser=superuser),
        "group": RoleDef(GROUP, "group"),
        "pg_read_server_files": RoleDef(READ, "pg_read_server_files"),
        "pg_write_server_files": RoleDef(WRITE, "pg_write_server_files"),
    }
    granted = tuple(Membership(role, member, BOOTSTRAP_ROLE, inherit=inherit) for role, member in memberships)
    changed = replace(authority, roles={**authority.roles, **roles}, memberships=granted)
    database.catalog = replace(database.catalog, authority=changed)


@pytest.mark.parametrize(
    ("sql", "role", "what"),
    [
        ("COPY nope TO 'relative'", "pg_write_server_files", "COPY to a file"),
        ("COPY nope FROM '/nowhere'", "pg_read_server_files", "COPY from a file"),
        ("COPY nope TO PROGRAM 'cat'", "pg_execute_server_program", "COPY to or from an external program"),
        ("COPY nope FROM PROGRAM 'cat'", "pg_execute_server_program", "COPY to or from an external program"),
    ],
)
def test_refused_before_anything_else(db: Talk, sql: str, role: str, what: str) -> None:
    become(db)
    error = db.error(sql)
    assert (error.sqlstate, error.message) == ("42501", f"permission denied to {what}")
    assert error.detail == f'Only roles with privileges of the "{role}" role may {what}.'
    assert error.hint == HINT


def test_memberships_count_at_any_distance(db: Talk) -> None:
    db.result("CREATE TABLE items (id int)")
    become(db, (GROUP, TESTER), (WRITE, GROUP))
    assert isinstance(db.result("COPY items TO '/nowhere'").copy, CopyOut)
    assert db.error("COPY items FROM '/nowhere'").sqlstate == "42501"
    become(db, (READ, TESTER))
    assert isinstance(db.result("COPY items FROM '/nowhere'").copy, CopyIn)
    assert db.error("COPY items TO '/nowhere'").sqlstate == "42501"


def test_memberships_that_do_not_inherit_do_not_count(db: Talk) -> None:
    become(db, (WRITE, TESTER), inherit=False)
    assert db.error("COPY nope TO '/nowhere'").sqlstate == "42501"


def test_memberships_in_a_circle_end(db: Talk) -> None:
    become(db, (GROUP, TESTER), (TESTER, GROUP))
    assert db.error("COPY nope TO '/nowhere'").sqlstate == "42501"


def test_superusers_may(db: Talk) -> None:
    become(db, superuser=True)
    assert db.error("COPY nope TO 'relative'").sqlstate == "42P01"
    assert db.error("COPY nope FROM PROGRAM 'cat'").sqlstate == "0A000"
