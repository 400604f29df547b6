"""numeric's arithmetic in Python: decimal text in, decimal text out, with PostgreSQL's display scales (numeric.c)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, nullable
from ruvector_engine.types.numeric import MAX_SCALE, MAX_WHOLE_DIGITS

#: Enough for every intermediate result here; half away from zero, as PostgreSQL rounds.
_CONTEXT = Context(prec=2000, rounding=ROUND_HALF_UP, Emax=999_999, Emin=-999_999)

#: Wide enough for every numeric: for sums, whose cost is that of the digits they have.
_EXACT = Context(prec=MAX_WHOLE_DIGITS + MAX_SCALE + 1, Emax=999_999, Emin=-999_999)
_NAN, _INFINITY, _MINUS_INFINITY = Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")
_CONTEXT_60 = Context(prec=60, Emax=999_999, Emin=-999_999)

# numeric.c's limits on a quotient's digits.
_MIN_SIGNIFICANT_DIGITS = 16
_MAX_DISPLAY_SCALE = 1000
#: Beyond this one a factorial has more digits than a numeric.
_MAX_FACTORIAL = 32_177
_BASE_DIGITS = 4


def _scale(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def text_of(value: Decimal) -> str:
    """A numeric's text as PostgreSQL prints it."""
    if value.is_nan():
        return "NaN"
    if value.is_infinite():
        return "Infinity" if value > 0 else "-Infinity"
    return format(value if value else value.copy_abs(), "f")


def division_scale(a: Decimal, b: Decimal) -> int:
    """How many digits after the point a / b shows (select_div_scale): at least 16 significant ones."""
    weight_a, digit_a = _base_weight(a)
    weight_b, digit_b = _base_weight(b)
    quotient_weight = weight_a - weight_b - (1 if digit_a <= digit_b else 0)
    scale = _MIN_SIGNIFICANT_DIGITS - quotient_weight * _BASE_DIGITS
    return min(max(scale, _scale(a), _scale(b), 0), _MAX_DISPLAY_SCALE)


def _base_weight(value: Decimal) -> tuple[int, int]:
    """The weight of the first base-10000 digit, and that digit."""
    if not value:
        return 0, 0
    weight = value.adjusted() // _BASE_DIGITS
    return weight, int(abs(value).scaleb(-weight * _BASE_DIGITS, _CONTEXT))


