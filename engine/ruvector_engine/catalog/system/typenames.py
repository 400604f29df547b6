"""Types in text: format_type's spelling, and the names that regtype and to_regtype read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ruvector_engine.catalog import made_types
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.catalog.system.names import quote_identifier, split_name
from ruvector_engine.catalog.system.types import TypeFacts, all_types, type_oids
from ruvector_engine.errors import SqlError
from ruvector_engine.types.registry import BY_NAME, BY_OID

if TYPE_CHECKING:
    from ruvector_engine.catalog.made_types import MadeType

#: The grammar's own words for built-in types, beside format_type's.
_KEYWORD_NAMES = {
    "int": "int4", "integer": "int4", "bigint": "int8", "smallint": "int2", "real": "float4", "float": "float8",
    "double precision": "float8", "decimal": "numeric", "dec": "numeric", "numeric": "numeric",
    "boolean": "bool", "character varying": "varchar", "char varying": "varchar", "character": "bpchar",
    "char": "bpchar", "national character": "bpchar", "nchar": "bpchar", "time": "time", "timestamp": "timestamp",
    "time without time zone": "time", "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz", "time with time zone": "timetz", "interval": "interval",
    "bit varying": "varbit",
}  # fmt: skip
#: Bits of an interval's modifier to the fields it names.
_INTERVAL_FIELDS = {
    1 << 2: " year", 1 << 1: " month", 1 << 3: " day", 1 << 10: " hour", 1 << 11: " minute", 1 << 12: " second",
    1 << 2 | 1 << 1: " year to month", 1 << 3 | 1 << 10: " day to hour", 1 << 3 | 1 << 10 | 1 << 11: " day to minute",
    1 << 3 | 1 << 10 | 1 << 11 | 1 << 12: " day to second", 1 << 10 | 1 << 11: " hour to minute",
    1 << 10 | 1 << 11 | 1 << 12: " hour to second", 1 << 11 | 1 << 12: " minute to second",
}  # fmt: skip
_MODIFIER = re.compile(r"\s*\(\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\)")
_ARRAY = re.compile(r"(?:\s*\[\s*\d*\s*\])+\s*\Z|\s+array\s*(?:\[\s*\d+\s*\])?\s*\Z", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_FLOAT4_BITS = 24


def pg_format_type(lookup: Lookup, oid: int | None, typmod: int | None = -1) -> str | None:
    """format_type() as SQL has it: NULL for a NULL type."""
    return None if oid is None else format_type(lookup, oid, typmod)


def format_type(lookup: Lookup, oid: int, typmod: int | None = None) -> str:
    """The SQL spelling of a type. `typmod` None (none asked for) differs from -1 for character and bit only."""
    facts = all_types().get(oid)
    if oid == 0:
        return "-"
    made = made_types.made_type(lookup.catalog, oid)
    if made is not None:
        return _made_name(lookup, made) + ("[]" if oid == made.array_oid else "")
    if facts is None or (facts.extension and facts.extension not in lookup.catalog.extensions):
        return "???"
    if facts.name.startswith("_"):
        element = next((f for f in all_types().values() if f"_{f.name}" == facts.name), None)
        if element is not None:
            return format_type(lookup, element.oid, typmod) + "[]"
    modifier = -1 if typmod is None else typmod
    if facts.name == "bpchar":
        if typmod is None:
            return "character"
        return "bpchar" if modifier < 0 else f"character({modifier - 4})"
    if facts.name == "bit" and modifier < 0:
        # BIT alone means BIT(1) in SQL.
        return "bit" if typmod is None else '"bit"'
    suffix = "" if modifier < 0 else type_modifier(facts.name, modifier)
    name = _name(lookup, facts)
    for zone in (" without time zone", " with time zone"):
        if name.endswith(zone):
            return name.removesuffix(zone) + suffix + zone
    return name + suffix


def type_modifier(name: str, typmod: int) -> str:
    """A type's modifier, which is not -1, in parentheses; empty for types that have none."""
    match name:
        case "varchar":
            return f"({typmod - 4})"
        case "numeric":
            scale = ((typmod - 4) & 0x7FF ^ 1024) - 1024
            return f"({(typmod - 4) >> 16 & 0xFFFF},{scale})"
        case "interval":
            fields = _INTERVAL_FIELDS.get(typmod >> 16 & 0x7FFF, "")
            return fields if typmod & 0xFFFF == 0xFFFF else f"{fields}({typmod & 0xFFFF})"
        case (
            "timestamp"
            | "timestamptz"
            | "time"
            | "timetz"
            | "vector"
            | "halfvec"
            | "sparsevec"
            | "ruvector"
            | "bit"
            | "varbit"
        ):
            return f"({typmod})"
        case _:
            return ""


