"""Text to raw statements: where each begins, and errors at character positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.parser import RawStatement, inner_statement, parse


def test_an_empty_query_has_no_statements() -> None:
    assert parse("") == []
    assert parse(" ; -- nothing\n;") == []


def test_statements_know_their_text_and_place() -> None:
    first, second = parse("SELECT 1 ; \n INSERT INTO t VALUES ('é') ;")
    assert (first.kind, first.text, first.offset) == ("select_stmt", "SELECT 1", 0)
    assert (second.kind, second.text, second.offset) == ("insert_stmt", "INSERT INTO t VALUES ('é')", 13)


def test_places_count_characters_behind_multibyte_text() -> None:
    statements = parse("SELECT 'äöü'; SELECT 2")
    assert statements[1].offset == 14
    assert statements[1].text == "SELECT 2"


@pytest.mark.parametrize(
    ("sql", "sqlstate", "message", "position"),
    [
        ("SELEC 1", "42601", 'syntax error at or near "SELEC"', 1),
        ("SELECT FROM FROM", "42601", 'syntax error at or near "FROM"', 13),
        ("SELECT 'ä' FORM x y", "42601", 'syntax error at or near "x"', 17),
        ("SELECT 'open", "42601", 'unterminated quoted string at or near "\'open"', 8),
        ("SELECT (1", "42601", "syntax error at end of input", 10),
    ],
)
def test_syntax_errors_are_postgresqls(sql: str, sqlstate: str, message: str, position: int) -> None:
    with pytest.raises(SqlError) as caught:
        parse(sql)
    assert (caught.value.sqlstate, caught.value.message, caught.value.position) == (sqlstate, message, position)


@given(st.text())
def test_any_text_gives_statements_or_a_sql_error(text: str) -> None:
    text = text.replace("\x00", "")
    try:
        statements = parse(text)
    except SqlError:
        return
    assert all(isinstance(s, RawStatement) for s in statements)


def test_an_inner_statement_keeps_the_positions_of_its_source() -> None:
    (outer,) = parse("EXPLAIN SELECT 1")
    inner = inner_statement(outer, outer.node.query)
    assert (inner.kind, inner.source) == ("select_stmt", "EXPLAIN SELECT 1")
