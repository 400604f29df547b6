"""Casts in DuckDB SQL. DuckDB's own CAST is used where it does what PostgreSQL does, a template or UDF elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from ruvector_engine.errors import not_supported
from ruvector_engine.sql import emit_composite, emit_range, enum_storage
from ruvector_engine.sql import emit_shaped as shapes
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.numeric_sql import NumericSql
from ruvector_engine.sql.functions.vectors import of_array
from ruvector_engine.sql.storage import EPOCH_SHIFT, decimal_shape, duck_type, is_decimal
from ruvector_engine.sql.text_styles import STYLED
from ruvector_engine.types.numeric import unpack_typmod
from ruvector_engine.types.registry import (
    ACLITEM,
    BIT,
    BOOL,
    BPCHAR,
    BY_NAME,
    BY_OID,
    BYTEA,
    CIDR,
    DIMENSION_LIMITS,
    FLOAT4,
    FLOAT8,
    HALFVEC,
    INET,
    INT2,
    INT4,
    INT8,
    INTERVAL,
    JSON,
    JSONB,
    JSONPATH,
    MACADDR,
    MACADDR8,
    NUMERIC,
    OID,
    SPARSEVEC,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    TSQUERY,
    TSVECTOR,
    UUID,
    VARBIT,
    VARCHAR,
    VECTOR_TYPES,
    XID8,
    TypeRef,
)

#: Digits after the second that times have.
_MAX_PRECISION = 6
_INTEGERS = {INT2: 5, INT4: 10, INT8: 19}
_INTEGER_WIDTHS = {INT4: 32, INT8: 64}
STRING_OIDS = frozenset(t.oid for t in BY_OID.values() if t.category == "S") | {BY_NAME["char"].oid}
#: Types whose text is a name in the catalog: read and written with the session's catalog at hand.
REG_OIDS = frozenset(t.oid for t in BY_OID.values() if t.name.startswith("reg"))


def cast(sql: str, source: TypeRef, target: TypeRef, *, explicit: bool) -> str:
    """The value as `target`, its modifier applied."""
    if target.oid == BIT and source.oid in _INTEGER_WIDTHS:
        # Without a length it is bit(1) for a number, unlike for everything else.
        return f"rv_bit_of_integer({sql}, {_INTEGER_WIDTHS[source.oid]}, {max(target.typmod, 1)})"
    if source.shaped or target.shaped:
        return shapes.cast(sql, source, target, explicit=explicit)
    element = source.pg.element_oid
    if element and target.oid in DIMENSION_LIMITS:
        return of_array(_kind(target), BY_OID[element].name, sql, str(target.typmod))
    if source.oid in DIMENSION_LIMITS and target.oid in DIMENSION_LIMITS and _kind(source) != _kind(target):
        return f"rv_{_kind(source)}_to_{_kind(target)}({sql}, {target.typmod})"
    if source.oid != target.oid:
        sql = _convert(sql, source.oid, target.oid)
    if target.typmod >= 0:
        return _fit(sql, target, explicit=explicit)
    return sql


def _kind(vector: TypeRef) -> str:
    """What the functions of a vector's type are called by."""
    return "vector" if vector.is_vector else vector.pg.name


def _convert(sql: str, source: int, target: int) -> str:
    if target == NUMERIC:
        return _to_numeric(sql, source)
    if source == NUMERIC:
        return _from_numeric(sql, target)
    special = _SPECIAL.get((source, target))
    if special is not None:
        return special.format(sql)
    if target in STRING_OIDS:
        return to_text(sql, source)
    if source in STRING_OIDS:
        return _from_text(sql, target)
    if source in VECTOR_TYPES:
        return sql if target in VECTOR_TYPES else f"rv_vector_floats({sql})"
    if source == HALFVEC:
        return f"rv_halfvec_floats({sql})"
    if source == JSONB:
        return _from_jsonb(sql, target)
    if BY_OID[source].element_oid and BY_OID[target].element_oid:
        inner = _convert("rv_e", BY_OID[source].element_oid, BY_OID[target].element_oid)
        if isinstance(inner, NumericSql):
            inner = numeric.as_text(inner)  # as arrays keep numerics
        return f"list_transform({sql}, lambda rv_e: {inner})"
    return f"CAST({sql} AS {duck_type(TypeRef(target))})"


