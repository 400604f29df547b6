"""Regular expressions in pg_hba.conf and pg_ident.conf: they match what PostgreSQL says, and never take long."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracle.postgres import Postgres

from ruvector_server.hba.expressions import parsed
from ruvector_server.hba.matching import MOST_STEPS, Expression, TooComplex

TEXTS = [
    "", "a", "ab", "abc", "aab", "b", "A", "a b", "a_1", "ann@example.org", "ann@example.com", "a.b", "1", "é", "-",
    "]", "{",
]  # fmt: skip
EXPRESSIONS = [
    "", "a", "^a", "a$", "^a$", "^$", "^", "$", "a|b", "^(a|b)+$", "a{2}", "a{2,}", "^a{1,2}b$", "a{0}", "{", "a{",
    "{a}", "[a-c]$", "[^a]", "[]a]", "[^]a]", "[a-]", "[[:alpha:]]", "[[:digit:][:space:]]", "[[:punct:]]",
    "[\\d_]", "[\\]]", "\\d", "\\D", "\\w", "^\\W$", "\\s", "\\S$", "\\.", "\\A\\w+\\Z", "\\ma", "b\\M", "\\y",
    "\\Y", "\\u0061", "\\t", "é", "()", "a||b", "(|a)b", "(?:ab)+", "^(.*)@example\\.org$", "^([^@]+)@(.*)$",
    "^(a|ab)(c|bcd)?", "(a?)(ab)?", "(a*)(b|abc)?c*", "(", ")", "a)", "[", "[a", "*", "a**", "a|*", "^*", "a{2,1}",
    "a{256}", "a{1,2", "[b-a]", "[[:nothing:]]", "\\q", "\\", "a{1x}",
]  # fmt: skip
REFUSED = {
    "***=a": "directors are not supported",
    "(?i)a": "lookaround and embedded options are not supported",
    "a(?=b)": "lookaround and embedded options are not supported",
    "a(?!b)": "lookaround and embedded options are not supported",
    "(?<=a)b": "lookaround and embedded options are not supported",
    "(a)\\1": "back references are not supported",
    "a*?": "quantifiers that prefer less are not supported",
    "a{1,2}?": "quantifiers that prefer less are not supported",
    "[[.a.]]": "collating elements are not supported",
    "[[=a=]]": "collating elements are not supported",
    "[[:<:]]a": "[[:<:]] and [[:>:]] are not supported: write \\m and \\M",
    "\\012": "octal escapes are not supported",
    "((a{250}){250}){250}": "regular expression is too complex",
    "(" * 100_000: "regular expression is too complex",
}
#: What takes a backtracking matcher for ever.
CATASTROPHES = [
    "^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "a*a*a*a*a*a*a*a*b", "^(.*)*(.*)*(.*)*x$", "^((a*)*)*$", "(a?){200}a{200}$",
]  # fmt: skip


@pytest.fixture(scope="module")
def oracle(postgres: Postgres) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        yield connection


def of_postgres(oracle: psycopg.Connection[tuple[object, ...]], expression: str, text: str) -> tuple[object, ...] | str:
    """Whether it matches, and what the first group captures; the reason of an error."""
    query = 'SELECT %s COLLATE "C" ~ %s, (regexp_match(%s COLLATE "C", %s))[1]'
    try:
        row = oracle.execute(query, (text, expression, text, expression)).fetchone()
    except psycopg.errors.InvalidRegularExpression as error:
        return str(error.diag.message_primary).removeprefix("invalid regular expression: ")
    assert row is not None
    return row


def check(oracle: psycopg.Connection[tuple[object, ...]], expression: str, text: str) -> None:
    expected = of_postgres(oracle, expression, text)
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=r"^.") as caught:
            Expression(expression)
        assert str(caught.value) == expected, (expression, text)
        return
    found, (matches, first) = Expression(expression), expected
    assert found.matches(text) is matches, (expression, text)
    captured = found.captured(text)
    assert (captured is not None) is matches, (expression, text)
    if matches and found.captures_once:
        assert captured == (first or ""), (expression, text)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_they_match_what_postgresql_says(oracle: psycopg.Connection[tuple[object, ...]], expression: str) -> None:
    for text in TEXTS:
        check(oracle, expression, text)


def test_random_ones_match_what_postgresql_says(oracle: psycopg.Connection[tuple[object, ...]]) -> None:
    choose = random.Random(5)
    for _ in range(300):
        expression = _branches(choose, 3)
        check(oracle, expression, "".join(choose.choices("aabbc1_.-{é", k=choose.randint(0, 7))))


ATOMS = [
    "a", "b", "c", ".", "[ab]", "[^a]", "\\w", "\\d", "[[:alpha:]]", "[[:digit:]_-]", "\\.", "[]a]", "1", "_", "{",
    "é",
]  # fmt: skip
PLACES = ["^", "$", "\\m", "\\M", "\\y", "\\Y", "\\A", "\\Z"]
QUANTIFIERS = ["", "", "*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}", "{0}"]


def _branches(choose: random.Random, depth: int) -> str:
    parts = [
        "".join(_atom(choose, depth) + choose.choice(QUANTIFIERS) for _ in range(choose.randint(0, 3)))
        for _ in range(choose.choice([1, 1, 1, 2]))
    ]
    return "|".join(parts)


def _atom(choose: random.Random, depth: int) -> str:
    kind = choose.random()
    if kind < 0.5 or depth == 0:
        return choose.choice(ATOMS)
    if kind < 0.55:
        return choose.choice(PLACES)
    return f"({'' if kind < 0.85 else '?:'}{_branches(choose, depth - 1)})"


@pytest.mark.parametrize("expression", REFUSED)
def test_what_is_not_supported_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Expression(expression)
    assert str(caught.value) == REFUSED[expression]


@pytest.mark.parametrize("expression", CATASTROPHES)
def test_none_is_tried_again_and_again(expression: str) -> None:
    """Steps are counted: no clock is needed to see that it ends."""
    for text in ("a" * 63, "a" * 62 + "!", "a" * 1_000 + "!"):
        Expression(expression).matches(text)


def test_what_would_take_long_is_given_up() -> None:
    nested = "a"
    for end in "bcdefghi":
        nested = f"({nested}*{end}|a)"
    with pytest.raises(TooComplex):
        Expression(f"^{nested}*$").matches("a" * 2_000)
    assert MOST_STEPS < 100_000


@given(st.text(alphabet="ab()[]{}|*+?^$.\\,:-12dwsmMyYAZu0é", max_size=30), st.text(alphabet="ab1é", max_size=8))
def test_any_text_is_an_expression_or_an_error(expression: str, text: str) -> None:
    with suppress(ValueError):
        parsed(expression)
    with suppress(ValueError):
        found = Expression(expression)
        assert found.matches(text) is (found.captured(text) is not None)
