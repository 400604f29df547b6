"""Typed expressions as EXPLAIN shows them: PostgreSQL's operators, constants with their type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.catalog.system.typenames import type_modifier
from ruvector_engine.planner.walk import constants
from ruvector_engine.sql.functions.text_search import TO_QUERY_TEMPLATES
from ruvector_engine.sql.nodes import (
    Aggregate,
    BoolOp,
    Call,
    Cast,
    ColumnRef,
    Const,
    Expr,
    Param,
    RangeEntry,
    SortKey,
    Special,
    SubLink,
    WindowSpec,
)
from ruvector_engine.text_search import to_query
from ruvector_engine.text_search.dictionaries import configuration, configuration_name
from ruvector_engine.types.registry import BOOL, INT2, INT4, INT8, NUMERIC, REGCONFIG, TypeRef, Value
from ruvector_engine.types.text import format_text

_INTEGERS = frozenset({INT2, INT4, INT8})
_POSTFIX = {"isnull": "IS NULL", "isnotnull": "IS NOT NULL"}


class Printer:
    """Prints the expressions of one plan.

    `aliases` are the names that range entries have in the plan, `values` those of the parameters (None: they are shown
    as $1), `subplan` gives a subquery's name, `window` a window's. `folded`: what is constant has been evaluated.
    """

    def __init__(
        self,
        aliases: Mapping[RangeEntry, str],
        values: Sequence[Value] | None,
        subplan: Callable[[SubLink], str],
        window: Callable[[WindowSpec], str],
        *,
        folded: bool = True,
    ) -> None:
        self._aliases = aliases
        self._values = values
        self._subplan = subplan
        self._window = window
        self._folded = folded

    def text(self, expr: Expr | None, own: RangeEntry | None = None, *, qualify: bool = False) -> str:
        """The expression; columns of `own` stand bare, and without `qualify` all do when there is no `own`."""

        def show(node: Expr | None) -> str:
            return "" if node is None else self.text(node, own, qualify=qualify)

        if expr is None:
            return ""
        if isinstance(expr, ColumnRef):
            return self._column(expr, own, qualify)
        if isinstance(expr, Const):
            return _literal(expr)
        if isinstance(expr, Param):
            return f"${expr.number}" if self._values is None else _constant(self._values[expr.number - 1], expr.type)
        if isinstance(expr, Call):
            constant = _folded_query(expr, self._values) if self._folded else None
            if constant is not None:
                return _constant(constant, expr.type)
            shown = [show(_uncast(a)) for a in expr.args if not _is_implied(a)]
            return _call(expr.function.name, expr.function.kind, shown)
        if isinstance(expr, Cast):
            return f"({show(expr.arg)})::{_type_name(expr.type)}{_modifier(expr.type)}"
        if isinstance(expr, BoolOp):
            args = [show(a) for a in expr.args]
            return f"(NOT {args[0]})" if expr.op == "NOT" else f"({f' {expr.op} '.join(args)})"
        if isinstance(expr, Special):
            return _special(expr, [show(a) for a in expr.args], folded=self._folded)
        if isinstance(expr, Aggregate):
            return self._aggregate(expr, own, qualify=qualify)
        return self._sublink(expr, show(expr.test))

    def sort_key(self, key: SortKey, *, qualify: bool = False, computed: bool = False) -> str:
        """A sort key. One that the node below has `computed` stands in parentheses of its own, but for a column."""
        text = self.text(key.expr, qualify=qualify)
        if computed and not isinstance(key.expr, ColumnRef):
            text = f"({text})"
        if key.descending:
            text += " DESC"
        if key.nulls_first != key.descending:
            text += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
        return text

    def window(self, spec: WindowSpec, frame: str, *, qualify: bool) -> str:
        """A window's definition."""
        parts = []
        if spec.partition_by:
            parts.append(f"PARTITION BY {', '.join(self.text(e, qualify=qualify) for e in spec.partition_by)}")
        if spec.order_by:
            parts.append(
                f"ORDER BY {', '.join(self.sort_key(k, qualify=qualify, computed=True) for k in spec.order_by)}"
            )
        return f"({' '.join([*parts, *([frame] if frame else [])])})"

    def _column(self, expr: ColumnRef, own: RangeEntry | None, qualify: bool) -> str:
        name = quote_identifier(expr.name)
        alias = self._aliases.get(expr.range, expr.range.alias)
        if not alias or not (qualify or (own is not None and expr.range is not own)):
            return name
        return f"{quote_identifier(alias)}.{name}"

    def _aggregate(self, expr: Aggregate, own: RangeEntry | None, *, qualify: bool) -> str:
        inside = "*" if expr.star else ", ".join(self.text(a, own, qualify=qualify) for a in expr.args)
        if expr.order_by:
            inside += f" ORDER BY {', '.join(self.sort_key(k, qualify=qualify, computed=True) for k in expr.order_by)}"
        text = f"{expr.function.name}({'DISTINCT ' if expr.distinct else ''}{inside})"
        if expr.filter is not None:
            text += f" FILTER (WHERE {self.text(expr.filter, own, qualify=qualify)})"
        return text if expr.over is None else f"{text} OVER {self._window(expr.over)}"

    def _sublink(self, expr: SubLink, test: str) -> str:
        name = self._subplan(expr)
        if name.startswith("InitPlan"):
            return f"({name}).col1"
        if expr.kind in ("ANY", "ALL"):
            operator = "=" if expr.op is None else expr.op.name
            return f"({expr.kind} ({test} {operator} ({name}).col1))"
        return f"({name})" if expr.kind == "SCALAR" else f"{expr.kind}({name})"


