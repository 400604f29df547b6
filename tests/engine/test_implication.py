"""What a WHERE is said to imply really follows, on every row of a small table; and what people write is seen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.conftest import Talk, talk

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.database import Database
from ruvector_engine.planner.implication import implied
from ruvector_engine.planner.walk import conjuncts
from ruvector_engine.sql.analyze import analyze_expression
from ruvector_engine.sql.nodes import Expr, Special

_COMPARISONS = st.builds(
    "{} {} {}".format,
    st.sampled_from(["a", "b", "a + b"]),
    st.sampled_from(["<", "<=", "=", "<>", ">=", ">"]),
    st.integers(0, 4),
) | st.builds("{} {} {}".format, st.integers(0, 4), st.sampled_from(["<", "=", ">="]), st.sampled_from(["a", "b"]))
_OTHERS = st.sampled_from(
    [
        "a IS NOT NULL",
        "c IS NOT NULL",
        "c IS NULL",
        "a + b IS NOT NULL",
        "c = 'x'",
        "c <> 'x'",
        "c LIKE 'x%'",
        "c IN ('x', 'y')",
        "c NOT IN ('x', 'y')",
        "a IN (1, 3)",
        "a IN (1, NULL)",
        "a = b",
        "COALESCE(a, 1) = 1",
    ]
)
CONDITIONS = st.recursive(
    _COMPARISONS | _OTHERS,
    lambda inner: (
        st.builds("({} AND {})".format, inner, inner)
        | st.builds("({} OR {})".format, inner, inner)
        | st.builds("(NOT {})".format, inner)
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def table() -> Iterator[Talk]:
    """A session over every row of three small domains."""
    numbers = "(VALUES (NULL), (0), (1), (2), (3), (4))"
    texts = "(VALUES (NULL), ('x'), ('xx'), ('y'), ('z'))"
    with tempfile.TemporaryDirectory(prefix="ruvector-") as folder:
        database = Database.open(Path(folder) / "data")
        one = talk(database)
        one.result("CREATE TABLE small (a int, b int, c text)")
        one.result(f"INSERT INTO small SELECT * FROM {numbers} a(a), {numbers} b(b), {texts} c(c)")
        yield one
        one.session.close()
        database.close()


def _analyzed(client: Talk, part: str, condition: str) -> tuple[Expr, list[Expr]]:
    """Both over one range entry, so that the same column is the same."""
    table = client.session.catalog.find("small", None, ("public",))
    assert isinstance(table, TableDef)
    both = analyze_expression(f"COALESCE(({part}), ({condition}))", client.session.analysis_context(), table=table)
    assert isinstance(both, Special)
    first, second = both.args
    assert first is not None
    assert second is not None
    return first, conjuncts(second)


@given(CONDITIONS, CONDITIONS)
def test_what_is_implied_holds(table: Talk, part: str, condition: str) -> None:
    if implied(*_analyzed(table, part, condition)):
        assert table.rows(f"SELECT * FROM small WHERE ({condition}) AND ({part}) IS NOT TRUE") == []


@pytest.mark.parametrize(
    ("part", "condition"),
    [
        ("c = 'x'", "c = 'x' AND a > 3"),
        ("a > 3", "a > 3"),
        ("a > 3", "a >= 4 AND b = 1"),
        ("a > 3", "5 < a"),
        ("a > 3", "a IN (4, 5)"),
        ("a <> 3", "a < 3 OR a = 7"),
        ("a IN (1, 2, 3)", "a = 2"),
        ("a IN (1, 2, 3)", "a IN (3, 1)"),
        ("c IS NOT NULL", "c LIKE 'x%'"),
        ("a IS NOT NULL", "a + 1 > b"),
        ("a > 3 AND c IS NOT NULL", "c = 'y' AND a = 4"),
        ("a > 3 OR b = 1", "b = 1"),
    ],
)
def test_what_people_write_is_seen(table: Talk, part: str, condition: str) -> None:
    assert implied(*_analyzed(table, part, condition))


@pytest.mark.parametrize(
    ("part", "condition"),
    [
        ("a > 3", "a > 2"),
        ("a > 3", "b > 3"),
        ("a IN (1, 2)", "a IN (1, 3)"),
        ("c IS NOT NULL", "c IS NULL"),
        ("a > 3 AND b = 1", "a > 3"),
        ("a = 1", "a <= 1"),
        ("a IS NOT NULL", "a = 1 OR b = 1"),
    ],
)
def test_what_does_not_follow_is_not(table: Talk, part: str, condition: str) -> None:
    assert not implied(*_analyzed(table, part, condition))
