"""Functions and operators over arrays with a shape: the same names and types as over plain ones, other templates.

Every array that such a template gets has a shape. What is not here takes plain arrays alone: others are refused when
it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, aggregate, function, nullable, operator
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types import array_shapes as shapes
from ruvector_engine.types.array_values import BoundedArray, flat, nested
from ruvector_engine.types.registry import BY_NAME, TypeRef
from ruvector_engine.types.text import formatter, parser

if TYPE_CHECKING:
    from ruvector_engine.sql.emit_key import ElementKey

_PAIR = "anycompatiblearray,anycompatiblearray"


def _struct(items: str, shape: str) -> str:
    return f"{{'items': {items}, 'shape': {shape}}}"


def _comparison(symbol: str) -> Callable[[ElementKey, str, str], str]:
    return lambda key, a, b: f"({key.shaped(a)} {symbol} {key.shaped(b)})"


def _containment(call: str) -> Callable[[ElementKey, str, str], str]:
    return lambda key, a, b: call.format(key.array(f"({a}).items"), key.array(f"({b}).items"))


def _cat(a: str, b: str) -> str:
    items = f"list_concat(({a}).items, ({b}).items)"
    both = _struct(items, f"rv_shape_cat(({a}).shape, ({b}).shape)")
    return f"(CASE WHEN {a} IS NULL THEN {b} WHEN {b} IS NULL THEN {a} ELSE {both} END)"


def _extended(items: str) -> Callable[[str, str], str]:
    def template(array: str, element: str) -> str:
        shape = f"rv_shape_extended(coalesce(({array}).shape, CAST([0] AS INTEGER[])))"
        return _struct(items.format(f"({array}).items", f"[{element}]"), shape)

    return template


_append = _extended("list_concat({0}, {1})")
_prepend = _extended("list_concat({1}, {0})")


def _first_bound(array: str, doing: str) -> str:
    return f"rv_one_dimension_bound(({array}).shape, '{doing}')"


def _position(key: ElementKey, array: str, element: str, start: str = "NULL") -> str:
    bound = _first_bound(array, "searching for elements in")
    keys, wanted = key.array(f"({array}).items"), key.element(element)
    found = f"list_filter(generate_series(1, len(({array}).items)), lambda rv_i: {_is(keys, wanted)})"
    if start != "NULL":
        found = f"list_filter({found}, lambda rv_i: rv_i >= {start} - {bound} + 1)"
    return f"CAST(({found})[1] + {bound} - 1 AS INTEGER)"


def _is(keys: str, wanted: str) -> str:
    return f"({keys})[rv_i] IS NOT DISTINCT FROM {wanted}"


def _positions(key: ElementKey, array: str, element: str) -> str:
    bound = _first_bound(array, "searching for elements in")
    keys, wanted = key.array(f"({array}).items"), key.element(element)
    found = f"list_filter(generate_series(1, len(({array}).items)), lambda rv_i: {_is(keys, wanted)})"
    return f"CAST(list_transform({found}, lambda rv_i: rv_i + {bound} - 1) AS INTEGER[])"


def _remove(key: ElementKey, array: str, element: str) -> str:
    bound = _first_bound(array, "removing elements from")
    kept = f"list_filter(({array}).items, lambda rv_e: {key.element('rv_e')} IS DISTINCT FROM {key.element(element)})"
    shape = f"CASE WHEN len({kept}) > 0 THEN [1, len({kept}), {bound}] ELSE [0] END"
    return f"(CASE WHEN {array} IS NOT NULL THEN {_struct(kept, f'CAST({shape} AS INTEGER[])')} END)"


def _replace(key: ElementKey, array: str, old: str, new: str) -> str:
    found = f"{key.element('rv_e')} IS NOT DISTINCT FROM {key.element(old)}"
    items = f"list_transform(({array}).items, lambda rv_e: CASE WHEN {found} THEN {new} ELSE rv_e END)"
    return f"(CASE WHEN {array} IS NOT NULL THEN {_struct(items, f'({array}).shape')} END)"


def _subscripts(array: str, dimension: str, backwards: str = "FALSE") -> str:
    return f"rv_shape_subscripts(({array}).shape, {dimension}, {backwards})"


def _agg(call: Callable[..., str], array: str) -> str:
    rows = call("list", array)
    items = f"flatten(list_transform({rows}, lambda rv_a: rv_a.items))"
    shape = f"rv_shape_aggregated(list_transform({rows}, lambda rv_a: rv_a.shape))"
    return f"(CASE WHEN {rows} IS NOT NULL THEN {_struct(items, shape)} END)"


def _extreme(name: str) -> Callable[[ElementKey, Callable[..., str], str], str]:
    def pick(key: ElementKey, call: Callable[..., str], a: str) -> str:
        keys = key.shaped(a)
        return call(name, a) if keys == a else call(f"arg_{name}", a, keys)

    return pick


def _comparing() -> Iterator[FunctionDef]:
    for symbol in ("=", "<>", "<", "<=", ">", ">="):
        yield operator(symbol, "anyarray,anyarray", "bool", _comparison(symbol))
    contains = "rv_array_contains({0}, {1})"
    yield operator("@>", "anyarray,anyarray", "bool", _containment(contains))
    yield operator("<@", "anyarray,anyarray", "bool", _containment("rv_array_contains({1}, {0})"))
    yield operator("&&", "anyarray,anyarray", "bool", _containment("list_has_any({0}, {1})"))
    one, array = "anycompatiblearray,anycompatible", "anycompatiblearray"
    yield function("array_remove", one, array, _remove)
    yield function("array_replace", f"{one},anycompatible", array, _replace)
    yield function("array_position", one, "int4", _position)
    yield function("array_position", f"{one},int4", "int4", _position)
    yield function("array_positions", one, "int4[]", _positions)
    for name in ("min", "max"):
        yield aggregate(name, "anyarray", "anyarray", _extreme(name))


def _others() -> Iterator[FunctionDef]:
    one, first, array = "anycompatiblearray,anycompatible", "anycompatible,anycompatiblearray", "anycompatiblearray"
    yield operator("||", _PAIR, array, _cat)
    yield operator("||", one, array, _append)
    yield operator("||", first, array, lambda element, a: _prepend(a, element))
    yield function("array_cat", _PAIR, array, _cat)
    yield function("array_append", one, array, _append)
    yield function("array_prepend", first, array, lambda element, a: _prepend(a, element))
    yield function("unnest", "anyarray", "anyelement", "({0}).items", returns_set=True)
    yield function("generate_subscripts", "anyarray,int4", "int4", _subscripts, returns_set=True)
    yield function("generate_subscripts", "anyarray,int4,bool", "int4", _subscripts, returns_set=True)
    yield function("array_ndims", "anyarray", "int4", "nullif(({0}).shape[1], 0)")
    yield function("array_dims", "anyarray", "text", "rv_shape_text(({0}).shape)")
    inside = "CASE WHEN {1} BETWEEN 1 AND ({0}).shape[1] THEN"
    length, lower = "({0}).shape[1 + {1}]", "({0}).shape[1 + ({0}).shape[1] + {1}]"
    yield function("array_length", "anyarray,int4", "int4", f"({inside} {length} END)")
    yield function("array_lower", "anyarray,int4", "int4", f"({inside} {lower} END)")
    yield function("array_upper", "anyarray,int4", "int4", f"({inside} {lower} + {length} - 1 END)")
    yield function("cardinality", "anyarray", "int4", "CAST(len(({0}).items) AS INTEGER)")
    shown = "list_filter(({0}).items, lambda rv_e: rv_e IS NOT NULL)"
    yield function("array_to_string", "cstringarray,text", "text", f"array_to_string({shown}, {{1}})")
    shown = "list_transform(({0}).items, lambda rv_e: coalesce(rv_e, {2}))"
    yield function("array_to_string", "cstringarray,text,text", "text", f"array_to_string({shown}, {{1}})")
    yield aggregate("array_agg", "anyarray", "anyarray", _agg)


_SHAPED = {(f.name, f.kind, f.args): f for f in (*(replace(f, compares=True) for f in _comparing()), *_others())}


def over_shapes(function: FunctionDef) -> FunctionDef | None:
    """The same function or operator for arrays with a shape; None where there is none."""
    found = _SHAPED.get((function.name, function.kind, function.args))
    return None if found is None else replace(function, template=found.template, compares=found.compares, table=None)


def makes_shape(function: FunctionDef) -> bool:
    """Whether its result has a shape whatever its arguments are."""
    return function.name == "array_fill" or (function.name == "array_agg" and function.args == _ARRAY_AGG.args)


def _fill(element: str, dimensions: str, lower: str | None = None) -> str:
    given = (dimensions,) if lower is None else (dimensions, lower)
    missing = " OR ".join(f"{bound} IS NULL" for bound in given)
    shape = f"rv_shape_filled({dimensions}, {'NULL' if lower is None else lower}, {missing})"
    count = f"CAST(list_product(({shape})[2 : 1 + ({shape})[1]]) AS BIGINT)"
    items = f"list_transform(generate_series(1, coalesce({count}, 0)), lambda rv_i: {element})"
    return _struct(items, shape)


def _filled(dimensions: Sequence[int | None] | None, lower: Sequence[int | None] | None, missing: bool) -> list[int]:
    if missing:
        raise SqlError("22004", "dimension array or low bound array cannot be null")
    return shapes.filled(dimensions or (), lower)


_ARRAY_AGG = function("array_agg", "anyarray", "anyarray", _agg)
FUNCTIONS: tuple[FunctionDef, ...] = (
    aggregate("array_agg", "anyarray", "anyarray", _agg),
    function("array_fill", "anyelement,int4[]", "anyarray", _fill, strict=False),
    function("array_fill", "anyelement,int4[],int4[]", "anyarray", _fill, strict=False),
)

_format_texts = formatter(TypeRef(BY_NAME["_text"].oid))
_parse_texts = parser(TypeRef(BY_NAME["_text"].oid))


def _read(text: str) -> dict[str, object]:
    value = _parse_texts(text)
    assert isinstance(value, list)
    items, shape = flat(value)
    return {"items": items, "shape": shape}


def _series(shape: Sequence[int], dimension: int, backwards: bool) -> list[int]:
    if not 1 <= dimension <= shape[0]:
        return []
    low, length = shapes.lower_bounds(shape)[dimension - 1], shapes.lengths(shape)[dimension - 1]
    found = list(range(low, low + length))
    return found[::-1] if backwards else found


def _shown(texts: list[str | None], shape: Sequence[int]) -> str:
    return _format_texts(nested(texts, shape))


def _json_nested(texts: Sequence[str | None], shape: Sequence[int], separator: str) -> str:
    value = nested([text or "null" for text in texts], shape)
    return _json(value, separator)


def _json(value: list[object] | BoundedArray, separator: str) -> str:
    parts = (_json(item, separator) if isinstance(item, list) else str(item) for item in value)
    return f"[{separator.join(parts)}]"


_SHAPE = "INTEGER[]"
UDFS: tuple[Udf, ...] = (
    nullable("rv_shape_text", shapes.dimensions_text, (_SHAPE,), "VARCHAR"),
    Udf("rv_shape_cat", shapes.concatenated, (_SHAPE, _SHAPE), _SHAPE),
    Udf("rv_shape_extended", shapes.extended, (_SHAPE,), _SHAPE),
    Udf("rv_shape_nested", shapes.nested, (f"{_SHAPE}[]",), _SHAPE),
    Udf("rv_shape_aggregated", shapes.aggregated, (f"{_SHAPE}[]",), _SHAPE),
    Udf("rv_shape_filled", _filled, (_SHAPE, _SHAPE, "BOOLEAN"), _SHAPE, "special"),
    Udf("rv_shape_subscripts", _series, (_SHAPE, "INTEGER", "BOOLEAN"), _SHAPE),
    Udf("rv_one_dimension_bound", shapes.one_dimension, (_SHAPE, "VARCHAR"), "INTEGER"),
    nullable("rv_shape_place", shapes.place, (_SHAPE, _SHAPE), "INTEGER"),
    Udf("rv_slice_shape", shapes.slice_shape, (_SHAPE, _SHAPE, _SHAPE), _SHAPE),
    Udf("rv_slice_places", shapes.slice_places, (_SHAPE, _SHAPE, _SHAPE), _SHAPE),
    Udf("rv_written_shape", shapes.written_shape, (_SHAPE, _SHAPE, _SHAPE, "BOOLEAN"), _SHAPE),
    Udf("rv_written_places", shapes.written_places, (_SHAPE, _SHAPE, _SHAPE, "BOOLEAN", "INTEGER"), _SHAPE),
    Udf("rv_shaped_out", _shown, ("VARCHAR[]", _SHAPE), "VARCHAR"),
    Udf("rv_shaped_in", _read, ("VARCHAR",), f"STRUCT(items VARCHAR[], shape {_SHAPE})"),
    Udf("rv_json_nested", _json_nested, ("VARCHAR[]", _SHAPE, "VARCHAR"), "VARCHAR"),
)
