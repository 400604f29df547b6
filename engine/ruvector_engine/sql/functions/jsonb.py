"""jsonb (and what json shares with it): operators, functions, and sets made of documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions import jsonb_values as values
from ruvector_engine.sql.functions.definition import Udf, function, nullable, operator
from ruvector_engine.sql.functions.jsonb_values import Digits, dump, load
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.jsons import parse_json, parse_jsonb


def _operators() -> Iterator[FunctionDef]:
    for kind in ("jsonb", "json"):
        yield operator("->", f"{kind},text", kind, "rv_jsonb_get({0}, {1})")
        yield operator("->", f"{kind},int4", kind, f"rv_{kind}_at({{0}}, {{1}})")
        yield operator("->>", f"{kind},text", "text", "rv_jsonb_get_text({0}, {1})")
        yield operator("->>", f"{kind},int4", "text", f"rv_{kind}_at_text({{0}}, {{1}})")
        yield operator("#>", f"{kind},text[]", kind, "rv_jsonb_path({0}, {1})")
        yield operator("#>>", f"{kind},text[]", "text", "rv_jsonb_path_text({0}, {1})")
    yield operator("@>", "jsonb,jsonb", "bool", "rv_jsonb_contains({0}, {1})")
    yield operator("<@", "jsonb,jsonb", "bool", "rv_jsonb_contains({1}, {0})")
    yield operator("?", "jsonb,text", "bool", "rv_jsonb_has({0}, {1})")
    yield operator("?|", "jsonb,text[]", "bool", "rv_jsonb_has_any({0}, {1})")
    yield operator("?&", "jsonb,text[]", "bool", "rv_jsonb_has_all({0}, {1})")
    yield operator("||", "jsonb,jsonb", "jsonb", "rv_jsonb_concat({0}, {1})")
    yield operator("-", "jsonb,text", "jsonb", "rv_jsonb_delete({0}, {1})")
    yield operator("-", "jsonb,int4", "jsonb", "rv_jsonb_delete_at({0}, {1})")
    yield operator("-", "jsonb,text[]", "jsonb", "rv_jsonb_delete_all({0}, {1})")
    yield operator("#-", "jsonb,text[]", "jsonb", "rv_jsonb_delete_path({0}, {1})")
    for symbol in ("=", "<>", "<", "<=", ">", ">="):
        yield operator(symbol, "jsonb,jsonb", "bool", f"(rv_jsonb_key({{0}}) {symbol} rv_jsonb_key({{1}}))")


def _pairs(*args: str) -> str:
    """jsonb_build_object's arguments as a list of keys and a list of values; NULL values become null."""
    return f"rv_jsonb_object([{', '.join(args[::2])}], [{', '.join(args[1::2])}])"


def _list(*args: str) -> str:
    return f"rv_jsonb_array(CAST([{', '.join(args)}] AS VARCHAR[]))"


def _functions() -> Iterator[FunctionDef]:
    yield function("to_jsonb", "anyjson", "jsonb", "{0}")
    yield function("jsonb_build_array", "", "jsonb", "'[]'")
    yield function("jsonb_build_array", "anyjson", "jsonb", _list, strict=False, variadic=True)
    yield function("jsonb_typeof", "jsonb", "text", "rv_jsonb_typeof({0})")
    yield function("json_typeof", "json", "text", "rv_jsonb_typeof({0})")
    yield function("jsonb_array_length", "jsonb", "int4", "rv_jsonb_length({0})")
    yield function("json_array_length", "json", "int4", "rv_jsonb_length({0})")
    yield function("jsonb_set", "jsonb,text[],jsonb", "jsonb", "rv_jsonb_set({0}, {1}, {2}, TRUE)")
    yield function("jsonb_set", "jsonb,text[],jsonb,bool", "jsonb", "rv_jsonb_set({0}, {1}, {2}, {3})")
    yield function("jsonb_strip_nulls", "jsonb", "jsonb", "rv_jsonb_strip_nulls({0})")
    yield function("jsonb_pretty", "jsonb", "text", "rv_jsonb_pretty({0})")
    for kind in ("jsonb", "json"):
        yield function(f"{kind}_extract_path", f"{kind},text", kind, _extract("rv_jsonb_path"), variadic=True)
        yield function(
            f"{kind}_extract_path_text", f"{kind},text", "text", _extract("rv_jsonb_path_text"), variadic=True
        )
        yield function(
            f"{kind}_array_elements", kind, kind, "rv_jsonb_elements({0})", returns_set=True, columns=[("value", kind)]
        )
        yield function(
            f"{kind}_array_elements_text",
            kind,
            "text",
            "rv_jsonb_elements_text({0})",
            returns_set=True,
            columns=[("value", "text")],
        )
        yield function(f"{kind}_object_keys", kind, "text", "rv_jsonb_keys({0})", returns_set=True)
        for suffix, value in (("", kind), ("_text", "text")):
            yield function(
                f"{kind}_each{suffix}",
                kind,
                "record",
                f"rv_jsonb_each{suffix}({{0}})",
                returns_set=True,
                columns=[("key", "text"), ("value", value)],
            )


