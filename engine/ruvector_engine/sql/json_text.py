"""to_jsonb() and to_json() of a value in DuckDB SQL, by the value's type.

They differ in blanks: json is written as it is made ("[1,2]"), jsonb is normalised ("[1, 2]").
"""

from __future__ import annotations

from collections.abc import Callable

from ruvector_engine.sql.emit_cast import output, to_text
from ruvector_engine.sql.emit_literal import quote_text
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.storage import fields
from ruvector_engine.types.registry import (
    BOOL,
    BY_OID,
    FLOAT4,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    JSON,
    JSONB,
    NUMERIC,
    OID,
    TIMESTAMP,
    TIMESTAMPTZ,
    TypeRef,
)

_AS_THEY_ARE = frozenset({BOOL, INT2, INT4, INT8, OID})


def to_jsonb(sql: str, type_ref: TypeRef) -> str:
    """SQL of the jsonb text; NULL for NULL."""
    oid = type_ref.oid
    if oid == JSONB:
        return sql
    if oid == JSON:
        return f"rv_jsonb_in({sql})"
    if oid in _AS_THEY_ARE:
        return f"CAST({sql} AS VARCHAR)"
    if oid == NUMERIC:
        return f"rv_jsonb_number({numeric.as_text(sql)})"
    if oid in (FLOAT4, FLOAT8):
        return f"rv_jsonb_number({to_text(sql, oid)})"
    if oid in (TIMESTAMP, TIMESTAMPTZ):
        return f"rv_jsonb_string({_moment(to_text(sql, oid), oid)})"
    if type_ref.composite is not None:
        return _object(sql, type_ref, "rv_jsonb_object", to_jsonb)
    element = BY_OID[oid].element_oid
    if element:
        inner = to_jsonb(numeric.numeric_text("rv_e") if element == NUMERIC else "rv_e", TypeRef(element))
        if type_ref.shaped:
            return f"rv_json_nested(list_transform(({sql}).items, lambda rv_e: {inner}), ({sql}).shape, ', ')"
        return f"rv_jsonb_array(list_transform({sql}, lambda rv_e: {inner}))"
    return f"rv_jsonb_string({output(sql, oid)})"


def to_json(sql: str, type_ref: TypeRef) -> str:
    """SQL of the json text; NULL for NULL."""
    oid = type_ref.oid
    if oid in (JSON, JSONB):
        return sql
    if type_ref.composite is not None:
        return _object(sql, type_ref, "rv_json_row", to_json)
    element = BY_OID[oid].element_oid
    if element:
        inner = to_json(numeric.numeric_text("rv_e") if element == NUMERIC else "rv_e", TypeRef(element))
        if type_ref.shaped:
            return f"rv_json_nested(list_transform(({sql}).items, lambda rv_e: {inner}), ({sql}).shape, ',')"
        return f"rv_json_array(list_transform({sql}, lambda rv_e: {inner}), ',')"
    if oid in (FLOAT4, FLOAT8):
        return f"rv_json_number({to_text(sql, oid)})"
    return to_jsonb(sql, type_ref)


def _moment(text: str, oid: int) -> str:
    """A moment as XML Schema writes it: a T before the time, minutes in the zone; the era where PostgreSQL has it."""
    text = f"regexp_replace({text}, '^(\\S+) [(]BC[)] (\\S+)$', '\\1 \\2 BC')"
    text = f"regexp_replace({text}, '(\\d) (\\d)', '\\1T\\2')"
    return text if oid == TIMESTAMP else f"regexp_replace({text}, '([+-]\\d\\d)( BC)?$', '\\1:00\\2')"


def _object(sql: str, type_ref: TypeRef, function: str, convert: Callable[[str, TypeRef], str]) -> str:
    """The object of a composite value's fields."""
    assert type_ref.composite is not None
    keys = ", ".join(quote_text(a.name) for a in type_ref.composite.attributes)
    texts = (
        (numeric.numeric_text(f"rv_j.{key}") if t.oid == NUMERIC else f"rv_j.{key}", t) for key, t in fields(type_ref)
    )
    value = f"{function}([{keys}], CAST([{', '.join(convert(text, t) for text, t in texts)}] AS VARCHAR[]))"
    return f"(list_transform([{sql}], lambda rv_j: CASE WHEN rv_j IS NOT NULL THEN {value} END))[1]"
