"""What CREATE INDEX is over: its columns and expressions, their operator classes, its predicate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ruvector_engine.catalog.model import Catalog, ColumnDef, IndexDef, IndexExpression, TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import stored_texts
from ruvector_engine.planner.index_keys import analyzed_key, analyzed_predicate, columns_read, require_immutable
from ruvector_engine.planner.operator_classes import (
    ARRAY,
    check_class,
    check_dimensions,
    default_class,
    has_default_class,
    is_vector_class,
    key_type,
    no_default_class,
)
from ruvector_engine.planner.stored_text import index_expression
from ruvector_engine.sql.context import Context
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Expr
from ruvector_engine.sql.stored_names import reading
from ruvector_engine.sql.targets import output_name
from ruvector_engine.types.registry import BOOL, PgType, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_Analyzer: TypeAlias = Callable[[str, TableDef, Context], Expr]

VECTOR_METHODS = ("hnsw", "ivfflat")


@dataclass(frozen=True, slots=True)
class Elements:
    """As `IndexDef` has them."""

    columns: tuple[str, ...]
    classes: tuple[str, ...]
    expressions: tuple[IndexExpression | None, ...]
    predicate: IndexExpression | None
    reads: tuple[str, ...]
    orders: tuple[int, ...]


def elements_of(session: Session, table: TableDef, node: Any, method: str) -> Elements:
    """What an IndexStmt is over, or the error that PostgreSQL has for it."""
    columns: list[str] = []
    classes: list[str] = []
    expressions: list[IndexExpression | None] = []
    reads: list[str] = []
    orders: list[int] = []
    _check_method(node, method)
    for wrapped in node.index_params:
        element = wrapped.index_elem
        if element.name:
            expressions.append(None)
            columns.append(element.name)
            type_ref = _column(table, element.name).type
        else:
            key, read = _expression(session, table, element.expr)
            expressions.append(key)
            columns.append(_unused(output_name(element.expr), columns))
            reads += read
            type_ref = key.type
        given = element.opclass[-1].string.sval if element.opclass else None
        orders.append(_order(element, method))
        if method in VECTOR_METHODS:
            classes.append(check_class(method, given, type_ref.pg))
            if type_ref.oid != ARRAY:
                check_dimensions(type_ref)
            elif not element.name:
                raise not_supported(
                    f"an {method} index on an expression of type real[] is not supported",
                    hint="Cast it to a vector with dimensions.",
                )
            else:
                reads.append(element.name)
        elif given is None and not has_default_class(method, type_ref.pg):
            raise no_default_class(method, type_ref.pg)
        else:
            if given is not None:
                _check_plain_class(type_ref.pg, given, method)
            classes.append(given or "")
    predicate = None
    if node.HasField("where_clause"):
        predicate, read = _predicate(session, table, node.where_clause)
        reads += read
    if not any(classes):
        classes = []
    if not any(expressions):
        expressions = []
    read_once = tuple(dict.fromkeys(reads))
    kept = tuple(orders) if any(orders) else ()
    return Elements(tuple(columns), tuple(classes), tuple(expressions), predicate, read_once, kept)


def _check_method(node: Any, method: str) -> None:
    if method in VECTOR_METHODS:
        if node.unique:
            raise SqlError("0A000", f'access method "{method}" does not support unique indexes')
        if len(node.index_params) > 1:
            raise SqlError("0A000", f'access method "{method}" does not support multicolumn indexes')
        if node.index_including_params:
            raise SqlError("0A000", f'access method "{method}" does not support included columns')
    if node.index_including_params:
        raise not_supported("INCLUDE is not supported")
    if node.unique and method != "btree":
        raise SqlError("0A000", f'access method "{method}" does not support unique indexes')
    if node.unique and node.HasField("where_clause"):
        raise not_supported(
            "unique partial indexes are not supported", hint="A unique index without WHERE holds for every row."
        )
    if node.unique and any(not wrapped.index_elem.name for wrapped in node.index_params):
        raise not_supported(
            "unique indexes on expressions are not supported", hint="Keep the expression's value in a column."
        )


def _column(table: TableDef, name: str) -> ColumnDef:
    column = table.column(name)
    if column is None:
        raise SqlError("42703", f'column "{name}" does not exist')
    return column


def _expression(session: Session, table: TableDef, source: Any) -> tuple[IndexExpression, tuple[str, ...]]:
    expr = analyzed_key(source, table, session.analysis_context())
    require_immutable(expr, "index expression")
    text = stored_texts.stored_text(session, source, table=table, clause="index expressions")
    return index_expression(text, expr), columns_read(expr)


def _predicate(session: Session, table: TableDef, source: Any) -> tuple[IndexExpression, tuple[str, ...]]:
    expr = analyzed_predicate(source, table, session.analysis_context())
    require_immutable(expr, "index predicate")
    given = {"table": table, "target": TypeRef(BOOL), "clause": "index predicates"}
    return index_expression(stored_texts.stored_text(session, source, **given), expr), columns_read(expr)


def _unused(name: str, taken: list[str]) -> str:
    """The name of an expression's column (ChooseIndexColumnNames)."""
    base = "expr" if name == "?column?" else name
    number, result = 0, base
    while result in taken:
        number += 1
        result = f"{base}{number}"
    return result


