"""The shape of emitted SQL where others rely on it: bindings, replaced scans, prefixes, bare expressions."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.sql.sample import CONTEXT, ITEMS, NUMBERS, typed

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.analyze import Analyzed, analyze, analyze_expression
from ruvector_engine.sql.emit import (
    SessionValue,
    emit_delete,
    emit_expression,
    emit_insert,
    emit_query,
    emit_update,
)
from ruvector_engine.sql.functions.catalog import UDFS
from ruvector_engine.sql.functions.system import udfs
from ruvector_engine.sql.nodes import Call, Const, Delete, Insert, Param, Query, RangeEntry, Update
from ruvector_engine.sql.parser import parse


def analyzed(sql: str) -> Analyzed:
    return analyze(parse(sql)[0], CONTEXT)


def printed(sql: str) -> str:
    """The SQL of a query or an update."""
    statement = analyzed(sql).statement
    return emit_update(statement).text if isinstance(statement, Update) else emit_query(query(sql)).text


def query(sql: str) -> Query:
    statement = analyzed(sql).statement
    assert isinstance(statement, Query)
    return statement


def test_a_nearest_neighbour_query_shows_its_distance_to_the_planner() -> None:
    found = query("SELECT id, embedding <-> $1 AS d FROM items ORDER BY embedding <-> $1 LIMIT 10")
    key = found.order_by[0].expr
    assert isinstance(key, Call)
    assert key.function.name == "<->"
    assert key == found.targets[1].expr
    assert isinstance(key.args[1], Param)
    assert key.args[1].type == typed("vector")
    assert isinstance(found.limit, Const)
    assert found.limit.value == 10


@pytest.mark.parametrize("literal", ["'[1,2,3]'", "'[1,2,3]'::vector", "CAST('[1,2,3]' AS vector(3))"])
def test_a_vector_literal_is_a_constant(literal: str) -> None:
    key = query(f"SELECT id FROM items ORDER BY embedding <=> {literal}").order_by[0].expr
    assert isinstance(key, Call)
    assert isinstance(key.args[1], Const)
    assert isinstance(key.args[1].value, bytes)


def test_a_scan_can_be_replaced() -> None:
    found = query("SELECT content FROM items WHERE id > 1")
    entry = found.from_items[0]
    assert isinstance(entry, RangeEntry)
    emitted = emit_query(found, scans={entry: "(SELECT * FROM t16500 WHERE false)"})
    assert (
        emitted.text
        == 'SELECT r1."content" FROM (SELECT * FROM t16500 WHERE false) AS r1 WHERE (r1."id" > CAST(1 AS BIGINT))'
    )


def test_session_values_are_bound() -> None:
    emitted = emit_query(query("SELECT current_setting($1), now()"))
    names = [b.name for b in emitted.bindings if isinstance(b, SessionValue)]
    assert names == ["current_setting", "now"]


def test_without_transport_values_stay_as_duckdb_has_them() -> None:
    found = query("SELECT created_at FROM items")
    assert emit_query(found, transport=False).text == 'SELECT r1."created_at" FROM "t16500" AS r1'
    assert "rv_timestamp_micros" in emit_query(found).text


def test_insert_takes_defaults_prefixes_and_conflict_sets() -> None:
    sql = "INSERT INTO items (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET content = excluded.content RETURNING id"
    statement = analyzed(sql).statement
    assert isinstance(statement, Insert)
    emitted = emit_insert(statement, returning_prefix=["x"], conflict_extra_sets=['"y" = 1'])
    assert '("id", "created_at")' in emitted.text
    assert 'DO UPDATE SET "content" = excluded."content", "y" = 1' in emitted.text
    assert emitted.text.endswith('RETURNING x, "t16500"."id"')


def test_update_and_delete_take_prefixes() -> None:
    update, delete = analyzed("UPDATE items SET price = 1").statement, analyzed("DELETE FROM items").statement
    assert isinstance(update, Update)
    assert isinstance(delete, Delete)
    text = emit_update(update, returning_prefix=["p"], extra_sets=['"h" = 2']).text
    assert text.endswith('"h" = 2 RETURNING p')
    assert emit_delete(delete, returning_prefix=["p"]).text == 'DELETE FROM "t16500" AS r1 RETURNING p'


def test_an_expression_by_itself_has_bare_columns() -> None:
    expr = analyze_expression("price > 1 AND lower(content) = 'x'", CONTEXT, table=ITEMS, target=typed("bool"))
    text = emit_expression(expr).text
    assert text == '(("price" > CAST(1 AS DECIMAL(1,0))) AND (lower("content") = \'x\'))'


def test_a_default_is_coerced_to_its_column() -> None:
    expr = analyze_expression("'5'", CONTEXT, target=typed("int8"), column="id", clause="DEFAULT")
    assert expr == Const(5, typed("int8"))


def test_nextval_is_duckdbs_and_noted_for_the_session() -> None:
    expr = analyze_expression("nextval('numbers'::regclass)", CONTEXT, clause="DEFAULT")
    drawn = f"rv_catalog_drawn(CAST($1 AS INTEGER), {NUMBERS.oid}, nextval('{NUMBERS.storage_name}'))"
    assert emit_expression(expr).text == drawn


def test_every_python_function_has_a_name_of_its_own() -> None:
    names = Counter(u.name for u in (*UDFS, *udfs(lambda _pid: None)))  # type: ignore[arg-type,return-value]
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM items TABLESAMPLE system (10)",
        "SELECT id FROM items FOR UPDATE SKIP LOCKED",
        "WITH x AS (DELETE FROM items RETURNING id) SELECT * FROM x",
        "UPDATE items SET price = 1 RETURNING (SELECT 1)",
        "DELETE FROM items WHERE CURRENT OF c",
        "SELECT xmlelement(name a)",
        "SELECT JSON_OBJECT('a': 1)",
        "SELECT id FROM items ORDER BY id USING <",
    ],
)
def test_what_is_not_served_is_refused(sql: str) -> None:
    with pytest.raises(SqlError) as caught:
        printed(sql)
    assert caught.value.sqlstate == "0A000"
