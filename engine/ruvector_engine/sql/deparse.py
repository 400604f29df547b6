"""Raw parse nodes back to PostgreSQL's SQL text: for what the catalog stores (defaults, checks, views)."""

from __future__ import annotations

from typing import Any

import postgast
from postgast import pg_query_pb2 as _pb

pb: Any = _pb


def expression_text(node: Any) -> str:
    """An expression's text, as PostgreSQL's deparser prints it."""
    select = pb.SelectStmt(
        target_list=[pb.Node(res_target=pb.ResTarget(val=node))],
        limit_option=pb.LIMIT_OPTION_DEFAULT,
        op=pb.SETOP_NONE,
    )
    return statement_text(pb.Node(select_stmt=select)).removeprefix("SELECT ")


def statement_text(node: Any) -> str:
    """A statement's text."""
    tree = pb.ParseResult(stmts=[pb.RawStmt(stmt=node)])
    return str(postgast.deparse(tree))


def enum_name(node: Any, field: str) -> str:
    """The name of an enum field's value, e.g. "TRANS_STMT_BEGIN"."""
    values = node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(values[getattr(node, field)].name)


def parts(tree: Any, message: Any) -> list[Any]:
    """All nodes of a class in a parse tree; changing one changes the tree."""
    return list(postgast.find_nodes(tree, message))


def type_names(sql: str) -> list[list[str]]:
    """The parts of every type's name in a text."""
    found = postgast.find_nodes(postgast.parse(sql), pb.TypeName)
    return [[part.string.sval for part in node.names] for node in found]


def column_names(sql: str) -> set[str]:
    """The names of the columns that a text names, without their tables'."""
    found = postgast.find_nodes(postgast.parse(sql), pb.ColumnRef)
    return {node.fields[-1].string.sval for node in found}


def relation_names(sql: str) -> set[tuple[str | None, str]]:
    """The (schema or None, name) of every relation that a text names; names of WITH queries are among them."""
    return {(node.schemaname or None, node.relname) for node in postgast.find_nodes(postgast.parse(sql), pb.RangeVar)}
