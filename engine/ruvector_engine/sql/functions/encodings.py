"""Functions about encodings: convert and its kin, names and numbers."""

from __future__ import annotations

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.functions.definition import Udf, function, nullable
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.encodings import MAX_BYTES, NAMES, is_served, known_encoding, reader, writer

#: Encodings that PostgreSQL converts among each other; all others only to and from UTF8.
_FAMILIES = (
    frozenset({"KOI8R", "WIN1251", "WIN866", "ISO_8859_5"}),
    frozenset({"LATIN2", "WIN1250"}),
    frozenset({"EUC_JP", "SJIS"}),
)

FUNCTIONS: tuple[FunctionDef, ...] = (
    function("convert", "bytea,name,name", "bytea", "rv_convert({0}, {1}, {2})"),
    function("convert_from", "bytea,name", "text", "rv_convert_from({0}, {1})"),
    function("convert_to", "text,name", "bytea", "rv_convert_to({0}, {1})"),
    function("length", "bytea,name", "int4", "rv_encoded_length({0}, {1})"),
    function("getdatabaseencoding", "", "name", "'UTF8'"),
    function("pg_char_to_encoding", "name", "int4", "rv_encoding_number({0})"),
    function("pg_encoding_to_char", "int4", "name", "rv_encoding_name({0})"),
    function("pg_encoding_max_length", "int4", "int4", "rv_encoding_max_length({0})"),
)


def _encoding(name: str, role: str) -> str:
    known = known_encoding(name)
    if known is None:
        raise SqlError("22023", f'invalid {role} encoding name "{name}"')
    return known


def _convert(data: bytes, source_name: str, target_name: str) -> bytes:
    source, target = _encoding(source_name, "source"), _encoding(target_name, "destination")
    if source == "SQL_ASCII":  # which nothing is converted from, but it must be what is asked for
        return _verified(data, target)
    if target == "SQL_ASCII":
        return _verified(data, source)
    if source == target:
        return _verified(data, source)
    pair = {source, target}
    if "UTF8" not in pair and not any(pair <= family for family in _FAMILIES):
        problem = f'default conversion function for encoding "{source}" to "{target}" does not exist'
        raise SqlError("42883", problem)
    _require_served(source)
    _require_served(target)
    return writer(target)(reader(source)(data))


def _verified(data: bytes, encoding: str) -> bytes:
    """The data, if they are characters of the encoding; SQL_ASCII takes all but zero bytes."""
    if encoding == "SQL_ASCII":
        reader("LATIN1")(data)
        return data
    _require_served(encoding)
    try:
        reader(encoding)(data)
    except SqlError as error:
        if error.sqlstate != "22P05":  # a character without an equivalent is one all the same
            raise
    return data


def _require_served(encoding: str) -> None:
    if not is_served(encoding):
        raise not_supported(f"conversion between {encoding} and UTF8 is not supported")


def _convert_from(data: bytes, source: str) -> str:
    return reader("UTF8")(_convert(data, source, "UTF8"))


def _convert_to(text: str, target: str) -> bytes:
    return _convert(text.encode(), "UTF8", target)


def _length(data: bytes, name: str) -> int:
    encoding = _encoding(name, "source")
    if encoding == "SQL_ASCII":
        return len(_verified(data, encoding))
    _require_served(encoding)
    return len(reader(encoding)(data))


def _number(name: str) -> int:
    known = known_encoding(name)
    return -1 if known is None else NAMES.index(known)


def _name(number: int) -> str:
    return NAMES[number] if 0 <= number < len(NAMES) else ""


def _max_length(number: int) -> int | None:
    return MAX_BYTES.get(NAMES[number], 1) if 0 <= number < len(NAMES) else None


UDFS: tuple[Udf, ...] = (
    Udf("rv_convert", _convert, ("BLOB", "VARCHAR", "VARCHAR"), "BLOB"),
    Udf("rv_convert_from", _convert_from, ("BLOB", "VARCHAR"), "VARCHAR"),
    Udf("rv_convert_to", _convert_to, ("VARCHAR", "VARCHAR"), "BLOB"),
    Udf("rv_encoded_length", _length, ("BLOB", "VARCHAR"), "INTEGER"),
    Udf("rv_encoding_number", _number, ("VARCHAR",), "INTEGER"),
    Udf("rv_encoding_name", _name, ("INTEGER",), "VARCHAR"),
    nullable("rv_encoding_max_length", _max_length, ("INTEGER",), "INTEGER"),
)
