"""The catalog's SQL texts: how an expression becomes one, and how they all follow when something gets another name.

Defaults, CHECKs, generated columns, index expressions and predicates, views; see sql/stored_names.py for how.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import Catalog, ColumnDef, IndexDef, IndexExpression, Relation, TableDef, ViewDef
from ruvector_engine.catalog.system.lookup import qualified_name
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.planner.index_keys import analyzed_key, analyzed_predicate
from ruvector_engine.planner.stored_text import index_expression
from ruvector_engine.planner.walk import nodes
from ruvector_engine.sql.analyze import analyze, analyze_expression
from ruvector_engine.sql.context import Context
from ruvector_engine.sql.defaults import expression_node
from ruvector_engine.sql.deparse import expression_text, statement_text
from ruvector_engine.sql.functions.strings import quote_literal
from ruvector_engine.sql.nodes import Const
from ruvector_engine.sql.parser import parse
from ruvector_engine.sql.raw import pb
from ruvector_engine.sql.stored_names import BARE_SCHEMA, Noted, reading, settle
from ruvector_engine.types.registry import BOOL, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Analyzes a parse tree in a context, noting what its names mean; the typed tree.
_Analyzer: TypeAlias = Callable[[Any, Context, list[Noted]], Any]


def stored_text(session: Session, node: Any, **given: Any) -> str:
    """The text to keep of an expression that a statement has; `given` is what `analyze_expression` is told about it."""

    def analyzer(tree: Any, context: Context, noted: list[Noted]) -> Any:
        return analyze_expression(tree, context, noted=noted, **given)

    return _settled(node, session.analysis_context(), session.catalog, analyzer)


def follow(session: Session, before: Catalog) -> None:
    """Write every text anew that names something otherwise than the session's catalog does now.

    `before` is the catalog in which the texts still mean what they shall mean.
    """
    after = session.catalog
    changed: list[Relation] = []
    for relation in after.relations.values():
        new: Relation = relation
        if isinstance(relation, TableDef) and not relation.virtual:
            new = _table(relation, before, after)
        elif isinstance(relation, IndexDef):
            new = _index(relation, before, after)
        elif isinstance(relation, ViewDef):
            new = _view(session, relation, before, after)
        if new != relation:
            changed.append(new)
    if changed:
        session.transaction.catalog = store.changed(session.connection, after, put=changed)


def _table(table: TableDef, before: Catalog, after: Catalog) -> TableDef:
    """The table with its texts in the names of the catalog `after`."""
    former = before.table_by_oid(table.oid)
    if former is None:
        return table

    def column(now: ColumnDef) -> ColumnDef:
        old = next((c for c in former.columns if c.attnum == now.attnum), now)
        if now.default is not None and now.owned_sequence:
            return replace(now, default=_drawing(now.default, now.owned_sequence, before, after))
        if now.default is not None:
            return replace(now, default=_text(now.default, before, after, former, target=old.type, column=old.name))
        if now.generation is not None:
            given = {"table": former, "target": old.type, "column": old.name, "clause": "GENERATED"}
            return replace(now, generation=_text(now.generation, before, after, former, **given))
        return now

    def check(text: str) -> str:
        return _text(text, before, after, former, table=former, target=TypeRef(BOOL))

    checks = (c if c.expression is None else replace(c, expression=check(c.expression)) for c in table.constraints)
    return replace(table, columns=tuple(map(column, table.columns)), constraints=tuple(checks))


def _drawing(text: str, sequence: int, before: Catalog, after: Catalog) -> str:
    """The default of a serial column."""
    old, new = before.sequence_by_oid(sequence), after.sequence_by_oid(sequence)
    if (old.schema, old.name) == (new.schema, new.name):
        return text
    name = quote_identifier(new.name) if new.schema == BARE_SCHEMA else qualified_name(new)
    return f"nextval({quote_literal(name)}::regclass)"


def _index(index: IndexDef, before: Catalog, after: Catalog) -> IndexDef:
    """The index with its texts, and what the catalogs show of them, in the names of the catalog `after`."""
    former, table = before.table_by_oid(index.table_oid), after.table_by_oid(index.table_oid)
    if former is None or table is None or not (index.expressions or index.predicate):
        return index
    context = reading(after, table.schema)

    def key(part: IndexExpression | None) -> IndexExpression | None:
        if part is None:
            return None
        text = _text(part.text, before, after, former, table=former, clause="index expressions")
        return index_expression(text, analyzed_key(text, table, context))

    predicate = index.predicate
    if predicate is not None:
        given: dict[str, Any] = {"table": former, "target": TypeRef(BOOL), "clause": "index predicates"}
        text = _text(predicate.text, before, after, former, **given)
        predicate = index_expression(text, analyzed_predicate(text, table, context))
    names = {column.name: column.attnum for column in former.columns}
    reads = (c.name for name in index.reads for c in table.columns if c.attnum == names[name])
    return replace(index, expressions=tuple(map(key, index.expressions)), predicate=predicate, reads=tuple(reads))


def _view(session: Session, view: ViewDef, before: Catalog, after: Catalog) -> ViewDef:
    (raw,) = parse(view.query)
    context = replace(session.analysis_context(), catalog=before, lookup=None)
    noted: list[Noted] = []
    typed = analyze(raw, context, None, noted=noted).statement
    settle(raw.node, noted, _constants(typed), after)
    query = statement_text(pb.Node(select_stmt=raw.node))
    settled = statement_text(pb.Node(select_stmt=parse(view.query)[0].node))
    return view if query == settled else replace(view, query=query)


def _text(text: str, before: Catalog, after: Catalog, owner: TableDef, **given: Any) -> str:
    """A text of the table `owner`, in the names of the catalog `after`."""

    def analyzer(tree: Any, context: Context, noted: list[Noted]) -> Any:
        return analyze_expression(tree, context, noted=noted, **given)

    return _settled(expression_node(text), reading(before, owner.schema), after, analyzer)


def _settled(node: Any, context: Context, catalog: Catalog, analyzer: _Analyzer) -> str:
    tree = pb.Node()
    tree.CopyFrom(node)  # the statement's own is still to be looked at, and that of a stored text is kept
    noted: list[Noted] = []
    typed = analyzer(tree, context, noted)
    settle(tree, noted, _constants(typed), catalog)
    return expression_text(tree)


def _constants(typed: Any) -> Iterator[Const]:
    return (node for node in nodes(typed) if isinstance(node, Const))
