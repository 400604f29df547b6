"""The types of parameters: declared, found out from where they stand, or impossible to tell."""

from __future__ import annotations

import pytest
from tests.sql.sample import CONTEXT, Duck, typed

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.analyze import analyze
from ruvector_engine.sql.parser import parse


def types_of(sql: str, declared: tuple[int, ...] = ()) -> list[str]:
    return [t.pg.name for t in analyze(parse(sql)[0], CONTEXT, declared).parameters]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT id FROM items ORDER BY embedding <-> $1 LIMIT $2", ["vector", "int8"]),
        ("SELECT id FROM items ORDER BY $1 <=> embedding OFFSET $2", ["vector", "int8"]),
        ("SELECT $1::int2", ["int2"]),
        ("SELECT $1", ["text"]),
        ("SELECT $1 + 1", ["int4"]),
        ("SELECT * FROM items WHERE id = $1 AND price > $2", ["int8", "numeric"]),
        ("SELECT * FROM items WHERE id = ANY($1)", ["int8[]"]),
        ("SELECT * FROM items WHERE id IN ($1, $2)", ["int8", "int8"]),
        ("SELECT * FROM items WHERE content LIKE $1", ["text"]),
        ("SELECT * FROM items WHERE meta @> $1", ["jsonb"]),
        ("INSERT INTO items (id, price, embedding) VALUES ($1, $2, $3)", ["int8", "numeric", "vector"]),
        ("INSERT INTO items (id, content) VALUES ($1, $2), ($3, $4)", ["int8", "text", "int8", "text"]),
        ("INSERT INTO items (id, content) SELECT $1, $2", ["int8", "text"]),
        ("UPDATE items SET price = $1, meta = $2 WHERE id = $3", ["numeric", "jsonb", "int8"]),
        ("SELECT coalesce($1, 1.5)", ["numeric"]),
        ("SELECT CASE WHEN $1 THEN $2 ELSE 1 END", ["bool", "int4"]),
        ("SELECT created_at > $1 FROM items", ["timestamptz"]),
        ("SELECT $2::int, $1::text", ["text", "int4"]),
        ("SELECT $1::int, $1::text", ["int4"]),
        ("SELECT l2_distance(embedding, $1) FROM items", ["vector"]),
        ("SELECT 'a' || $1", ["text"]),
    ],
)
def test_found_out_from_the_surroundings(sql: str, expected: list[str]) -> None:
    assert types_of(sql) == [typed(name).pg.name for name in expected]


def test_declared_types_hold() -> None:
    assert types_of("SELECT $1", (typed("int8").oid,)) == ["int8"]
    assert types_of("SELECT id FROM items WHERE id = $1", (0,)) == ["int8"]


@pytest.mark.parametrize(
    ("sql", "sqlstate", "message"),
    [
        ("SELECT $1 IS NULL", "42P18", "could not determine data type of parameter $1"),
        ("SELECT $2::int", "42P18", "could not determine data type of parameter $1"),
    ],
)
def test_what_cannot_be_told(sql: str, sqlstate: str, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        types_of(sql)
    assert (caught.value.sqlstate, caught.value.message) == (sqlstate, message)


def test_no_parameters_in_a_simple_query() -> None:
    with pytest.raises(SqlError) as caught:
        analyze(parse("SELECT $1")[0], CONTEXT, None)
    assert (caught.value.sqlstate, caught.value.message, caught.value.position) == (
        "42P02",
        "there is no parameter $1",
        8,
    )


def test_a_parameter_used_twice_is_bound_once(duck: Duck) -> None:
    answer = duck.answer("SELECT $1::int + $1::int, $1::int", [4])
    assert answer.rows == [["8", "4"]]