def _from_jsonb(sql: str, target: int) -> str:
    name = BY_OID[target].name
    if target in _INTEGERS:
        return f"rv_numeric_{name}(rv_jsonb_digits_{name}({sql}))"
    if target in (FLOAT4, FLOAT8):
        return f"rv_{name}_in(rv_jsonb_digits_{name}({sql}))"
    return f"rv_jsonb_to_{name}({sql})"


def _to_numeric(sql: str, source: int) -> NumericSql:
    if source in _INTEGERS:
        digits = _INTEGERS[source]
        return NumericSql(f"CAST({sql} AS DECIMAL({digits},0))", (digits, 0))
    if source in (FLOAT4, FLOAT8):
        return numeric.numeric_text(f"rv_numeric_{BY_OID[source].name}({sql})")
    if source == JSONB:
        return numeric.numeric_text(f"rv_jsonb_to_numeric({sql})")
    return numeric.numeric_text(f"rv_numeric_in({sql})")


def _from_numeric(sql: str, target: int) -> str:
    shape = numeric.shape_of(sql)
    if target in _INTEGERS:
        if shape and shape[0] - shape[1] < _INTEGERS[target]:
            return f"CAST({sql} AS {duck_type(TypeRef(target))})"
        return f"rv_numeric_{BY_OID[target].name}({numeric.as_text(sql)})"
    if target in (FLOAT4, FLOAT8):
        if shape is None:
            return _float_of_text(sql, target)
        return f"CAST({numeric.as_text(sql)} AS {duck_type(TypeRef(target))})"
    if target in STRING_OIDS:
        return numeric.as_text(sql)
    raise not_supported(f"casting numeric to {BY_OID[target].sql_name} is not supported")


def to_text(sql: str, source: int) -> str:
    """What a cast to text gives: mostly what the type's output function prints, as the session's settings want it."""
    return _text(sql, source, styled=True)


def _text(sql: str, source: int, *, styled: bool) -> str:
    if source in STRING_OIDS:
        return f"rtrim({sql}, ' ')" if source == BPCHAR else sql
    if source == NUMERIC:
        return numeric.as_text(sql)
    enum = TypeRef(source).enum
    if enum is not None:
        return enum_storage.label(enum, sql)
    pg_range = TypeRef(source).range
    if pg_range is not None:
        return emit_range.to_text(sql, pg_range)
    if TypeRef(source).composite is not None:
        return emit_composite.to_text(sql, TypeRef(source))
    template = STYLED.get(source) if styled else None
    template = template or _OUTPUTS.get(source)
    if template is not None:
        return template.format(sql)
    if BY_OID[source].name in ("int2vector", "oidvector"):
        return f"array_to_string({sql}, ' ')"
    element = BY_OID[source].element_oid
    if element:
        inner = "rv_e" if element == NUMERIC else _output("rv_e", element, styled=styled)
        return f"rv_array_out(list_transform({sql}, lambda rv_e: {inner}))"
    return f"CAST({sql} AS VARCHAR)"


_OUTPUTS: dict[int, str] = {
    FLOAT4: "rv_float4_out({0})",
    FLOAT8: "rv_float8_out({0})",
    BYTEA: "('\\x' || lower(hex({0})))",
    INTERVAL: "rv_interval_text({0})",
    TIMETZ: "rv_timetz_out({0})",
    INET: "rv_cidr_out({0})",
    CIDR: "rv_cidr_out({0})",
    **dict.fromkeys(VECTOR_TYPES, "rv_vector_out({0})"),
    HALFVEC: "rv_halfvec_out({0})",
    SPARSEVEC: "rv_sparsevec_out({0})",
}


