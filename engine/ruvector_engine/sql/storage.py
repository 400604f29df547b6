"""How each type is stored in DuckDB, and how its values cross to Python and back.

    vector, ruvector     BLOB: float32 little-endian
    halfvec, sparsevec   BLOB: the registry's form
    numeric(p, s)        DECIMAL(p, s) while p <= 38 and 0 <= s < p; DECIMAL(p + 1, s) when s = p < 38
    other numerics       VARCHAR: the decimal text, so that every digit stays (see functions/numeric_sql.py)
    json, jsonb          VARCHAR: json as written, jsonb normalised
    text, varchar, bpchar, name, "char"     VARCHAR; bpchar with its padding
    bit, varbit          VARCHAR of 0 and 1
    macaddr, macaddr8, aclitem, tsvector, tsquery, jsonpath  VARCHAR, canonical
    inet, cidr           BLOB: the registry's form, which sorts
    xid8                 UBIGINT
    oid, xid, reg*       BIGINT
    enums                DOUBLE, the value's sort number; see enum_storage.py
    ranges               STRUCT, see range_storage.py
    composite types      STRUCT, a field f1, f2, ... for each attribute by its number
    timetz               BIGINT, the registry's packed form
    timestamptz          TIMESTAMPTZ; timestamp TIMESTAMP; date DATE; time TIME; interval INTERVAL
    T[]                  a list of T's form; with a shape, STRUCT(items T[], shape INTEGER[]): see array_values

Values cross in the registry's Python forms; where DuckDB's own Python form differs, SQL converts (`to_transport`,
`from_transport`), except decimal text, which `converter` turns into a Decimal.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ruvector_engine.sql import enum_storage, moment_macros, range_storage, text_styles, timetz_macros
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.functions.numeric_sql import MAX_DIGITS, Shape
from ruvector_engine.sql.functions.zones import MACROS as ZONE_MACROS
from ruvector_engine.types.array_values import flat, nested
from ruvector_engine.types.numeric import format_numeric, unpack_typmod
from ruvector_engine.types.ranges import Range
from ruvector_engine.types.registry import (
    BY_OID,
    DATE,
    DATE_INFINITY,
    INTERVAL,
    NUMERIC,
    TIME,
    TIMESTAMP,
    TIMESTAMP_INFINITY,
    TIMESTAMPTZ,
    TypeRef,
    UserOid,
)

_PLAIN = {
    "bool": "BOOLEAN",
    "bytea": "BLOB",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timetz": "BIGINT",
    "timestamptz": "TIMESTAMPTZ",
    "interval": "INTERVAL",
    "uuid": "UUID",
    "inet": "BLOB",
    "cidr": "BLOB",
    "xid8": "UBIGINT",
    "vector": "BLOB",
    "ruvector": "BLOB",
    "halfvec": "BLOB",
    "sparsevec": "BLOB",
    "oid": "BIGINT",
    "xid": "BIGINT",
    "regproc": "BIGINT",
    "regclass": "BIGINT",
    "regtype": "BIGINT",
    "regnamespace": "BIGINT",
    "regrole": "BIGINT",
    "regconfig": "BIGINT",
    "regdictionary": "BIGINT",
}
#: 2000-01-01 in microseconds since 1970-01-01.
EPOCH_SHIFT = 946_684_800_000_000
_SHIFTED = frozenset({DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL})
#: What an array of a shifted type is bound as.
_BOUND = {INTERVAL: "BIGINT[]"}
_DUCK_TYPES: dict[int, str] = {oid: _PLAIN.get(t.name, "VARCHAR") for oid, t in BY_OID.items() if not t.element_oid}


def is_decimal(type_ref: TypeRef) -> bool:
    """Whether a numeric with that modifier is a DuckDB DECIMAL."""
    if type_ref.typmod < 0:
        return False
    precision, scale = unpack_typmod(type_ref.typmod)
    return precision <= MAX_DIGITS and 0 <= scale <= precision and scale < MAX_DIGITS


def decimal_shape(type_ref: TypeRef) -> Shape:
    """Precision and scale of the DECIMAL for such a numeric: DuckDB's text of one without whole digits is ".5"."""
    precision, scale = unpack_typmod(type_ref.typmod)
    return max(precision, scale + 1), scale


