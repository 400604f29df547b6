"""The types that exist: name, OID, array type, category. One table; everything else looks here.

OIDs of built-in types are PostgreSQL's own (pg_type.dat); pgvector's get an OID when the extension is created
there, and a fixed one here, so that clients may keep them across restarts.

The Python form of a value, by type:

    bool -> bool; int2, int4, int8, oid, xid, xid8 and the reg* types -> int
    float4, float8 -> float; numeric -> Decimal
    text, varchar, bpchar, name, json, jsonb, "char", unknown -> str; bytea -> bytes; uuid -> uuid.UUID
    bit, varbit -> str of "0" and "1"; macaddr, macaddr8, aclitem, tsvector, tsquery, jsonpath -> str, canonical
    inet, cidr -> bytes, see networks.py
    date -> int, days since 2000-01-01; timestamp, timestamptz -> int, microseconds since 2000-01-01 (UTC)
    timetz -> int, see timetzs.py; time -> int, microseconds since midnight; interval -> (months, days, microseconds)
    vector, ruvector -> bytes: float32 little-endian, 4 bytes a dimension
    halfvec -> bytes: float16 little-endian, 2 bytes a dimension
    sparsevec -> bytes: int32 dimensions and number of elements, int32 indices from 0, float32 values; little-endian
    a range -> ranges.Range; an enum -> str, the label; a composite type -> tuple of its fields' forms
    T[] -> list of the element's form, see array_values for more dimensions; NULL -> None everywhere

Types that CREATE TYPE makes are in no table here: each database has its own. Their OIDs know their type (`UserOid`), so
that whatever has the OID can ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

DATE_INFINITY = 2**31 - 1
DATE_MINUS_INFINITY = -(2**31)
TIMESTAMP_INFINITY = 2**63 - 1
TIMESTAMP_MINUS_INFINITY = -(2**63)

#: pgvector's limits on what a column of `vector` or `halfvec`, and of `sparsevec`, can hold.
VECTOR_MAX_DIM = 16_000
SPARSEVEC_MAX_DIM = 1_000_000_000
SPARSEVEC_MAX_ELEMENTS = 16_000

Value: TypeAlias = object  # one of the forms above, or None for NULL


@dataclass(frozen=True, slots=True)
class PgType:
    """A type as pg_type describes it. `length` is typlen: bytes, or -1 for variable length."""

    name: str
    oid: int
    array_oid: int
    length: int
    category: str
    preferred: bool = False
    element_oid: int = 0  # for an array type: its element
    display: str = ""  # format_type()'s spelling where it differs from `name`

    @property
    def sql_name(self) -> str:
        """The name PostgreSQL prints in messages, e.g. "integer" for int4."""
        return self.display or self.name


@dataclass(frozen=True, slots=True)
class EnumType(PgType):
    """An enum: its labels from the least to the greatest, and the numbers that sort so (pg_enum.enumsortorder)."""

    labels: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class RangeType(PgType):
    """A range type, over the values of its subtype."""

    subtype: int = 0


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field of a composite type."""

    name: str
    type: TypeRef
    attnum: int


@dataclass(frozen=True, slots=True)
class CompositeType(PgType):
    """A composite type, or the type of a table's rows."""

    attributes: tuple[Attribute, ...] = ()


class UserOid(int):
    """The OID of a type that CREATE TYPE made: an int that knows its type.

    `pg` is the type as it was when the name was resolved; ALTER TYPE gives the catalog OIDs that know the new one.
    Equal to the plain number; what caches remember for an OID of one database never serves another kind of type.
    """

    pg: PgType

    def __new__(cls, oid: int, pg: PgType) -> UserOid:
        """The OID `oid` of `pg`."""
        made = super().__new__(cls, oid)
        made.pg = pg
        return made

    def __eq__(self, other: object) -> bool:
        if isinstance(other, UserOid) and _kind(other.pg) != _kind(self.pg):
            return False
        return int.__eq__(self, other) is True if isinstance(other, int) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__


def _kind(pg: PgType) -> tuple[str, str]:
    element = pg.element_oid
    return pg.category, element.pg.category if isinstance(element, UserOid) else ""


class _Types(dict[int, PgType]):
    """The types by OID: the table's, and those that a `UserOid` brings along."""

    def __missing__(self, oid: int) -> PgType:
        if isinstance(oid, UserOid):
            return oid.pg
        raise KeyError(oid)

    def __contains__(self, oid: object) -> bool:
        return isinstance(oid, UserOid) or super().__contains__(oid)

    def get(self, oid: int, default: Any = None) -> Any:
        return oid.pg if isinstance(oid, UserOid) else super().get(oid, default)


