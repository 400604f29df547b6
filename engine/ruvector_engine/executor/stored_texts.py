"""The catalog's SQL texts: how an expression becomes one, and how they all follow when something gets another name.

Defaults, CHECKs, generated columns, index expressions and predicates, views; see sql/stored_names.py for how.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ruvector_engine.catalog import store
from ruvector_engine.catalog.composite_types import ROW_TYPE_OFFSET
from ruvector_engine.catalog.model import (
    Catalog,
    ColumnDef,
    ConstraintDef,
    IndexDef,
    IndexExpression,
    Relation,
    TableDef,
    Use,
    ViewDef,
)
from ruvector_engine.errors import SqlError
from ruvector_engine.planner.index_keys import analyzed_key, analyzed_predicate
from ruvector_engine.planner.stored_text import index_expression
from ruvector_engine.planner.walk import nodes
from ruvector_engine.sql.analyze import analyze, analyze_expression
from ruvector_engine.sql.context import Context
from ruvector_engine.sql.defaults import expression_node
from ruvector_engine.sql.deparse import expression_text, statement_text
from ruvector_engine.sql.needs import own_nodes
from ruvector_engine.sql.nodes import Call, Cast, ColumnRef, Const, Expr, Special
from ruvector_engine.sql.noted import ColumnNamed, ColumnsMerged, Noted, RelationNamed, StarNamed, TypeCalled, TypeNamed
from ruvector_engine.sql.parser import RawStatement, inner_statement, parse
from ruvector_engine.sql.raw import pb
from ruvector_engine.sql.stored_names import reading, reading_view, settle
from ruvector_engine.sql.stored_queries import name_outputs, settle_query
from ruvector_engine.sql.typenames import EXTENSION_OIDS
from ruvector_engine.types.registry import BOOL, REGCLASS, TypeRef, UserOid

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: The OID of a relation or type, or that of a composite type and the number of its attribute.
Named: TypeAlias = int | tuple[int, int]
#: Analyzes a parse tree in a context, noting what its names mean; the typed tree.
_Analyzer: TypeAlias = Callable[[Any, Context, list[Noted]], Any]


def stored_text(session: Session, node: Any, **given: Any) -> str:
    """The text to keep of an expression that a statement has; `given` is what `analyze_expression` is told about it.

    Errors in ALTER TABLE have no place, as in PostgreSQL.
    """

    def analyzer(tree: Any, context: Context, noted: list[Noted]) -> Any:
        return analyze_expression(tree, context, noted=noted, **given)

    try:
        return _settled(node, session.analysis_context(), session.catalog, analyzer)
    except SqlError as error:
        if session.raw is not None and session.raw.kind == "alter_table_stmt":
            error.position = None
        raise


def default_text(session: Session, node: Any, column: ColumnDef) -> str:
    """The text to keep of a column's default."""
    return stored_text(session, node, target=column.type, column=column.name, clause="DEFAULT")


class ViewQuery:
    """The query of a view: analyzed, and then written down."""

    def __init__(self, raw: RawStatement, context: Context) -> None:
        self._tree = pb.Node()
        getattr(self._tree, raw.kind).CopyFrom(raw.node)  # the statement's own is still needed as it is
        self._noted: list[Noted] = []
        self.analyzed = analyze(inner_statement(raw, self._tree), context, None, noted=self._noted)

    def text(self, names: Sequence[str], catalog: Catalog) -> str:
        """What is stored of it, in the names of a catalog, for a view whose columns have these names. Once."""
        constants = (node for node in own_nodes(self.analyzed.statement) if isinstance(node, Const))
        settle_query(self._tree, self._noted, constants, catalog)
        name_outputs(self._tree, self._noted, names)
        return statement_text(self._tree)

    def uses(self) -> tuple[Use, ...]:
        """What it reads of other relations, and the types that it names; what views among them use is theirs."""
        found: dict[int, set[int]] = defaultdict(set)
        for item in self._noted:
            if isinstance(item, RelationNamed):
                found[item.relation.oid] |= set()
            named: Sequence[Expr] = ()
            if isinstance(item, ColumnNamed):
                named = [item.meant]
            elif isinstance(item, StarNamed):
                named = [column for _, column in item.columns]
            elif isinstance(item, ColumnsMerged):
                named = item.sides
            for meant in named:
                for oid, attnum in _columns_meant(meant):
                    found[oid].add(attnum)
        for named_by in _named_by(own_nodes(self.analyzed.statement)) | _types_noted(self._noted):
            if isinstance(named_by, tuple):
                found[named_by[0]].add(named_by[1])
            else:
                found[named_by] |= set()
        return tuple(Use(oid, tuple(sorted(attnums))) for oid, attnums in sorted(found.items()))


def _columns_meant(meant: Expr) -> Iterator[tuple[int, int]]:
    """The column of a table or view that a name means, by OID and attnum; attnum 0 where it is the whole row."""
    if isinstance(meant, ColumnRef) and meant.index >= 0:
        relation = meant.range.view or meant.range.source
        if isinstance(relation, (TableDef, ViewDef)):
            yield relation.oid, relation.columns[meant.index].attnum
    elif isinstance(meant, Special) and meant.kind == "row" and meant.type.oid >= ROW_TYPE_OFFSET:
        yield meant.type.oid - ROW_TYPE_OFFSET, 0


