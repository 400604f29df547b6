"""Ranges in DuckDB: structs whose fields, taken in order, compare and sort as PostgreSQL's ranges do.

    n    whether there is anything in it: empty ranges sort first
    h    whether it has a lower bound: those without sort first
    l    the lower bound
    lx   whether it is exclusive: inclusive ones sort first
    i    whether it has no upper bound: those without sort last
    u    the upper bound
    ux   whether it is inclusive: exclusive ones sort first

A struct, not text with Python functions, because then equality, DISTINCT, GROUP BY, joins and ORDER BY are DuckDB's
own, and every operator is plain SQL over the bounds. The bounds of a numrange are decimal text, which does not compare:
there are macros of a second family for it, that compare the bounds' keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from ruvector_engine.sql.functions.errors import raising

EMPTY = "{'n': FALSE, 'h': FALSE, 'l': NULL, 'lx': FALSE, 'i': FALSE, 'u': NULL, 'ux': FALSE}"
_WRONG_WAY = raising("22000", "range lower bound must be less than or equal to range upper bound")
_NO_UNION = raising("22000", "result of range union would not be contiguous")
_NO_DIFFERENCE = raising("22000", "result of range difference would not be contiguous")
#: The families: the prefix of their macros, and the key of a bound.
_FAMILIES = {"rv_range": "{0}", "rv_numrange": "rv_numeric_key({0})"}


def duck_type(bound: str) -> str:
    """The struct over bounds of that DuckDB type."""
    return f"STRUCT(n BOOLEAN, h BOOLEAN, l {bound}, lx BOOLEAN, i BOOLEAN, u {bound}, ux BOOLEAN)"


def _macro(prefix: str, name: str, arguments: str, body: str, *, strict: bool = True) -> str:
    if strict:
        known = " AND ".join(f"{a} IS NOT NULL" for a in arguments.split(", "))
        body = f"CASE WHEN {known} THEN {body} END"
    return f"CREATE OR REPLACE MACRO {prefix}_{name}({arguments}) AS {body}"


def _family(p: str, key: str) -> Iterator[str]:
    def k(sql: str) -> str:
        return key.format(sql)

    yield _macro(p, "low", "r", f"{{'h': r.h, 'l': {k('r.l')}, 'x': r.lx}}", strict=False)
    yield _macro(p, "high", "r", f"{{'i': r.i, 'u': {k('r.u')}, 'x': r.ux}}", strict=False)
    yield _macro(
        p,
        "key",
        "r",
        f"{{'n': r.n, 'h': r.h, 'l': {k('r.l')}, 'lx': r.lx, 'i': r.i, 'u': {k('r.u')}, 'ux': r.ux}}",
    )
    # Whether a begins before b ends.
    closed = f"({k('a.l')} = {k('b.u')} AND NOT a.lx AND b.ux)"
    yield _macro(p, "reaches", "a, b", f"(NOT a.h OR b.i OR {k('a.l')} < {k('b.u')} OR {closed})", strict=False)
    both, reach = "a.n AND b.n", f"{p}_reaches(a, b) AND {p}_reaches(b, a)"
    yield _macro(p, "overlaps", "a, b", f"({both} AND {reach})")
    yield _macro(p, "before", "a, b", f"({both} AND NOT {p}_reaches(b, a))")
    yield _macro(p, "not_right", "a, b", f"({both} AND {p}_high(a) <= {p}_high(b))")
    yield _macro(p, "not_left", "a, b", f"({both} AND {p}_low(a) >= {p}_low(b))")
    inside = f"(a.n AND {p}_low(a) <= {p}_low(b) AND {p}_high(a) >= {p}_high(b))"
    yield _macro(p, "contains", "a, b", f"(NOT b.n OR {inside})")
    above = f"(NOT r.h OR {k('r.l')} < {k('e')} OR ({k('r.l')} = {k('e')} AND NOT r.lx))"
    below = f"(r.i OR {k('e')} < {k('r.u')} OR ({k('e')} = {k('r.u')} AND r.ux))"
    yield _macro(p, "has", "r, e", f"(r.n AND {above} AND {below})")
    touch = f"(NOT a.i AND b.h AND {k('a.u')} = {k('b.l')} AND a.ux = b.lx)"
    yield _macro(p, "touches", "a, b", touch, strict=False)
    yield _macro(p, "adjacent", "a, b", f"({both} AND ({p}_touches(a, b) OR {p}_touches(b, a)))")
    lower = f"CASE WHEN {p}_low(a) {{0}} {p}_low(b) THEN a ELSE b END"
    upper = f"CASE WHEN {p}_high(a) {{0}} {p}_high(b) THEN a ELSE b END"
    yield _macro(p, "spliced", "a, b", _of_bounds("a", "b"), strict=False)
    merged = f"{p}_spliced({lower.format('<=')}, {upper.format('>=')})"
    yield _macro(p, "merge", "a, b", f"CASE WHEN NOT a.n THEN b WHEN NOT b.n THEN a ELSE {merged} END")
    joined = f"{p}_overlaps(a, b) OR {p}_adjacent(a, b) OR NOT ({both})"
    yield _macro(p, "union", "a, b", f"CASE WHEN {joined} THEN {p}_merge(a, b) ELSE {_NO_UNION} END")
    common = f"{p}_spliced({lower.format('>=')}, {upper.format('<=')})"
    yield _macro(p, "intersection", "a, b", f"CASE WHEN {p}_overlaps(a, b) THEN {common} ELSE {EMPTY} END")
    head = "{'n': TRUE, 'h': a.h, 'l': a.l, 'lx': a.lx, 'i': FALSE, 'u': b.l, 'ux': b.lx}"
    tail = "{'n': TRUE, 'h': TRUE, 'l': b.u, 'lx': b.ux, 'i': a.i, 'u': a.u, 'ux': a.ux}"
    yield _macro(
        p,
        "difference",
        "a, b",
        f"CASE WHEN NOT {p}_overlaps(a, b) THEN a "
        f"WHEN {p}_low(a) < {p}_low(b) AND {p}_high(a) > {p}_high(b) THEN {_NO_DIFFERENCE} "
        f"WHEN {p}_low(a) >= {p}_low(b) AND {p}_high(a) <= {p}_high(b) THEN {EMPTY} "
        f"WHEN {p}_low(a) < {p}_low(b) THEN {head} ELSE {tail} END",
    )
    # Of bounds and flags: 1 for an inclusive lower bound, 2 for an inclusive upper one.
    fields = "'n': TRUE, 'h': lo IS NOT NULL, 'l': lo, 'lx': lo IS NOT NULL AND f & 1 = 0, 'i': hi IS NULL, 'u': hi"
    whole = f"{{{fields}, 'ux': hi IS NOT NULL AND f & 2 = 2}}"
    checked = f"CASE WHEN {k('lo')} > {k('hi')} THEN {_WRONG_WAY} WHEN {k('lo')} = {k('hi')} AND f <> 3 THEN {EMPTY}"
    yield _macro(p, "made", "lo, hi, f", f"{checked} ELSE {whole} END", strict=False)


def _of_bounds(low: str, high: str) -> str:
    """The lower bound of one range and the upper one of another."""
    return f"{{'n': TRUE, 'h': {low}.h, 'l': {low}.l, 'lx': {low}.lx, 'i': {high}.i, 'u': {high}.u, 'ux': {high}.ux}}"


def _discrete() -> Iterator[str]:
    """The canonical form of discrete ranges: inclusive below, exclusive above."""
    for name, finite in (("rv_range", "TRUE"), ("rv_daterange", "isfinite({0})")):
        low = f"CASE WHEN NOT ({finite.format('r.l')}) THEN r.l WHEN r.lx THEN r.l + 1 ELSE r.l END"
        high = f"CASE WHEN NOT ({finite.format('r.u')}) THEN r.u WHEN r.ux THEN r.u + 1 ELSE r.u END"
        low_open = f"r.lx AND NOT coalesce({finite.format('r.l')}, FALSE)"
        high_closed = f"r.ux AND NOT coalesce({finite.format('r.u')}, FALSE)"
        fields = f"'n': TRUE, 'h': r.h, 'l': {low}, 'lx': {low_open}, 'i': r.i, 'u': {high}, 'ux': {high_closed}"
        nothing = f"r.h AND NOT r.i AND {low} = {high} AND NOT (NOT ({low_open}) AND {high_closed})"
        body = f"CASE WHEN NOT r.n OR ({nothing}) THEN {EMPTY} ELSE {{{fields}}} END"
        yield _macro(name, "canonical", "r", body)


#: DuckDB macros; see `sql.storage.MACROS`.
MACROS: tuple[str, ...] = (
    *(macro for prefix, key in _FAMILIES.items() for macro in _family(prefix, key)),
    *_discrete(),
)
