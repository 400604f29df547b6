"""Ranges: constructors, operators, functions. DuckDB's macros in `sql.range_storage` do the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ruvector_engine.sql.functions.definition import Udf, aggregate, function, operator
from ruvector_engine.sql.functions.numeric_sql import NumericSql, as_text
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.ranges import bound_flags, join_range, split_range
from ruvector_engine.types.registry import BY_OID, DATE, INT4, INT8, NUMERIC, RANGES, RangeType


def family(pg: RangeType) -> str:
    """The prefix of the macros for a range type."""
    return "rv_numrange" if pg.subtype == NUMERIC else "rv_range"


def made(pg: RangeType, lower: str, upper: str, flags: str, duck: str) -> str:
    """SQL of the range in canonical form, of bounds and flags, as the DuckDB type `duck`."""
    lower, upper = (as_text(t) if isinstance(t, NumericSql) else t for t in (lower, upper))
    value = f"{family(pg)}_made({lower}, {upper}, {flags})"
    if pg.subtype in (INT4, INT8):
        value = f"rv_range_canonical({value})"
    elif pg.subtype == DATE:
        value = f"rv_daterange_canonical({value})"
    return f"CAST({value} AS {duck})"


def _constructor(pg: RangeType) -> Callable[..., str]:
    def template(lower: str, upper: str, flags: str | None = None) -> str:
        from ruvector_engine.sql.storage import duck_type  # which needs the macros of ranges itself
        from ruvector_engine.types.registry import TypeRef

        number = "1" if flags is None else f"rv_range_flags({flags})"
        return made(pg, lower, upper, number, duck_type(TypeRef(pg.oid)))

    return template


def _call(macro: str, order: str = "{0}, {1}") -> Callable[..., str]:
    """A call of the macro, numbers as text."""
    return lambda *args: f"{macro}({order.format(*(as_text(a) if isinstance(a, NumericSql) else a for a in args))})"


def _comparison(pg: RangeType, symbol: str) -> str:
    if pg.subtype == NUMERIC:
        return f"(rv_numrange_key({{0}}) {symbol} rv_numrange_key({{1}}))"
    return f"({{0}} {symbol} {{1}})"


def _operators() -> Iterator[FunctionDef]:
    for pg in RANGES:
        name, bound, p = pg.name, BY_OID[pg.subtype].name, family(pg)
        for symbol in ("=", "<>", "<", "<=", ">", ">="):
            yield operator(symbol, f"{name},{name}", "bool", _comparison(pg, symbol))
        yield operator("@>", f"{name},{name}", "bool", _call(f"{p}_contains"))
        yield operator("<@", f"{name},{name}", "bool", _call(f"{p}_contains", "{1}, {0}"))
        yield operator("@>", f"{name},{bound}", "bool", _call(f"{p}_has"))
        yield operator("<@", f"{bound},{name}", "bool", _call(f"{p}_has", "{1}, {0}"))
        yield operator("&&", f"{name},{name}", "bool", _call(f"{p}_overlaps"))
        yield operator("<<", f"{name},{name}", "bool", _call(f"{p}_before"))
        yield operator(">>", f"{name},{name}", "bool", _call(f"{p}_before", "{1}, {0}"))
        yield operator("&<", f"{name},{name}", "bool", _call(f"{p}_not_right"))
        yield operator("&>", f"{name},{name}", "bool", _call(f"{p}_not_left"))
        yield operator("-|-", f"{name},{name}", "bool", _call(f"{p}_adjacent"))
        yield operator("+", f"{name},{name}", name, _call(f"{p}_union"))
        yield operator("*", f"{name},{name}", name, _call(f"{p}_intersection"))
        yield operator("-", f"{name},{name}", name, _call(f"{p}_difference"))


def _intersection_of_all(family: str) -> Callable[[Callable[..., str], str], str]:
    def template(call: Callable[..., str], a: str) -> str:
        present = f"list_filter({call('list', a)}, lambda rv_e: rv_e IS NOT NULL)"
        both = f"{family}_intersection(rv_a, rv_b)"
        return f"(CASE WHEN len({present}) > 0 THEN list_reduce({present}, lambda rv_a, rv_b: {both}) END)"

    return template


def _functions() -> Iterator[FunctionDef]:
    for pg in RANGES:
        name, bound = pg.name, BY_OID[pg.subtype].name
        yield function(name, f"{bound},{bound}", name, _constructor(pg), strict=False)
        yield function(name, f"{bound},{bound},text", name, _constructor(pg), strict=False)
        yield function("lower", name, bound, "({0}).l")
        yield function("upper", name, bound, "({0}).u")
        yield function("isempty", name, "bool", "(NOT ({0}).n)")
        yield function("lower_inc", name, "bool", "(({0}).h AND NOT ({0}).lx)")
        yield function("upper_inc", name, "bool", "({0}).ux")
        yield function("lower_inf", name, "bool", "(({0}).n AND NOT ({0}).h)")
        yield function("upper_inf", name, "bool", "({0}).i")
        yield function("range_merge", f"{name},{name}", name, _call(f"{family(pg)}_merge"))
        yield aggregate("range_intersect_agg", name, name, _intersection_of_all(family(pg)))


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())


def _split(text: str) -> dict[str, object]:
    found = split_range(text)
    return {
        "n": not found.empty,
        "l": found.lower,
        "u": found.upper,
        "f": found.lower_inc + 2 * found.upper_inc,
    }


def _joined(bounds: Sequence[str | None], flags: int) -> str:
    return join_range(flags < 0, bounds[0], bounds[1], flags & 1 == 1, flags & 2 == 2)


UDFS: tuple[Udf, ...] = (
    Udf("rv_range_flags", bound_flags, ("VARCHAR",), "INTEGER", "special"),
    Udf("rv_range_in", _split, ("VARCHAR",), "STRUCT(n BOOLEAN, l VARCHAR, u VARCHAR, f INTEGER)"),
    Udf("rv_range_out", _joined, ("VARCHAR[]", "INTEGER"), "VARCHAR"),
)