def _extract(udf: str) -> Callable[..., str]:
    return lambda document, *path: f"{udf}({document}, CAST([{', '.join(path)}] AS VARCHAR[]))"


#: Takes pairs, so its keys are text and its values jsonb: the analyzer spreads these types over the arguments.
BUILD_OBJECT = replace(function("jsonb_build_object", "cstring,anyjson", "jsonb", _pairs, strict=False), paired=True)
EMPTY_OBJECT = function("jsonb_build_object", "", "jsonb", "'{{}}'")

#: json's constructors: PostgreSQL writes them with these very blanks.
JSON_BUILD_OBJECT = replace(
    function(
        "json_build_object",
        "cstring,anyplainjson",
        "json",
        lambda *a: f"rv_json_object([{', '.join(a[::2])}], CAST([{', '.join(a[1::2])}] AS VARCHAR[]))",
        strict=False,
    ),
    paired=True,
)
JSON_FUNCTIONS = (
    function("json_build_object", "", "json", "'{{}}'"),
    JSON_BUILD_OBJECT,
    function("json_build_array", "", "json", "'[]'"),
    function(
        "json_build_array",
        "anyplainjson",
        "json",
        lambda *a: f"rv_json_array(CAST([{', '.join(a)}] AS VARCHAR[]), ', ')",
        strict=False,
        variadic=True,
    ),
    function("to_json", "anyplainjson", "json", "{0}"),
    function("row_to_json", "anyplainjson", "json", "{0}"),
    function("array_to_json", "anyplainjson", "json", "{0}"),
)

OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = (*_functions(), EMPTY_OBJECT, BUILD_OBJECT, *JSON_FUNCTIONS)


# ---------------------------------------------------------------- in Python


def _found(value: Any) -> str | None:
    return None if values.is_missing(value) else dump(value)


def _found_text(value: Any) -> str | None:
    return None if values.is_missing(value) else values.as_text(value)


def _array(items: Sequence[str | None]) -> str:
    return f"[{', '.join('null' if i is None else i for i in items)}]"


def _object(keys: Sequence[str | None], items: Sequence[str | None]) -> str:
    if None in keys:
        raise SqlError("22023", f"argument {2 * list(keys).index(None) + 1}: key must not be null")
    pairs = [(str(k), None if v is None else load(v)) for k, v in zip(keys, items, strict=True)]
    return dump(values.make_object(pairs))


def _aggregated_object(keys: Sequence[str | None], items: Sequence[str | None]) -> str:
    if None in keys:
        raise SqlError("22023", "field name must not be null")
    return _object(keys, items)


def _json_array(items: Sequence[str | None], separator: str) -> str:
    return f"[{separator.join('null' if i is None else i for i in items)}]"


def _json_object(keys: Sequence[str | None], items: Sequence[str | None]) -> str:
    if any(k is None for k in keys):
        raise SqlError("22004", "null value not allowed for object key")
    fields = (f"{dump(str(k))} : {'null' if v is None else v}" for k, v in zip(keys, items, strict=True))
    return f"{{{', '.join(fields)}}}"


def _json_row(keys: Sequence[str], items: Sequence[str | None]) -> str:
    fields = (f"{dump(k)}:{'null' if v is None else v}" for k, v in zip(keys, items, strict=True))
    return f"{{{','.join(fields)}}}"


