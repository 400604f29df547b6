"""Text of json (checked, kept as it is) and jsonb (normalised as PostgreSQL prints it).

Good text takes the standard library's C scanner; anything it refuses, or takes too kindly, goes through the strict
scan in `json_errors`, which words the error.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any, NoReturn

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.jsonpath.parser import parse
from ruvector_engine.jsonpath.writer import write
from ruvector_engine.types import registry
from ruvector_engine.types.json_errors import check_json, too_deep
from ruvector_engine.types.numeric import format_numeric, parse_numeric
from ruvector_engine.types.textio import TextType, plain


class _Digits(str):
    """A number as its digits: jsonb keeps "1.10" apart from "1.1"."""

    __slots__ = ()


class _NeedsDigits(Exception):
    """The document has a number that Python would not print as PostgreSQL does."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _defer(_number: str) -> NoReturn:
    raise _NeedsDigits


def _key_order(key: str) -> tuple[int, bytes]:
    raw = key.encode("utf-8", "surrogatepass")
    return len(raw), raw


def _ordered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with jsonb's order of keys: shorter ones first, then by bytes. The last of equal keys counts."""
    last = dict(pairs)
    return {key: last[key] for key in sorted(last, key=_key_order)}


#: json: numbers are only checked, never converted.
_CHECK = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=str, parse_int=str)
_FAST = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_defer, object_pairs_hook=_ordered)
_FULL = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_Digits, parse_int=_Digits, object_pairs_hook=_ordered
)
_PRINT = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), check_circular=False)


def parse_json(text: str) -> str:
    """The text itself, after checking that it is JSON."""
    try:
        _CHECK.decode(text)
    except ValueError:
        check_json(text, decode=False)
    except RecursionError:
        raise too_deep() from None
    return text


def parse_jsonb(text: str) -> str:
    """The document with its white space, key order, duplicate keys and numbers made canonical."""
    if "\\u" in text:
        # Escapes may name no character (surrogates) or one that text cannot hold (zero).
        check_json(text, decode=True)
    try:
        return _PRINT.encode(_FAST.decode(text))
    except _NeedsDigits:
        return _with_digits(text)
    except ValueError:
        check_json(text, decode=True)
        return _with_digits(text)  # well formed: an integer too long for Python's int()
    except RecursionError:
        raise too_deep() from None


def _with_digits(text: str) -> str:
    try:
        document = _FULL.decode(text)
    except ValueError:
        check_json(text, decode=True)
        raise
    except RecursionError:
        raise too_deep() from None
    parts: list[str] = []
    _write(document, parts)
    return "".join(parts)


def _write(value: Any, parts: list[str]) -> None:
    if isinstance(value, _Digits):
        parts.append(format_numeric(parse_numeric(value)))
    elif isinstance(value, str):
        parts.append(encode_basestring(value))
    elif isinstance(value, dict):
        separator = "{"
        for key, member in value.items():
            parts.append(f"{separator}{encode_basestring(key)}: ")
            _write(member, parts)
            separator = ", "
        parts.append("}" if value else "{}")
    elif isinstance(value, list):
        separator = "["
        for element in value:
            parts.append(separator)
            _write(element, parts)
            separator = ", "
        parts.append("]" if value else "[]")
    else:
        parts.append("null" if value is None else "true" if value else "false")


def parse_jsonpath(text: str) -> str:
    """The path as it is printed, which is what is kept; refused where PostgreSQL prints what it would not read."""
    path = parse(text)
    written = write(path)
    try:
        same = parse(written) == path
    except SqlError:
        same = False
    if not same:
        raise not_supported(
            f'the jsonpath "{text}" is not supported: PostgreSQL prints it as "{written}", which is another path',
            hint="Write it without a method of a predicate or of an operation.",
        )
    return written


def _same(text: str) -> str:
    return text


TEXT_TYPES: dict[int, TextType] = {
    registry.JSON: plain(parse_json, _same),
    registry.JSONB: plain(parse_jsonb, _same),
    registry.JSONPATH: plain(parse_jsonpath, _same),
}
