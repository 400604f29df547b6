"""Functions on arrays, and the set-returning ones that make or take them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.functions.numeric_sql import NumericSql, as_text
from ruvector_engine.sql.functions.numeric_udfs import text_of
from ruvector_engine.sql.nodes import FunctionDef

if TYPE_CHECKING:
    from ruvector_engine.sql.emit_key import ElementKey

#: Two arrays behind each other; NULL when both are, where list_concat() says []. Each is evaluated once.
CONCATENATED = (
    "list_reduce([{0}, {1}], lambda rv_a, rv_b: CASE WHEN rv_a IS NULL THEN rv_b ELSE list_concat(rv_a, rv_b) END)"
)
_STEP_ZERO = raising("22023", "step size cannot equal zero")


def _series(kind: str) -> Callable[..., str]:
    def template(start: str, stop: str, step: str = "1") -> str:
        if step.isdigit() and step != "0":
            series = f"generate_series({start}, {stop}, {step})"
        else:
            series = f"(CASE WHEN {step} = 0 THEN {_STEP_ZERO} ELSE generate_series({start}, {stop}, {step}) END)"
        return f"CAST({series} AS {kind}[])"

    return template


def _streamed(kind: str) -> Callable[..., str]:
    """FROM generate_series(...): one column, made as it is read. DuckDB refuses a step of zero by itself."""
    return lambda start, stop, step="1": (
        f"(SELECT CAST(g.c1 AS {kind}) AS c1 FROM generate_series({start}, {stop}, {_checked_step(step)}) AS g(c1))"
    )


def _checked_step(step: str) -> str:
    return step if step.isdigit() and step != "0" else f"CASE WHEN {step} = 0 THEN {_STEP_ZERO} ELSE {step} END"


def _numeric_series(start: str, stop: str, step: str = "'1'") -> str:
    texts = [as_text(a) if isinstance(a, NumericSql) else a for a in (start, stop, step)]
    return f"rv_numeric_series({', '.join(texts)})"


def _time_series(start: str, stop: str, step: str) -> str:
    checked = f"CASE WHEN {step} = INTERVAL 0 DAY THEN {_STEP_ZERO} ELSE {step} END"
    return f"generate_series({start}, {stop}, {checked})"


def _comparing() -> Iterator[FunctionDef]:
    """Those that compare elements."""
    for name, args, result, template in (
        ("array_remove", "anycompatiblearray,anycompatible", "anycompatiblearray", _remove),
        ("array_replace", "anycompatiblearray,anycompatible,anycompatible", "anycompatiblearray", _replace),
        ("array_position", "anycompatiblearray,anycompatible", "int4", _position),
        ("array_position", "anycompatiblearray,anycompatible,int4", "int4", _position_from),
        ("array_positions", "anycompatiblearray,anycompatible", "int4[]", _positions),
        ("array_sort", "anyarray", "anyarray", _sort),
    ):
        strict = name in ("array_position", "array_positions", "array_sort")
        yield replace(function(name, args, result, template, strict=strict), compares=True)


def _remove(key: ElementKey, array: str, element: str) -> str:
    return f"list_filter({array}, lambda rv_e: {key.element('rv_e')} IS DISTINCT FROM {key.element(element)})"


def _replace(key: ElementKey, array: str, old: str, new: str) -> str:
    found = f"{key.element('rv_e')} IS NOT DISTINCT FROM {key.element(old)}"
    return f"list_transform({array}, lambda rv_e: CASE WHEN {found} THEN {new} ELSE rv_e END)"


def _position(key: ElementKey, array: str, element: str) -> str:
    return f"CAST(nullif(list_position({key.array(array)}, {key.element(element)}), 0) AS INTEGER)"


def _position_from(key: ElementKey, array: str, element: str, start: str) -> str:
    return f"CAST(list_filter({_positions(key, array, element)}, lambda rv_i: rv_i >= {start})[1] AS INTEGER)"


def _positions(key: ElementKey, array: str, element: str) -> str:
    found = f"({key.array(array)})[rv_i] IS NOT DISTINCT FROM {key.element(element)}"
    return f"CAST(list_filter(generate_series(1, len({array})), lambda rv_i: {found}) AS INTEGER[])"


def _sort(key: ElementKey, array: str) -> str:
    keys = key.array(array)
    if keys == array:
        return f"list_sort({array}, 'ASC', 'NULLS LAST')"
    return f"list_select({array}, list_grade_up({keys}, 'ASC', 'NULLS LAST'))"


def _functions() -> Iterator[FunctionDef]:
    for name, duck in (("int4", "INTEGER"), ("int8", "BIGINT")):
        series = function("generate_series", f"{name},{name},{name}", name, _series(duck), defaults=1, returns_set=True)
        yield replace(series, table=_streamed(duck))
    yield function(
        "generate_series", "numeric,numeric,numeric", "numeric", _numeric_series, defaults=1, returns_set=True
    )
    for name in ("timestamp", "timestamptz"):
        yield function("generate_series", f"{name},{name},interval", name, _time_series, returns_set=True)
    yield function("unnest", "anyarray", "anyelement", "{0}", returns_set=True)
    yield function(
        "generate_subscripts",
        "anyarray,int4",
        "int4",
        "CAST(generate_series(1, rv_array_length({0}, {1})) AS INTEGER[])",
        returns_set=True,
    )
    backwards = "CAST(CASE WHEN {2} THEN generate_series(rv_array_length({0}, {1}), 1, -1) ELSE "
    backwards += "generate_series(1, rv_array_length({0}, {1})) END AS INTEGER[])"
    yield function("generate_subscripts", "anyarray,int4,bool", "int4", backwards, returns_set=True)
    for name in ("int2vector", "oidvector"):
        # These count from 0.
        subscripts = "CAST(generate_series(0, rv_array_length({0}, {1}) - 1) AS INTEGER[])"
        yield function("generate_subscripts", f"{name},int4", "int4", subscripts, returns_set=True)
        yield function("array_lower", f"{name},int4", "int4", "(CASE WHEN len({0}) > 0 AND {1} = 1 THEN 0 END)")
        yield function("array_upper", f"{name},int4", "int4", "(rv_array_length({0}, {1}) - 1)")
    yield function("array_length", "anyarray,int4", "int4", "rv_array_length({0}, {1})")
    yield function("array_ndims", "anyarray", "int4", "(CASE WHEN len({0}) > 0 THEN 1 END)")
    yield function("array_dims", "anyarray", "text", "(CASE WHEN len({0}) > 0 THEN '[1:' || len({0}) || ']' END)")
    yield function(
        "array_lower", "anyarray,int4", "int4", "(CASE WHEN rv_array_length({0}, {1}) IS NOT NULL THEN 1 END)"
    )
    yield function("array_upper", "anyarray,int4", "int4", "rv_array_length({0}, {1})")
    yield function("cardinality", "anyarray", "int4", "CAST(len({0}) AS INTEGER)")
    yield function(
        "array_append",
        "anycompatiblearray,anycompatible",
        "anycompatiblearray",
        "list_concat({0}, [{1}])",
        strict=False,
    )
    yield function(
        "array_prepend",
        "anycompatible,anycompatiblearray",
        "anycompatiblearray",
        "list_concat([{0}], {1})",
        strict=False,
    )
    yield function(
        "array_cat",
        "anycompatiblearray,anycompatiblearray",
        "anycompatiblearray",
        CONCATENATED,
        strict=False,
    )
    yield from _comparing()
    yield function("trim_array", "anyarray,int4", "anyarray", "({0})[:len({0}) - {1}]")
    yield function("array_reverse", "anyarray", "anyarray", "list_reverse({0})")
    yield function(
        "array_to_string",
        "cstringarray,text",
        "text",
        "array_to_string(list_filter({0}, lambda rv_e: rv_e IS NOT NULL), {1})",
    )
    yield function(
        "array_to_string",
        "cstringarray,text,text",
        "text",
        "array_to_string(list_transform({0}, lambda rv_e: coalesce(rv_e, {2})), {1})",
    )


def _numeric_series_values(start: str, stop: str, step: str) -> Sequence[str]:
    first, last, width = Decimal(start), Decimal(stop), Decimal(step)
    if width == 0:
        raise SqlError("22023", "step size cannot equal zero")
    result, value = [], first
    while value <= last if width > 0 else value >= last:
        result.append(text_of(value))
        value += width
    return result


FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())
UDFS: tuple[Udf, ...] = (
    Udf("rv_numeric_series", _numeric_series_values, ("VARCHAR", "VARCHAR", "VARCHAR"), "VARCHAR[]"),
)
