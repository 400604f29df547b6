"""Input and output functions of types, as casts to and from text inside a query use them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf
from ruvector_engine.sql.functions.numeric_udfs import text_of
from ruvector_engine.types.composites import join_record, split_record
from ruvector_engine.types.intervals import parse_interval
from ruvector_engine.types.numeric import parse_numeric
from ruvector_engine.types.registry import BY_NAME, TypeRef
from ruvector_engine.types.text import apply_typmod, formatter, parser
from ruvector_engine.types.textio import Parser

_TEXT = "VARCHAR"
_FLOAT_INPUTS = {"float4": "FLOAT", "float8": "DOUBLE"}
_INPUTS = {
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "oid": "BIGINT",
    "bytea": "BLOB",
    "inet": "BLOB",
    "cidr": "BLOB",
    "macaddr8": "VARCHAR",
    "xid8": "UBIGINT",
    "vector": "BLOB",
    "ruvector": "BLOB",
    "halfvec": "BLOB",
    "sparsevec": "BLOB",
    "macaddr": "VARCHAR",
    "aclitem": "VARCHAR",
    "tsvector": "VARCHAR",
    "tsquery": "VARCHAR",
    "jsonpath": "VARCHAR",
    **_FLOAT_INPUTS,
}


_DAY = 86_400_000_000


def _interval_out(months: int, days: int, micros: int) -> str:
    return _format_interval((months, days, micros))


def canonical_interval(months: int, days: int, micros: int) -> str:
    """Text that is the same for equal intervals: a month counts 30 days, a day 24 hours."""
    total = (months * 30 + days) * _DAY + micros
    return _interval_out(0, *divmod(total, _DAY))


def _fit_interval(months: int, days: int, micros: int, typmod: int) -> list[int]:
    fitted: Sequence[int] = apply_typmod(  # type: ignore[assignment]
        TypeRef(BY_NAME["interval"].oid, typmod), (months, days, micros)
    )
    return list(fitted)


def _interval_in(text: str, sql_standard: bool) -> list[int]:
    return list(parse_interval(text, sql_standard=sql_standard))


def _char_of_integer(code: int) -> str:
    if not -(2**7) <= code < 2**7:
        raise SqlError("22003", '"char" out of range')
    return chr(code % 2**8).strip("\0")


def _moment_in(name: str) -> Udf:
    """A reader of dates or times, by the session's DateStyle, TimeZone and transaction time."""
    type_ref = TypeRef(BY_NAME[name].oid)

    @lru_cache(maxsize=64)
    def read(date_style: str, time_zone: str, now: int) -> Parser:
        return parser(type_ref, {"DateStyle": date_style, "TimeZone": time_zone}, now)

    def call(text: str, date_style: str, time_zone: str, now: int) -> int:
        moment = read(date_style, time_zone, now)(text)
        assert isinstance(moment, int)
        return moment

    return Udf(f"rv_{name}_in", call, (_TEXT, _TEXT, _TEXT, "BIGINT"), "BIGINT")


def _array_in(text: str) -> Sequence[str | None]:
    result: Sequence[str | None] = _parse_array(text)  # type: ignore[assignment]
    return result


def _fit(name: str) -> Udf:
    oid = BY_NAME[name].oid

    def call(value: str, length: int, explicit: bool) -> str:
        return str(apply_typmod(TypeRef(oid, length + 4), value, explicit=explicit))

    return Udf(f"rv_{name}_typmod", call, (_TEXT, "INTEGER", "BOOLEAN"), _TEXT)


def _single(value: float) -> str:
    # DuckDB hands over a FLOAT as the double of the same value.
    return _format_float4(struct.unpack("<f", struct.pack("<f", value))[0])


_format_interval = formatter(TypeRef(BY_NAME["interval"].oid))
_format_array = formatter(TypeRef(BY_NAME["_text"].oid))
_parse_array = parser(TypeRef(BY_NAME["_text"].oid))
_format_float4 = formatter(TypeRef(BY_NAME["float4"].oid))

UDFS: tuple[Udf, ...] = (
    *(Udf(f"rv_{name}_in", parser(TypeRef(BY_NAME[name].oid)), (_TEXT,), result) for name, result in _INPUTS.items()),
    *(_moment_in(name) for name in ("date", "time", "timetz", "timestamp", "timestamptz")),
    Udf("rv_uuid_in", parser(TypeRef(BY_NAME["uuid"].oid)), (_TEXT,), "UUID"),
    Udf("rv_numeric_in", lambda text: text_of(parse_numeric(text)), (_TEXT,), _TEXT),
    Udf("rv_float4_out", _single, ("FLOAT",), _TEXT),
    Udf("rv_float8_out", formatter(TypeRef(BY_NAME["float8"].oid)), ("DOUBLE",), _TEXT),
    *(
        Udf(f"rv_{name}_out", formatter(TypeRef(BY_NAME[name].oid)), ("BLOB",), _TEXT)
        for name in ("vector", "halfvec", "sparsevec")
    ),
    Udf("rv_interval_out", _interval_out, ("BIGINT", "BIGINT", "BIGINT"), _TEXT),
    Udf("rv_interval_typmod", _fit_interval, ("BIGINT", "BIGINT", "BIGINT", "BIGINT"), "BIGINT[]"),
    Udf("rv_interval_canonical", canonical_interval, ("BIGINT", "BIGINT", "BIGINT"), _TEXT),
    Udf("rv_interval_in", _interval_in, (_TEXT, "BOOLEAN"), "BIGINT[]"),
    Udf("rv_record_out", join_record, ("VARCHAR[]",), _TEXT),
    Udf("rv_record_in", split_record, (_TEXT, "INTEGER"), f"{_TEXT}[]"),
    Udf("rv_array_out", _format_array, ("VARCHAR[]",), _TEXT),
    Udf("rv_array_in", _array_in, (_TEXT,), "VARCHAR[]"),
    Udf("rv_char_of_integer", _char_of_integer, ("INTEGER",), _TEXT),
    _fit("varchar"),
    _fit("bpchar"),
)
