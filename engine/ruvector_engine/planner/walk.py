"""Walks over the typed tree: what an expression reads, and the queries inside a query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.sql.nodes import (
    Aggregate,
    BoolOp,
    Call,
    ColumnRef,
    Const,
    CteRef,
    Expr,
    FromItem,
    FunctionDef,
    Join,
    Query,
    RangeEntry,
    Special,
)
from ruvector_engine.types.registry import TypeRef, Value

_LEAVES = (TypeRef, FunctionDef, TableDef, str, int, float, bytes, bool, type(None))


def nodes(root: Any) -> Iterator[Any]:
    """Every node below and including `root`, subqueries and range entries included, each once."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, _LEAVES):
            continue
        if isinstance(node, (tuple, list)):
            stack.extend(node)
            continue
        if not is_dataclass(node) or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, ColumnRef):
            continue  # its range entry belongs to a FROM list, which is walked where it stands
        if isinstance(node, CteRef):
            continue  # likewise its query
        stack.extend(getattr(node, f.name) for f in fields(node))


def queries(root: Query) -> Iterator[Query]:
    """`root` and every query inside it."""
    return (node for node in nodes(root) if isinstance(node, Query))


def outside_references(root: Any) -> list[ColumnRef]:
    """Column references whose range entry does not stand inside `root`: its correlation."""
    found = list(nodes(root))
    inside = {id(node) for node in found if isinstance(node, RangeEntry)}
    # ON CONFLICT's excluded and DML targets are entries of their own statement, never of a query.
    return [node for node in found if isinstance(node, ColumnRef) and id(node.range) not in inside]


def constants(expr: Expr) -> list[Value] | None:
    """The values of ARRAY[...] of one dimension, if all of it is constant."""
    if not isinstance(expr, Special) or expr.kind != "array" or expr.extra == "nested":
        return None
    members = [member.value for member in expr.args if isinstance(member, Const)]
    return members if len(members) == len(expr.args) else None


def is_volatile(root: Any) -> bool:
    """Whether evaluating it twice may give two answers."""
    return any(isinstance(n, (Call, Aggregate)) and n.function.volatile for n in nodes(root))


def cte_references(root: Any) -> list[CteRef]:
    """References to WITH queries."""
    return [node for node in nodes(root) if isinstance(node, CteRef)]


def entries(items: tuple[FromItem, ...]) -> Iterator[RangeEntry]:
    """The range entries of a FROM list, left to right."""
    for item in items:
        if isinstance(item, Join):
            yield from entries((item.left, item.right))
        else:
            yield item


def conjuncts(where: Expr | None) -> list[Expr]:
    """The parts of a WHERE that must all hold."""
    if where is None:
        return []
    if isinstance(where, BoolOp) and where.op == "AND":
        return [part for arg in where.args for part in conjuncts(arg)]
    return [where]


def tables(root: Any) -> Iterator[TableDef]:
    """Every table or system view that the tree reads."""
    for node in nodes(root):
        if isinstance(node, RangeEntry) and isinstance(node.source, TableDef):
            yield node.source