_SCALARS = (
    PgType("bool", 16, 1000, 1, "B", True, display="boolean"),
    PgType("bytea", 17, 1001, -1, "U"),
    PgType("char", 18, 1002, 1, "Z", display='"char"'),
    PgType("name", 19, 1003, 64, "S"),
    PgType("int8", 20, 1016, 8, "N", display="bigint"),
    PgType("int2", 21, 1005, 2, "N", display="smallint"),
    PgType("int2vector", 22, 1006, -1, "A", element_oid=21),
    PgType("int4", 23, 1007, 4, "N", display="integer"),
    PgType("regproc", 24, 1008, 4, "N"),
    PgType("text", 25, 1009, -1, "S", True),
    PgType("oid", 26, 1028, 4, "N", True),
    PgType("xid", 28, 1011, 4, "U"),
    PgType("oidvector", 30, 1013, -1, "A", element_oid=26),
    PgType("json", 114, 199, -1, "U"),
    PgType("xid8", 5069, 271, 8, "U"),
    PgType("cidr", 650, 651, -1, "I"),
    PgType("float4", 700, 1021, 4, "N", display="real"),
    PgType("float8", 701, 1022, 8, "N", True, display="double precision"),
    PgType("unknown", 705, 0, -2, "X"),
    PgType("macaddr8", 774, 775, 8, "U"),
    PgType("macaddr", 829, 1040, 6, "U"),
    PgType("inet", 869, 1041, -1, "I", True),
    PgType("aclitem", 1033, 1034, 16, "U"),
    PgType("bpchar", 1042, 1014, -1, "S", display="character"),
    PgType("varchar", 1043, 1015, -1, "S", display="character varying"),
    PgType("date", 1082, 1182, 4, "D"),
    PgType("time", 1083, 1183, 8, "D", display="time without time zone"),
    PgType("timestamp", 1114, 1115, 8, "D", display="timestamp without time zone"),
    PgType("timestamptz", 1184, 1185, 8, "D", True, display="timestamp with time zone"),
    PgType("interval", 1186, 1187, 16, "T", True),
    PgType("timetz", 1266, 1270, 12, "D", display="time with time zone"),
    PgType("bit", 1560, 1561, -1, "V"),
    PgType("varbit", 1562, 1563, -1, "V", True, display="bit varying"),
    PgType("numeric", 1700, 1231, -1, "N"),
    PgType("regclass", 2205, 2210, 4, "N"),
    PgType("regtype", 2206, 2211, 4, "N"),
    PgType("record", 2249, 2287, -1, "P"),
    PgType("void", 2278, 0, 4, "P"),
    PgType("uuid", 2950, 2951, 16, "U"),
    PgType("tsvector", 3614, 3643, -1, "U"),
    PgType("tsquery", 3615, 3645, -1, "U"),
    PgType("regconfig", 3734, 3735, 4, "N"),
    PgType("regdictionary", 3769, 3770, 4, "N"),
    PgType("jsonb", 3802, 3807, -1, "U"),
    PgType("cstring", 2275, 1263, -2, "P"),
    PgType("jsonpath", 4072, 4073, -1, "U"),
    PgType("regnamespace", 4089, 4090, 4, "N"),
    PgType("regrole", 4096, 4097, 4, "N"),
    RangeType("int4range", 3904, 3905, -1, "R", subtype=23),
    RangeType("numrange", 3906, 3907, -1, "R", subtype=1700),
    RangeType("tsrange", 3908, 3909, -1, "R", subtype=1114),
    RangeType("tstzrange", 3910, 3911, -1, "R", subtype=1184),
    RangeType("daterange", 3912, 3913, -1, "R", subtype=1082),
    RangeType("int8range", 3926, 3927, -1, "R", subtype=20),
    PgType("vector", 16388, 16389, -1, "U"),
    PgType("ruvector", 16390, 16391, -1, "U"),
    PgType("halfvec", 16392, 16393, -1, "U"),
    PgType("sparsevec", 16394, 16395, -1, "U"),
)
_ARRAYS = tuple(
    PgType(f"_{t.name}", t.array_oid, 0, -1, "A", element_oid=t.oid, display=f"{t.sql_name}[]")
    for t in _SCALARS
    if t.array_oid
)

RANGES: tuple[RangeType, ...] = tuple(t for t in _SCALARS if isinstance(t, RangeType))
ALL_TYPES: tuple[PgType, ...] = _SCALARS + _ARRAYS
BY_OID: dict[int, PgType] = _Types({t.oid: t for t in ALL_TYPES})
BY_NAME: dict[str, PgType] = {t.name: t for t in ALL_TYPES}