# -------------------------------------------------------------------- what texts name


def named_in_column(session: Session, table: TableDef, column: ColumnDef, mention: str) -> set[Named]:
    """What a column's default or generation expression names: relations, types, attributes.

    A text without `mention` in it is not looked at.
    """
    text = column.generation or column.default
    if text is None or mention not in text:
        return set()
    if column.generation is not None:
        return _named(session, table, text, table=table, clause="GENERATED")
    return _named(session, table, text, target=column.type, column=column.name, clause="DEFAULT")


def named_in_check(session: Session, table: TableDef, constraint: ConstraintDef, mention: str) -> set[Named]:
    """The same of a CHECK."""
    text = constraint.expression
    if text is None or mention not in text:
        return set()
    return _named(session, table, text, table=table, target=TypeRef(BOOL))


def named_in_index(session: Session, index: IndexDef, mention: str) -> set[Named]:
    """The same of an index's expressions and predicate."""
    table = session.catalog.table_by_oid(index.table_oid)
    texts = [part.text for part in (*index.expressions, index.predicate) if part is not None and mention in part.text]
    if table is None:
        return set()
    clause = "index expressions"
    return set().union(*(_named(session, table, text, table=table, clause=clause) for text in texts))


def _named(session: Session, owner: TableDef, text: str, **given: Any) -> set[Named]:
    if not any(sign in text for sign in "'(:"):
        return set()  # nothing but columns and numbers
    noted: list[Noted] = []
    expr = analyze_expression(text, reading(session.catalog, owner.schema), noted=noted, **given)
    return _named_by(nodes(expr)) | _types_noted(noted)


def _types_noted(noted: Iterable[Noted]) -> set[Named]:
    """The types that a text names, of what was not evaluated at once too; those of arrays are told by their values."""
    named = (item for item in noted if isinstance(item, (TypeNamed, TypeCalled)))
    return {int(item.oid) for item in named if isinstance(item, TypeCalled) or not item.node.array_bounds}


def _named_by(found: Iterable[Any]) -> set[Named]:
    """The relations that constants name, the types that expressions make values of, the attributes that are read."""
    oids: set[Named] = set()
    for node in found:
        row = node.args[0] if isinstance(node, Special) and node.kind == "field" else None
        if isinstance(node, Special) and row is not None and row.type.composite is not None:
            oids.add((int(row.type.oid), node.extra))
        if isinstance(node, Const) and node.type.oid == REGCLASS and isinstance(node.value, int):
            oids.add(node.value)
        elif isinstance(node, (Const, Cast, Call, Special)) and (
            isinstance(node.type.oid, UserOid) or node.type.oid in EXTENSION_OIDS
        ):
            whole_row = isinstance(node, Special) and node.kind == "row" and node.type.oid >= ROW_TYPE_OFFSET
            oids |= set() if whole_row else {int(node.type.oid)}
    return oids


def follow(session: Session, before: Catalog) -> None:
    """Write every text anew that names something otherwise than the session's catalog does now.

    `before` is the catalog in which the texts still mean what they shall mean.
    """
    after = session.catalog
    changed: list[Relation] = []
    for relation in after.relations.values():
        try:
            new = _followed(relation, before, after)
        except SqlError:  # a text that no longer holds keeps its names: whatever uses it says so, as before
            continue
        if new != relation:
            changed.append(new)
    if changed:
        session.transaction.catalog = store.changed(session.connection, after, put=changed)


def _followed(relation: Relation, before: Catalog, after: Catalog) -> Relation:
    if isinstance(relation, TableDef) and not relation.virtual:
        return _table(relation, before, after)
    if isinstance(relation, IndexDef):
        return _index(relation, before, after)
    return _view(relation, before, after) if isinstance(relation, ViewDef) else relation


def _table(table: TableDef, before: Catalog, after: Catalog) -> TableDef:
    """The table with its texts in the names of the catalog `after`."""
    former = before.table_by_oid(table.oid)
    if former is None:
        return table

    def column(now: ColumnDef) -> ColumnDef:
        old = next((c for c in former.columns if c.attnum == now.attnum), now)
        if now.default is not None:
            given = {"target": old.type, "column": old.name, "clause": "DEFAULT"}
            return replace(now, default=_text(now.default, before, after, former, **given))
        if now.generation is not None:
            given = {"table": former, "target": old.type, "column": old.name, "clause": "GENERATED"}
            return replace(now, generation=_text(now.generation, before, after, former, **given))
        return now

    def check(text: str) -> str:
        return _text(text, before, after, former, table=former, target=TypeRef(BOOL))

    checks = (c if c.expression is None else replace(c, expression=check(c.expression)) for c in table.constraints)
    return replace(table, columns=tuple(map(column, table.columns)), constraints=tuple(checks))


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


def _view(view: ViewDef, before: Catalog, after: Catalog) -> ViewDef:
    """The view with its query in the names of the catalog `after`."""
    (raw,) = parse(view.query)
    query = ViewQuery(raw, reading_view(Context(before, ()), view))
    return replace(view, query=query.text([column.name for column in view.columns], after))


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