def duck_type(type_ref: TypeRef) -> str:
    """The DuckDB type of a stored column."""
    if type_ref.oid == NUMERIC and is_decimal(type_ref):
        precision, scale = decimal_shape(type_ref)
        return f"DECIMAL({precision},{scale})"
    if type_ref.range is not None:
        return range_storage.duck_type(duck_type(TypeRef(type_ref.range.subtype)))
    found = _DUCK_TYPES.get(type_ref.oid)
    if found is not None:
        return found
    if type_ref.enum is not None:
        return enum_storage.DUCK_TYPE
    if type_ref.composite is not None:
        return f"STRUCT({', '.join(f'{key} {duck_type(t)}' for key, t in fields(type_ref))})"
    items = duck_type(TypeRef(type_ref.pg.element_oid)) + "[]"
    return f"STRUCT(items {items}, shape INTEGER[])" if type_ref.shaped else items


def with_items(sql: str, items: Callable[[str], str]) -> str:
    """SQL of an array with a shape whose items are what `items` makes of these."""
    made = f"{{'items': {items('rv_s.items')}, 'shape': rv_s.shape}}"
    return f"(list_transform([{sql}], lambda rv_s: CASE WHEN rv_s IS NOT NULL THEN {made} END))[1]"


def fields(type_ref: TypeRef) -> list[tuple[str, TypeRef]]:
    """The fields of a composite type's struct: the name, which is stable under renames, and the type.

    A numeric's digits are not restricted there: it is text.
    """
    assert type_ref.composite is not None
    return [
        (f"f{a.attnum}", TypeRef(NUMERIC) if a.type.oid == NUMERIC else a.type) for a in type_ref.composite.attributes
    ]


def with_fields(sql: str, type_ref: TypeRef, field: Callable[[str, TypeRef], str]) -> str:
    """SQL of a struct whose fields are what `field` makes of those of a composite value; NULL for NULL."""
    made = ", ".join(f"'{key}': {field(f'rv_c.{key}', t)}" for key, t in fields(type_ref))
    return f"(list_transform([{sql}], lambda rv_c: CASE WHEN rv_c IS NOT NULL THEN {{{made}}} END))[1]"


def _with_bounds(sql: str, bound: Callable[[str], str]) -> str:
    """SQL of a range whose bounds are what `bound` makes of these."""
    low, high = bound("rv_b.l"), bound("rv_b.u")
    made = f"'n': rv_b.n, 'h': rv_b.h, 'l': {low}, 'lx': rv_b.lx, 'i': rv_b.i, 'u': {high}, 'ux': rv_b.ux"
    return f"(list_transform([{sql}], lambda rv_b: CASE WHEN rv_b IS NOT NULL THEN {{{made}}} END))[1]"


def to_transport(type_ref: TypeRef, sql: str) -> str:
    """SQL of the value in a form that DuckDB hands to Python as the registry says."""
    oid, enum = type_ref.oid, type_ref.enum
    if oid in _SHIFTED:
        return _SHIFTS_OUT[oid](sql)
    if enum is not None:
        return enum_storage.label(enum, sql)
    if type_ref.composite is not None:
        return with_fields(sql, type_ref, lambda text, t: to_transport(t, text))
    if type_ref.range is not None:
        subtype = TypeRef(type_ref.range.subtype)
        return _with_bounds(sql, lambda text: to_transport(subtype, text))
    element = type_ref.pg.element_oid
    if _differs(element) and type_ref.shaped:
        return with_items(sql, lambda items: to_transport(TypeRef(oid), items))
    if _differs(element):
        inner = to_transport(TypeRef(element), "rv_e")
        return f"list_transform({sql}, lambda rv_e: {inner})"
    return sql


def from_transport(type_ref: TypeRef, placeholder: str) -> str:
    """SQL of the value from a placeholder that is bound to the registry's Python form."""
    oid, enum = type_ref.oid, type_ref.enum
    if oid in _SHIFTED:
        return _SHIFTS_IN[oid](placeholder)
    if enum is not None:
        return enum_storage.number(enum, placeholder)
    given = f"CAST({placeholder} AS {_bound_type(type_ref)})"
    if type_ref.composite is not None:
        return with_fields(given, type_ref, lambda text, t: from_transport(t, text))
    if type_ref.range is not None:
        subtype = TypeRef(type_ref.range.subtype)
        return _with_bounds(given, lambda text: from_transport(subtype, text))
    element = type_ref.pg.element_oid
    if _differs(element):
        if type_ref.shaped:
            return with_items(given, lambda items: from_transport(TypeRef(oid), items))
        return f"list_transform({given}, lambda rv_e: {from_transport(TypeRef(element), 'rv_e')})"
    return f"CAST({placeholder} AS {duck_type(type_ref)})"


