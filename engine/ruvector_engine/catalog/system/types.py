"""pg_type, pg_range, pg_enum and pg_collation: the registry's types with what PostgreSQL says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import made_types
from ruvector_engine.catalog.model import Catalog
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.oids import DEFAULT_COLLATION, OWNER, PG_CLASS, PG_TYPE, namespace_oid
from ruvector_engine.catalog.system.relations import pg_catalog, records
from ruvector_engine.types.registry import ALL_TYPES, BY_NAME, RANGES, TypeRef, UserOid

if TYPE_CHECKING:
    from ruvector_engine.catalog.made_types import MadeType


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """A type as recorded from PostgreSQL, with the OIDs it has here. `extension` is empty for a built-in one."""

    oid: int
    name: str
    extension: str
    length: int
    by_value: bool
    alignment: str
    storage: str
    collation: int
    row: tuple[Any, ...]

    @property
    def schema(self) -> str:
        """The schema the type's name is in: extensions install into public."""
        return "public" if self.extension else "pg_catalog"


_FUNCTIONS = (
    "typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout", "typanalyze", "typsubscript",
)  # fmt: skip


#: enum_in, enum_out, enum_recv, enum_send
_ENUM_FUNCTIONS = {"typinput": 3506, "typoutput": 3507, "typreceive": 3532, "typsend": 3533}


def _extension(name: str) -> str:
    return "ruvector" if name.removeprefix("_") == "ruvector" else "vector"


def _facts(fields: list[str], registered: dict[int, int]) -> TypeFacts:
    oid, name, length, by_value, kind, category, preferred, delimiter, element, array = fields[:10]
    functions = dict(zip(_FUNCTIONS, map(int, fields[10:18]), strict=True))
    alignment, storage, collation = fields[18:]
    number = registered.get(int(oid), int(oid))
    extension = _extension(name) if number >= 15_000 else ""
    row = pg_catalog("pg_type").row(
        oid=number,
        typname=name,
        typnamespace=namespace_oid("public" if extension else "pg_catalog"),
        typowner=OWNER,
        typlen=int(length),
        typbyval=by_value == "t",
        typtype=kind,
        typcategory=category,
        typispreferred=preferred == "t",
        typisdefined=True,
        typdelim=delimiter,
        typelem=registered.get(int(element), int(element)),
        typarray=registered.get(int(array), int(array)),
        typalign=alignment,
        typstorage=storage,
        typtypmod=-1,
        typcollation=int(collation),
        **functions,
    )
    return TypeFacts(number, name, extension, int(length), by_value == "t", alignment, storage, int(collation), row)


@cache
def all_types() -> dict[int, TypeFacts]:
    """Every type that can exist here, by OID: the registry's and the pseudo-types that signatures name."""
    lines = records("types") + records("ruvector_types")
    registered = {int(f[0]): BY_NAME[f[1]].oid for f in lines if f[1] in BY_NAME}
    facts = [_facts(fields, registered) for fields in lines]
    missing = {t.oid for t in ALL_TYPES} - {f.oid for f in facts}
    if missing:
        raise RuntimeError(f"types.tsv lacks {sorted(missing)}: record it again")
    return {f.oid: f for f in facts}


def storage_facts(oid: int) -> TypeFacts:
    """What says how the type's values are stored: an enum is described like int4, an array of them like int4[]."""
    if isinstance(oid, UserOid) and TypeRef(oid).composite is not None:
        return all_types()[type_oids()["record"]]
    if isinstance(oid, UserOid):
        return all_types()[type_oids()["_int4" if oid.pg.element_oid else "int4"]]
    return all_types()[oid]


@cache
def type_functions() -> frozenset[int]:
    """The OIDs of the functions that read, write and describe values of the types."""
    positions = [pg_catalog("pg_type").position[name] for name in _FUNCTIONS]
    found = {facts.row[p] for facts in all_types().values() for p in positions}
    return frozenset(found - {0} | set(_ENUM_FUNCTIONS.values()))


def input_and_output(oid: int) -> tuple[int, int]:
    """The OIDs of the functions that read a type's values from text and write them."""
    if isinstance(oid, UserOid) and TypeRef(oid).enum is not None:
        return _ENUM_FUNCTIONS["typinput"], _ENUM_FUNCTIONS["typoutput"]
    row, position = storage_facts(oid).row, pg_catalog("pg_type").position
    return row[position["typinput"]], row[position["typoutput"]]


