"""Stored texts as the catalogs show them: names with their schema only where the reader's search path needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ruvector_engine.catalog.made_types import named_type
from ruvector_engine.catalog.model import BARE_SCHEMA, Relation
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.catalog.system.names import schema_and_name
from ruvector_engine.catalog.system.typenames import find_type
from ruvector_engine.sql.deparse import expression_text, parsed, parts, statement_text, write_name
from ruvector_engine.sql.raw import pb, strings


def shown_query(lookup: Lookup, text: str) -> str:
    """The query of a view."""
    tree = parsed(text)
    ctes = {cte.ctename for cte in parts(tree, pb.CommonTableExpr)}
    for node in parts(tree, pb.RangeVar):
        found = lookup.relation(node.schemaname, node.relname) if node.schemaname else None
        if found is not None and found.name not in ctes and lookup.is_visible(found):
            node.schemaname = ""
    _show_types(lookup, tree)
    return statement_text(tree)


def shown_expression(lookup: Lookup, text: str) -> str:
    """A default, a CHECK or another expression over one table."""
    if "::" not in text:
        return text
    tree = parsed(f"SELECT {text}")
    _show_types(lookup, tree)
    return expression_text(tree.select_stmt.target_list[0].res_target.val)


def relations_named(lookup: Lookup, text: str) -> set[int]:
    """OIDs of the relations that constants of type regclass in a stored expression name."""
    if "::regclass" not in text:
        return set()
    return {relation.oid for _, relation in _regclass_constants(lookup, parsed(f"SELECT {text}"))}


def _regclass_constants(lookup: Lookup, tree: Any) -> Iterator[tuple[Any, Relation]]:
    for node in parts(tree, pb.TypeCast):
        if strings(node.type_name.names)[-1] == "regclass" and node.arg.a_const.WhichOneof("val") == "sval":
            constant = node.arg.a_const.sval
            schema, name = schema_and_name(constant.sval)
            found = lookup.relation(schema or BARE_SCHEMA, name)
            if found is not None:
                yield constant, found


def _show_types(lookup: Lookup, tree: Any) -> None:
    """Names of types, and of the relations that constants of type regclass name."""
    for constant, relation in _regclass_constants(lookup, tree):
        constant.sval = lookup.relation_name(relation)
    for node in parts(tree, pb.TypeName):
        write_name(node.names, _shown_type(lookup, strings(node.names)))


def _shown_type(lookup: Lookup, names: Sequence[str]) -> Sequence[str]:
    """The name of a type: with its schema where that is one that CREATE TYPE made and the path does not lead to it."""
    schema = names[-2] if len(names) > 1 else BARE_SCHEMA
    made = named_type(lookup.catalog, schema, names[-1])
    if made is None or (len(names) == 1 and find_type(lookup, "pg_catalog", names[0]) is not None):
        return names
    return (made.name,) if find_type(lookup, None, made.name) == made.oid else (made.schema, made.name)
