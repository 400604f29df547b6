"""A column as CREATE TABLE and ALTER TABLE ADD COLUMN define it, with the sequence of its own that it may have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import BARE_SCHEMA, ColumnDef, SequenceDef
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import naming, stored_texts
from ruvector_engine.executor.sequence_definitions import sequence_options
from ruvector_engine.sql.deparse import enum_name, expression_text
from ruvector_engine.sql.functions.strings import quote_literal
from ruvector_engine.sql.typenames import resolve_column_type
from ruvector_engine.types.registry import INT2, INT4, INT8, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_SERIALS = {
    "smallserial": INT2,
    "serial2": INT2,
    "serial": INT4,
    "serial4": INT4,
    "bigserial": INT8,
    "serial8": INT8,
}
_SEQUENCE_MAXIMUM = {INT2: 2**15 - 1, INT4: 2**31 - 1, INT8: 2**63 - 1}


def column_from(
    session: Session, schema: str, table: str, node: Any, table_oid: int, taken: set[str]
) -> tuple[ColumnDef, SequenceDef | None, list[Any]]:
    """A column definition's column (attnum 0), its own sequence, and the constraints left to be added."""
    if node.HasField("coll_clause") and node.coll_clause.collname[-1].string.sval not in ("C", "default", "POSIX"):
        raise not_supported("COLLATE is not supported", hint='Columns have the collation "C".')
    type_names = [n.string.sval for n in node.type_name.names]
    serial = _SERIALS.get(type_names[-1]) if not node.type_name.array_bounds else None
    type_ = (
        TypeRef(serial)
        if serial
        else resolve_column_type(node.colname, node.type_name, session.catalog, session.search_path)
    )
    dimensions = len(node.type_name.array_bounds)
    if dimensions > 1:
        type_ = replace(type_, shaped=True)
    column = ColumnDef(node.colname, type_, 0, dimensions=dimensions, not_null=serial is not None or node.is_not_null)
    left = []
    identity: Any = None
    for wrapped in node.constraints:
        constraint = wrapped.constraint
        kind = enum_name(constraint, "contype")
        if kind == "CONSTR_NOTNULL":
            column = replace(column, not_null=True)
        elif kind == "CONSTR_DEFAULT":
            text = stored_texts.default_text(session, constraint.raw_expr, column)
            column = replace(column, default=None if text.upper() == "NULL" else text)
        elif kind == "CONSTR_IDENTITY":
            identity = constraint
            column = replace(column, not_null=True, identity="a" if constraint.generated_when == "a" else "d")
        elif kind == "CONSTR_GENERATED":
            column = replace(
                column, generation=expression_text(constraint.raw_expr), virtual=constraint.generated_kind != "s"
            )
        elif kind != "CONSTR_NULL":
            left.append(constraint)
    _check_generated(table, column, node, has_sequence=serial is not None or identity is not None)
    if serial is None and identity is None:
        return column, None, left
    name = naming.free_name(session, schema, f"{table}_{node.colname}_seq", taken)
    taken.add(name)
    options = sequence_options(identity.options if identity is not None else ())
    maximum = options.pop("maximum", _SEQUENCE_MAXIMUM[type_.oid])
    sequence = SequenceDef(
        store.new_oid(session.connection), schema, name, type_.oid, maximum=maximum, owner_table=table_oid, **options
    )
    default = f"nextval({quote_literal(_settled(schema, name))}::regclass)" if serial is not None else None
    return replace(column, default=default, owned_sequence=sequence.oid), sequence, left


def _check_generated(table: str, column: ColumnDef, node: Any, *, has_sequence: bool) -> None:
    if column.generation is None or not (has_sequence or column.default is not None):
        return
    what = "identity" if has_sequence else "default"
    text = f'both {what} and generation expression specified for column "{column.name}" of table "{table}"'
    places = [
        c.constraint.location for c in node.constraints if enum_name(c.constraint, "contype") == "CONSTR_GENERATED"
    ]
    raise SqlError("42601", text, position=places[0] + 1)


def _settled(schema: str, name: str) -> str:
    """A relation's name as constants in stored texts have it."""
    return quote_identifier(name) if schema == BARE_SCHEMA else f"{quote_identifier(schema)}.{quote_identifier(name)}"
