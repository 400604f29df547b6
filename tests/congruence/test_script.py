"""The reader of `.test` files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.congruence.script import EMPTY, ScriptError, escape, parse, parse_values, rewrite

SOURCE = """# a comment

statement ok
CREATE TABLE t (a int,
  b text)
----
CREATE TABLE

connection other
parameters 1|\\N|x\\|y
query unordered
SELECT $1
----

copy in
COPY t FROM STDIN
----
1\ta

2\tb
----
COPY 2
"""


def test_records_have_their_parts() -> None:
    create, query, copy = parse(SOURCE)
    assert (create.kind, create.line, create.sql) == ("statement ok", 3, "CREATE TABLE t (a int,\n  b text)")
    assert create.expected == ["CREATE TABLE"]
    assert (query.kind, query.connection, query.only) == ("query unordered", "other", "extended")
    assert query.parameters == ["1", None, "x|y"]
    assert query.expected == []
    assert copy.data == ["1\ta", "", "2\tb"]
    assert copy.expected == ["COPY 2"]


def test_rewriting_changes_outcomes_only() -> None:
    records = parse(SOURCE)
    outcomes = [["A"], ["B", "C"], []]
    rewritten = rewrite(SOURCE, records, outcomes)
    assert [record.expected for record in parse(rewritten)] == outcomes
    assert rewrite(rewritten, parse(rewritten), [record.expected for record in records]) == SOURCE


@pytest.mark.parametrize("source", ["statement ok\nSELECT 1", "wrong\n", "connection a\n"])
def test_a_broken_file_is_refused(source: str) -> None:
    with pytest.raises(ScriptError):
        parse(source)


@given(st.lists(st.none() | st.text().filter(lambda text: text != EMPTY), min_size=1))
def test_values_survive(values: list[str | None]) -> None:
    assert parse_values("|".join(escape(value) for value in values)) == values
