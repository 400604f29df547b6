"""Whether a query's WHERE implies an index's predicate: then the index holds every row the query wants.

The rules are those of PostgreSQL's predicate proofs as far as they matter for conditions that people write: the same
condition, AND and OR on either side, lists, IS NOT NULL behind an operator that is never true of NULL, and comparisons
of the same expression with numbers. What cannot be shown is taken for not implied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from ruvector_engine.planner.walk import conjuncts
from ruvector_engine.sql.nodes import BoolOp, Call, Cast, Const, Expr, Param, Special
from ruvector_engine.sql.tree import transform
from ruvector_engine.types.registry import Value

_MIRRORED = {"<": ">", "<=": ">=", "=": "=", "<>": "<>", ">=": "<=", ">": "<"}

#: Operators that give NULL for a NULL on either side, whatever the types.
_STRICT = frozenset((*_MIRRORED, "+", "-", "*", "/", "%", "~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*"))

#: (what is known, what is asked) of one expression -> what must hold between the known constant and the asked one.
_PROOFS: dict[tuple[str, str], Callable[[Any, Any], bool]] = {
    ("=", "="): eq, ("=", "<>"): ne, ("=", "<"): lt, ("=", "<="): le, ("=", ">"): gt, ("=", ">="): ge,
    ("<", "<"): le, ("<", "<="): le, ("<", "<>"): le, ("<=", "<="): le, ("<=", "<"): lt, ("<=", "<>"): lt,
    (">", ">"): ge, (">", ">="): ge, (">", "<>"): ge, (">=", ">="): ge, (">=", ">"): gt, (">=", "<>"): gt,
    ("<>", "<>"): eq,
}  # fmt: skip


def implied(part: Expr, conditions: Sequence[Expr]) -> bool:
    """Whether every row for which all the conditions are true makes `part` true."""
    if part in conditions:
        return True
    if isinstance(part, BoolOp) and part.op != "NOT":
        holds = [implied(arg, conditions) for arg in part.args]
        if all(holds) or (part.op == "OR" and any(holds)):
            return True
    elif (choices := _choices(part)) and any(implied(choice, conditions) for choice in choices):
        return True
    return any(_follows(part, condition) for condition in conditions)


def with_values(expr: Expr, params: Sequence[Value]) -> Expr:
    """The expression with its parameters' values in their places."""

    def change(node: Expr) -> Expr | None:
        if isinstance(node, Param) and node.number <= len(params):
            return Const(params[node.number - 1], node.type)
        return None

    return transform(expr, change)


def _follows(part: Expr, condition: Expr) -> bool:
    """Whether one condition is enough."""
    if isinstance(condition, BoolOp) and condition.op == "AND":
        return implied(part, conjuncts(condition))
    choices = condition.args if isinstance(condition, BoolOp) and condition.op == "OR" else _choices(condition)
    if choices:
        return all(implied(part, (choice,)) for choice in choices)
    if isinstance(part, Special) and part.kind == "isnotnull":
        asked = part.args[0]
        return asked is not None and _null_with(condition, asked)
    return _compares_enough(part, condition)


def _choices(expr: Expr) -> tuple[Expr, ...]:
    """The comparisons of which `x IN (...)` is the OR; () for anything else."""
    if not isinstance(expr, Special) or expr.kind != "in":
        return ()
    function, negated = expr.extra
    tested, *items = (arg for arg in expr.args if arg is not None)
    return () if negated else tuple(Call(function, (tested, item), expr.type) for item in items)


def _null_with(expr: Expr, asked: Expr) -> bool:
    """Whether the expression is surely NULL where `asked` is."""
    if expr == asked:
        return True
    if isinstance(expr, Cast):
        return _null_with(expr.arg, asked)
    if isinstance(expr, BoolOp):
        return expr.op == "NOT" and _null_with(expr.args[0], asked)
    if not isinstance(expr, Call) or expr.function.kind != "o" or expr.function.name not in _STRICT:
        return False
    return any(_null_with(arg, asked) for arg in expr.args)


def _compares_enough(part: Expr, condition: Expr) -> bool:
    asked, known = _comparison(part), _comparison(condition)
    if asked is None or known is None or asked[0] != known[0]:
        return False
    proof = _PROOFS.get((known[1], asked[1]))
    return proof is not None and _comparable(known[2], asked[2]) and proof(known[2], asked[2])


def _comparison(expr: Expr) -> tuple[Expr, str, Value] | None:
    """A comparison as (expression, operator, constant)."""
    if not isinstance(expr, Call) or expr.function.kind != "o" or expr.function.name not in _MIRRORED:
        return None
    left, right = expr.args
    if isinstance(right, Const):
        return left, expr.function.name, right.value
    if isinstance(left, Const):
        return right, _MIRRORED[expr.function.name], left.value
    return None


def _comparable(known: Value, asked: Value) -> bool:
    """Whether Python orders the two as PostgreSQL does: whole and decimal numbers."""
    kinds = (type(known), type(asked))
    if kinds == (Decimal, Decimal):
        return all(isinstance(value, Decimal) and value.is_finite() for value in (known, asked))
    return kinds == (int, int)
