"""f(a, name => b): arguments brought to the places that their names have."""

from __future__ import annotations

from typing import Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.functions.argument_names import ARGUMENT_NAMES, PATH_FUNCTIONS, ZERO_BY_DEFAULT
from ruvector_engine.sql.functions.catalog import NO_FUNCTION_HINT, type_label
from ruvector_engine.sql.nodes import Const, Expr
from ruvector_engine.sql.raw import kind_of, position
from ruvector_engine.sql.scope import Scope
from ruvector_engine.types.registry import INT4, JSONB, TypeRef


def placed(scope: Scope, name: str, node: Any) -> list[Expr]:
    """The arguments of a call in the order in which the function takes them."""
    raw = [kind_of(a) for a in node.args]
    if not any(kind == "named_arg_expr" for kind, _ in raw):
        return [expression(scope, a) for a in node.args]
    given: list[tuple[str | None, Expr]] = []
    for argument, (kind, message) in zip(node.args, raw, strict=True):
        if kind == "named_arg_expr":
            if any(label == message.name for label, _ in given):
                problem = f'argument name "{message.name}" used more than once'
                raise SqlError("42601", problem, position=position(message.location))
            given.append((message.name, expression(scope, message.arg)))
        else:
            found = expression(scope, argument)
            if given and given[-1][0] is not None:
                problem = "positional argument cannot follow named argument"
                raise SqlError("42601", problem, position=position(found.location))
            given.append((None, found))
    if name not in ARGUMENT_NAMES:
        raise not_supported(
            f"named arguments of {name}() are not supported",
            hint="Give the arguments by position.",
            position=position(node.location),
        )
    return _in_order(name, given, node.location)


def _in_order(name: str, given: list[tuple[str | None, Expr]], location: int) -> list[Expr]:
    names = ARGUMENT_NAMES[name]
    places: dict[int, Expr] = {}
    for i, (label, value) in enumerate(given):
        place = i if label is None else names.index(label) if label in names else -1
        if place < 0 or place in places:
            raise _missing(name, given, location)
        places[place] = value
    count = max(places) + 1
    if name in ZERO_BY_DEFAULT:
        return [places.get(i, Const(0, TypeRef(INT4))) for i in range(count)]
    if name in PATH_FUNCTIONS:
        places.setdefault(2, Const("{}", TypeRef(JSONB)))
    if any(i not in places for i in range(count)):
        raise _missing(name, given, location)
    return [places[i] for i in range(count)]


def _missing(name: str, given: list[tuple[str | None, Expr]], location: int) -> SqlError:
    shown = ", ".join(f"{label} => {type_label(e.type.oid)}" if label else type_label(e.type.oid) for label, e in given)
    return SqlError(
        "42883", f"function {name}({shown}) does not exist", hint=NO_FUNCTION_HINT, position=position(location)
    )
