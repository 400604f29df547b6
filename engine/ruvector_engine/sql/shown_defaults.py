"""Column defaults as pg_get_expr prints them: constants with the type they have become, keywords in capitals.

Clients that compare schemas compare these texts. An expression that is none of the simple ones is shown as it is kept.
"""

from __future__ import annotations

import re
from typing import Any

from ruvector_engine.catalog.model import ColumnDef
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.catalog.system.typenames import format_type
from ruvector_engine.errors import SqlError
from ruvector_engine.sql.deparse import enum_name, parsed
from ruvector_engine.sql.shown_names import shown_expression
from ruvector_engine.sql.typenames import resolve_type
from ruvector_engine.types.registry import BOOL, INT4, INT8, INTERVAL, NUMERIC, TIMESTAMPTZ, TypeRef
from ruvector_engine.types.text import format_text, parse_text

_QUOTED = re.compile("'[^']*'|\"[^\"]*\"")
_ARITHMETIC = frozenset("+-*/")


def shown_default(lookup: Lookup, column: ColumnDef) -> str | None:
    """A column's default, or what it is generated from; None when it has neither."""
    if column.generation is not None:
        return shown_expression(lookup, column.generation)
    if column.default is None:
        return None
    node = parsed(f"SELECT {column.default}").select_stmt.target_list[0].res_target.val
    try:
        simple = _simple(lookup, node, column.type)
    except SqlError:  # a constant that its type has not taken yet: the row that needs it will say so
        simple = None
    return shown_expression(lookup, column.default) if simple is None else simple


def without_parentheses(text: str) -> str:
    """The same without the pair of parentheses that is around all of it, if there is one (pretty printing).

    AT TIME ZONE keeps them, as in PostgreSQL.
    """
    if " AT TIME ZONE " in text:
        return text
    depth = 0
    for place, letter in enumerate(_QUOTED.sub(lambda quoted: "x" * len(quoted[0]), text)):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return text[1:-1] if place == len(text) - 1 and text.startswith("(") else text
    return text


def _simple(lookup: Lookup, node: Any, type_ref: TypeRef) -> str | None:
    """The text of a simple expression for a column of the type; None for any other."""
    kind = node.WhichOneof("node")
    if kind == "a_const":
        return _constant(lookup, node.a_const, type_ref)
    if kind == "sqlvalue_function":
        return _keyword(node.sqlvalue_function)
    if kind == "a_expr":
        return _arithmetic(lookup, node) or _later(lookup, node.a_expr)
    if kind == "func_call":
        return _zoned(node.func_call)
    if kind == "type_cast" and node.type_cast.arg.a_const.WhichOneof("val") == "sval":
        cast = node.type_cast
        target = resolve_type(cast.type_name, lookup.catalog, lookup.search_path)
        if cast.type_name.typmods or not _is_known(lookup, target):
            return None
        return _literal(lookup, cast.arg.a_const.sval.sval, target)
    return None


def _is_known(lookup: Lookup, type_ref: TypeRef) -> bool:
    """Whether constants of the type can be told: not those that name what may be called otherwise since."""
    return not type_ref.pg.name.startswith("reg") and format_type(lookup, type_ref.oid, -1) != "???"


def _constant(lookup: Lookup, constant: Any, type_ref: TypeRef) -> str | None:
    """A constant as it is written: text is read as the column's type, a number keeps its own."""
    kind = constant.WhichOneof("val")
    if constant.isnull:
        return None
    if kind == "ival":
        return _number(str(constant.ival.ival), INT4)
    if kind == "boolval":
        return "true" if constant.boolval.boolval else "false"
    if kind == "fval":
        text = constant.fval.fval
        whole = text.lstrip("-").isdigit() and -(2**63) <= int(text) < 2**63
        return _number(text, INT8 if whole else NUMERIC)
    if kind == "sval" and _is_known(lookup, type_ref):
        return _literal(lookup, constant.sval.sval, TypeRef(type_ref.oid))
    return None


def _number(text: str, oid: int) -> str:
    type_ref = TypeRef(oid)
    text = format_text(type_ref, parse_text(type_ref, text))
    return text if _stands_bare(text, oid) else f"'{text}'::{type_ref.pg.sql_name}"


def _stands_bare(text: str, oid: int) -> bool:
    """Whether a number reads back as what it is (get_const_expr)."""
    return text[:1].isdigit() and (oid == INT4 or (oid == NUMERIC and bool(set(".eE") & set(text))))


def _literal(lookup: Lookup, text: str, type_ref: TypeRef) -> str:
    """A constant of the type that is written as text; its modifier is the column's affair."""
    if type_ref.enum is None and type_ref.composite is None and type_ref.oid != TIMESTAMPTZ:
        text = format_text(type_ref, parse_text(type_ref, text))
    if type_ref.oid == BOOL:
        return "true" if text == "t" else "false"
    if _stands_bare(text, type_ref.oid):
        return text
    escaped = text.replace("'", "''")
    return f"'{escaped}'::{format_type(lookup, type_ref.oid, -1)}"


def _keyword(node: Any) -> str:
    """CURRENT_TIMESTAMP and its kin, with their precision."""
    name = enum_name(node, "op").removeprefix("SVFOP_")
    return f"{name.removesuffix('_N')}({node.typmod})" if name.endswith("_N") else name


def _arithmetic(lookup: Lookup, node: Any) -> str | None:
    """An operation on integers, in parentheses."""
    if node.a_const.WhichOneof("val") == "ival":
        return _constant(lookup, node.a_const, TypeRef(INT4))
    expr = node.a_expr
    if node.WhichOneof("node") != "a_expr" or enum_name(expr, "kind") != "AEXPR_OP" or len(expr.name) != 1:
        return None
    sides = [_arithmetic(lookup, side) for side in (expr.lexpr, expr.rexpr)]
    operator = expr.name[0].string.sval
    return f"({sides[0]} {operator} {sides[1]})" if operator in _ARITHMETIC and None not in sides else None


def _moment(node: Any) -> str | None:
    """now(), or CURRENT_TIMESTAMP."""
    if node.WhichOneof("node") == "sqlvalue_function":
        return _keyword(node.sqlvalue_function)
    call = node.func_call
    return "now()" if [part.string.sval for part in call.funcname] == ["now"] and not call.args else None


def _later(lookup: Lookup, expr: Any) -> str | None:
    """A moment and an interval."""
    moment, cast = _moment(expr.lexpr), expr.rexpr.type_cast
    if moment is None or [part.string.sval for part in expr.name] not in (["+"], ["-"]):
        return None
    if cast.arg.a_const.WhichOneof("val") != "sval" or cast.type_name.names[-1].string.sval != "interval":
        return None
    interval = _simple(lookup, expr.rexpr, TypeRef(INTERVAL))
    return None if interval is None else f"({moment} {expr.name[0].string.sval} {interval})"


def _zoned(call: Any) -> str | None:
    """A moment AT TIME ZONE a constant."""
    names = [part.string.sval for part in call.funcname]
    if (
        names != ["pg_catalog", "timezone"]
        or enum_name(call, "funcformat") != "COERCE_SQL_SYNTAX"
        or len(call.args) != 2
    ):
        return None
    zone, moment = call.args[0].a_const, _moment(call.args[1])
    if moment is None or zone.WhichOneof("val") != "sval":
        return None
    escaped = zone.sval.sval.replace("'", "''")
    return f"({moment} AT TIME ZONE '{escaped}'::text)"
