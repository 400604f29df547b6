"""Types that CREATE TYPE ... AS ENUM made: the catalog's entry, and the OIDs that know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ruvector_engine.types.registry import EnumType, PgType, UserOid


@dataclass(frozen=True, slots=True)
class EnumValue:
    """One value. `number` is pg_enum.enumsortorder: values sort by it, and it never changes."""

    oid: int
    label: str
    number: float


@dataclass(frozen=True, slots=True)
class EnumDef:
    """An enum and its array type. `values` go from the least to the greatest."""

    oid: int
    array_oid: int
    schema: str
    name: str
    array_name: str
    values: tuple[EnumValue, ...]

    @property
    def type_oid(self) -> UserOid:
        """The OID that knows the type."""
        return _oids(self)[0]

    @property
    def array_type_oid(self) -> UserOid:
        """The OID of the array type, which knows that."""
        return _oids(self)[1]

    @property
    def oid_by_name(self) -> dict[str, int]:
        """The enum's and the array type's OID by pg_type name."""
        return {self.name: self.oid, self.array_name: self.array_oid}

    @property
    def sql_name(self) -> str:
        """The name as messages have it: with its schema when that is not on the usual search path."""
        from ruvector_engine.catalog.system.names import quote_identifier  # which needs the types itself

        name = quote_identifier(self.name)
        return name if self.schema == "public" else f"{quote_identifier(self.schema)}.{name}"


@lru_cache(maxsize=1024)
def _oids(definition: EnumDef) -> tuple[UserOid, UserOid]:
    array = PgType(definition.array_name, definition.array_oid, 0, -1, "A", display=f"{definition.sql_name}[]")
    array_oid = UserOid(definition.array_oid, array)
    enum = EnumType(
        definition.name,
        definition.oid,
        array_oid,
        4,
        "E",
        display=definition.sql_name,
        labels=tuple(v.label for v in definition.values),
        numbers=tuple(v.number for v in definition.values),
    )
    oid = UserOid(definition.oid, enum)
    # The element's type names the array's and the other way round.
    array_oid.pg = PgType(array.name, definition.array_oid, 0, -1, "A", element_oid=oid, display=array.display)
    return oid, array_oid


def decode(body: Mapping[str, Any]) -> EnumDef:
    """The entry from its stored form."""
    return EnumDef(**{**body, "values": tuple(EnumValue(**value) for value in body["values"])})
