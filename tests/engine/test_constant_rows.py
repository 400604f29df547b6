"""Queries such as SELECT 1, which pools send to see whether a server is alive, need nobody to answer them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine.conftest import Talk

from ruvector_engine.results import Result
from ruvector_engine.types.registry import INT4, TEXT


def at_once(talk: Talk, sql: str, params: tuple[Any, ...] = (), oids: tuple[int, ...] = ()) -> Result | None:
    (raw,) = talk.session.parse(sql)
    return talk.session.execute_now(talk.session.prepare(raw, oids), params)


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("SELECT 1", (1,)),
        ("SELECT 1 AS one, 'two', true, NULL", (1, "two", True, None)),
        ("SELECT 3000000000, -7", (3000000000, -7)),
    ],
)
def test_constants(db: Talk, sql: str, row: tuple[Any, ...]) -> None:
    result = at_once(db, sql)
    assert result is not None
    assert result.rows == [row]
    (raw,) = db.session.parse(sql)
    assert db.session.execute(db.session.prepare(raw)).rows == [row]
    assert (result.tag, result.counted) == ("SELECT", True)


def test_parameters(db: Talk) -> None:
    result = at_once(db, "SELECT $2, $1", ("x", 5), (TEXT, INT4))
    assert result is not None
    assert result.rows == [(5, "x")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 WHERE false",
        "SELECT 1 LIMIT 0",
        "SELECT 1 OFFSET 1",
        "SELECT 1 UNION ALL SELECT 2",
        "VALUES (1), (2)",
        "SELECT 1 FROM generate_series(1, 2)",
        "SELECT DISTINCT 1",
        "SELECT now()",
        "SELECT 1 + 1",
        "SELECT '2024-01-01'::date",
        "SELECT count(*)",
        "SELECT 'pg_class'::regclass",
    ],
)
def test_everything_else_is_run(db: Talk, sql: str) -> None:
    assert at_once(db, sql) is None


def test_a_failed_transaction_refuses_them(db: Talk) -> None:
    db.result("BEGIN")
    db.error("SELECT 1/0")
    assert db.error("SELECT 1").sqlstate == "25P02"
    db.result("ROLLBACK")
    assert db.rows("SELECT 1") == [(1,)]