def bindable(type_ref: TypeRef, value: Any) -> Any:
    """The value of a parameter or constant as `from_transport`'s placeholder is bound to it."""
    if value is None:
        return None
    if type_ref.composite is not None:
        return {key: _inside(t, field) for (key, t), field in zip(fields(type_ref), value, strict=True)}
    if type_ref.range is not None:
        subtype = TypeRef(type_ref.range.subtype)
        low, high = _inside(subtype, value.lower), _inside(subtype, value.upper)
        lower_exclusive = low is not None and not value.lower_inc
        bounded = {"n": not value.empty, "h": low is not None, "l": low, "lx": lower_exclusive}
        return {**bounded, "i": high is None and not value.empty, "u": high, "ux": value.upper_inc}
    element = TypeRef(type_ref.pg.element_oid) if type_ref.pg.element_oid else None
    if type_ref.shaped and element is not None:
        items, shape = flat(value)
        return {"items": [_inside(element, item) for item in items], "shape": shape}
    if element is not None and (element.composite is not None or element.range is not None):
        return [bindable(element, item) for item in value]
    return value


def _inside(type_ref: TypeRef, value: Any) -> Any:
    """The same of a value within another, where DuckDB must not choose how many digits a number has."""
    return format_numeric(value) if isinstance(value, Decimal) else bindable(type_ref, value)


def _bound_type(type_ref: TypeRef) -> str:
    """The DuckDB type of a value as it is bound."""
    if type_ref.oid in _SHIFTED:
        return _BOUND.get(type_ref.oid, "BIGINT")
    if type_ref.enum is not None:
        return "VARCHAR"
    if type_ref.composite is not None:
        return f"STRUCT({', '.join(f'{key} {_bound_type(t)}' for key, t in fields(type_ref))})"
    if type_ref.range is not None:
        return range_storage.duck_type(_bound_type(TypeRef(type_ref.range.subtype)))
    if not type_ref.pg.element_oid:
        return duck_type(type_ref)
    items = f"{_bound_type(TypeRef(type_ref.pg.element_oid))}[]"
    return f"STRUCT(items {items}, shape INTEGER[])" if type_ref.shaped else items


def _differs(oid: int) -> bool:
    """Whether values of the type look different inside DuckDB and outside."""
    return oid in _SHIFTED or isinstance(oid, UserOid) or (oid != 0 and TypeRef(oid).range is not None)


def converter(type_ref: TypeRef) -> Callable[[Any], Any] | None:
    """What turns a fetched value that DuckDB cannot hand over in the registry's form into that form."""
    if type_ref.oid == NUMERIC:
        return _decimal
    if type_ref.composite is not None:
        return _field_converter(type_ref)
    if type_ref.range is not None:
        return _range_converter(type_ref.range.subtype)
    element = type_ref.pg.element_oid
    inner = converter(TypeRef(element)) if element else None
    if type_ref.shaped:
        return _shape_converter(inner)
    return None if inner is None else lambda value: None if value is None else [inner(item) for item in value]


def _field_converter(type_ref: TypeRef) -> Callable[[dict[str, Any] | None], tuple[Any, ...] | None]:
    converters = [(key, converter(t)) for key, t in fields(type_ref)]

    def convert(value: dict[str, Any] | None) -> tuple[Any, ...] | None:
        if value is None:
            return None
        return tuple(value[key] if inner is None else inner(value[key]) for key, inner in converters)

    return convert


def _range_converter(subtype: int) -> Callable[[dict[str, Any] | None], Range | None]:
    inner = converter(TypeRef(subtype))

    def convert(value: dict[str, Any] | None) -> Range | None:
        if value is None:
            return None
        low, high = (b if inner is None else inner(b) for b in (value["l"], value["u"]))
        return Range(low, high, value["h"] and not value["lx"], value["ux"], not value["n"])

    return convert


def _shape_converter(inner: Callable[[Any], Any] | None) -> Callable[[dict[str, Any] | None], list[Any] | None]:
    def convert(value: dict[str, Any] | None) -> list[Any] | None:
        if value is None:
            return None
        items = value["items"] if inner is None else [inner(item) for item in value["items"]]
        return nested(items, value["shape"])

    return convert


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _interval_out(sql: str) -> str:
    return f"rv_interval_parts({sql})"


def _time_in(sql: str) -> str:
    return f"rv_micros_time(CAST({sql} AS BIGINT))"


def _interval_in(sql: str) -> str:
    return f"rv_parts_interval(CAST({sql} AS BIGINT[]))"


