"""The parser of PL/pgSQL: any text gives a tree or a SqlError, and errors point into the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.congruence.script import parse as parse_script

from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.nodes import Assign, Block, ForInteger, ForQuery, If, Run
from ruvector_engine.plpgsql.parse.parser import parse_block
from ruvector_engine.types.registry import INT4, RECORD, TEXT, TypeRef

SCRIPTS = sorted((Path(__file__).parents[1] / "congruence").glob("do_*.test"))
_BLOCK = re.compile(r"\$\$(.*)\$\$", re.DOTALL)
BLOCKS = [
    found.group(1)
    for path in SCRIPTS
    for record in parse_script(path.read_text())
    if (found := _BLOCK.search(record.sql)) is not None
]
_TOKENS = re.compile(r"'(?:[^']|'')*'|\w+|\s+|:=|\.\.|<<|>>|[^\w\s]")
#: Blocks cut into words, and the words to put in the place of others.
WORDS = [_TOKENS.findall(block) for block in BLOCKS]
PIECES = sorted({word for words in WORDS for word in words} | {"$", "\\", '"', "é", "$1", "/*", "--", "0x1g"})


class Types:
    """Types without a catalog: all names mean something."""

    def named(self, text: str) -> TypeRef:
        return TypeRef(TEXT if "text" in text else INT4)

    def of_column(self, parts: Sequence[str]) -> TypeRef:
        return TypeRef(INT4 if len(parts) > 1 else TEXT)

    def of_row(self, parts: Sequence[str]) -> TypeRef:
        assert parts
        return TypeRef(RECORD)


def outcome(text: str) -> Block | SqlError:
    try:
        return parse_block(text, Types())
    except SqlError as error:
        return error


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A recorded block with up to four of its words replaced, dropped or doubled."""
    words = list(draw(st.sampled_from(WORDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(words) - 1))
        words[place] = draw(st.sampled_from(PIECES) | st.just("") | st.just(f"{words[place]} {words[place]}"))
    return "".join(words)


@given(mutated() | st.text(max_size=60))
@example("BEGIN RAISE NOTICE 'é%', 'x")
@example("DECLARE x é; BEGIN é := 'é' + ; END")
@example("BEGIN x" + "(" * 500)
@example("BEGIN IF true THEN " * 3000)
@example("\0")
@example("BEGIN FOR")
def test_any_text_gives_a_tree_or_an_error(text: str) -> None:
    found = outcome(text)
    if isinstance(found, SqlError) and found.position is not None:
        assert 1 <= found.position <= len(text) + 1


@pytest.mark.parametrize("block", BLOCKS)
def test_recorded_blocks(block: str) -> None:
    assert isinstance(outcome(block), (Block, SqlError))


def test_a_tree() -> None:
    tree = outcome(
        """
DECLARE
  total int := 0;
  r record;
BEGIN
  FOR i IN 1..3 LOOP
    total := total + i;
  END LOOP;
  FOR r IN SELECT a FROM t LOOP
    IF r.a > total THEN
      SELECT b INTO STRICT total FROM t;
    END IF;
  END LOOP;
END"""
    )
    assert isinstance(tree, Block)
    assert [(v.name, v.line) for v in tree.variables] == [("total", 3), ("r", 4)]
    counting, over_rows = tree.body
    assert isinstance(counting, ForInteger)
    assert counting.line == 6
    (assignment,) = counting.body
    assert isinstance(assignment, Assign)
    assert (assignment.target.variable, assignment.value.text) == (tree.variables[0], "total := total + i")
    assert isinstance(over_rows, ForQuery)
    (condition,) = over_rows.body
    assert isinstance(condition, If)
    (query,) = condition.branches[0][1]
    assert isinstance(query, Run)
    assert query.strict
    assert query.sql.text == "SELECT b                   FROM t"