def is_folded_query(expr: Expr, values: Sequence[Value] | None) -> bool:
    """Whether it is a tsquery that PostgreSQL evaluates when it plans."""
    return isinstance(expr, Call) and _folded_query(expr, values) is not None


def _folded_query(call: Call, values: Sequence[Value] | None) -> str | None:
    """The tsquery of a call whose configuration and text are constants."""
    if call.function.template not in TO_QUERY_TEMPLATES:
        return None
    oid, text = (
        arg.value
        if isinstance(arg, Const)
        else values[arg.number - 1]
        if isinstance(arg, Param) and values is not None
        else None
        for arg in call.args
    )
    if not isinstance(oid, int) or not isinstance(text, str):
        return None
    return to_query.made(call.function.name, configuration(oid), text)


def _is_implied(arg: Expr) -> bool:
    """Whether it is the session's text search configuration, which the statement does not name."""
    return isinstance(arg, Special) and arg.extra == "get_current_ts_config" and arg.location < 0


def _literal(expr: Const) -> str:
    """A constant of the statement. A number without a type was an integer before it was made a bigint."""
    value = expr.value
    if expr.type.oid in (INT2, INT8) and isinstance(value, int) and abs(value) < 2**31:
        return _constant(value, TypeRef(INT4))
    return _constant(value, expr.type)


def _constant(value: Value, type_: TypeRef) -> str:
    """A value that reads back as what it is: with its type, unless that shows (get_const_expr)."""
    if value is None:
        return f"NULL::{_type_name(type_)}"
    text = configuration_name(value) if type_.oid == REGCONFIG else format_text(type_, value)
    if type_.oid == BOOL:
        return "true" if value else "false"
    if not text.startswith("-") and (type_.oid == INT4 or (type_.oid == NUMERIC and "." in text)):
        return text
    escaped = text.replace("'", "''")
    return f"'{escaped}'::{_type_name(type_)}"


def _modifier(type_: TypeRef) -> str:
    """Behind a type's name; of the types with a time zone in their name it would stand elsewhere."""
    return "" if type_.typmod < 0 or "time" in type_.pg.name else type_modifier(type_.pg.name, type_.typmod)


def _type_name(type_: TypeRef) -> str:
    return str(type_.pg.sql_name)


def _call(name: str, kind: str, args: list[str]) -> str:
    if kind == "o":
        return f"({f' {name} '.join(args)})" if len(args) == 2 else f"({name} {args[0]})"
    return f"{quote_identifier(name)}({', '.join(args)})"


def _uncast(arg: Expr) -> Expr:
    """An operand without the cast to a wider integer, which PostgreSQL's operators do without."""
    if isinstance(arg, Cast) and not arg.explicit and arg.type.oid in _INTEGERS and arg.arg.type.oid in _INTEGERS:
        return arg.arg
    return arg


def _special(expr: Special, args: list[str], *, folded: bool) -> str:
    if expr.kind in _POSTFIX:
        return f"({args[0]} {_POSTFIX[expr.kind]})"
    if expr.kind == "truth":
        return f"({args[0]} IS {expr.extra})"
    if expr.kind == "in":
        test = "<> ALL" if expr.extra[1] else "= ANY"
        return f"({args[0]} {test} ({_members(expr, args[1:], folded=folded)}))"
    if expr.kind in ("any", "all"):
        return f"({args[0]} {expr.extra.name} {expr.kind.upper()} ({args[1]}))"
    if expr.kind in ("distinct", "notdistinct"):
        return f"({args[0]} IS {'NOT ' if expr.kind == 'notdistinct' else ''}DISTINCT FROM {args[1]})"
    if expr.kind == "case":
        return _case(args)
    if expr.kind == "array":
        numbers = constants(expr)
        return _constant(numbers, expr.type) if folded and numbers else f"ARRAY[{', '.join(args)}]"
    if expr.kind in ("shape", "plain"):
        return args[0]
    if expr.kind == "subscript":
        return f"{args[0]}{''.join(f'[{index}]' for index in args[1:])}"
    if expr.kind == "field" and expr.args[0] is not None:
        composite = expr.args[0].type.composite
        names = {a.attnum: a.name for a in composite.attributes} if composite is not None else {}
        return f"({args[0]}).{quote_identifier(names.get(expr.extra, str(expr.extra)))}"
    if expr.kind == "row":
        return f"ROW({', '.join(args)})"
    if expr.kind in ("session", "enum"):
        return f"{str(expr.extra).upper() if not args else expr.extra}" + (f"({', '.join(args)})" if args else "")
    return f"{expr.kind.upper().replace('_', ' ')}({', '.join(args)})"


def _case(args: list[str]) -> str:
    """CASE: condition, result, condition, result, ..., default."""
    whens = [f"WHEN {args[i]} THEN {args[i + 1]}" for i in range(0, len(args) - 1, 2)]
    return " ".join(["CASE", *whens, f"ELSE {args[-1]}", "END"])


def _members(expr: Special, texts: list[str], *, folded: bool) -> str:
    """The list of IN: an array constant if all its members are constants, and have been evaluated."""
    members = expr.args[1:]
    first = members[0]
    array = first.type.pg.array_oid if first is not None else 0
    if folded and array and all(isinstance(m, Const) and m.type.oid == first.type.oid for m in members):  # type: ignore[union-attr]
        return _constant([m.value for m in members if isinstance(m, Const)], TypeRef(array))
    return f"ARRAY[{', '.join(texts)}]"