def _number_text(text: str) -> str:
    """A number as jsonb has it: all its digits, no exponent; NaN and infinities as strings."""
    if not text[-1].isdigit():
        return dump(text)
    return format(Decimal(text), "f") if "e" in text else text


def _length(text: str) -> int:
    value = load(text)
    if isinstance(value, list):
        return len(value)
    kind = "an object" if isinstance(value, dict) else "a scalar"
    raise SqlError("22023", f"cannot get array length of {'a non-array' if kind == 'an object' else kind}")


def _keys(text: str) -> list[str]:
    value = load(text)
    if isinstance(value, dict):
        return list(value)
    kind = "an array" if isinstance(value, list) else "a scalar"
    raise SqlError("22023", f"cannot call jsonb_object_keys on {kind}")


def _each(convert: Callable[[Any], str | None]) -> Callable[[str], list[dict[str, str | None]]]:
    def call(text: str) -> list[dict[str, str | None]]:
        value = load(text)
        if not isinstance(value, dict):
            raise SqlError("22023", "cannot call jsonb_each on a non-object")
        return [{"key": k, "value": convert(v)} for k, v in value.items()]

    return call


def _pretty(value: Any, depth: int) -> str:
    indent, close = "    " * (depth + 1), "    " * depth
    if isinstance(value, dict) and value:
        lines = [f"{indent}{dump(k)}: {_pretty(v, depth + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{close}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"{indent}{_pretty(v, depth + 1)}" for v in value) + f"\n{close}]"
    if isinstance(value, (dict, list)):
        return ("{\n" if isinstance(value, dict) else "[\n") + close + ("}" if isinstance(value, dict) else "]")
    return dump(value)


def _scalar(type_name: str, kinds: type) -> Callable[[str], Any]:
    def call(text: str) -> Any:
        value = load(text)
        if value is None:
            return None
        if not isinstance(value, kinds) or (kinds is not bool and not isinstance(value, Digits)):
            shown = values.type_name(value)
            label = {"string": "string", "array": "array", "object": "object"}.get(shown, shown)
            article = "array or object" if label in ("array", "object") else label
            raise SqlError("22023", f"cannot cast jsonb {article if label == article else label} to type {type_name}")
        return value

    return call


def _bool(text: str) -> Any:
    return _scalar("boolean", bool)(text)


def _number(type_name: str) -> Callable[[str], Any]:
    scalar = _scalar(type_name, str)

    def call(text: str) -> str | None:
        found = scalar(text)
        return None if found is None else str(found)

    return call


