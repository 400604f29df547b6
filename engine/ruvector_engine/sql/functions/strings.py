"""String functions: those DuckDB has with the same meaning by template, the others in Python."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions import regex
from ruvector_engine.sql.functions.definition import Udf, function, nullable
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.functions.format_string import format_string
from ruvector_engine.sql.names import quote_identifier
from ruvector_engine.sql.nodes import FunctionDef

_SIMPLE = (
    ("lower", "text", "text", "lower({0})"),
    ("upper", "text", "text", "upper({0})"),
    ("initcap", "text", "text", "rv_initcap({0})"),
    ("length", "text", "int4", "CAST(length({0}) AS INTEGER)"),
    ("char_length", "text", "int4", "CAST(length({0}) AS INTEGER)"),
    ("character_length", "text", "int4", "CAST(length({0}) AS INTEGER)"),
    ("octet_length", "text", "int4", "CAST(strlen({0}) AS INTEGER)"),
    ("octet_length", "bpchar", "int4", "CAST(strlen({0}) AS INTEGER)"),
    ("bit_length", "text", "int4", "CAST(strlen({0}) * 8 AS INTEGER)"),
    ("length", "bytea", "int4", "CAST(octet_length({0}) AS INTEGER)"),
    ("octet_length", "bytea", "int4", "CAST(octet_length({0}) AS INTEGER)"),
    ("length", "bpchar", "int4", "CAST(length(rtrim({0}, ' ')) AS INTEGER)"),
    ("btrim", "text", "text", "trim({0}, ' ')"),
    ("btrim", "text,text", "text", "trim({0}, {1})"),
    ("ltrim", "text", "text", "ltrim({0}, ' ')"),
    ("ltrim", "text,text", "text", "ltrim({0}, {1})"),
    ("rtrim", "text", "text", "rtrim({0}, ' ')"),
    ("rtrim", "text,text", "text", "rtrim({0}, {1})"),
    ("replace", "text,text,text", "text", "rv_replace({0}, {1}, {2})"),
    ("strpos", "text,text", "int4", "CAST(strpos({0}, {1}) AS INTEGER)"),
    ("position", "text,text", "int4", "CAST(strpos({0}, {1}) AS INTEGER)"),
    ("starts_with", "text,text", "bool", "starts_with({0}, {1})"),
    ("left", "text,int4", "text", "rv_left({0}, {1})"),
    ("right", "text,int4", "text", "rv_right({0}, {1})"),
    ("lpad", "text,int4", "text", "rv_pad({0}, {1}, ' ', TRUE)"),
    ("lpad", "text,int4,text", "text", "rv_pad({0}, {1}, {2}, TRUE)"),
    ("rpad", "text,int4", "text", "rv_pad({0}, {1}, ' ', FALSE)"),
    ("rpad", "text,int4,text", "text", "rv_pad({0}, {1}, {2}, FALSE)"),
    ("reverse", "text", "text", "rv_reverse({0})"),
    ("split_part", "text,text,int4", "text", "rv_split_part({0}, {1}, {2})"),
    ("translate", "text,text,text", "text", "translate({0}, {1}, {2})"),
    ("ascii", "text", "int4", "CAST(CASE WHEN {0} = '' THEN 0 ELSE unicode({0}) END AS INTEGER)"),
    ("chr", "int4", "text", "rv_chr({0})"),
    ("md5", "text", "text", "md5({0})"),
    ("md5", "bytea", "text", "rv_md5_bytes({0})"),
    ("sha224", "bytea", "bytea", "rv_sha224({0})"),
    ("sha256", "bytea", "bytea", "rv_sha256({0})"),
    ("sha384", "bytea", "bytea", "rv_sha384({0})"),
    ("sha512", "bytea", "bytea", "rv_sha512({0})"),
    ("to_hex", "int4", "text", "rv_hex(CAST({0} AS BIGINT), 32)"),
    ("to_hex", "int8", "text", "rv_hex({0}, 64)"),
    ("overlay", "text,text,int4", "text", "rv_overlay({0}, {1}, {2}, CAST(length({1}) AS INTEGER))"),
    ("overlay", "text,text,int4,int4", "text", "rv_overlay({0}, {1}, {2}, {3})"),
    ("encode", "bytea,text", "text", "rv_encode({0}, {1})"),
    ("decode", "text,text", "bytea", "rv_decode({0}, {1})"),
    ("quote_ident", "text", "text", "rv_quote_ident({0})"),
    ("quote_literal", "text", "text", "rv_quote_literal({0})"),
    ("like_escape", "text,text", "text", "rv_like_escape({0}, {1})"),
    ("regexp_replace", "text,text,text", "text", "rv_regex_replace({0}, {1}, {2}, '')"),
    ("regexp_replace", "text,text,text,text", "text", "rv_regex_replace({0}, {1}, {2}, {3})"),
    ("regexp_match", "text,text", "text[]", "rv_regex_groups({0}, {1}, '')"),
    ("regexp_match", "text,text,text", "text[]", "rv_regex_groups({0}, {1}, {2})"),
    ("regexp_like", "text,text", "bool", "rv_regex_match({0}, {1}, '')"),
    ("regexp_like", "text,text,text", "bool", "rv_regex_match({0}, {1}, {2})"),
    ("regexp_count", "text,text", "int4", "rv_regex_count({0}, {1}, '')"),
    ("regexp_substr", "text,text", "text", "rv_regex_substring({0}, {1})"),
    ("regexp_split_to_array", "text,text", "text[]", "rv_regex_split({0}, {1}, '')"),
    ("regexp_split_to_array", "text,text,text", "text[]", "rv_regex_split({0}, {1}, {2})"),
    ("string_to_array", "text,text", "text[]", "rv_string_to_array({0}, {1}, NULL)"),
    ("string_to_array", "text,text,text", "text[]", "rv_string_to_array({0}, {1}, {2})"),
    ("bit_count", "bytea", "int8", "rv_bit_count({0})"),
)
_SETS = (
    ("regexp_split_to_table", "text,text", "rv_regex_split({0}, {1}, '')"),
    ("regexp_split_to_table", "text,text,text", "rv_regex_split({0}, {1}, {2})"),
    ("string_to_table", "text,text", "rv_string_to_array({0}, {1}, NULL)"),
    ("string_to_table", "text,text,text", "rv_string_to_array({0}, {1}, {2})"),
)


def _substring(text: str, start: str, count: str | None = None) -> str:
    """Constant places take DuckDB's function; others take care of places before the string."""
    if start.isdigit() and int(start) > 0:
        if count is None:
            return f"substring({text}, {start})"
        if count.isdigit():
            return f"substring({text}, {start}, {count})"
    if count is None:
        return f"substring({text}, greatest({start}, 1))"
    return f"rv_substring({text}, {start}, {count})"


