"""Functions of jsonb and json beside the operators: jsonb_insert, json_object, json_strip_nulls, jsonb_exists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.jsonb_values import Digits, dump, load, make_object
from ruvector_engine.sql.nodes import FunctionDef


def _functions() -> Iterator[FunctionDef]:
    yield function("jsonb_insert", "jsonb,text[],jsonb", "jsonb", "rv_jsonb_insert({0}, {1}, {2}, FALSE)")
    yield function("jsonb_insert", "jsonb,text[],jsonb,bool", "jsonb", "rv_jsonb_insert({0}, {1}, {2}, {3})")
    yield function("json_strip_nulls", "json", "json", "rv_json_strip_nulls({0}, FALSE)")
    yield function("json_strip_nulls", "json,bool", "json", "rv_json_strip_nulls({0}, {1})")
    yield function("jsonb_exists", "jsonb,text", "bool", "rv_jsonb_has({0}, {1})")
    yield function("jsonb_exists_any", "jsonb,text[]", "bool", "rv_jsonb_has_any({0}, {1})")
    yield function("jsonb_exists_all", "jsonb,text[]", "bool", "rv_jsonb_has_all({0}, {1})")
    for kind in ("json", "jsonb"):
        yield function(f"{kind}_object", "text[]", kind, f"rv_{kind}_of_texts({{0}})")
        yield function(f"{kind}_object", "text[],text[]", kind, f"rv_{kind}_of_lists({{0}}, {{1}})")


FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())


# ---------------------------------------------------------------- in Python


def _insert(document: str, path: Sequence[str | None], new: str, after: bool) -> str:
    value = load(document)
    if not isinstance(value, (dict, list)):
        raise SqlError("22023", "cannot set path in scalar")
    return dump(_inserted(value, path, 0, load(new), after=after)) if path else document


def _inserted(value: Any, path: Sequence[str | None], at: int, new: Any, *, after: bool) -> Any:
    step, last = path[at], at == len(path) - 1
    if step is None:
        raise SqlError("22004", f"path element at position {at + 1} is null")
    if isinstance(value, dict):
        if not last:
            if step not in value:
                return value
            return {**value, step: _inserted(value[step], path, at + 1, new, after=after)}
        if step in value:
            hint = "Try using the function jsonb_set to replace key value."
            raise SqlError("22023", "cannot replace existing key", hint=hint)
        return make_object([*value.items(), (step, new)])
    if isinstance(value, list):
        place = _place(step, at)
        if last:
            return _with_element(value, place, new, after=after)
        if -len(value) <= place < len(value):
            changed = list(value)
            changed[place] = _inserted(value[place], path, at + 1, new, after=after)
            return changed
    return value


def _place(step: str, at: int) -> int:
    try:
        return int(step)
    except ValueError:
        raise SqlError("22P02", f'path element at position {at + 1} is not an integer: "{step}"') from None


def _with_element(value: list[Any], place: int, new: Any, *, after: bool) -> list[Any]:
    """Beyond an end of the array it goes to that end."""
    if place < -len(value):
        return [new, *value]
    if place >= len(value):
        return [*value, new]
    at = place % len(value) + after
    return [*value[:at], new, *value[at:]]


class _Pairs(list[tuple[str, Any]]):
    """An object of json: all its fields, in their order."""


_DECODER = json.JSONDecoder(parse_float=Digits, parse_int=Digits, object_pairs_hook=_Pairs)


def _strip_nulls(text: str, in_arrays: bool) -> str:
    parts: list[str] = []
    _write(_DECODER.decode(text), parts, in_arrays=in_arrays)
    return "".join(parts)


def _write(value: Any, parts: list[str], *, in_arrays: bool) -> None:
    if isinstance(value, list):
        fields = isinstance(value, _Pairs)
        kept = [item for item in value if (item[1] if fields else item) is not None or not (fields or in_arrays)]
        parts.append("{" if fields else "[")
        for number, item in enumerate(kept):
            parts.append("," if number else "")
            if fields:
                parts.append(f"{encode_basestring(item[0])}:")
            _write(item[1] if fields else item, parts, in_arrays=in_arrays)
        parts.append("}" if fields else "]")
    else:
        parts.append(dump(value))


def _pairs(texts: Sequence[str | None]) -> list[tuple[str, str | None]]:
    if len(texts) % 2:
        raise SqlError("2202E", "array must have even number of elements")
    return _paired(texts[::2], texts[1::2])


def _paired(keys: Sequence[str | None], items: Sequence[str | None]) -> list[tuple[str, str | None]]:
    if len(keys) != len(items):
        raise SqlError("2202E", "mismatched array dimensions")
    pairs = []
    for key, item in zip(keys, items, strict=True):
        if key is None:
            raise SqlError("22004", "null value not allowed for object key")
        pairs.append((key, item))
    return pairs


def _json(pairs: Sequence[tuple[str, str | None]]) -> str:
    return f"{{{', '.join(f'{dump(key)} : {dump(item)}' for key, item in pairs)}}}"


def _jsonb(pairs: Sequence[tuple[str, str | None]]) -> str:
    return dump(make_object(pairs))


_LIST = "VARCHAR[]"
UDFS: tuple[Udf, ...] = (
    Udf("rv_jsonb_insert", _insert, ("VARCHAR", _LIST, "VARCHAR", "BOOLEAN"), "VARCHAR"),
    Udf("rv_json_strip_nulls", _strip_nulls, ("VARCHAR", "BOOLEAN"), "VARCHAR"),
    Udf("rv_json_of_texts", lambda texts: _json(_pairs(texts)), (_LIST,), "VARCHAR"),
    Udf("rv_jsonb_of_texts", lambda texts: _jsonb(_pairs(texts)), (_LIST,), "VARCHAR"),
    Udf("rv_json_of_lists", lambda keys, items: _json(_paired(keys, items)), (_LIST, _LIST), "VARCHAR"),
    Udf("rv_jsonb_of_lists", lambda keys, items: _jsonb(_paired(keys, items)), (_LIST, _LIST), "VARCHAR"),
)