def quantize(value: Decimal, scale: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """The value with `scale` digits after the point; a negative scale rounds before it and shows none."""
    if not value.is_finite():
        return value
    result = value.quantize(Decimal(1).scaleb(-scale, _CONTEXT), rounding=rounding, context=_CONTEXT)
    return result if scale >= 0 else result.quantize(Decimal(1), context=_CONTEXT)


def divide(a: Decimal, b: Decimal) -> Decimal:
    """a / b; 22012 for b = 0."""
    if a.is_nan() or b.is_nan():
        return Decimal("NaN")
    if b == 0:
        raise SqlError("22012", "division by zero")
    if not (a.is_finite() and b.is_finite()):
        with localcontext(_CONTEXT) as context:
            context.clear_traps()
            return a / b if b.is_finite() or a.is_nan() or a.is_infinite() else Decimal(0)
    scale = division_scale(a, b)
    with localcontext(_CONTEXT) as context:
        context.prec = max(a.adjusted() - b.adjusted() + scale + 20, 40)
        context.rounding = ROUND_DOWN
        quotient = a / b
    return quantize(quotient, scale)


def binary(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[[str, str], str]:
    """An operation of two numbers, over their texts."""

    def call(a: str, b: str) -> str:
        with localcontext(_CONTEXT) as context:
            context.clear_traps()
            return text_of(operation(Decimal(a), Decimal(b)))

    return call


def unary(operation: Callable[[Decimal], Decimal]) -> Callable[[str], str]:
    """A function of one number, over its text."""

    def call(a: str) -> str:
        with localcontext(_CONTEXT) as context:
            context.clear_traps()
            return text_of(operation(Decimal(a)))

    return call


def modulo(a: Decimal, b: Decimal) -> Decimal:
    """a % b; 22012 for b = 0."""
    if b == 0:
        raise SqlError("22012", "division by zero")
    if b.is_infinite() and a.is_finite():
        return a
    if not (a.is_finite() and b.is_finite()):
        return _NAN
    return quantize(a - b * (a / b).to_integral_value(rounding=ROUND_DOWN), max(_scale(a), _scale(b)))


def _whole_quotient(a: Decimal, b: Decimal) -> Decimal:
    if b == 0:
        raise SqlError("22012", "division by zero")
    if a.is_finite() and b.is_infinite():
        return Decimal(0)
    return (a / b).to_integral_value(rounding=ROUND_DOWN)


def canonical(a: str) -> str:
    """The shortest text of the number, the same for equal numbers."""
    text = text_of(Decimal(a))
    return text.rstrip("0").rstrip(".") if "." in text else text


def sort_key(a: str) -> bytes:
    """Bytes that sort as the numbers do, equal for equal numbers."""
    value = Decimal(a)
    if value.is_nan():
        return b"\x05"
    if value.is_infinite():
        return b"\x04" if value > 0 else b"\x00"
    if value == 0:
        return b"\x02"
    digits = "".join(map(str, value.as_tuple().digits)).lstrip("0").rstrip("0")
    key = (value.adjusted() + 2**31).to_bytes(4, "big") + digits.encode()
    if value > 0:
        return b"\x03" + key
    return b"\x01" + bytes(255 - byte for byte in key) + b"\xff"


def _finite(values: Sequence[str | None]) -> list[Decimal]:
    return [Decimal(v) for v in values if v is not None]


def _sum(values: Sequence[str | None]) -> str | None:
    numbers = _finite(values)
    if not numbers:
        return None
    with localcontext(_EXACT) as context:
        context.clear_traps()
        return text_of(sum(numbers[1:], numbers[0]))


def _average(values: Sequence[str | None]) -> str | None:
    total = _sum(values)
    return None if total is None else text_of(divide(Decimal(total), Decimal(len(_finite(values)))))


def _round(value: str, digits: int) -> str:
    return text_of(quantize(Decimal(value), digits))


def _trunc(value: str, digits: int) -> str:
    return text_of(quantize(Decimal(value), digits, ROUND_DOWN))


def _variance(values: Sequence[str | None], *, sample: bool, root: bool) -> str | None:
    numbers = _finite(values)
    count = len(numbers)
    if count == 0 or (sample and count == 1):
        return None
    with localcontext(_CONTEXT) as context:
        context.clear_traps()
        total, squares = sum(numbers, Decimal(0)), sum((n * n for n in numbers), Decimal(0))
        numerator = count * squares - total * total
        if numerator.is_nan() or not numerator.is_finite():
            return "NaN"
        if numerator <= 0:
            return "0"
        result = divide(numerator, Decimal(count * (count - 1) if sample else count * count))
        return text_of(_square_root(result)) if root else text_of(result)


def _square_root(value: Decimal) -> Decimal:
    if value < 0:
        raise SqlError("2201F", "cannot take square root of a negative number")
    if not value.is_finite():
        return value
    weight = (value.adjusted() // _BASE_DIGITS + 1) * _BASE_DIGITS // 2 - 1 if value else 0
    scale = min(max(_MIN_SIGNIFICANT_DIGITS - weight, _scale(value), 0), _MAX_DISPLAY_SCALE)
    with localcontext(_CONTEXT) as context:
        context.prec = max(value.adjusted(), 0) + scale + 30
        return quantize(value.sqrt(), scale)


def _magnitude(value: Decimal) -> int:
    """The decimal logarithm, cut to a whole number, as numeric.c estimates weights."""
    return int(abs(value).log10(_CONTEXT_60)) if value else 0


def _logarithm_scale(value: Decimal, result: Decimal) -> int:
    weight = _magnitude(result)
    return min(max(_MIN_SIGNIFICANT_DIGITS - weight, _scale(value), 0), _MAX_DISPLAY_SCALE)


def _positive(value: Decimal) -> Decimal:
    if value.is_nan():
        return value
    if value == 0:
        raise SqlError("2201E", "cannot take logarithm of zero")
    if value < 0:
        raise SqlError("2201E", "cannot take logarithm of a negative number")
    return value


def _natural_logarithm(value: Decimal) -> Decimal:
    if not _positive(value).is_finite():
        return value
    with localcontext(_CONTEXT) as context:
        context.prec = 60
        result = value.ln()
    return quantize(result, _logarithm_scale(value, result))


def _logarithm_10(value: Decimal) -> Decimal:
    if not _positive(value).is_finite():
        return value
    with localcontext(_CONTEXT) as context:
        context.prec = 60
        result = value.log10()
    return quantize(result, _logarithm_scale(value, result))


def _logarithm(base: Decimal, value: Decimal) -> Decimal:
    """log(base, value), with the digits log_var() of numeric.c shows."""
    for number in (base, value):
        _positive(number)
    if not (base.is_finite() and value.is_finite()):
        if base.is_nan() or value.is_nan() or (base.is_infinite() and value.is_infinite()):
            return _NAN
        return Decimal(0) if base.is_infinite() else value
    with localcontext(_CONTEXT) as context:
        context.prec = 60
        divisor, dividend = base.ln(), value.ln()
    if divisor == 0:
        raise SqlError("22012", "division by zero")
    scale = _MIN_SIGNIFICANT_DIGITS - (_logarithm_weight(dividend) - _logarithm_weight(divisor))
    scale = min(max(scale, _scale(base), _scale(value), 0), _MAX_DISPLAY_SCALE)
    with localcontext(_CONTEXT) as context:
        context.prec = 60 + scale
        return quantize(dividend / divisor, scale)


def _logarithm_weight(logarithm: Decimal) -> int:
    """The decimal weight of a logarithm, cut towards zero as estimate_ln_dweight() does."""
    return int(abs(logarithm).log10(_CONTEXT_60)) if logarithm else 0


def _trimmed(value: Decimal) -> Decimal:
    return quantize(value, _least_scale(value)) if value.is_finite() else value


def _least_scale(value: Decimal) -> int:
    return _scale(value.normalize(_CONTEXT)) if value.is_finite() else 0


def _shown_scale(text: str) -> int | None:
    """min_scale(): the digits after the point that are needed; NULL of NaN and the infinities."""
    value = Decimal(text)
    return _least_scale(value) if value.is_finite() else None


def _factorial(value: int) -> str:
    if value < 0:
        raise SqlError("22003", "factorial of a negative number is undefined")
    if value > _MAX_FACTORIAL:
        raise SqlError("22003", "value overflows numeric format")
    return text_of(Decimal(math.factorial(value)))


def _exponential(value: Decimal) -> Decimal:
    if not value.is_finite():
        return Decimal(0) if value == _MINUS_INFINITY else value
    with localcontext(_CONTEXT) as context:
        context.prec = 60
        result = value.exp()
    return quantize(
        result, min(max(_MIN_SIGNIFICANT_DIGITS - _magnitude(result), _scale(value), 0), _MAX_DISPLAY_SCALE)
    )


def _limit_power(a: Decimal, b: Decimal) -> Decimal:
    """a ^ b where one of them is NaN or infinite, as POSIX pow() has it."""
    if b == 0 or a == 1:
        return Decimal(1)
    if a.is_nan() or b.is_nan():
        return _NAN
    if a == 0 and b < 0:
        raise SqlError("2201F", "zero raised to a negative power is undefined")
    if b.is_infinite():
        if abs(a) == 1:
            return Decimal(1)
        return _INFINITY if (abs(a) > 1) == (b > 0) else Decimal(0)
    if a < 0 and b != b.to_integral_value():
        raise SqlError("2201F", "a negative number raised to a non-integer power yields a complex result")
    if b < 0:
        return Decimal(0)
    return _MINUS_INFINITY if a < 0 and b % 2 == 1 else _INFINITY


def _power(a: Decimal, b: Decimal) -> Decimal:
    if not (a.is_finite() and b.is_finite()):
        return _limit_power(a, b)
    if a == 0 and b < 0:
        raise SqlError("2201F", "zero raised to a negative power is undefined")
    if a < 0 and b != b.to_integral_value():
        raise SqlError("2201F", "a negative number raised to a non-integer power yields a complex result")
    with localcontext(_CONTEXT) as context:
        context.prec = 400
        result = Decimal(1) if b == 0 else a**b
    weight = _magnitude(result)
    scale = min(max(_MIN_SIGNIFICANT_DIGITS - weight, _scale(a), _scale(b), 0), _MAX_DISPLAY_SCALE)
    return quantize(result, scale)


def _to_integer(value: str, limit: int, type_name: str) -> int:
    number = Decimal(value)
    if number.is_nan():
        raise SqlError("0A000", f"cannot convert NaN to {type_name}")
    if number.is_infinite():
        raise SqlError("0A000", f"cannot convert infinity to {type_name}")
    result = int(number.to_integral_value(rounding=ROUND_HALF_UP))
    if not -limit <= result < limit:
        raise SqlError("22003", f"{type_name} out of range")
    return result


def _from_float(value: float, digits: int) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return text_of(Decimal(f"{value:.{digits}g}"))


def _fit(value: str, precision: int, scale: int) -> str:
    number = Decimal(value)
    if number.is_nan():
        return "NaN"
    if number.is_infinite():
        raise SqlError(
            "22003",
            "numeric field overflow",
            detail=f"A field with precision {precision}, scale {scale} cannot hold an infinite value.",
        )
    result = quantize(number, scale)
    if result and result.adjusted() >= precision - scale:
        whole = f"10^{precision - scale}" if precision != scale else "1"
        raise SqlError(
            "22003",
            "numeric field overflow",
            detail=f"A field with precision {precision}, scale {scale} must round to an absolute value "
            f"less than {whole}.",
        )
    return text_of(result)


def _text_udf(name: str, call: Callable[..., object], arguments: Sequence[str], result: str = "VARCHAR") -> Udf:
    return Udf(name, call, tuple(arguments), result)


_TWO = ("VARCHAR", "VARCHAR")
UDFS: tuple[Udf, ...] = (
    _text_udf("rv_numeric_add", binary(lambda a, b: a + b), _TWO),
    _text_udf("rv_numeric_sub", binary(lambda a, b: a - b), _TWO),
    _text_udf("rv_numeric_mul", binary(lambda a, b: a * b), _TWO),
    _text_udf("rv_numeric_div", binary(divide), _TWO),
    _text_udf("rv_numeric_mod", binary(modulo), _TWO),
    _text_udf("rv_numeric_power", binary(_power), _TWO),
    _text_udf("rv_numeric_key", sort_key, ("VARCHAR",), "BLOB"),
    _text_udf("rv_numeric_neg", unary(lambda a: -a), ("VARCHAR",)),
    _text_udf("rv_numeric_abs", unary(abs), ("VARCHAR",)),
    _text_udf("rv_numeric_sign", unary(lambda a: Decimal((a > 0) - (a < 0))), ("VARCHAR",)),
    _text_udf("rv_numeric_ceil", unary(lambda a: quantize(a, 0, ROUND_CEILING)), ("VARCHAR",)),
    _text_udf("rv_numeric_floor", unary(lambda a: quantize(a, 0, ROUND_FLOOR)), ("VARCHAR",)),
    _text_udf("rv_numeric_sqrt", unary(_square_root), ("VARCHAR",)),
    _text_udf("rv_numeric_ln", unary(_natural_logarithm), ("VARCHAR",)),
    _text_udf("rv_numeric_log", unary(_logarithm_10), ("VARCHAR",)),
    _text_udf("rv_numeric_log_base", binary(_logarithm), _TWO),
    _text_udf("rv_numeric_trim", unary(_trimmed), ("VARCHAR",)),
    nullable("rv_numeric_min_scale", _shown_scale, ("VARCHAR",), "INTEGER"),
    _text_udf("rv_factorial", _factorial, ("BIGINT",)),
    _text_udf("rv_numeric_exp", unary(_exponential), ("VARCHAR",)),
    _text_udf("rv_numeric_whole_div", binary(_whole_quotient), _TWO),
    _text_udf("rv_numeric_round", _round, ("VARCHAR", "INTEGER")),
    _text_udf("rv_numeric_trunc", _trunc, ("VARCHAR", "INTEGER")),
    nullable("rv_numeric_sum", _sum, ("VARCHAR[]",), "VARCHAR"),
    nullable("rv_numeric_avg", _average, ("VARCHAR[]",), "VARCHAR"),
    nullable("rv_numeric_var_samp", lambda v: _variance(v, sample=True, root=False), ("VARCHAR[]",), "VARCHAR"),
    nullable("rv_numeric_var_pop", lambda v: _variance(v, sample=False, root=False), ("VARCHAR[]",), "VARCHAR"),
    nullable("rv_numeric_stddev_samp", lambda v: _variance(v, sample=True, root=True), ("VARCHAR[]",), "VARCHAR"),
    nullable("rv_numeric_stddev_pop", lambda v: _variance(v, sample=False, root=True), ("VARCHAR[]",), "VARCHAR"),
    _text_udf("rv_numeric_int2", lambda v: _to_integer(v, 2**15, "smallint"), ("VARCHAR",), "SMALLINT"),
    _text_udf("rv_numeric_int4", lambda v: _to_integer(v, 2**31, "integer"), ("VARCHAR",), "INTEGER"),
    _text_udf("rv_numeric_int8", lambda v: _to_integer(v, 2**63, "bigint"), ("VARCHAR",), "BIGINT"),
    _text_udf("rv_numeric_float4", lambda v: _from_float(v, 6), ("FLOAT",)),
    _text_udf("rv_numeric_float8", lambda v: _from_float(v, 15), ("DOUBLE",)),
    _text_udf("rv_numeric_fit", _fit, ("VARCHAR", "INTEGER", "INTEGER")),
    _text_udf("rv_numeric_scale", lambda v: _scale(Decimal(v)), ("VARCHAR",), "INTEGER"),
)
