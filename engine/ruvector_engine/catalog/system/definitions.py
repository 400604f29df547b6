"""Objects as the SQL that would make them: pg_get_indexdef and its relatives."""

from __future__ import annotations

import re

from ruvector_engine.catalog.model import IndexDef, IndexExpression, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.system.access import default_operator_class, extension_of, operator_class
from ruvector_engine.catalog.system.callables import procedures
from ruvector_engine.catalog.system.lookup import Lookup, qualified_name
from ruvector_engine.catalog.system.names import quote_identifier, schema_and_name
from ruvector_engine.catalog.system.typenames import format_type
from ruvector_engine.errors import SqlError
from ruvector_engine.sql.shown_defaults import without_parentheses
from ruvector_engine.sql.shown_names import shown_expression, shown_query

_CALL = re.compile(r'[a-z_0-9"]+\(')
#: What a key's number in indoption says: 1 is DESC, 2 is NULLS FIRST.
_ORDERS = ("", " DESC NULLS LAST", " NULLS FIRST", " DESC")


def pg_get_indexdef(lookup: Lookup, oid: int, column: int = 0, pretty: bool = False) -> str | None:
    """CREATE INDEX of an index, or with `column` > 0 just that column. `pretty` leaves out a visible table's schema."""
    index = lookup.relations.get(oid)
    if not isinstance(index, IndexDef):
        return None
    if column:
        return _key_text(index, column - 1, pretty) if column <= len(index.columns) else ""
    table = lookup.relations[index.table_oid]
    where = lookup.relation_name(table) if pretty else qualified_name(table)
    columns = ", ".join(_index_column(lookup, index, table, position, pretty) for position in range(len(index.columns)))
    options = ", ".join(f"{name}={_option(value)}" for name, value in index.options.items())
    return (
        f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {quote_identifier(index.name)} ON {where}"
        f" USING {index.method} ({columns}){f' WITH ({options})' if options else ''}"
        f"{f' WHERE {_text(index.predicate, pretty)}' if index.predicate is not None else ''}"
    )


def _option(value: str) -> str:
    """An option's value (flatten_reloptions): in quotes unless it is a plain word."""
    return value if quote_identifier(value) == value else "'" + value.replace("'", "''") + "'"


def _text(expression: IndexExpression, pretty: bool) -> str:
    return expression.pretty if pretty else expression.shown


def _key_text(index: IndexDef, position: int, pretty: bool) -> str:
    """A key as it stands in CREATE INDEX: an expression that is no plain function call in parentheses."""
    expression = index.expression_at(position)
    if expression is None:
        return quote_identifier(index.columns[position])
    text = _text(expression, pretty)
    return text if _CALL.match(expression.shown) else f"({text})"


def _index_column(lookup: Lookup, index: IndexDef, table: Relation, position: int, pretty: bool) -> str:
    text = _key_text(index, position, pretty)
    return (
        f"{text}{_class_text(lookup, index, table, position)}{_ORDERS[index.orders[position] if index.orders else 0]}"
    )


def _class_text(lookup: Lookup, index: IndexDef, table: Relation, position: int) -> str:
    """The operator class of a key, if it is not the default one."""
    opclass = index.opclasses[position] if position < len(index.opclasses) else ""
    expression = index.expression_at(position)
    column = table.column(index.columns[position]) if isinstance(table, TableDef) else None
    type_ref = expression.type if expression is not None else column.type if column is not None else None
    if not opclass or type_ref is None:
        return ""
    default = default_operator_class(index.method, type_ref.oid)
    if default is not None and default.name == opclass:
        return ""
    named = operator_class(index.method, opclass)
    hidden = named is not None and extension_of(named.oid) and "public" not in lookup.search_path
    return f" {'public.' if hidden else ''}{quote_identifier(opclass)}"


def pg_get_constraintdef(lookup: Lookup, oid: int, _pretty: bool = False) -> str | None:
    """A constraint as it stands in CREATE TABLE."""
    constraint = lookup.constraints.get(oid)
    if constraint is not None and constraint.expression is not None:
        return f"CHECK (({shown_expression(lookup, constraint.expression)}))"
    return constraint.definition if constraint is not None else None


def pg_get_viewdef(lookup: Lookup, view: int | str, _pretty: bool | int = False) -> str | None:
    """A view's query, its names as the search path needs them. By OID or by name."""
    if isinstance(view, str):
        schema, name = schema_and_name(view)
        found = lookup.relation(schema, name)
        if found is None:
            raise SqlError("42P01", f'relation "{view}" does not exist')
    else:
        found = lookup.relations.get(view)
    return f" {shown_query(lookup, found.query)};" if isinstance(found, ViewDef) else None


def pg_get_expr(lookup: Lookup, expression: str, relation: int, pretty: bool = False) -> str:
    """A stored expression, which the catalogs here hold as SQL text.

    A table's has its names as the search path needs them; an index's is known with less of it too.
    """
    table = lookup.relations.get(relation)
    if isinstance(table, TableDef):
        texts = [*(c.generation or c.default for c in table.columns), *(c.expression for c in table.constraints)]
        if expression in texts:
            return shown_expression(lookup, expression)
    for index in lookup.relations.values() if pretty else ():
        if isinstance(index, IndexDef) and index.table_oid == relation:
            for part in (index.predicate, *index.expressions):
                if part is not None and part.shown == expression:
                    return part.pretty
    return without_parentheses(expression) if pretty and isinstance(table, TableDef) else expression


def pg_get_serial_sequence(lookup: Lookup, table_name: str, column_name: str) -> str | None:
    """The sequence a serial or identity column draws from, schema-qualified; None for any other column."""
    schema, name = schema_and_name(table_name)
    table = lookup.relation(schema, name)
    if table is None:
        raise SqlError("42P01", f'relation "{table_name}" does not exist')
    column = table.column(column_name) if isinstance(table, TableDef) else None
    if column is None:
        raise SqlError("42703", f'column "{column_name}" of relation "{name}" does not exist')
    sequence = lookup.relations.get(column.owned_sequence)
    return qualified_name(sequence) if isinstance(sequence, SequenceDef) else None


def pg_get_function_result(lookup: Lookup, oid: int) -> str | None:
    """A function's result type."""
    procedure = procedures().get(oid)
    if procedure is None:
        return None
    return f"{'SETOF ' if procedure.returns_set else ''}{format_type(lookup, procedure.result, None)}"


def pg_get_function_arguments(lookup: Lookup, oid: int) -> str | None:
    """A function's argument types, separated by commas. None of the recorded functions has argument names."""
    procedure = procedures().get(oid)
    return None if procedure is None else ", ".join(format_type(lookup, a, None) for a in procedure.arguments)


def pg_get_function_identity_arguments(lookup: Lookup, oid: int) -> str | None:
    """The argument types that tell a function from others of its name."""
    return pg_get_function_arguments(lookup, oid)
