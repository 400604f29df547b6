"""Expressions that are evaluated without DuckDB give what DuckDB gives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.conftest import Talk

from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.run.quick import Quick, compiled
from ruvector_engine.sql.nodes import Query

INTEGERS = st.none() | st.integers(-5, 5) | st.sampled_from([2**31 - 1, -(2**31), 65_536])
EXPRESSIONS = (
    "$1::int4 + $2::int4",
    "$1::int4 - $2::int4",
    "$1::int4 * $2::int4",
    "$1::int4 / $2::int4",
    "$1::int4 % $2::int4",
    "$1::int4 < $2::int4",
    "$1::int4 <= $2::int4 OR $1::int4 IS NULL",
    "$1::int4 > 3 AND $2::int4 <> 2",
    "NOT ($1::int4 = $2::int4) OR $2::int4 IS NOT NULL",
)


def quick(db: Talk, sql: str) -> Quick | None:
    (raw,) = db.session.parse(f"SELECT {sql}")
    statement = db.session.prepare(raw, ()).analyzed.statement
    assert isinstance(statement, Query)
    return compiled(statement.targets[0].expr)


def answer(evaluate: Callable[[], Any]) -> Any:
    """The value, or what the error says."""
    try:
        return evaluate()
    except SqlError as error:
        return error.sqlstate, error.message


def test_the_answers_are_duckdbs(db: Talk) -> None:
    @settings(max_examples=200)
    @given(st.sampled_from(EXPRESSIONS), INTEGERS, INTEGERS)
    def same(sql: str, a: int | None, b: int | None) -> None:
        evaluate = quick(db, sql)
        assert evaluate is not None
        assert answer(lambda: evaluate((a, b))) == answer(lambda: db.rows(f"SELECT {sql}", (a, b))[0][0])

    same()


def test_three_valued_logic(db: Talk) -> None:
    for sql in ("$1::bool AND $2::bool", "$1::bool OR NOT $2::bool", "$1::bool = $2::bool"):
        evaluate = quick(db, sql)
        assert evaluate is not None
        for values in product((True, False, None), repeat=2):
            assert evaluate(values) == db.rows(f"SELECT {sql}", values)[0][0]


def test_texts(db: Talk) -> None:
    for sql in ("$1::text || 'é'", "$1::text = 'a'", "'a' <> $1::text"):
        evaluate = quick(db, sql)
        assert evaluate is not None
        for text in ("a", "", "A", None):
            assert evaluate((text,)) == db.rows(f"SELECT {sql}", (text,))[0][0]


def test_what_is_left_to_duckdb(db: Talk) -> None:
    others = (
        "$1::text < 'a'",
        "$1::numeric + 1",
        "$1::varchar(3)",
        "random()",
        "(SELECT 1)",
        "$1::float8 = 1",
        "abs(1)",
    )
    assert [sql for sql in others if quick(db, sql) is not None] == []
