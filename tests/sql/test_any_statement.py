"""Statements that no honest client sends: pieces of good ones put together at random. Only SqlError may come of it."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sql.recorded import FILES, load
from tests.sql.sample import CONTEXT, emit

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.analyze import analyze
from ruvector_engine.sql.parser import parse

_TOKENS = re.compile(r"'(?:[^']|'')*'|\w+|\s+|::|<->|->>|->|[^\w\s]")
_KINDS = ("select_stmt", "insert_stmt", "update_stmt", "delete_stmt")

STATEMENTS = [_TOKENS.findall(sql) for name in FILES for sql, _ in load(name)]
#: What is put in the place of a piece: columns, literals and calls of every type.
PIECES = [
    *sorted({t for tokens in STATEMENTS for t in tokens}),
    "null", "'[1,2,3]'::vector", "now()", "(select 1)", "row(1,2)", "count(*)", "sum(id)", "$1", "tags", "items",
    "unnest(array[1])", "interval '1 day'", "'a'::char(3)", "row_number() over ()", "default", "'{\"a\":1}'::jsonb",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A recorded statement with up to three of its pieces replaced."""
    tokens = list(draw(st.sampled_from(STATEMENTS)))
    for _ in range(draw(st.integers(1, 3))):
        tokens[draw(st.integers(0, len(tokens) - 1))] = draw(st.sampled_from(PIECES))
    return "".join(tokens)


def refusal(sql: str) -> SqlError | None:
    """The error of analyzing and emitting a text, if there is one."""
    try:
        for raw in parse(sql):
            if raw.kind in _KINDS and not (raw.kind == "select_stmt" and raw.node.HasField("into_clause")):
                emit(analyze(raw, CONTEXT))
    except SqlError as error:
        return error
    return None


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_gives_sql_or_a_sql_error(sql: str) -> None:
    error = refusal(sql)
    if error is not None:
        assert len(error.sqlstate) == 5
        assert error.position is None or 1 <= error.position <= len(sql) + 1