BOOL, BYTEA, INT2, INT4, INT8 = (BY_NAME[n].oid for n in ("bool", "bytea", "int2", "int4", "int8"))
FLOAT4, FLOAT8, NUMERIC = (BY_NAME[n].oid for n in ("float4", "float8", "numeric"))
TEXT, VARCHAR, BPCHAR, NAME, UNKNOWN = (BY_NAME[n].oid for n in ("text", "varchar", "bpchar", "name", "unknown"))
CSTRING = BY_NAME["cstring"].oid
DATE, TIME, TIMESTAMP, TIMESTAMPTZ = (BY_NAME[n].oid for n in ("date", "time", "timestamp", "timestamptz"))
TIMETZ, NUMRANGE = BY_NAME["timetz"].oid, BY_NAME["numrange"].oid
BIT, VARBIT, INET, MACADDR, ACLITEM = (BY_NAME[n].oid for n in ("bit", "varbit", "inet", "macaddr", "aclitem"))
CIDR, MACADDR8, XID8 = (BY_NAME[n].oid for n in ("cidr", "macaddr8", "xid8"))
INTERVAL, UUID, JSON, JSONB = (BY_NAME[n].oid for n in ("interval", "uuid", "json", "jsonb"))
JSONPATH = BY_NAME["jsonpath"].oid
OID, REGCLASS, REGTYPE, RECORD, VOID = (BY_NAME[n].oid for n in ("oid", "regclass", "regtype", "record", "void"))
TSVECTOR, TSQUERY, REGCONFIG = (BY_NAME[n].oid for n in ("tsvector", "tsquery", "regconfig"))
VECTOR, RUVECTOR = (BY_NAME[n].oid for n in ("vector", "ruvector"))

HALFVEC, SPARSEVEC = (BY_NAME[n].oid for n in ("halfvec", "sparsevec"))

#: The types whose values are float32 vectors.
VECTOR_TYPES = frozenset({VECTOR, RUVECTOR})
#: The types that a vector index can be over.
SEARCHABLE_TYPES = VECTOR_TYPES | {HALFVEC, SPARSEVEC, BIT}
#: Types whose text is the name of a catalog object: read with the catalog, not by a text function.
NAME_TYPES = frozenset(t.oid for t in _SCALARS if t.name.startswith("reg"))
#: Types that exist once their extension was created, with the limit on their dimensions.
DIMENSION_LIMITS = {
    **dict.fromkeys((VECTOR, RUVECTOR, HALFVEC), VECTOR_MAX_DIM),
    SPARSEVEC: SPARSEVEC_MAX_DIM,
}


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type with its modifier, as a column or an expression has it.

    `typmod` is PostgreSQL's: -1 for none; n + 4 for varchar(n); ((p << 16) | s) + 4 for numeric(p, s);
    n for bit(n) and varbit(n); the number of dimensions for vector(n), halfvec(n) and sparsevec(n).

    `shaped`, of an array: values may have several dimensions, or lower bounds other than 1, so that DuckDB holds them
    with their shape. It is no part of PostgreSQL's type: analysis knows it of every expression.
    """

    oid: int
    typmod: int = -1
    shaped: bool = False

    @property
    def pg(self) -> PgType:
        """The registry's entry."""
        return BY_OID[self.oid]

    @property
    def enum(self) -> EnumType | None:
        """The enum that this is, if it is one."""
        return self.oid.pg if isinstance(self.oid, UserOid) and isinstance(self.oid.pg, EnumType) else None

    @property
    def range(self) -> RangeType | None:
        """The range type that this is, if it is one."""
        found = BY_OID.get(self.oid)
        return found if isinstance(found, RangeType) else None

    @property
    def composite(self) -> CompositeType | None:
        """The composite type that this is, if it is one."""
        return self.oid.pg if isinstance(self.oid, UserOid) and isinstance(self.oid.pg, CompositeType) else None

    @property
    def is_array(self) -> bool:
        """Whether values may have any shape: int2vector and oidvector have elements, yet are no array types."""
        return self.pg.element_oid != 0 and self.pg.name.startswith("_")

    @property
    def is_vector(self) -> bool:
        """Whether values are float32 vectors."""
        return self.oid in VECTOR_TYPES

    @property
    def is_searchable(self) -> bool:
        """Whether a nearest-neighbour search can go over the values: vectors of every kind, and bits."""
        return self.oid in SEARCHABLE_TYPES
