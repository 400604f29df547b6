"""How a numeric is carried inside DuckDB, and its arithmetic there.

PostgreSQL's numeric shows as many digits after the point as the computation gave it. Where those are known from the
query (literals, numeric(p,s) columns, integers, and sums, products and rounding of these) a value is a DuckDB
DECIMAL, as long as 38 digits hold it. Everywhere else it is its decimal text in a VARCHAR, and Python's decimal does
the arithmetic. Every numeric expression knows which of both it is: `NumericSql.shape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

#: DuckDB's widest DECIMAL.
MAX_DIGITS = 38

#: Values of so many digits DuckDB may add up: it takes 10,000,000,000 rows to leave its widest DECIMAL.
_SUMMED_DIGITS = 28

Shape = tuple[int, int]


class NumericSql(str):
    """DuckDB SQL of a numeric. `shape` is (precision, scale) of a DECIMAL, None for decimal text.

    `bare` is set for a parameter: the placeholder by itself, which DuckDB takes as a DECIMAL of whatever shape the
    bound value has; and for NULL, which takes any form.
    """

    shape: Shape | None
    bare: str | None

    def __new__(cls, text: str, shape: Shape | None, bare: str | None = None) -> NumericSql:
        """The text with its shape."""
        self = super().__new__(cls, text)
        self.shape = shape
        self.bare = bare
        return self


def numeric_text(text: str) -> NumericSql:
    """SQL whose value is decimal text."""
    return NumericSql(text, None)


def as_text(value: str) -> str:
    """The numeric as decimal text, for a function written in Python."""
    if isinstance(value, NumericSql) and value.shape is None:
        return str(value)
    return f"CAST({value} AS VARCHAR)"


def to_text(value: str) -> NumericSql:
    """The numeric as text, marked as such."""
    return numeric_text(as_text(value))


def shape_of(value: str) -> Shape | None:
    """The DECIMAL's shape, or None for text."""
    return value.shape if isinstance(value, NumericSql) else None


def literal(digits: str) -> NumericSql:
    """A constant, from its digits as PostgreSQL prints them; NaN and infinities are text."""
    bare = digits.lstrip("-")
    whole, _, fraction = bare.partition(".")
    width = len(whole.lstrip("0")) + len(fraction)
    # One digit before the point at least: DuckDB's text of a DECIMAL(1,1) is ".5".
    precision = max(width, len(fraction) + 1)
    if not bare[0].isdigit() or precision > MAX_DIGITS:
        return numeric_text(f"'{digits}'")
    return NumericSql(f"CAST({digits} AS DECIMAL({precision},{len(fraction)}))", (precision, len(fraction)))


def unify(values: Sequence[str]) -> list[str]:
    """The values in one form: DECIMAL when all have the same scale, else text, so that each keeps its own digits."""
    shapes = [shape_of(v) for v in values if not _is_null(v)]
    known = [s for s in shapes if s is not None]
    if known and len(known) == len(shapes) and len({scale for _, scale in known}) == 1:
        shape = (max(precision for precision, _ in known), known[0][1])
        target = f"DECIMAL({shape[0]},{shape[1]})"
        return [v if shape_of(v) == shape else NumericSql(f"CAST({v} AS {target})", shape) for v in values]
    return [to_text(v) for v in values]


def _is_null(value: str) -> bool:
    return isinstance(value, NumericSql) and value.bare == "NULL"


def like(sources: Sequence[str], text: str) -> str:
    """The text marked as a numeric of the (unified) sources' form, if they are numerics."""
    return NumericSql(text, sources[0].shape) if sources and isinstance(sources[0], NumericSql) else text


def add(a: str, b: str) -> NumericSql:
    """a + b."""
    return _additive("+", "rv_numeric_add", a, b)


def subtract(a: str, b: str) -> NumericSql:
    """a - b."""
    return _additive("-", "rv_numeric_sub", a, b)


def _additive(symbol: str, udf: str, a: str, b: str) -> NumericSql:
    left, right = shape_of(a), shape_of(b)
    if left and right:
        scale = max(left[1], right[1])
        precision = max(left[0] - left[1], right[0] - right[1]) + scale + 1
        if precision <= MAX_DIGITS:
            return NumericSql(f"({a} {symbol} {b})", (precision, scale))
    return numeric_text(f"{udf}({as_text(a)}, {as_text(b)})")


