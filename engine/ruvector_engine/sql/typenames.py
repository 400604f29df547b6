"""Type names in SQL to types and modifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ruvector_engine.catalog.made_types import MadeType, named_type
from ruvector_engine.catalog.model import Catalog
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.database_names import require_own
from ruvector_engine.sql.raw import guard, kind_of, position, strings
from ruvector_engine.types.registry import (
    BIT,
    BPCHAR,
    BY_NAME,
    BY_OID,
    DIMENSION_LIMITS,
    INTERVAL,
    NUMERIC,
    RANGES,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    VARBIT,
    VARCHAR,
    PgType,
    TypeRef,
)

_HANDLED = frozenset({"names", "typmods", "typemod", "array_bounds", "location"})
_MAX_LENGTH = 10_485_760
_MAX_BITS = 83_886_080
#: Names the grammar leaves as they are because they are no keywords there.
_ALIASES = {"datetime": "timestamp", "int": "int4", "integer": "int4", "bigint": "int8", "smallint": "int2"}
_MAX_PRECISION = 1000
_MAX_TIME_PRECISION = 6
#: In the modifier of an interval: no precision was given.
_NO_PRECISION = 0xFFFF


def find_type(name: str) -> PgType | None:
    """The type of that (internal) name; a trailing [] or a leading _ means its array."""
    if name.startswith("_") and name not in BY_NAME and name[1:] in BY_NAME:
        return BY_NAME.get(name)
    return BY_NAME.get(name) or BY_NAME.get(_ALIASES.get(name, ""))


#: Types that exist once their extension does.
EXTENSION_TYPES = {"vector": "vector", "halfvec": "vector", "sparsevec": "vector", "ruvector": "ruvector"}
#: The OIDs of these, and of the types of their arrays, with the extension.
EXTENSION_OIDS = {
    oid: extension
    for name, extension in EXTENSION_TYPES.items()
    for oid in (BY_NAME[name].oid, BY_NAME[name].array_oid)
}


_MULTIRANGES = frozenset(t.name.replace("range", "multirange") for t in RANGES)


def resolve_type(node: Any, catalog: Catalog | None = None, search_path: Sequence[str] = ()) -> TypeRef:
    """The type a TypeName node means; 42704 when there is none.

    With a catalog, the types of extensions exist only where the extension was created, and those that CREATE TYPE made
    are found along the search path.
    """
    guard(node, _HANDLED)
    names = strings(node.names)
    if len(names) == 3 and catalog is not None:
        require_own(catalog, names, relation=False)
        del names[0]
    made = None if catalog is None else made_type(names, catalog, search_path)
    if made is not None:
        if node.typmods:
            raise SqlError(
                "42601", f'type modifier is not allowed for type "{made.name}"', position=position(node.location)
            )
        return TypeRef(made.array_type_oid if node.array_bounds else made.type_oid)
    if len(names) > 2 or (len(names) == 2 and names[0] not in ("pg_catalog", "public")):
        raise _missing(".".join(names), node)
    found = find_type(names[-1])
    if found is None and names[-1] == "money":
        raise not_supported("type money is not supported", hint="Use numeric.", position=position(node.location))
    if found is None or (len(names) == 2 and names[0] == "public" and found.oid not in DIMENSION_LIMITS):
        raise _missing(".".join(names), node)
    if catalog is not None and EXTENSION_TYPES.get(found.name, "") not in ("", *catalog.extensions):
        raise _missing(".".join(names), node)
    try:
        typmod = _typmod(found, [_modifier(m) for m in node.typmods], node)
    except SqlError as error:
        error.position = position(node.location)
        raise
    if not node.array_bounds:
        return TypeRef(found.oid, typmod)
    if not found.array_oid:
        raise SqlError("42704", f"could not find array type for data type {found.sql_name}")
    return TypeRef(found.array_oid, typmod)


def made_type(names: Sequence[str], catalog: Catalog, search_path: Sequence[str]) -> MadeType | None:
    """The type that CREATE TYPE or CREATE TABLE made under that name; a built-in one of the same name goes before."""
    if len(names) > 1:
        return named_type(catalog, names[-2], names[-1])
    if find_type(names[-1]) is not None:
        return None
    found = (named_type(catalog, place, names[-1]) for place in search_path)
    return next((made for made in found if made is not None), None)


def resolve_column_type(column: str, node: Any, catalog: Catalog, search_path: Sequence[str]) -> TypeRef:
    """The type a column is declared with; 42P16 for a pseudo-type, which no column can have."""
    found = resolve_type(node, catalog, search_path)
    element = BY_OID.get(found.pg.element_oid, found.pg)
    if element.category in "PX":
        raise SqlError("42P16", f'column "{column}" has pseudo-type {found.pg.sql_name}')
    return found


def _missing(name: str, node: Any) -> SqlError:
    if name.removeprefix("pg_catalog.") in _MULTIRANGES:
        problem = f"type {name} is not supported"
        return not_supported(problem, hint="Use an array of ranges.", position=position(node.location))
    return SqlError("42704", f'type "{name}" does not exist', position=position(node.location))


def _modifier(node: Any) -> int | str:
    kind, message = kind_of(node)
    if kind == "a_const":
        which = message.WhichOneof("val")
        if which == "ival":
            return int(message.ival.ival)
        if which == "sval":
            return str(message.sval.sval)
        if which == "fval":
            raise SqlError("22P02", f'invalid input syntax for type integer: "{message.fval.fval}"')
    if kind == "column_ref":
        return strings(message.fields)[0]
    raise SqlError("42601", "type modifiers must be simple constants or identifiers")


def _typmod(pg_type: PgType, modifiers: Sequence[int | str], node: Any) -> int:
    if not modifiers:
        return -1
    if not all(isinstance(m, int) or m.lstrip("-").isdigit() for m in modifiers):
        raise SqlError("22P02", f'invalid input syntax for type integer: "{modifiers[0]}"')
    numbers = [int(m) for m in modifiers]
    if pg_type.oid in DIMENSION_LIMITS:
        return dimensions_modifier(pg_type, numbers)
    if pg_type.oid in (VARCHAR, BPCHAR):
        return _length("varchar" if pg_type.oid == VARCHAR else "char", numbers, _MAX_LENGTH) + 4
    if pg_type.oid in (BIT, VARBIT):
        return _length(pg_type.name, numbers, _MAX_BITS)
    if pg_type.oid == NUMERIC:
        return _precision(numbers)
    if pg_type.oid in (TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ):
        return _time_precision(numbers[0], pg_type.name.removesuffix("tz").upper(), pg_type.name.endswith("tz"))
    if pg_type.oid == INTERVAL:
        precision = _NO_PRECISION if len(numbers) < 2 else _time_precision(numbers[1], "INTERVAL", False)
        return numbers[0] << 16 | precision
    raise SqlError("42601", f'type modifier is not allowed for type "{pg_type.name}"', position=position(node.location))


def _time_precision(digits: int, name: str, zoned: bool) -> int:
    if digits < 0:
        raise SqlError("22023", f"{name}({digits}){' WITH TIME ZONE' * zoned} precision must not be negative")
    return min(digits, _MAX_TIME_PRECISION)


def dimensions_modifier(pg_type: PgType, numbers: Sequence[int]) -> int:
    """The modifier that the numbers behind a vector type's name mean; 22023 for others."""
    if len(numbers) != 1:
        raise SqlError("22023", "invalid type modifier")
    if numbers[0] < 1:
        raise SqlError("22023", f"dimensions for type {pg_type.name} must be at least 1")
    limit = DIMENSION_LIMITS[pg_type.oid]
    if numbers[0] > limit:
        raise SqlError("22023", f"dimensions for type {pg_type.name} cannot exceed {limit}")
    return numbers[0]


def _length(name: str, numbers: Sequence[int], limit: int) -> int:
    if len(numbers) != 1:
        raise SqlError("22023", "invalid type modifier")
    if numbers[0] < 1:
        raise SqlError("22023", f"length for type {name} must be at least 1")
    if numbers[0] > limit:
        raise SqlError("22023", f"length for type {name} cannot exceed {limit}")
    return numbers[0]


def _precision(numbers: Sequence[int]) -> int:
    if len(numbers) > 2:
        raise SqlError("22023", "invalid NUMERIC type modifier")
    precision, scale = numbers[0], numbers[1] if len(numbers) == 2 else 0
    if not 1 <= precision <= _MAX_PRECISION:
        raise SqlError("22023", f"NUMERIC precision {precision} must be between 1 and {_MAX_PRECISION}")
    if not -_MAX_PRECISION <= scale <= _MAX_PRECISION:
        raise SqlError("22023", f"NUMERIC scale {scale} must be between -{_MAX_PRECISION} and {_MAX_PRECISION}")
    return ((precision << 16) | (scale & 0x7FF)) + 4
