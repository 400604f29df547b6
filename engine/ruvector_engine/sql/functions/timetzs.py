"""timetz in DuckDB SQL, where it is the registry's packed integer: casts, arithmetic, extract."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.date_units import field_name
from ruvector_engine.sql.functions.definition import Udf, function, operator
from ruvector_engine.sql.functions.numeric_sql import NumericSql
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.timetzs import apply_typmod, format_timetz

_LABEL = "time with time zone"

_PARTS: dict[str, tuple[str, tuple[int, int]]] = {
    "hour": ("rv_timetz_micros({0}) // 3600000000", (19, 0)),
    "minute": ("rv_timetz_micros({0}) // 60000000 % 60", (19, 0)),
    "microseconds": ("rv_timetz_micros({0}) % 60000000", (19, 0)),
    "timezone": ("(- rv_timetz_west({0}))", (19, 0)),
    "timezone_hour": ("(- CAST(trunc(rv_timetz_west({0}) / 3600) AS BIGINT))", (19, 0)),
    "timezone_minute": ("(- CAST(trunc(rv_timetz_west({0}) % 3600 / 60) AS BIGINT))", (19, 0)),
}
_SCALED = {
    "second": ("rv_timetz_micros({0}) % 60000000", 6),
    "milliseconds": ("rv_timetz_micros({0}) % 60000000", 3),
    "epoch": ("rv_timetz_utc({0})", 6),
}


def _extract(field: str, value: str) -> NumericSql:
    name = field_name(field, _LABEL)
    if name in _PARTS:
        text, shape = _PARTS[name]
        return NumericSql(f"CAST({text.format(value)} AS DECIMAL(19,0))", shape)
    if name not in _SCALED:
        raise SqlError("0A000", f'unit "{name}" not supported for type {_LABEL}')
    text, scale = _SCALED[name]
    micros = f"CAST({text.format(value)} AS DECIMAL(19,0))"
    return NumericSql(f"({micros} * 0.{'0' * (scale - 1)}1)", (20 + scale, scale))


def _date_part(field: str, value: str) -> str:
    return f"CAST({_extract(field, value)} AS DOUBLE)"


def _plus(sign: str) -> Callable[[str, str], str]:
    return lambda value, interval: f"rv_timetz_plus({value}, {sign}rv_micros({interval}))"


def _operators() -> Iterator[FunctionDef]:
    for symbol in ("=", "<>", "<", "<=", ">", ">="):
        yield operator(symbol, "timetz,timetz", "bool", f"({{0}} {symbol} {{1}})")
    yield operator("+", "timetz,interval", "timetz", _plus(""))
    yield operator("+", "interval,timetz", "timetz", lambda interval, value: _plus("")(value, interval))
    yield operator("-", "timetz,interval", "timetz", _plus("- "))
    moment = "make_timestamptz(epoch_us(CAST({0} AS TIMESTAMP)) + rv_timetz_utc({1}))"
    yield operator("+", "date,timetz", "timestamptz", moment)
    yield operator("+", "timetz,date", "timestamptz", moment.format("{1}", "{0}"))


def _functions() -> Iterator[FunctionDef]:
    yield function("extract", "text,timetz", "numeric", _extract)
    yield function("date_part", "text,timetz", "float8", _date_part)


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())
UDFS: tuple[Udf, ...] = (
    Udf("rv_timetz_out", format_timetz, ("BIGINT",), "VARCHAR"),
    Udf("rv_timetz_typmod", lambda value, typmod: apply_typmod(value, typmod, False), ("BIGINT", "INTEGER"), "BIGINT"),
)
