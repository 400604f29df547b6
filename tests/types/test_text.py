"""Text in and out against what PostgreSQL answered."""

from __future__ import annotations

import psycopg
import pytest
from tests.oracle.postgres import Postgres
from tests.types.recorded import FAMILIES, answer_there, load, mismatches

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.array_values import BoundedArray
from ruvector_engine.types.registry import VECTOR_MAX_DIM, TypeRef
from ruvector_engine.types.text import apply_typmod, format_text, parse_text
from ruvector_engine.types.vectors import check_dimensions


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded(family: str) -> None:
    assert list(mismatches(load(family))) == []


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_records_are_true(postgres: Postgres, family: str) -> None:
    with psycopg.connect(postgres.dsn(), prepare_threshold=None) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.commit()
        assert [case for case in load(family) if answer_there(connection, case) != case.answer] == []


def refused(type_name: str, text: str, typmod: int = -1) -> tuple[str, str]:
    with pytest.raises(SqlError) as caught:
        parse_text(TypeRef(registry.BY_NAME[type_name].oid, typmod), text)
    return caught.value.sqlstate, caught.value.message


def test_too_many_dimensions() -> None:
    message = "vector cannot have more than 16000 dimensions"
    limit = ",".join(["1"] * VECTOR_MAX_DIM)
    assert len(parse_text(TypeRef(registry.VECTOR), f"[{limit}]")) == 4 * VECTOR_MAX_DIM  # type: ignore[arg-type]
    assert refused("vector", f"[{limit},1]") == ("54000", message)
    assert refused("vector", f"[{limit},x") == ("54000", message)


def test_check_dimensions() -> None:
    check_dimensions(-1, 5)
    check_dimensions(5, 5)
    with pytest.raises(SqlError, match="expected 3 dimensions, not 2"):
        check_dimensions(3, 2)


def test_input_functions_do_not_cut() -> None:
    """A cast may cut a string; input with a modifier, as COPY and INSERT use it, must not."""
    assert refused("varchar", "abcd", 3 + 4) == ("22001", "value too long for type character varying(3)")
    assert refused("bpchar", "abcd", 3 + 4) == ("22001", "value too long for type character(3)")
    assert parse_text(TypeRef(registry.VARCHAR, 3 + 4), "abc   ") == "abc"
    assert apply_typmod(TypeRef(registry.VARCHAR, 3 + 4), "abcd", explicit=True) == "abc"


def test_nothing_to_apply() -> None:
    assert apply_typmod(TypeRef(registry.VECTOR, 3), None) is None
    assert apply_typmod(TypeRef(registry.TEXT), "abcd") == "abcd"


@pytest.mark.parametrize(
    ("text", "value"),
    [("now", 86_400_000_001), ("today", 0), ("tomorrow 12:30", 2 * 86_400_000_000 + 45_000_000_000)],
)
def test_clock_words(text: str, value: int) -> None:
    now = 86_400_000_001  # 2000-01-02, in UTC
    zone = {"TimeZone": "UTC"}
    expected = value if text != "today" else 86_400_000_000
    assert parse_text(TypeRef(registry.TIMESTAMPTZ), text, zone, now) == expected


def test_now_depends_on_the_zone() -> None:
    zone = {"TimeZone": "Asia/Tokyo"}
    assert parse_text(TypeRef(registry.DATE), "today", zone, now=16 * 3_600_000_000) == 1
    assert parse_text(TypeRef(registry.TIME), "now", zone, now=0) == 9 * 3_600_000_000
    assert parse_text(TypeRef(registry.TIMESTAMP), "now", zone, now=0) == 9 * 3_600_000_000


def test_array_bounds_are_part_of_the_value() -> None:
    type_ref = TypeRef(registry.BY_NAME["_int4"].oid)
    value = parse_text(type_ref, "[2:3][1:1]={{1},{2}}")
    assert value == BoundedArray([[1], [2]], (2, 1))
    assert value != [[1], [2]]
    assert format_text(type_ref, value) == "[2:3][1:1]={{1},{2}}"
    assert type(parse_text(type_ref, "[1:2]={1,2}")) is list


def test_resolved_names_and_their_numbers() -> None:
    assert format_text(TypeRef(registry.REGCLASS), "items") == "items"
    assert format_text(TypeRef(registry.REGCLASS), 16400) == "16400"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
@pytest.mark.parametrize("type_name", ["json", "jsonb"])
def test_deep_json(type_name: str, text: str) -> None:
    assert refused(type_name, text) == ("54001", "stack depth limit exceeded")