_J = "VARCHAR"
UDFS: tuple[Udf, ...] = (
    Udf("rv_jsonb_in", parse_jsonb, (_J,), _J),
    Udf("rv_json_in", parse_json, (_J,), _J),
    nullable("rv_jsonb_get", lambda d, k: _found(values.get_key(load(d), k)), (_J, _J), _J),
    nullable("rv_jsonb_at", lambda d, i: _found(values.get_element(load(d), i)), (_J, "INTEGER"), _J),
    nullable("rv_json_at", lambda d, i: _found(values.get_index(load(d), i)), (_J, "INTEGER"), _J),
    nullable("rv_jsonb_get_text", lambda d, k: _found_text(values.get_key(load(d), k)), (_J, _J), _J),
    nullable("rv_jsonb_at_text", lambda d, i: _found_text(values.get_element(load(d), i)), (_J, "INTEGER"), _J),
    nullable("rv_json_at_text", lambda d, i: _found_text(values.get_index(load(d), i)), (_J, "INTEGER"), _J),
    nullable("rv_jsonb_path", lambda d, p: _found(values.get_path(load(d), p)), (_J, "VARCHAR[]"), _J),
    nullable("rv_jsonb_path_text", lambda d, p: _found_text(values.get_path(load(d), p)), (_J, "VARCHAR[]"), _J),
    Udf("rv_jsonb_contains", lambda a, b: values.contains(load(a), load(b)), (_J, _J), "BOOLEAN"),
    Udf("rv_jsonb_has", lambda d, k: values.has_key(load(d), k), (_J, _J), "BOOLEAN"),
    Udf(
        "rv_jsonb_has_any",
        lambda d, ks: any(values.has_key(load(d), k) for k in ks if k is not None),
        (_J, "VARCHAR[]"),
        "BOOLEAN",
    ),
    Udf(
        "rv_jsonb_has_all",
        lambda d, ks: all(values.has_key(load(d), k) for k in ks if k is not None),
        (_J, "VARCHAR[]"),
        "BOOLEAN",
    ),
    Udf("rv_jsonb_concat", lambda a, b: dump(values.concatenate(load(a), load(b))), (_J, _J), _J),
    Udf("rv_jsonb_delete", lambda d, k: dump(values.delete_key(load(d), k)), (_J, _J), _J),
    Udf("rv_jsonb_delete_at", lambda d, i: dump(values.delete_index(load(d), i)), (_J, "INTEGER"), _J),
    Udf("rv_jsonb_delete_all", lambda d, ks: _delete_all(d, ks), (_J, "VARCHAR[]"), _J),
    Udf("rv_jsonb_delete_path", lambda d, p: dump(values.delete_path(load(d), p)), (_J, "VARCHAR[]"), _J),
    Udf("rv_jsonb_canonical", values.canonical, (_J,), _J),
    Udf("rv_jsonb_key", lambda d: values.sort_key(load(d)), (_J,), "BLOB"),
    Udf("rv_jsonb_typeof", lambda d: values.type_name(load(d)), (_J,), _J),
    Udf("rv_jsonb_length", _length, (_J,), "INTEGER"),
    Udf(
        "rv_jsonb_set",
        lambda d, p, v, create: dump(values.set_path(load(d), p, load(v), create=create)),
        (_J, "VARCHAR[]", _J, "BOOLEAN"),
        _J,
    ),
    Udf("rv_jsonb_strip_nulls", lambda d: dump(values.strip_nulls(load(d))), (_J,), _J),
    Udf("rv_jsonb_pretty", lambda d: _pretty(load(d), 0), (_J,), _J),
    Udf("rv_jsonb_elements", lambda d: [dump(v) for v in values.elements(load(d))], (_J,), "VARCHAR[]"),
    Udf("rv_jsonb_elements_text", lambda d: [values.as_text(v) for v in values.elements(load(d))], (_J,), "VARCHAR[]"),
    Udf("rv_jsonb_keys", _keys, (_J,), "VARCHAR[]"),
    Udf("rv_jsonb_each", _each(dump), (_J,), 'STRUCT("key" VARCHAR, "value" VARCHAR)[]'),
    Udf("rv_jsonb_each_text", _each(values.as_text), (_J,), 'STRUCT("key" VARCHAR, "value" VARCHAR)[]'),
    Udf("rv_jsonb_array", _array, ("VARCHAR[]",), _J),
    Udf("rv_jsonb_object", _object, ("VARCHAR[]", "VARCHAR[]"), _J),
    Udf("rv_jsonb_object_agg", _aggregated_object, ("VARCHAR[]", "VARCHAR[]"), _J),
    Udf("rv_json_array", _json_array, ("VARCHAR[]", _J), _J),
    Udf("rv_json_object", _json_object, ("VARCHAR[]", "VARCHAR[]"), _J),
    Udf(
        "rv_json_object_agg", lambda k, v: _json_object(k, v).replace("{", "{ ", 1)[:-1] + " }", ("VARCHAR[]",) * 2, _J
    ),
    Udf("rv_json_row", _json_row, ("VARCHAR[]", "VARCHAR[]"), _J),
    Udf("rv_jsonb_string", lambda s: dump(str(s)), (_J,), _J),
    Udf("rv_jsonb_number", _number_text, (_J,), _J),
    Udf("rv_json_number", lambda text: text if text[-1].isdigit() else dump(text), (_J,), _J),
    nullable("rv_jsonb_to_bool", _bool, (_J,), "BOOLEAN"),
    nullable("rv_jsonb_to_numeric", _number("numeric"), (_J,), _J),
    *(
        nullable(f"rv_jsonb_digits_{name}", _number(label), (_J,), _J)
        for name, label in (
            ("int2", "smallint"),
            ("int4", "integer"),
            ("int8", "bigint"),
            ("float4", "real"),
            ("float8", "double precision"),
        )
    ),
)


def _delete_all(text: str, keys: Sequence[str | None]) -> str:
    value = load(text)
    for key in keys:
        if key is not None:
            value = values.delete_key(value, key)
    return dump(value)
