"""The catalog's SQL texts (defaults, checks, views) when a type they name, or a label, gets another name.

PostgreSQL keeps expression trees, in which a rename changes nothing; here the text has to follow it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.made_types import MadeType
from ruvector_engine.catalog.model import Relation, TableDef, ViewDef
from ruvector_engine.errors import not_supported
from ruvector_engine.executor import enum_types
from ruvector_engine.planner.walk import nodes
from ruvector_engine.sql.analyze import analyze, analyze_expression
from ruvector_engine.sql.defaults import expression_node
from ruvector_engine.sql.deparse import expression_text, parts, statement_text
from ruvector_engine.sql.nodes import Const, Query
from ruvector_engine.sql.parser import parse
from ruvector_engine.sql.raw import pb, strings
from ruvector_engine.types.registry import BOOL, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Changes a parse tree, given it and the typed tree made of it; says whether it did.
Change = Callable[[Any, Any], bool]


def relations_after(session: Session, change: Change) -> list[Relation]:
    """The tables and views whose texts a change concerns, with the new texts. The catalog is still the former one."""
    changed: list[Relation] = []
    for relation in session.catalog.relations.values():
        new: Relation = relation
        if isinstance(relation, TableDef) and not relation.virtual:
            new = _table(session, relation, change)
        elif isinstance(relation, ViewDef):
            new = _view(session, relation, change)
        if new is not relation:
            changed.append(new)
    return changed


def _table(session: Session, table: TableDef, change: Change) -> TableDef:
    columns, constraints = list(table.columns), list(table.constraints)
    for place, column in enumerate(columns):
        if column.default is not None and not column.owned_sequence:
            text = _expression(session, column.default, change, target=column.type, column=column.name)
            columns[place] = column if text is None else replace(column, default=text)
    for place, constraint in enumerate(constraints):
        if constraint.expression is not None:
            text = _expression(session, constraint.expression, change, table=table, target=TypeRef(BOOL))
            constraints[place] = constraint if text is None else replace(constraint, expression=text)
    if columns == list(table.columns) and constraints == list(table.constraints):
        return table
    return replace(table, columns=tuple(columns), constraints=tuple(constraints))


def _expression(session: Session, text: str, change: Change, **given: Any) -> str | None:
    node = pb.Node()
    node.CopyFrom(expression_node(text))  # that one is kept
    typed = analyze_expression(node, session.analysis_context(), **given)
    return expression_text(node) if change(node, typed) else None


def _view(session: Session, view: ViewDef, change: Change) -> ViewDef:
    (raw,) = parse(view.query)
    typed = analyze(raw, session.analysis_context(), None).statement
    if not isinstance(typed, Query) or not change(raw.node, typed):
        return view
    return replace(view, query=statement_text(pb.Node(select_stmt=raw.node)))


def type_renamed(session: Session, old: MadeType, new: MadeType) -> Change:
    """The type is called otherwise, or is in another schema."""

    def change(tree: Any, _typed: Any) -> bool:
        found = [n for n in parts(tree, pb.TypeName) if enum_types.find(session, strings(n.names)) == old]
        for node in found:
            names = (new.name,) if len(node.names) == 1 and new.schema == old.schema else (new.schema, new.name)
            del node.names[:]
            node.names.extend(pb.Node(string=pb.String(sval=name)) for name in names)
        return bool(found)

    return change


def label_renamed(definition: MadeType, old: str, new: str) -> Change:
    """A label is called otherwise; 0A000 where it is part of an array's text."""

    def change(tree: Any, typed: Any) -> bool:
        places = set()
        for node in nodes(typed):
            if isinstance(node, Const) and node.type.oid == definition.oid and node.value == old:
                places.add(node.location)
            elif isinstance(node, Const) and node.type.oid == definition.array_oid and _holds(node.value, old):
                raise not_supported(
                    f'"{old}" is part of an array in a default, a check constraint or a view',
                    hint="Drop what has it, and create it again after the change.",
                )
        found = [n for n in parts(tree, pb.A_Const) if n.location in places and n.sval.sval == old]
        for constant in found:
            constant.sval.sval = new
        return bool(found)

    return change


def _holds(value: Any, label: str) -> bool:
    return any(_holds(v, label) for v in value) if isinstance(value, list) else value == label