def output(sql: str, source: int) -> str:
    """What the type's output function prints, which for some types is not what a cast to text gives."""
    return _output(sql, source, styled=True)


def stable_output(sql: str, source: int) -> str:
    """The same whatever the session's settings are."""
    return _output(sql, source, styled=False)


def _output(sql: str, source: int, *, styled: bool) -> str:
    if source == INET:
        return f"rv_inet_out({sql})"
    if source == BPCHAR:
        return sql  # with its blanks
    if source == BOOL:
        return f"(CASE WHEN {sql} THEN 't' WHEN NOT {sql} THEN 'f' END)"
    return _text(sql, source, styled=styled)


def _float_of_text(sql: str, target: int) -> str:
    name = BY_OID[target].name
    return f"rv_{name}_or_nan(rv_{name}_in({sql}), {sql})"


def _from_text(sql: str, target: int) -> str:
    if target in (FLOAT4, FLOAT8):
        return _float_of_text(sql, target)
    if target in VECTOR_TYPES or target in _PYTHON_INPUTS:
        return f"rv_{BY_OID[target].name}_in({sql})"
    if target in _INTERNAL_INPUTS:
        return _INTERNAL_INPUTS[target].format(sql)
    enum = TypeRef(target).enum
    if enum is not None:
        return enum_storage.number(enum, sql)
    pg_range = TypeRef(target).range
    if pg_range is not None:
        return emit_range.from_text(sql, pg_range)
    if TypeRef(target).composite is not None:
        return emit_composite.from_text(sql, TypeRef(target))
    element = BY_OID[target].element_oid
    if element:
        inner = "rv_e" if element in STRING_OIDS else _convert("rv_e", TEXT, element)
        return f"list_transform(rv_array_in({sql}), lambda rv_e: {inner})"
    return f"CAST({sql} AS {duck_type(TypeRef(target))})"


#: Types whose input DuckDB reads differently: their text is read by the functions that read literals.
_PYTHON_INPUTS = frozenset(
    {BOOL, INT2, INT4, INT8, BYTEA, JSON, JSONB, UUID, OID, HALFVEC, SPARSEVEC}
    | {ACLITEM, INET, CIDR, MACADDR, MACADDR8, XID8, TSVECTOR, TSQUERY, JSONPATH}
)
_INTERNAL_INPUTS: dict[int, str] = {
    BIT: "rv_bit_in({0})",
    VARBIT: "rv_bit_in({0})",
    INTERVAL: "rv_interval_read({0})",
}

_SPECIAL: dict[tuple[int, int], str] = {
    (FLOAT8, FLOAT4): "rv_double_to_float({0})",
    (FLOAT8, INT2): "CAST({0} AS SMALLINT)",
    (TIMETZ, TIME): "rv_micros_time(rv_timetz_micros({0}))",
    (TIME, TIMETZ): "rv_timetz_of_time({0})",
    (TIMESTAMPTZ, TIMETZ): "rv_timetz_of_moment({0})",
    (TIMESTAMPTZ, TIME): "CAST(CAST({0} AS TIMESTAMP) AS TIME)",
    (TIME, INTERVAL): "to_microseconds(epoch_us({0}))",
    (INTERVAL, TIME): "(TIME '00:00:00' + {0})",
    (JSON, JSONB): "rv_jsonb_in({0})",
    (JSONB, JSON): "{0}",
    (CIDR, INET): "{0}",
    (INET, CIDR): "rv_inet_network({0})",
    (MACADDR, MACADDR8): "rv_macaddr_to_macaddr8({0})",
    (MACADDR8, MACADDR): "rv_macaddr8_to_macaddr({0})",
    (XID8, BY_NAME["xid"].oid): "CAST({0} & 4294967295 AS BIGINT)",
    (BIT, INT4): "rv_bit_to_int4({0})",
    (BIT, INT8): "rv_bit_to_int8({0})",
    (INT4, BOOL): "({0} <> 0)",
    (BOOL, INT4): "CAST({0} AS INTEGER)",
    (INT4, BY_NAME["char"].oid): "rv_char_of_integer({0})",
}


