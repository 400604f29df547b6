"""Raw parse nodes back to PostgreSQL's SQL text: for what the catalog stores (defaults, checks, views)."""

from __future__ import annotations

from collections.abc import Sequence
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


def parsed(sql: str) -> Any:
    """The Node of the one statement that a stored text is."""
    return postgast.parse(sql).stmts[0].stmt


def statement_text(node: Any) -> str:
    """A statement's text."""
    tree = pb.ParseResult(stmts=[pb.RawStmt(stmt=node)])
    return str(postgast.deparse(tree))


def write_name(fields: Any, names: Sequence[str]) -> None:
    """Put a dotted name in the place of the one that a list of nodes is."""
    del fields[:]
    fields.extend(pb.Node(string=pb.String(sval=name)) for name in names)


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
