"""Emitted SQL, run in DuckDB, answers what PostgreSQL answered: columns, types, rows, errors with their positions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oracle.postgres import Postgres
from tests.sql.record import answers, prepared_connection
from tests.sql.recorded import FILES, load
from tests.sql.sample import Duck, failure, ordered

from ruvector_engine.errors import SqlError

CASES = [pytest.param(sql, answer, id=f"{name}: {sql[:60]}") for name in FILES for sql, answer in load(name)]


def answered(duck: Duck, sql: str) -> Any:
    """What a statement gives, in the form of the case files."""
    try:
        answer = duck.answer(sql)
    except SqlError as error:
        return {"error": failure(error)}
    return {"columns": answer.columns, "rows": answer.rows}


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_answers_as_postgresql(duck: Duck, sql: str, expected: Any) -> None:
    duck.transaction("BEGIN")
    try:
        found = answered(duck, sql)
    finally:
        duck.transaction("ROLLBACK")
    for answer in (found, expected):
        if "rows" in answer and not ordered(sql):
            answer["rows"] = sorted(answer["rows"], key=repr)
    assert found == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_the_record_is_what_postgresql_says(postgres: Postgres, name: str) -> None:
    cases = load(name)
    with prepared_connection(postgres) as connection:
        assert answers(connection, [sql for sql, _ in cases]) == [answer for _, answer in cases]
