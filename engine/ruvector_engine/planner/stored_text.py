"""Expressions as the catalogs show what they store: every pair of parentheses, or (`pretty`) no more than it takes.

After ruleutils.c. Unlike EXPLAIN's (`expression_text`) nothing in them has been evaluated beforehand.
"""

from __future__ import annotations

from ruvector_engine.catalog.model import IndexExpression
from ruvector_engine.planner.expression_text import Printer
from ruvector_engine.sql.nodes import BoolOp, Call, Cast, ColumnRef, Const, Expr, Special

_printer = Printer({}, None, lambda _: "", lambda _: "", folded=False)


def stored_text(expr: Expr) -> str:
    """An expression over one table."""
    return _printer.text(expr)


def pretty_text(expr: Expr) -> str:
    """The same as pg_get_expr(..., true) shows it."""
    if isinstance(expr, BoolOp):
        if expr.op == "NOT":
            return f"NOT {_within(expr.args[0], 'NOT')}"
        return f" {expr.op} ".join(_within(arg, expr.op) for arg in expr.args)
    if isinstance(expr, Cast):
        shown = stored_text(expr)
        return f"{_operand(expr.arg)}{shown[shown.rindex('::') :]}"
    if isinstance(expr, Call) and expr.function.kind == "o":
        args = [_operand(arg) for arg in expr.args]
        return f" {expr.function.name} ".join(args) if len(args) == 2 else f"{expr.function.name} {args[0]}"
    if isinstance(expr, Call):
        return f"{expr.function.name}({', '.join(pretty_text(arg) for arg in expr.args)})"
    if isinstance(expr, Special) and expr.kind in ("isnull", "isnotnull") and expr.args[0] is not None:
        return f"{_operand(expr.args[0])} IS {'NOT ' if expr.kind == 'isnotnull' else ''}NULL"
    text = stored_text(expr)
    return text[1:-1] if isinstance(expr, Special) and text[:1] == "(" and text[-1:] == ")" else text


def index_expression(text: str, expr: Expr) -> IndexExpression:
    """A key or predicate of an index: the text that is kept, what it is, and how the catalogs show it."""
    return IndexExpression(text, expr.type, stored_text(expr), pretty_text(expr))


def _within(arg: Expr, op: str) -> str:
    """An operand of AND, OR, NOT: what binds less tightly stands in parentheses."""
    loose = isinstance(arg, BoolOp) and (op == "NOT" or (op == "AND" and arg.op == "OR"))
    return f"({pretty_text(arg)})" if loose else pretty_text(arg)


def _operand(arg: Expr) -> str:
    simple = isinstance(arg, (ColumnRef, Const, Cast)) or (isinstance(arg, Call) and arg.function.kind != "o")
    return pretty_text(arg) if simple else f"({pretty_text(arg)})"
