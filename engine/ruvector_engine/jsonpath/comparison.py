"""Comparisons of items in a path: True, False, or None for unknown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from ruvector_engine.sql.functions.jsonb_values import Digits, type_name
from ruvector_engine.sql.functions.regex import compiled

Truth: TypeAlias = "bool | None"


def compared(operator: str, a: Any, b: Any) -> Truth:
    """a operator b. null is comparable with everything, but unequal; other types only with themselves."""
    kind = type_name(a)
    if kind != type_name(b):
        return operator == "!=" if a is None or b is None else None
    if kind in ("array", "object"):
        return None
    low, high = (_ordered(kind, value) for value in (a, b))
    if operator in ("==", "!="):
        return bool((low == high) == (operator == "=="))
    if operator in ("<", ">="):
        return bool((low < high) == (operator == "<"))
    return bool((low > high) == (operator == ">"))


def _ordered(kind: str, value: Any) -> Any:
    if kind == "number":
        return Decimal(value)
    if kind == "null":
        return 0
    return value.encode() if kind == "string" else value


def starts_with(a: Any, b: Any) -> Truth:
    """Whether a text begins with another."""
    return a.startswith(b) if _is_text(a) and _is_text(b) else None


def matches_regex(a: Any, pattern: str, flags: str) -> Truth:
    """Whether a text matches; XQuery's flags are not PostgreSQL's: without s a dot stops at a line's end."""
    if not _is_text(a):
        return None
    return regex(pattern, flags).search(a) is not None


def regex(pattern: str, flags: str) -> Any:
    """The pattern with XQuery's flags, for Python; 2201B where it is malformed."""
    if "q" in flags:
        return compiled(pattern, "q" + ("i" if "i" in flags else ""))
    ours = ("i" if "i" in flags else "") + ("" if "s" in flags else "p") + ("w" if "m" in flags else "")
    return compiled(pattern, ours)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Digits)