def multiply(a: str, b: str) -> NumericSql:
    """a * b."""
    left, right = shape_of(a), shape_of(b)
    if left and right and left[0] + right[0] <= MAX_DIGITS:
        return NumericSql(f"({a} * {b})", (left[0] + right[0], left[1] + right[1]))
    return numeric_text(f"rv_numeric_mul({as_text(a)}, {as_text(b)})")


def negate(a: str) -> NumericSql:
    """-a."""
    shape = shape_of(a)
    return NumericSql(f"(- {a})", shape) if shape else numeric_text(f"rv_numeric_neg({a})")


def absolute(a: str) -> NumericSql:
    """abs(a)."""
    shape = shape_of(a)
    return NumericSql(f"abs({a})", shape) if shape else numeric_text(f"rv_numeric_abs({a})")


def comparison(symbol: str) -> Callable[[str, str], str]:
    """The template of a comparison operator."""

    def compare(a: str, b: str) -> str:
        left, right = shape_of(a), shape_of(b)
        if left and isinstance(b, NumericSql) and b.bare:
            return f"({a} {symbol} {b.bare})"
        if right and isinstance(a, NumericSql) and a.bare:
            return f"({a.bare} {symbol} {b})"
        if left and right:
            scale = max(left[1], right[1])
            if max(left[0] - left[1], right[0] - right[1]) + scale <= MAX_DIGITS:
                return f"({a} {symbol} {b})"
        key = equal_key if symbol in ("=", "<>") else sort_key
        return f"({key(to_text(a))} {symbol} {key(to_text(b))})"

    return compare


def by_udf(name: str) -> Callable[..., NumericSql]:
    """The template of a function that Python computes: numeric arguments arrive as text, others as they are."""

    def call(*args: str) -> NumericSql:
        texts = [as_text(a) if isinstance(a, NumericSql) else a for a in args]
        return numeric_text(f"{name}({', '.join(texts)})")

    return call


def sort_key(value: str) -> str:
    """SQL that sorts and compares as the number does."""
    if shape_of(value) is not None:
        return value
    return f"rv_numeric_key({as_text(value)})"


def equal_key(value: str) -> str:
    """SQL that is the same for equal numbers, and quicker than what sorts."""
    if shape_of(value) is not None:
        return value
    return f"rv_numeric_canonical({as_text(value)})"


def total(call: Callable[..., str], a: str) -> NumericSql:
    """sum(numeric)."""
    shape = shape_of(a)
    if shape and shape[0] <= _SUMMED_DIGITS:
        return NumericSql(call("sum", a), (MAX_DIGITS, shape[1]))
    return numeric_text(f"rv_numeric_sum({call('list', as_text(a))})")


def total_int8(call: Callable[..., str], a: str) -> NumericSql:
    """sum(bigint), a numeric without digits after the point."""
    return NumericSql(f"CAST({call('sum', a)} AS DECIMAL({MAX_DIGITS},0))", (MAX_DIGITS, 0))


def average(call: Callable[..., str], a: str) -> NumericSql:
    """avg(numeric) or avg of an integer type, with the digits PostgreSQL's division gives."""
    if isinstance(a, NumericSql) and (a.shape is None or a.shape[0] > _SUMMED_DIGITS):
        return numeric_text(f"rv_numeric_avg({call('list', as_text(a))})")
    return numeric_text(
        f"rv_numeric_div(CAST({call('sum', a)} AS VARCHAR), CAST(nullif({call('count', a)}, 0) AS VARCHAR))"
    )


def extreme(name: str) -> Callable[..., NumericSql]:
    """min or max."""

    def pick(call: Callable[..., str], a: str) -> NumericSql:
        shape = shape_of(a)
        if shape:
            return NumericSql(call(name, a), shape)
        return numeric_text(call(f"arg_{name}", a, sort_key(a)))

    return pick


def rounded(a: str, digits: str) -> NumericSql:
    """round(numeric, integer): half away from zero. A constant number of digits keeps a DECIMAL one."""
    shape = shape_of(a)
    if shape and digits.isdigit() and int(digits) <= shape[1]:
        target = (min(shape[0] - shape[1] + int(digits) + 1, MAX_DIGITS), int(digits))
        return NumericSql(f"CAST({a} AS DECIMAL({target[0]},{target[1]}))", target)
    return numeric_text(f"rv_numeric_round({as_text(a)}, {digits})")


def round_whole(a: str) -> NumericSql:
    """round(numeric)."""
    return rounded(a, "0")