def _order(element: Any, method: str) -> int:
    """A key's number in indoption; 0A000 for a method whose indexes have no order."""
    ordered = enum_name(element, "ordering") != "SORTBY_DEFAULT"
    nulls = enum_name(element, "nulls_ordering")
    if method != "btree" and (ordered or nulls != "SORTBY_NULLS_DEFAULT"):
        what = "ASC/DESC" if ordered else "NULLS FIRST/LAST"
        raise SqlError("0A000", f'access method "{method}" does not support {what} options')
    descending = enum_name(element, "ordering") == "SORTBY_DESC"
    nulls_first = descending if nulls == "SORTBY_NULLS_DEFAULT" else nulls == "SORTBY_NULLS_FIRST"
    return descending | nulls_first << 1


def _check_plain_class(pg_type: PgType, given: str, method: str) -> None:
    """Refuse a class of the vector types that the method has not, or that is another type's."""
    if is_vector_class(given):
        raise SqlError("42704", f'operator class "{given}" does not exist for access method "{method}"')
    if method == "btree" and given in ("halfvec_ops", "sparsevec_ops", "vector_ops") and given != f"{pg_type.name}_ops":
        raise SqlError("42804", f'operator class "{given}" does not accept data type {pg_type.sql_name}')


def retyped(catalog: Catalog, old: TableDef, new: TableDef, index: IndexDef) -> IndexDef:
    """An index of the table `old` over a column of which `new` has another type; the error where it cannot be.

    As in PostgreSQL the index is defined again: with the classes that were named, or the new type's default one.
    """
    context = reading(catalog, new.schema)

    def analyzed(
        part: IndexExpression | None, analyzer: Callable[[str, TableDef, Context], Expr]
    ) -> IndexExpression | None:
        if part is None:
            return None
        try:
            expr = analyzer(part.text, new, context)
        except SqlError as error:
            error.position = None  # a place in what the client has not sent
            raise
        require_immutable(expr, "index predicate" if part is index.predicate else "index expression")
        return index_expression(part.text, expr)

    changed = replace(
        index,
        expressions=tuple(analyzed(part, analyzed_key) for part in index.expressions),
        predicate=analyzed(index.predicate, analyzed_predicate),
    )
    if index.method not in VECTOR_METHODS:
        _check_default_classes(changed, new)
        return changed
    given, key = index.opclasses[0], key_type(changed, new)
    named = None if given == default_class(index.method, key_type(index, old).pg) else given
    name = check_class(index.method, named, key.pg)
    if key.oid != ARRAY:
        check_dimensions(key)
    return replace(changed, opclasses=(name,))


def _check_default_classes(index: IndexDef, table: TableDef) -> None:
    """42704 when a column of an index that names no classes has none by default."""
    for column in () if index.opclasses else map(table.column, index.columns):
        if column is not None and not has_default_class(index.method, column.type.pg):
            raise no_default_class(index.method, column.type.pg)