_SHIFTS_OUT: dict[int, Callable[[str], str]] = {
    DATE: lambda sql: f"rv_date_days({sql})",
    TIME: lambda sql: f"epoch_us({sql})",
    TIMESTAMP: lambda sql: f"rv_timestamp_micros({sql})",
    TIMESTAMPTZ: lambda sql: f"rv_timestamp_micros({sql})",
    INTERVAL: _interval_out,
}
_SHIFTS_IN: dict[int, Callable[[str], str]] = {
    DATE: lambda sql: f"rv_days_date(CAST({sql} AS INTEGER))",
    TIME: _time_in,
    TIMESTAMP: lambda sql: f"rv_micros_timestamp(CAST({sql} AS BIGINT))",
    TIMESTAMPTZ: lambda sql: f"rv_micros_timestamptz(CAST({sql} AS BIGINT))",
    INTERVAL: _interval_in,
}

_UNDERFLOW = raising("22003", "value out of range: underflow")
_INTERVAL_RANGE = raising("22008", "interval out of range")
_NOT_ONE_DIMENSION = raising("22000", "array must be 1-D")
_NOT_PLAIN = raising(
    "0A000",
    "an array with several dimensions or a lower bound other than 1 is not supported here",
    hint='Declare the column with two pairs of brackets, as in "integer[][]", to store such arrays.',
)
_LEAST_BIGINT = "(-9223372036854775807 - 1)"
_LEAST_INTEGER = "(-2147483647 - 1)"
#: DuckDB macros that the SQL of this package calls; the relational side runs these when it opens a database.
MACROS: tuple[str, ...] = (
    *enum_storage.MACROS,
    *range_storage.MACROS,
    *timetz_macros.MACROS,
    *ZONE_MACROS,
    "CREATE OR REPLACE MACRO rv_timestamp_micros(x) AS CASE WHEN isfinite(x) "
    f"THEN epoch_us(x) - {EPOCH_SHIFT} WHEN x = 'infinity' THEN {TIMESTAMP_INFINITY} "
    f"WHEN x = '-infinity' THEN {_LEAST_BIGINT} END",
    "CREATE OR REPLACE MACRO rv_date_days(x) AS CASE WHEN isfinite(x) "
    f"THEN CAST(x - DATE '2000-01-01' AS INTEGER) WHEN x = 'infinity' THEN {DATE_INFINITY} "
    f"WHEN x = '-infinity' THEN {_LEAST_INTEGER} END",
    f"CREATE OR REPLACE MACRO rv_days_date(x) AS CASE WHEN x = {DATE_INFINITY} THEN DATE 'infinity' "
    f"WHEN x = {_LEAST_INTEGER} THEN DATE '-infinity' ELSE DATE '2000-01-01' + x END",
    f"CREATE OR REPLACE MACRO rv_micros_timestamp(x) AS CASE WHEN x = {TIMESTAMP_INFINITY} "
    f"THEN TIMESTAMP 'infinity' WHEN x = {_LEAST_BIGINT} THEN TIMESTAMP '-infinity' "
    f"ELSE make_timestamp(x + {EPOCH_SHIFT}) END",
    f"CREATE OR REPLACE MACRO rv_micros_timestamptz(x) AS CASE WHEN x = {TIMESTAMP_INFINITY} "
    f"THEN TIMESTAMPTZ 'infinity' WHEN x = {_LEAST_BIGINT} THEN TIMESTAMPTZ '-infinity' "
    f"ELSE make_timestamptz(x + {EPOCH_SHIFT}) END",
    # DuckDB's addition takes 24:00 for the next day's 00:00.
    "CREATE OR REPLACE MACRO rv_micros_time(x) AS CASE WHEN x = 86400000000 THEN TIME '24:00:00' "
    "ELSE TIME '00:00:00' + to_microseconds(x) END",
    "CREATE OR REPLACE MACRO rv_double_to_float(x) AS "
    f"CASE WHEN CAST(x AS FLOAT) = 0 AND x <> 0 THEN {_UNDERFLOW} ELSE CAST(x AS FLOAT) END",
    "CREATE OR REPLACE MACRO rv_nan_or_null(v, a, b) AS coalesce(v, "
    "CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN CAST('NaN' AS DOUBLE) END)",
    # DuckDB takes a NaN from Python for NULL.
    "CREATE OR REPLACE MACRO rv_float4_or_nan(v, a) AS "
    "coalesce(v, CASE WHEN a IS NOT NULL THEN CAST('NaN' AS FLOAT) END)",
    "CREATE OR REPLACE MACRO rv_float8_or_nan(v, a) AS "
    "coalesce(v, CASE WHEN a IS NOT NULL THEN CAST('NaN' AS DOUBLE) END)",
    "CREATE OR REPLACE MACRO rv_months(x) AS CAST(datepart('year', x) * 12 + datepart('month', x) AS BIGINT)",
    "CREATE OR REPLACE MACRO rv_days(x) AS CAST(datepart('day', x) AS BIGINT)",
    "CREATE OR REPLACE MACRO rv_micros(x) AS "
    "CAST((datepart('hour', x) * 60 + datepart('minute', x)) * 60000000 + datepart('microsecond', x) AS BIGINT)",
    "CREATE OR REPLACE MACRO rv_numeric_canonical(x) AS "
    "CASE WHEN contains(x, '.') THEN rtrim(rtrim(x, '0'), '.') ELSE x END",
    "CREATE OR REPLACE MACRO rv_decimal_text(x) AS regexp_replace(CAST(x AS VARCHAR), '^(-?)[.]', '\\10.')",
    "CREATE OR REPLACE MACRO rv_parts_interval(x) AS "
    "CASE WHEN x[1] NOT BETWEEN -2147483648 AND 2147483647 OR x[2] NOT BETWEEN -2147483648 AND 2147483647 "
    f"THEN {_INTERVAL_RANGE} "
    "ELSE to_months(CAST(x[1] AS INTEGER)) + to_days(CAST(x[2] AS INTEGER)) + to_microseconds(x[3]) END",
    "CREATE OR REPLACE MACRO rv_interval_text(x) AS rv_interval_out(rv_months(x), rv_days(x), rv_micros(x))",
    "CREATE OR REPLACE MACRO rv_interval_parts(x) AS CASE WHEN x IS NOT NULL THEN row("
    "rv_months(x), rv_days(x), rv_micros(x)) END",
    "CREATE OR REPLACE MACRO rv_to_char_zone(x, f) AS CASE WHEN isfinite(x) THEN rv_to_char("
    "epoch_us(CAST(x AS TIMESTAMP)), CAST(datepart('timezone', x) AS BIGINT), strftime(x, '%Z'), f) END",
    "CREATE OR REPLACE MACRO rv_interval_list(x) AS "
    "CASE WHEN x IS NOT NULL THEN CAST([rv_months(x), rv_days(x), rv_micros(x)] AS BIGINT[]) END",
    "CREATE OR REPLACE MACRO rv_any(x) AS CASE WHEN list_bool_or(x) THEN TRUE "
    "WHEN len(list_filter(x, lambda e: e IS NULL)) > 0 THEN NULL WHEN x IS NOT NULL THEN FALSE END",
    "CREATE OR REPLACE MACRO rv_all(x) AS CASE WHEN NOT list_bool_and(x) THEN FALSE "
    "WHEN len(list_filter(x, lambda e: e IS NULL)) > 0 THEN NULL WHEN x IS NOT NULL THEN TRUE END",
    # A short vector without the four bytes of -0 is known without a call into Python.
    "CREATE OR REPLACE MACRO rv_vector_identity(x) AS CASE WHEN octet_length(x) <= 256 "
    "AND NOT contains(hex(x), '00000080') THEN x ELSE rv_vector_plain_zeros(x) END",
    # An array that counts from 1 in one dimension, given a shape, and the way back.
    "CREATE OR REPLACE MACRO rv_shaped(x) AS CASE WHEN x IS NOT NULL THEN {'items': x, 'shape': "
    "CAST(CASE WHEN len(x) > 0 THEN [1, len(x), 1] ELSE [0] END AS INTEGER[])} END",
    "CREATE OR REPLACE MACRO rv_plain(x) AS CASE WHEN x.shape[1] = 0 OR (x.shape[1] = 1 AND x.shape[3] = 1) "
    f"THEN x.items WHEN x IS NOT NULL THEN {_NOT_PLAIN} END",
    f"CREATE OR REPLACE MACRO rv_one_dimension(x) AS CASE WHEN x.shape[1] > 1 THEN {_NOT_ONE_DIMENSION} "
    "ELSE x.items END",
    "CREATE OR REPLACE MACRO rv_array_length(x, d) AS CASE WHEN d = 1 AND len(x) > 0 THEN CAST(len(x) AS INTEGER) END",
    # A NULL is contained in nothing.
    "CREATE OR REPLACE MACRO rv_array_contains(a, b) AS CASE WHEN a IS NOT NULL AND list_count(b) < len(b) THEN FALSE "
    "ELSE list_has_all(a, b) END",
    *text_styles.MACROS,
    *moment_macros.MACROS,
)
