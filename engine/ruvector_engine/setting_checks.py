"""Values of settings: text checked and brought to its canonical form, and the text that SHOW prints. After guc.c."""

from __future__ import annotations

import re

from ruvector_engine.errors import SqlError
from ruvector_engine.name_lists import split_identifiers
from ruvector_engine.setting_definitions import Setting
from ruvector_engine.text_search.dictionaries import known
from ruvector_engine.types.encodings import is_served, known_encoding, reader, writer
from ruvector_engine.types.timezones import find_zone, offset_name

_UNITS: dict[str, dict[str, float]] = {
    "ms": {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000},
    "s": {"us": 1e-6, "ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86_400},
    "kB": {"B": 1 / 1024, "kB": 1, "MB": 1024, "GB": 1024**2, "TB": 1024**3},
}
_UNITS["8kB"] = {unit: factor / 8 for unit, factor in _UNITS["kB"].items()}
_UNIT_HINTS = {
    "ms": 'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".',
    "kB": 'Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".',
}
#: A number with a fraction or an exponent, or an integer in some base; then a unit.
_NUMBER = re.compile(
    r"\s*(?:([+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?\d+[eE][+-]?\d+)|([+-]?(?:0[xX][0-9a-fA-F]+|\d+)))\s*([A-Za-z]*)\s*"
)
_HOURS = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_MOST_HOURS = 168
_DATE_STYLES = {"ISO": "ISO", "SQL": "SQL", "POSTGRES": "Postgres", "GERMAN": "German"}
#: The last word of each may go on: EUROPEAN, NONEURO.
_DATE_ORDERS = {"YMD": ("YMD",), "DMY": ("DMY", "EURO"), "MDY": ("MDY", "US", "NONEURO")}
_TRUE = ("on", "true", "yes", "1", "t", "tr", "tru", "y", "ye")
_FALSE = ("off", "false", "no", "0", "f", "fa", "fal", "fals", "n", "of")


def check_value(setting: Setting, text: str) -> str:
    """The value in its canonical form; 22023 when the setting cannot take it."""
    if setting.kind == "bool":
        lowered = text.strip().lower()
        if setting.name == "standard_conforming_strings" and lowered in _FALSE:
            hint = "Write E'...' for a string with backslash escapes."
            raise SqlError("0A000", "standard_conforming_strings = off is not supported", hint=hint)
        if lowered in _TRUE or lowered in _FALSE:
            return "on" if lowered in _TRUE else "off"
        raise SqlError("22023", f'parameter "{setting.name}" requires a Boolean value')
    if setting.kind in ("integer", "real"):
        return _check_number(setting, text)
    if setting.kind == "enum":
        lowered = text.strip().lower()
        if lowered in setting.values:
            return lowered
        raise _invalid(setting, text, "Available values: " + ", ".join(setting.values) + ".")
    return _check_string(setting, text)


def _invalid(setting: Setting, text: str, hint: str | None = None) -> SqlError:
    return SqlError("22023", f'invalid value for parameter "{setting.name}": "{text}"', hint=hint)


def _check_number(setting: Setting, text: str) -> str:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise _invalid(setting, text)
    decimal, based, unit = found.groups()
    number = _based(based) if based and setting.kind == "integer" else float(decimal or based)
    if unit:
        factors = _UNITS.get(setting.unit, {})
        if unit not in factors:
            raise _invalid(setting, text, _UNIT_HINTS.get(setting.unit))
        number = _in_units(number, unit, factors)
    if setting.kind == "integer":
        number = round(number)
        if not -(2**31) <= number < 2**31:
            raise _invalid(setting, text, "Value exceeds integer range.")
    if not setting.minimum <= number <= setting.maximum:
        suffix = f" {setting.unit}" if setting.unit else ""
        shown = [
            f"{v:g}" if setting.kind == "real" else str(int(v)) for v in (number, setting.minimum, setting.maximum)
        ]
        raise SqlError(
            "22023",
            f'{shown[0]}{suffix} is outside the valid range for parameter "{setting.name}" '
            f"({shown[1]}{suffix} .. {shown[2]}{suffix})",
        )
    return f"{number:g}" if setting.kind == "real" else str(int(number))


def _based(digits: str) -> float:
    """An integer as C writes it: 0x before hexadecimal digits, 0 before octal ones."""
    sign = -1 if digits.startswith("-") else 1
    plain = digits.lstrip("+-").lower()
    if plain.startswith("0x"):
        return sign * int(plain, 16)
    octal = plain.startswith("0") and set(plain) <= set("01234567")
    return sign * int(plain, 8 if octal else 10)


def _in_units(number: float, unit: str, factors: dict[str, float]) -> float:
    """The number in the setting's unit; a fraction is rounded to a whole number of the next smaller unit."""
    value = number * factors[unit]
    smaller = max((factor for factor in factors.values() if factor < factors[unit]), default=None)
    return value if smaller is None else round(value / smaller) * smaller


def _check_string(setting: Setting, text: str) -> str:
    if setting.name == "TimeZone":
        return _check_time_zone(setting, text)
    if setting.name == "client_encoding":
        return _check_client_encoding(setting, text)
    if setting.name == "search_path" and split_identifiers(text) is None:
        message = f'invalid value for parameter "search_path": "{text}"'
        raise SqlError("22023", message, detail="List syntax is invalid.")
    if setting.name == "createrole_self_grant":
        return _check_self_grant(setting, text)
    if setting.name == "DateStyle":
        return _check_date_style(setting, text)
    if setting.name == "default_text_search_config":
        return _check_text_search_config(setting, text)
    return text


def _check_client_encoding(setting: Setting, text: str) -> str:
    """PostgreSQL's own name of the encoding, whose tables are at hand from here on."""
    name = known_encoding(text)
    if name is None:
        raise _invalid(setting, text)
    if not is_served(name):
        error = _invalid(setting, text)
        error.sqlstate, error.detail = "0A000", f"Conversion between {name} and UTF8 is not supported."
        raise error
    reader(name)
    writer(name)
    return name


def _check_text_search_config(setting: Setting, text: str) -> str:
    try:
        return f"pg_catalog.{known(text)}"
    except SqlError as error:
        raise _invalid(setting, text) if error.sqlstate == "42704" else error from None


def _check_self_grant(setting: Setting, text: str) -> str:
    """Options of a membership: SET and INHERIT."""
    names = split_identifiers(text)
    if names is None:
        raise SqlError(
            "22023", f'invalid value for parameter "{setting.name}": "{text}"', detail="List syntax is invalid."
        )
    for name in names:
        if name.lower() not in ("set", "inherit"):
            detail = f'Unrecognized key word: "{name}".'
            raise SqlError("22023", f'invalid value for parameter "{setting.name}": "{text}"', detail=detail)
    return text


def _check_time_zone(setting: Setting, text: str) -> str:
    """A zone's name; a number is hours east of Greenwich."""
    name = text.strip()
    if name.lower() in ("utc", "gmt", "default", "z"):
        return {"utc": "UTC", "gmt": "GMT", "default": "UTC", "z": "UTC"}[name.lower()]
    if _HOURS.fullmatch(name) and abs(float(name)) < _MOST_HOURS:
        return offset_name(round(float(name) * 3600))
    zone = find_zone(name) if not name[:1].isdigit() and name[:1] not in "+-" else None
    if zone is None:
        raise _invalid(setting, text)
    return zone.name


def _check_date_style(setting: Setting, text: str) -> str:
    """An output style and an order of day, month and year, in any order; what is not said stays the default."""
    style, order = "", ""
    for word in re.split(r"[\s,]+", text.strip().upper()):
        known_style = _DATE_STYLES.get(word, "")
        known_order = next((o for o, words in _DATE_ORDERS.items() if word in words or word.startswith(words[-1])), "")
        if word == "DEFAULT":
            continue
        conflict = (known_style and style not in ("", known_style)) or (known_order and order not in ("", known_order))
        if conflict or not (known_style or known_order):
            detail = (
                'Conflicting "DateStyle" specifications.' if conflict else f'Unrecognized key word: "{word.lower()}".'
            )
            raise SqlError("22023", f'invalid value for parameter "{setting.name}": "{text}"', detail=detail)
        style, order = style or known_style, order or known_order
    if style == "German" and not order:
        order = "DMY"
    return f"{style or 'ISO'}, {order or 'MDY'}"


def show_value(setting: Setting | None, value: str) -> str:
    """The value as SHOW prints it: with its largest whole unit."""
    if setting is None or not setting.unit or value == "0":
        return value
    number = int(value)
    if setting.unit == "s":
        number *= 1000
    if setting.unit == "8kB":
        number, steps = number * 8, (("GB", 1024**2), ("MB", 1024), ("kB", 1))
    elif setting.unit == "kB":
        steps = (("GB", 1024**2), ("MB", 1024), ("kB", 1))
    else:
        steps = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1))  # type: ignore[assignment]
    return next(f"{number // size}{unit}" for unit, size in steps if number % size == 0)
