"""Composite types: those that CREATE TYPE ... AS (...) made, and the row type of every table and view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import ColumnDef
from ruvector_engine.types.registry import Attribute, CompositeType, PgType, TypeRef, UserOid

if TYPE_CHECKING:
    from ruvector_engine.catalog.model import TableDef, ViewDef

#: A table's row type has the table's OID and this, the array type of it the table's OID and twice this: no OID that
#: is counted up to ever comes there.
ROW_TYPE_OFFSET = 1 << 30


@dataclass(frozen=True)
class CompositeDef:
    """A composite type and its array type. `relation_oid` is its row in pg_class: of a row type, the table's own."""

    oid: int
    array_oid: int
    relation_oid: int
    schema: str
    name: str
    array_name: str
    columns: tuple[ColumnDef, ...]

    @property
    def type_oid(self) -> UserOid:
        """The OID that knows the type."""
        return self._oids[0]

    @property
    def array_type_oid(self) -> UserOid:
        """The OID of the array type, which knows that."""
        return self._oids[1]

    @cached_property
    def _oids(self) -> tuple[UserOid, UserOid]:
        # Not kept by what it is equal to: two definitions are equal that know an enum with other labels.
        return _made_oids(self)

    @property
    def oid_by_name(self) -> dict[str, int]:
        """The type's and the array type's OID by pg_type name."""
        return {self.name: self.oid, self.array_name: self.array_oid}

    @property
    def sql_name(self) -> str:
        """The name as messages have it: with its schema when that is not on the usual search path."""
        from ruvector_engine.catalog.system.names import quote_identifier  # which needs the types itself

        name = quote_identifier(self.name)
        return name if self.schema == "public" else f"{quote_identifier(self.schema)}.{name}"

    @property
    def is_row_type(self) -> bool:
        """Whether it is a table's or view's: no CREATE TYPE made it."""
        return self.oid >= ROW_TYPE_OFFSET


def _made_oids(definition: CompositeDef) -> tuple[UserOid, UserOid]:
    array = PgType(definition.array_name, definition.array_oid, 0, -1, "A", display=f"{definition.sql_name}[]")
    array_oid = UserOid(definition.array_oid, array)
    attributes = tuple(Attribute(c.name, _attribute_type(c.type), c.attnum) for c in definition.columns)
    made = CompositeType(
        definition.name,
        definition.oid,
        array_oid,
        -1,
        "C",
        display=definition.sql_name,
        attributes=attributes,
    )
    oid = UserOid(definition.oid, made)
    # The element's type names the array's and the other way round.
    array_oid.pg = PgType(array.name, definition.array_oid, 0, -1, "A", element_oid=oid, display=array.display)
    return oid, array_oid


def _attribute_type(type_ref: TypeRef) -> TypeRef:
    """As a value of the composite type holds it: arrays of every shape."""
    return TypeRef(type_ref.oid, type_ref.typmod, shaped=type_ref.is_array)


def row_type(relation: TableDef | ViewDef) -> CompositeDef:
    """The type of a table's or view's rows."""
    oid = relation.oid + ROW_TYPE_OFFSET
    name = f"_{relation.name}"
    return CompositeDef(
        oid, oid + ROW_TYPE_OFFSET, relation.oid, relation.schema, relation.name, name, relation.columns
    )


def decode(body: Mapping[str, Any]) -> CompositeDef:
    """The entry from its stored form; its columns' OIDs do not know their types yet."""
    columns = (ColumnDef(**{**column, "type": TypeRef(**column["type"])}) for column in body["columns"])
    return CompositeDef(**{**body, "columns": tuple(columns)})
