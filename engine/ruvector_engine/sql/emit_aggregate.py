"""Calls of DuckDB's aggregates, with DISTINCT, ORDER BY, FILTER and OVER as the query has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.errors import not_supported
from ruvector_engine.sql.emit_key import direction, is_keyed, is_row, key_of
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.numeric_sql import NumericSql
from ruvector_engine.sql.json_text import to_json
from ruvector_engine.sql.nodes import Aggregate, SortKey, Special
from ruvector_engine.sql.raw import position
from ruvector_engine.types.registry import BPCHAR, JSONB, NUMERIC, VECTOR_TYPES

if TYPE_CHECKING:
    from ruvector_engine.sql.emit_expression import ExpressionEmitter

#: Aggregates whose result shows the order of what came in.
_ORDERED = frozenset({"array_agg", "string_agg", "json_agg", "jsonb_agg"})


def aggregate_call(emitter: ExpressionEmitter, expr: Aggregate, texts: Sequence[str]) -> Callable[..., str]:
    """What writes a complete call of a DuckDB aggregate with this one's clauses; `texts` are its arguments."""
    distinct = "DISTINCT " if expr.distinct else ""
    order = _order(emitter, expr, texts)
    suffix = f" FILTER (WHERE {emitter.expression(expr.filter)})" if expr.filter is not None else ""
    if expr.over is not None:
        suffix += f" OVER ({emitter.window(expr.over)})"
    keyed = expr.distinct and (is_row(expr.args[0]) or is_keyed(expr.args[0].type, numeric.shape_of(texts[0])))

    def call(name: str, *args: str) -> str:
        if keyed and name == "count":
            args = (emitter.group_key(expr.args[0]),)
        text = f"{name}({distinct}{', '.join(args)}{order}){suffix}"
        return _without_equals(text, expr) if keyed and name == "list" else text

    return call


def distinct_json(emitter: ExpressionEmitter, expr: Aggregate) -> str | None:
    """json_agg(DISTINCT ...): values are told apart and sorted before they are json; None for what is not one."""
    written = expr.args[0] if expr.args else None
    if not (expr.distinct and expr.function.name == "json_agg" and isinstance(written, Special)):
        return None
    value = written.args[0]
    assert value is not None
    if is_row(value):
        raise not_supported(
            "json_agg(DISTINCT ...) of a row is not supported",
            hint="Aggregate over a subquery with SELECT DISTINCT.",
            position=position(expr.location),
        )
    text, item = emitter.expression(value), "rv_j"
    if value.type.oid == NUMERIC:
        text, item = numeric.to_text(text), numeric.numeric_text(item)
    keys = tuple(replace(key, expr=value) if key.expr == written else key for key in expr.order_by)
    call = aggregate_call(emitter, replace(expr, args=(value,), order_by=keys), [text])
    return f"rv_json_array(list_transform({call('list', text)}, lambda rv_j: {to_json(item, value.type)}), ', ')"


def _order(emitter: ExpressionEmitter, expr: Aggregate, texts: Sequence[str]) -> str:
    """PostgreSQL sorts in order to find what is distinct, which shows in what lists hold."""
    keys = expr.order_by
    if expr.distinct and not keys and expr.function.name in _ORDERED:
        keys = (SortKey(expr.args[0], descending=False, nulls_first=False),)
    if not keys:
        return ""
    if not expr.distinct:
        return f" ORDER BY {emitter.sort_keys(keys)}"
    # DuckDB sorts by the distinct argument alone, as it is written.
    parts = []
    for key in keys:
        text = texts[expr.args.index(key.expr)]
        if key.expr.type.oid == NUMERIC and not isinstance(text, NumericSql):
            text = numeric.numeric_text(text)
        parts.append(f"{key_of(text, key.expr.type)}{direction(key)}")
    return f" ORDER BY {', '.join(parts)}"


def _without_equals(items: str, expr: Aggregate) -> str:
    """A list of distinct values without those that are equal but written otherwise."""
    type_ref = expr.args[0].type
    if type_ref.oid not in (NUMERIC, JSONB, BPCHAR, *VECTOR_TYPES):
        raise not_supported(
            f"{expr.function.name}(DISTINCT {type_ref.pg.sql_name}) is not supported",
            hint="Aggregate over a subquery with SELECT DISTINCT.",
            position=position(expr.location),
        )
    return f"rv_{type_ref.pg.name}_distinct({items})"
