"""Identifiers in text: what is quoted can be read back, and anything else gives an error of the right kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvector_engine.catalog.system.constraints import not_null_name
from ruvector_engine.catalog.system.names import quote_identifier, schema_and_name, split_name
from ruvector_engine.errors import SqlError

IDENTIFIER = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)


@given(st.lists(IDENTIFIER, min_size=1, max_size=4))
def test_quoted_names_are_read_back(parts: list[str]) -> None:
    assert split_name(".".join(quote_identifier(p) for p in parts)) == parts


@given(st.text())
def test_any_text_is_names_or_a_syntax_error(text: str) -> None:
    try:
        assert all(split_name(text))
    except SqlError as error:
        raised = error
    else:
        return
    assert raised.sqlstate == "42602"


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("items", "items"), ("Items", '"Items"'), ("select", '"select"'), ("a b", '"a b"'), ('a"b', '"a""b"'),
        ("1a", '"1a"'), ("_a$1", "_a$1"), ("name", "name"), ("user", '"user"'), ("é", '"é"'), ("values", '"values"'),
    ],
)  # fmt: skip
def test_quote_identifier(name: str, quoted: str) -> None:
    assert quote_identifier(name) == quoted


@pytest.mark.parametrize(
    ("text", "sqlstate"), [("a.b.c", "0A000"), ("a.b.c.d", "42601"), ("", "42602"), ('"a', "42602"), ('""', "42602")]
)
def test_names_that_cannot_be_relations(text: str, sqlstate: str) -> None:
    with pytest.raises(SqlError) as raised:
        schema_and_name(text)
    assert raised.value.sqlstate == sqlstate


def test_names_of_not_null_constraints_fit() -> None:
    assert not_null_name("items", "id") == "items_id_not_null"
    long = not_null_name("t" * 60, "c" * 40)
    assert len(long) == 63
    assert long == "t" * 27 + "_" + "c" * 26 + "_not_null"
    assert len(not_null_name("é" * 40, "c").encode()) <= 63