_TOO_LONG = raising("54000", "requested length too large")
#: The longest value PostgreSQL has, in bytes.
_LONGEST = 2**30 - 1


def _repeat(text: str, count: str) -> str:
    too_long = f"strlen({text}) * CAST({count} AS BIGINT) > {_LONGEST}"
    # Inside the call: of constants DuckDB makes every branch's value beforehand.
    return f"repeat({text}, CASE WHEN {too_long} THEN {_TOO_LONG} ELSE greatest({count}, 0) END)"


def _count_nulls(test: str) -> Callable[..., str]:
    return lambda *args: f"({' + '.join(f'CAST({a} IS {test} AS INTEGER)' for a in args)})"


def _functions() -> Iterator[FunctionDef]:
    for name, args, result, template in _SIMPLE:
        yield function(name, args, result, template)
    for name in ("substring", "substr"):
        yield function(name, "text,int4", "text", _substring)
        yield function(name, "text,int4,int4", "text", _substring)
    yield function("substring", "text,text", "text", "rv_regex_substring({0}, {1})")
    yield function("substring", "bytea,int4,int4", "bytea", "rv_substring_bytes({0}, {1}, {2})")
    yield function("concat", "cstring", "text", lambda *a: f"concat({', '.join(a)})", strict=False, variadic=True)
    yield function(
        "concat_ws",
        "text,cstring",
        "text",
        lambda sep, *a: f"concat_ws({', '.join([sep, *a])})",
        strict=False,
        variadic=True,
    )
    yield function("format", "text", "text", "rv_format({0}, CAST([] AS VARCHAR[]))")
    yield function(
        "format",
        "text,cstring",
        "text",
        lambda f, *a: f"rv_format({f}, CAST([{', '.join(a)}] AS VARCHAR[]))",
        strict=False,
        variadic=True,
    )
    yield function("repeat", "text,int4", "text", _repeat)
    for name, test in (("num_nulls", "NULL"), ("num_nonnulls", "NOT NULL")):
        yield function(name, "any", "int4", _count_nulls(test), strict=False, variadic=True)
    yield function("quote_literal", "cstring", "text", "rv_quote_literal({0})")
    yield function("quote_nullable", "cstring", "text", "coalesce(rv_quote_literal({0}), 'NULL')", strict=False)
    for name, args, template in _SETS:
        yield function(name, args, "text", template, returns_set=True)
    yield function("regexp_matches", "text,text", "text[]", "rv_regex_matches({0}, {1}, '')", returns_set=True)
    yield function("regexp_matches", "text,text,text", "text[]", "rv_regex_matches({0}, {1}, {2})", returns_set=True)


FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())


# ---------------------------------------------------------------- in Python


def _initcap(text: str) -> str:
    result, inside = [], False
    for character in text:
        result.append(character.lower() if inside else character.upper())
        inside = character.isalnum()
    return "".join(result)


def _take(text: str, count: int) -> str:
    return text[:count] if count >= 0 else text[: max(len(text) + count, 0)]


def _take_right(text: str, count: int) -> str:
    if count >= 0:
        return text[max(len(text) - count, 0) :]
    return text[-count:]


def _pad(text: str, length: int, fill: str, left: bool) -> str:
    length = max(length, 0)
    missing = length - len(text)
    if missing <= 0:
        return text[:length]
    if not fill:
        return text
    padding = (fill * (missing // len(fill) + 1))[:missing]
    return padding + text if left else text + padding


def _split_part(text: str, delimiter: str, number: int) -> str:
    if number == 0:
        raise SqlError("22023", "field position must not be zero")
    parts = text.split(delimiter) if delimiter else [text]
    place = number - 1 if number > 0 else len(parts) + number
    return parts[place] if 0 <= place < len(parts) else ""


def _slice(value: str, start: int, count: int) -> str:
    if count < 0:
        raise SqlError("22011", "negative substring length not allowed")
    return value[max(start - 1, 0) : max(start - 1 + count, 0)]


def _slice_bytes(value: bytes, start: int, count: int) -> bytes:
    if count < 0:
        raise SqlError("22011", "negative substring length not allowed")
    return value[max(start - 1, 0) : max(start - 1 + count, 0)]


def _overlay(text: str, new: str, start: int, count: int) -> str:
    if start <= 0:
        raise SqlError("22011", "negative substring length not allowed")
    return text[: start - 1] + new + text[max(start - 1 + count, 0) :]


def _hex(value: int, bits: int) -> str:
    return format(value % (1 << bits), "x")


def _encode(data: bytes, form: str) -> str:
    if form == "hex":
        return data.hex()
    if form == "base64":
        text = base64.b64encode(data).decode()
        return "\n".join(text[i : i + 76] for i in range(0, len(text), 76))
    if form == "escape":
        return "".join("\\\\" if b == 0x5C else chr(b) if 0 < b < 0x80 else f"\\{b:03o}" for b in data)
    raise SqlError("22023", f'unrecognized encoding: "{form}"')


def _decode(text: str, form: str) -> bytes:
    try:
        if form == "hex":
            return bytes.fromhex(text)
        if form == "base64":
            return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise SqlError("22023", f"invalid {form} data") from None
    if form == "escape":
        return text.encode().decode("unicode_escape").encode("latin-1")
    raise SqlError("22023", f'unrecognized encoding: "{form}"')


def quote_literal(text: str) -> str:
    """The text as a string literal; E'...' where it has a backslash."""
    escaped = text.replace("'", "''")
    if "\\" in text:
        doubled = escaped.replace("\\", "\\\\")
        return f" E'{doubled}'"[1:]
    return f"'{escaped}'"


def _chr(code: int) -> str:
    if code < 0:
        raise SqlError("22023", "character number must be positive")
    if code == 0:
        raise SqlError("54000", "null character not permitted")
    if code > 0x10FFFF:
        raise SqlError("54000", f"requested character too large for encoding: {code}")
    if 0xD800 <= code <= 0xDFFF:
        raise SqlError("54000", f"requested character not valid for encoding: {code}")
    return chr(code)


def _like_escape(pattern: str, escape: str) -> str:
    """LIKE's pattern with the standard escape character in place of another."""
    if len(escape) > 1:
        raise SqlError("22025", "invalid escape string", hint="Escape string must be empty or one character.")
    result, rest = [], iter(pattern)
    for character in rest:
        if character == escape:
            following = next(rest, None)
            if following is None:
                raise SqlError("22025", "LIKE pattern must not end with escape character")
            result.append("\\" + following)
        else:
            result.append("\\\\" if character == "\\" else character)
    return "".join(result)


def _string_to_array(text: str | None, delimiter: str | None, null: str | None) -> Sequence[str | None] | None:
    if text is None:
        return None
    if text == "":
        return []
    parts = list(text) if delimiter is None else text.split(delimiter) if delimiter else [text]
    return [None if part == null else part for part in parts]


def _string_agg(values: Sequence[str | None], separators: Sequence[str | None]) -> str | None:
    """string_agg() with a separator a row: the one of a value goes before it."""
    if len(separators) != len(values):
        # DISTINCT took its pick of each by itself.
        if len(separators) != 1:
            raise SqlError("0A000", "string_agg(DISTINCT ...) with a separator that varies is not supported")
        separators = [separators[0]] * len(values)
    parts = [(v, s or "") for v, s in zip(values, separators, strict=True) if v is not None]
    return "".join(v if i == 0 else s + v for i, (v, s) in enumerate(parts)) if parts else None


def _digest(name: str) -> Udf:
    return Udf(f"rv_{name}", lambda data: hashlib.new(name, data).digest(), ("BLOB",), "BLOB")


_T = "VARCHAR"
UDFS: tuple[Udf, ...] = (
    Udf("rv_chr", _chr, ("INTEGER",), _T),
    Udf("rv_initcap", _initcap, (_T,), _T),
    Udf("rv_replace", lambda t, a, b: t.replace(a, b) if a else t, (_T, _T, _T), _T),
    Udf("rv_left", _take, (_T, "INTEGER"), _T),
    Udf("rv_right", _take_right, (_T, "INTEGER"), _T),
    Udf("rv_pad", _pad, (_T, "INTEGER", _T, "BOOLEAN"), _T),
    Udf("rv_reverse", lambda t: t[::-1], (_T,), _T),
    Udf("rv_split_part", _split_part, (_T, _T, "INTEGER"), _T),
    Udf("rv_substring", _slice, (_T, "INTEGER", "INTEGER"), _T),
    Udf("rv_substring_bytes", _slice_bytes, ("BLOB", "INTEGER", "INTEGER"), "BLOB"),
    Udf("rv_overlay", _overlay, (_T, _T, "INTEGER", "INTEGER"), _T),
    Udf("rv_hex", _hex, ("BIGINT", "INTEGER"), _T),
    Udf("rv_md5_bytes", lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(), ("BLOB",), _T),
    *(_digest(name) for name in ("sha224", "sha256", "sha384", "sha512")),
    Udf("rv_encode", _encode, ("BLOB", _T), _T),
    Udf("rv_decode", _decode, (_T, _T), "BLOB"),
    Udf("rv_quote_ident", quote_identifier, (_T,), _T),
    Udf("rv_quote_literal", quote_literal, (_T,), _T),
    Udf("rv_like_escape", _like_escape, (_T, _T), _T),
    Udf("rv_format", format_string, (_T, "VARCHAR[]"), _T),
    Udf("rv_string_to_array", _string_to_array, (_T, _T, _T), "VARCHAR[]", "special"),
    nullable("rv_string_agg", _string_agg, ("VARCHAR[]", "VARCHAR[]"), _T),
    Udf("rv_bit_count", lambda data: sum(b.bit_count() for b in data), ("BLOB",), "BIGINT"),
    *regex.UDFS,
)