@cache
def type_oids() -> dict[str, int]:
    """OID by pg_type name."""
    return {facts.name: facts.oid for facts in all_types().values()}


def existing_types(catalog: Catalog) -> Iterator[TypeFacts]:
    """The types that exist: the built-in ones and those of the extensions that were created."""
    return (t for t in all_types().values() if not t.extension or t.extension in catalog.extensions)


def type_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_type."""
    catalog = context.catalog
    made = [row for definition in made_types.all_types(catalog) for row in _made_rows(catalog, definition)]
    return [*(facts.row for facts in existing_types(context.catalog)), *made]


@cache
def _model(name: str) -> dict[str, Any]:
    """What PostgreSQL says of a type, by column: new types are described after one that is there."""
    relation = pg_catalog("pg_type")
    row = all_types()[type_oids()[name]].row
    return {column: row[position] for column, position in relation.position.items()}


def _owned_as(catalog: Catalog, definition: MadeType) -> tuple[int, int]:
    """Under which key the type's owner stands: the type of a table's rows belongs to the table's."""
    if isinstance(definition, made_types.CompositeDef) and (definition.schema, definition.name) not in catalog.types:
        return PG_CLASS, definition.relation_oid
    return PG_TYPE, definition.oid


def _made_rows(catalog: Catalog, definition: MadeType) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The type's row and that of its array type."""
    row, namespace = pg_catalog("pg_type").row, namespace_oid(definition.schema)
    owner = catalog.authority.owner_of(*_owned_as(catalog, definition))
    own: dict[str, Any]
    if isinstance(definition, made_types.EnumDef):
        own = {**_model("int4"), **_ENUM_FUNCTIONS, "typtype": "e", "typcategory": "E"}
    else:
        own = {**_model("record"), "typtype": "c", "typcategory": "C"}
        own["typrelid"] = definition.relation_oid
    own |= {
        "oid": definition.oid, "typname": definition.name, "typispreferred": False, "typnamespace": namespace,
        "typarray": definition.array_oid, "typowner": owner,
    }  # fmt: skip
    array = {
        **_model("_int4"), "oid": definition.array_oid, "typname": definition.array_name, "typnamespace": namespace,
        "typelem": definition.oid, "typalign": own["typalign"], "typowner": owner,
    }  # fmt: skip
    return row(**own), row(**array)


def enum_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_enum."""
    row = pg_catalog("pg_enum").row
    return [
        row(oid=value.oid, enumtypid=definition.oid, enumsortorder=value.number, enumlabel=value.label)
        for definition in context.catalog.types.values()
        if isinstance(definition, made_types.EnumDef)
        for value in definition.values
    ]


#: Of each range type: its multirange type, which exists by its OID alone; its subtype's operator class; the functions
#: that bring a value to canonical form and that tell how far two bounds are apart.
_RANGES = {
    "int4range": (4451, 1978, 3914, 3922),
    "numrange": (4532, 3125, 0, 3924),
    "tsrange": (4533, 3128, 0, 3929),
    "tstzrange": (4534, 3127, 0, 3930),
    "daterange": (4535, 3122, 3915, 3925),
    "int8range": (4536, 3124, 3928, 3923),
}


def range_rows(_context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_range."""
    row = pg_catalog("pg_range").row
    rows = []
    for pg_range in RANGES:
        multirange, opclass, canonical, difference = _RANGES[pg_range.name]
        rows.append(
            row(
                rngtypid=pg_range.oid,
                rngsubtype=pg_range.subtype,
                rngmultitypid=multirange,
                rngsubopc=opclass,
                rngcanonical=canonical,
                rngsubdiff=difference,
            )
        )
    return rows


def collation_rows(_context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_collation: text compares by code point under every name."""
    row = pg_catalog("pg_collation").row
    common = {
        "collnamespace": namespace_oid("pg_catalog"),
        "collowner": OWNER,
        "collisdeterministic": True,
        "collencoding": -1,
    }
    return [
        row(oid=DEFAULT_COLLATION, collname="default", collprovider="d", **common),
        row(oid=950, collname="C", collprovider="c", collcollate="C", collctype="C", **common),
        row(oid=951, collname="POSIX", collprovider="c", collcollate="POSIX", collctype="POSIX", **common),
    ]


ROWS = {"pg_type": type_rows, "pg_range": range_rows, "pg_enum": enum_rows, "pg_collation": collation_rows}
EMPTY: tuple[str, ...] = ()