def _fit(sql: str, target: TypeRef, *, explicit: bool) -> str:
    oid, typmod = target.oid, target.typmod
    if oid == NUMERIC:
        return _fit_numeric(sql, target)
    if oid in VECTOR_TYPES:
        return f"rv_vector_typmod({sql}, {typmod})"
    if oid in (HALFVEC, SPARSEVEC):
        return f"rv_{BY_OID[oid].name}_typmod({sql}, {typmod})"
    if oid in (BIT, VARBIT):
        return f"rv_{BY_OID[oid].name}_typmod({sql}, {typmod}, {'TRUE' if explicit else 'FALSE'})"
    if oid in (VARCHAR, BPCHAR):
        name = "varchar" if oid == VARCHAR else "bpchar"
        return f"rv_{name}_typmod({sql}, {typmod - 4}, {'TRUE' if explicit else 'FALSE'})"
    if oid in (TIMESTAMP, TIMESTAMPTZ, TIME):
        return _fit_time(sql, target)
    if oid == TIMETZ:
        return sql if typmod >= _MAX_PRECISION else f"rv_timetz_typmod({sql}, {typmod})"
    if oid == INTERVAL:
        parts = f"rv_months({sql}), rv_days({sql}), rv_micros({sql})"
        return f"rv_parts_interval(rv_interval_typmod({parts}, {typmod}))"
    element = target.pg.element_oid
    if element:
        inner = _fit(
            "rv_e" if element != NUMERIC else numeric.numeric_text("rv_e"), TypeRef(element, typmod), explicit=explicit
        )
        if element == NUMERIC:
            inner = numeric.as_text(inner)
        return f"list_transform({sql}, lambda rv_e: {inner})"
    return sql


def _fit_numeric(sql: str, target: TypeRef) -> NumericSql:
    precision, scale = unpack_typmod(target.typmod)
    shape = numeric.shape_of(sql)
    if not is_decimal(target):
        return numeric.numeric_text(f"rv_numeric_fit({numeric.as_text(sql)}, {precision}, {scale})")
    if precision == scale:
        whole = decimal_shape(target)
        fitted = f"rv_numeric_fit({numeric.as_text(sql)}, {precision}, {scale})"
        return NumericSql(f"CAST({fitted} AS DECIMAL({whole[0]},{scale}))", whole)
    if shape == (precision, scale) and isinstance(sql, NumericSql):
        return sql
    fits = shape is not None and (
        shape[0] - shape[1] < precision - scale or (shape[0] - shape[1] == precision - scale and shape[1] <= scale)
    )
    kind = f"DECIMAL({precision},{scale})"
    if fits:
        return NumericSql(f"CAST({sql} AS {kind})", (precision, scale))
    # The function raises PostgreSQL's error where the value does not fit.
    exact = f"CAST(rv_numeric_fit({numeric.as_text(sql)}, {precision}, {scale}) AS {kind})"
    return NumericSql(f"coalesce(TRY_CAST({sql} AS {kind}), {exact})" if shape else exact, (precision, scale))


def _fit_time(sql: str, target: TypeRef) -> str:
    """Round to the modifier's digits after the second."""
    if target.typmod >= 6:
        return sql
    unit = 10 ** (6 - target.typmod)
    # Halves go away from zero, which for timestamps is 2000-01-01.
    origin = 0 if target.oid == TIME else EPOCH_SHIFT
    rounded = f"CAST(round((epoch_us({sql}) - {origin}) / {unit}.0) AS BIGINT) * {unit} + {origin}"
    maker: dict[int, Callable[[str], str]] = {
        TIMESTAMP: lambda us: f"make_timestamp({us})",
        TIMESTAMPTZ: lambda us: f"make_timestamptz({us})",
        TIME: lambda us: f"rv_micros_time({us})",
    }
    return maker[target.oid](rounded)
