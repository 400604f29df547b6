"""The names in SQL texts that the catalog keeps, made to follow what they mean.

PostgreSQL stores expression trees, in which objects stand by OID: a rename changes nothing there, and neither does
search_path or DateStyle. Here texts are stored. Analysis notes what each name in one means (`Noted`); `settle` writes
the names as a catalog has them now, and constants in the one form that reads the same under every setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ruvector_engine.catalog.composite_types import ROW_TYPE_OFFSET
from ruvector_engine.catalog.made_types import made_type, user_type
from ruvector_engine.catalog.model import Catalog, Relation, TableDef, ViewDef
from ruvector_engine.catalog.system.functions import REG_TYPES
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.sql.context import Context
from ruvector_engine.sql.deparse import parts
from ruvector_engine.sql.nodes import ColumnRef, Const, Expr, Special
from ruvector_engine.sql.raw import pb
from ruvector_engine.types.array_values import mapped
from ruvector_engine.types.registry import BY_OID, NAME_TYPES, RANGES, TypeRef, UserOid, Value
from ruvector_engine.types.text import format_text

#: The schema whose names stand bare in stored texts; all others are written with theirs.
BARE_SCHEMA = "public"
#: Types whose constants are read by settings.
_BY_SETTINGS = frozenset({"date", "time", "timetz", "timestamp", "timestamptz", "interval"})


@dataclass(frozen=True, slots=True)
class TypeNamed:
    """A TypeName node, and the type that it means (of an array its elements'), made by CREATE TYPE or CREATE TABLE."""

    node: Any
    oid: int


@dataclass(frozen=True, slots=True)
class ColumnNamed:
    """A ColumnRef node, and the column of a table or view that it means. `attnum` 0: the whole row."""

    node: Any
    relation: int
    attnum: int


@dataclass(frozen=True, slots=True)
class AttributeNamed:
    """A String node after a dot, and the attribute of a composite type that it means."""

    node: Any
    type_oid: int
    attnum: int


@dataclass(frozen=True, slots=True)
class RelationNamed:
    """A RangeVar node, and the table, view or sequence that it means."""

    node: Any
    oid: int


def column_named(node: Any, meant: Expr) -> ColumnNamed | None:
    """The note for a ColumnRef node and what it means; None where that is no column or row of a table or view."""
    if isinstance(meant, Special) and meant.type.oid >= ROW_TYPE_OFFSET:
        return ColumnNamed(node, meant.type.oid - ROW_TYPE_OFFSET, 0)
    if not isinstance(meant, ColumnRef):
        return None
    source = meant.range.view or meant.range.source
    if not isinstance(source, (TableDef, ViewDef)) or not 0 <= meant.index < len(source.columns):
        return None
    column = source.columns[meant.index]
    # Under an alias with a list of columns the name is the list's.
    return ColumnNamed(node, source.oid, column.attnum) if node.fields[-1].string.sval == column.name else None


def attribute_named(node: Any, row: TypeRef) -> AttributeNamed:
    """The note for the name after the dot of a composite value."""
    assert row.composite is not None
    return AttributeNamed(node, row.oid, next(a.attnum for a in row.composite.attributes if a.name == node.sval))


Noted: TypeAlias = TypeNamed | ColumnNamed | AttributeNamed | RelationNamed


def reading(catalog: Catalog, schema: str) -> Context:
    """How a stored text of something in that schema is read, by whomever."""
    return Context(catalog, (BARE_SCHEMA, schema, "pg_catalog"))


def settle(tree: Any, noted: Sequence[Noted], constants: Iterable[Const], catalog: Catalog) -> None:
    """Write the names in a parse tree as the catalog has them, and `constants`, the typed ones of the same text."""
    over_one_table = not any(isinstance(item, RelationNamed) for item in noted)
    for item in noted:
        if isinstance(item, TypeNamed):
            _settle_type(item, catalog)
        elif isinstance(item, ColumnNamed):
            _settle_column(item, catalog, bare=over_one_table)
        elif isinstance(item, AttributeNamed):
            _settle_attribute(item, catalog)
        else:
            _settle_relation(item, catalog)
    typed = {constant.location: constant for constant in constants if constant.location >= 0}
    for node in parts(tree, pb.A_Const):
        constant = typed.get(node.location)
        if constant is not None and node.WhichOneof("val") == "sval" and constant.value is not None:
            text = _settled_constant(constant, catalog)
            if text is not None:
                node.sval.sval = text


# ---------------------------------------------------------------- names


def _settle_type(item: TypeNamed, catalog: Catalog) -> None:
    made = made_type(catalog, item.oid)
    if made is not None:
        names = (made.name,) if made.schema == BARE_SCHEMA else (made.schema, made.name)
        del item.node.names[:]
        item.node.names.extend(pb.Node(string=pb.String(sval=name)) for name in names)


def _settle_column(item: ColumnNamed, catalog: Catalog, *, bare: bool) -> None:
    """A column or row. `bare`: of the one table that the text is over, else of one that FROM has, under its alias."""
    relation = _relation(catalog, item.relation)
    if not isinstance(relation, (TableDef, ViewDef)):
        return
    fields = item.node.fields
    star = fields[-1].HasField("a_star")
    column = next((c for c in relation.columns if c.attnum == item.attnum), None)
    if column is not None:
        fields[-1].string.sval = column.name
        del fields[: len(fields) - (1 if bare else 2)]
    elif not item.attnum:
        del fields[: len(fields) - (2 if star else 1)]
        if bare:
            fields[0].string.sval = relation.name


def _settle_attribute(item: AttributeNamed, catalog: Catalog) -> None:
    made = made_type(catalog, item.type_oid)
    column = next((c for c in getattr(made, "columns", ()) if c.attnum == item.attnum), None)
    if column is not None:
        item.node.sval = column.name


def _settle_relation(item: RelationNamed, catalog: Catalog) -> None:
    relation = _relation(catalog, item.oid)
    if relation is None:
        return
    node = item.node
    if node.relname != relation.name and not node.HasField("alias"):
        node.alias.aliasname = node.relname
    node.relname = relation.name
    node.schemaname = "" if relation.schema == BARE_SCHEMA else relation.schema


def _relation(catalog: Catalog, oid: int) -> Relation | None:
    return next((r for r in catalog.relations.values() if r.oid == oid), None)


# ---------------------------------------------------------------- constants


def _settled_constant(constant: Const, catalog: Catalog) -> str | None:
    """The text that reads as the constant's value whatever the settings; None where the one that is there does."""
    old = constant.type
    element = old.pg.element_oid or old.oid
    if element in NAME_TYPES:
        lookup = Lookup.of(catalog, (BARE_SCHEMA,), user="", database="")
        write = REG_TYPES[BY_OID[element].name][1]
        if not isinstance(constant.value, list):
            return write(lookup, int(constant.value))  # type: ignore[call-overload]
        return format_text(TypeRef(BY_OID[BY_OID[element].array_oid].oid), constant.value)
    if isinstance(old.oid, UserOid):
        oid = user_type(catalog, old.oid)
        new = TypeRef(oid if oid is not None else old.oid, old.typmod, old.shaped)
        return format_text(new, _value_as(constant.value, old, new))
    if BY_OID[element].name in _BY_SETTINGS or element in _RANGES_BY_SETTINGS:
        return format_text(old, constant.value)
    return None


_RANGES_BY_SETTINGS = frozenset(r.oid for r in RANGES if r.name in ("daterange", "tsrange", "tstzrange"))


def _value_as(value: Value, old: TypeRef, new: TypeRef) -> Any:
    """A value of a type as it was, for the type as it is: other labels, attributes that came (NULL) or went."""
    if value is None or not isinstance(old.oid, UserOid):
        return value
    if old.enum is not None and new.enum is not None:
        number = old.enum.numbers[old.enum.labels.index(str(value))]
        return new.enum.labels[new.enum.numbers.index(number)]
    if old.composite is not None and new.composite is not None:
        assert isinstance(value, tuple)
        attributes = zip(old.composite.attributes, value, strict=True)
        before = {attribute.attnum: (attribute.type, part) for attribute, part in attributes}
        return tuple(
            _value_as(before[a.attnum][1], before[a.attnum][0], a.type) if a.attnum in before else None
            for a in new.composite.attributes
        )
    inner = TypeRef(old.pg.element_oid), TypeRef(new.pg.element_oid)
    return mapped(value, lambda item: _value_as(item, *inner))  # type: ignore[arg-type]
