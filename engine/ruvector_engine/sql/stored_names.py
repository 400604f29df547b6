"""The names in SQL texts that the catalog keeps, made to follow what they mean.

PostgreSQL stores expression trees, in which objects stand by OID: a rename changes nothing there, and neither does
search_path or DateStyle. Here texts are stored. Analysis notes what each name in one means (`Noted`); `settle` writes
the names as a catalog has them now, and constants in the one form that reads the same under every setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ruvector_engine.catalog.composite_types import ROW_TYPE_OFFSET
from ruvector_engine.catalog.made_types import made_type, user_type
from ruvector_engine.catalog.model import BARE_SCHEMA, Catalog, Relation, TableDef, ViewDef
from ruvector_engine.catalog.system.functions import REG_TYPES
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.sql.context import Context
from ruvector_engine.sql.deparse import parts, write_name
from ruvector_engine.sql.nodes import ColumnRef, Const, Special
from ruvector_engine.sql.noted import AttributeNamed, ColumnNamed, Noted, TypeCalled, TypeNamed
from ruvector_engine.sql.raw import pb
from ruvector_engine.types.array_values import mapped
from ruvector_engine.types.registry import BY_OID, NAME_TYPES, RANGES, TypeRef, UserOid, Value
from ruvector_engine.types.text import format_text

#: Types whose constants are read by settings.
_BY_SETTINGS = frozenset({"date", "time", "timetz", "timestamp", "timestamptz", "interval"})


def reading(catalog: Catalog, schema: str) -> Context:
    """How a stored text of something in that schema is read, by whomever."""
    return Context(catalog, ("pg_catalog", BARE_SCHEMA, schema))


def reading_within(context: Context, schema: str) -> Context:
    """The same as part of a statement, whose settings and time functions are given."""
    read = reading(context.catalog, schema)
    # Nobody's rights: what a name means was settled by who could look it up.
    lookup = None if context.lookup is None else replace(context.lookup, search_path=read.search_path, user="")
    return replace(read, settings=context.settings, now=context.now, lookup=lookup)


def reading_view(context: Context, view: ViewDef) -> Context:
    """How the query of a view is read: it has of each relation what that had when the view was made."""
    return replace(reading_within(context, view.schema), visible={use.oid: use.attnums for use in view.uses})


def settle(tree: Any, noted: Sequence[Noted], constants: Iterable[Const], catalog: Catalog) -> None:
    """Write the names in an expression over one table as the catalog has them.

    `constants` are the typed ones of the same text.
    """
    for item in noted:
        if isinstance(item, ColumnNamed):
            _settle_column(item, catalog)
    settle_types(tree, noted, constants, catalog)


def settle_types(tree: Any, noted: Sequence[Noted], constants: Iterable[Const], catalog: Catalog) -> None:
    """The same for the types in any tree, their attributes, and the constants that name something."""
    for item in noted:
        if isinstance(item, TypeNamed):
            _settle_type(item.node.names, item.oid, catalog)
        elif isinstance(item, TypeCalled):
            _settle_type(item.node.funcname, item.oid, catalog)
        elif isinstance(item, AttributeNamed):
            _settle_attribute(item, catalog)
    typed = {constant.location: constant for constant in constants if constant.location >= 0}
    for node in parts(tree, pb.A_Const):
        constant = typed.get(node.location)
        if constant is not None and node.WhichOneof("val") == "sval" and constant.value is not None:
            text = _settled_constant(constant, catalog)
            if text is not None:
                node.sval.sval = text
    for call in parts(tree, pb.FuncCall):
        for arg in call.args:
            constant = typed.get(arg.a_const.location) if arg.WhichOneof("node") == "a_const" else None
            if constant is not None and constant.type.oid in NAME_TYPES:
                _write_type(arg, constant.type)


def _write_type(node: Any, type_ref: TypeRef) -> None:
    """Make a cast of a constant, as PostgreSQL shows one that names something."""
    constant = pb.Node()
    constant.CopyFrom(node)
    node.type_cast.arg.CopyFrom(constant)
    write_name(node.type_cast.type_name.names, (type_ref.pg.name,))


# ---------------------------------------------------------------- names


def _settle_type(fields: Any, oid: int, catalog: Catalog) -> None:
    made = made_type(catalog, oid)
    if made is not None:
        write_name(fields, (made.name,) if made.schema == BARE_SCHEMA else (made.schema, made.name))


def _settle_column(item: ColumnNamed, catalog: Catalog) -> None:
    """A column or row of the table that the text is over."""
    fields, meant = item.node.fields, item.meant
    if isinstance(meant, ColumnRef) and isinstance(meant.range.source, TableDef) and meant.index >= 0:
        old = meant.range.source
        new = _relation(catalog, old.oid) or old  # there is none yet of a table that is being made
        number = old.columns[meant.index].attnum
        write_name(fields, [c.name for c in getattr(new, "columns", ()) if c.attnum == number])
    elif isinstance(meant, Special) and meant.type.oid >= ROW_TYPE_OFFSET:
        row = _relation(catalog, meant.type.oid - ROW_TYPE_OFFSET)
        star = fields[-1].HasField("a_star")
        if row is not None:
            write_name(fields, (row.name,))
            if star:
                fields.add().a_star.SetInParent()


def _settle_attribute(item: AttributeNamed, catalog: Catalog) -> None:
    made = made_type(catalog, item.type_oid)
    column = next((c for c in getattr(made, "columns", ()) if c.attnum == item.attnum), None)
    if column is not None:
        item.node.sval = column.name


def _relation(catalog: Catalog, oid: int) -> Relation | None:
    return next((r for r in catalog.relations.values() if r.oid == oid), None)


# ---------------------------------------------------------------- constants


def _settled_constant(constant: Const, catalog: Catalog) -> str | None:
    """The text that reads as the constant's value whatever the settings; None where the one that is there does."""
    old = constant.type
    element = old.pg.element_oid or old.oid
    if element in NAME_TYPES:
        lookup = Lookup.of(catalog, (BARE_SCHEMA,), user="")
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