def type_schema(lookup: Lookup, oid: int) -> str | None:
    """The schema that a type's name is in; None for an OID that is no type's."""
    facts = all_types().get(oid)
    if facts is not None:
        return facts.schema
    made = made_types.made_type(lookup.catalog, oid)
    return None if made is None else made.schema


def type_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of a type finds it; None for an OID that is no type's."""
    facts = all_types().get(oid)
    if facts is not None:
        return facts.schema in lookup.search_path
    made = made_types.made_type(lookup.catalog, oid)
    names = {} if made is None else {number: name for name, number in made.oid_by_name.items()}
    return find_type(lookup, None, names[oid]) == oid if oid in names else None


def _made_name(lookup: Lookup, made: MadeType) -> str:
    """The name with its schema where the bare name would mean another type, or none."""
    name = quote_identifier(made.name)
    return name if find_type(lookup, None, made.name) == made.oid else f"{quote_identifier(made.schema)}.{name}"


def _name(lookup: Lookup, facts: TypeFacts) -> str:
    registered = BY_OID.get(facts.oid)
    if registered is not None and not facts.extension:
        return registered.sql_name
    name = '"any"' if facts.name == "any" else quote_identifier(facts.name)
    return name if facts.schema in lookup.search_path else f"{facts.schema}.{name}"


def to_regtype(lookup: Lookup, text: str) -> int | None:
    """The OID of the type a text names, or None. SqlError when the text is no type name at all."""
    body = text.strip()
    array = _ARRAY.search(body)
    if array:
        body = body[: array.start()].rstrip()
    found = _scalar(lookup, body)
    if found is None or not array:
        return found
    made = made_types.made_type(lookup.catalog, found)
    if made is not None:
        return made.array_oid
    facts = all_types()[found]
    return type_oids().get(f"_{facts.name}")


def _scalar(lookup: Lookup, body: str) -> int | None:
    modifier = _MODIFIER.search(body)
    plain = _MODIFIER.sub("", body, count=1) if modifier else body
    words = _SPACES.sub(" ", plain.strip()).lower()
    if words in _KEYWORD_NAMES:
        name = _KEYWORD_NAMES[words]
        if words == "float" and modifier and int(modifier[1]) <= _FLOAT4_BITS:
            name = "float4"
        return BY_NAME[name].oid
    try:
        parts = split_name(plain)
    except SqlError:
        raise SqlError("42601", f'syntax error at or near "{words.split(" ")[-1]}"') from None
    schema = parts[-2] if len(parts) > 1 else None
    if schema is not None and not lookup.has_schema(schema):
        raise SqlError("3F000", f'schema "{schema}" does not exist')
    return find_type(lookup, schema, parts[-1])


def find_type(lookup: Lookup, schema: str | None, name: str) -> int | None:
    """The OID of the type of that pg_type name, when it exists and the path (or `schema`) leads to it."""
    oid = type_oids().get(name)
    places = (schema,) if schema else lookup.search_path
    if oid is not None:
        facts = all_types()[oid]
        there = not facts.extension or facts.extension in lookup.catalog.extensions
        if there and facts.schema in places:
            return oid
    found = (made_types.oid_of_name(lookup.catalog, place, name) for place in places)
    return next((oid for oid in found if oid is not None), None)


def regtype_in(lookup: Lookup, text: str) -> int:
    """Read a regtype: a type's name, an OID in digits, or - for 0."""
    if text == "-":
        return 0
    if text.isdigit():
        return int(text)
    oid = to_regtype(lookup, text)
    if oid is None:
        raise SqlError("42704", f'type "{text}" does not exist')
    return oid


def regtype_out(lookup: Lookup, oid: int) -> str:
    """Print a regtype; an OID that is no type's prints as digits."""
    if oid == 0:
        return "-"
    name = format_type(lookup, oid, None)
    return str(oid) if name == "???" else name
