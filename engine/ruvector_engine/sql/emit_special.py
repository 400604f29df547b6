"""Printers of the expressions with a syntax of their own: one function a kind of `Special`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.sql import emit_composite, emit_literal, emit_shaped, enum_storage
from ruvector_engine.sql.emit_binding import is_known_before, quote, session_value
from ruvector_engine.sql.emit_cast import REG_OIDS, output
from ruvector_engine.sql.emit_key import is_keyed, key_of, keys_of
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.functions.numeric_sql import NumericSql
from ruvector_engine.sql.functions.session import ROW_BY_ROW, is_volatile
from ruvector_engine.sql.json_text import to_json, to_jsonb
from ruvector_engine.sql.nodes import ColumnRef, Const, Expr, FunctionDef, Special
from ruvector_engine.sql.storage import duck_type, from_transport
from ruvector_engine.types.registry import BY_OID, NUMERIC, TEXT, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.sql.emit_expression import ExpressionEmitter


def _null_test(emitter: ExpressionEmitter, expr: Special) -> str:
    arg = expr.args[0]
    if arg is not None and arg.type.composite is not None:
        return emit_composite.null_test(emitter.expression(arg), arg.type, negated=expr.kind == "isnotnull")
    return f"({emitter.texts(expr)[0]} IS {'NOT ' if expr.kind == 'isnotnull' else ''}NULL)"


def _truth(emitter: ExpressionEmitter, expr: Special) -> str:
    return f"({emitter.texts(expr)[0]} {expr.extra})"


def _case(emitter: ExpressionEmitter, expr: Special) -> str:
    args = emitter.texts(expr)
    results = args[1::2] + args[-1:]
    results = _unified(expr, results)
    whens = "".join(f" WHEN {c} THEN {r}" for c, r in zip(args[:-1:2], results[:-1], strict=True))
    return numeric.like(results, f"(CASE{whens} ELSE {results[-1]} END)")


def _unified(expr: Special, texts: list[str]) -> list[str]:
    return numeric.unify(texts) if expr.type.oid == NUMERIC else texts


def _function_form(emitter: ExpressionEmitter, expr: Special) -> str:
    args = _unified(expr, emitter.texts(expr))
    if expr.kind in ("greatest", "least") and is_keyed(expr.type, numeric.shape_of(args[0])):
        return numeric.like(args, _extreme(expr, args))
    return numeric.like(args, f"{expr.kind}({', '.join(args)})")


def _extreme(expr: Special, args: Sequence[str]) -> str:
    """GREATEST or LEAST by the values' keys; of equal ones the first."""
    a, b = (numeric.like(args, name) for name in ("rv_a", "rv_b"))
    keeps = f"{key_of(a, expr.type)} {'>=' if expr.kind == 'greatest' else '<='} {key_of(b, expr.type)}"
    better = f"CASE WHEN rv_b IS NULL OR {keeps} THEN rv_a ELSE rv_b END"
    return f"list_reduce([{', '.join(args)}], lambda rv_a, rv_b: {better})"


def _nullif(emitter: ExpressionEmitter, expr: Special) -> str:
    left, right = emitter.texts(expr)
    test = emitter.filled(expr.extra, (left, right), _args(expr))
    text = f"(CASE WHEN {test} THEN NULL ELSE {left} END)"
    return NumericSql(text, left.shape) if isinstance(left, NumericSql) else text


def _args(expr: Special) -> list[Expr]:
    return [a for a in expr.args if a is not None]


def _distinct(emitter: ExpressionEmitter, expr: Special) -> str:
    left, right = keys_of(emitter.texts(expr), _args(expr)[0].type)
    return f"({left} IS {'NOT ' if expr.kind == 'notdistinct' else ''}DISTINCT FROM {right})"


def _in_list(emitter: ExpressionEmitter, expr: Special) -> str:
    function, negated = expr.extra
    left, *items = emitter.texts(expr)
    if function.template == "({0} = {1})":
        return f"({left} {'NOT ' if negated else ''}IN ({', '.join(items)}))"
    found = " OR ".join(emitter.filled(function, (left, item), _args(expr)) for item in items)
    return f"(NOT ({found}))" if negated else f"({found})"


def _array_test(emitter: ExpressionEmitter, expr: Special) -> str:
    """x op ANY (array): true if one is true, NULL if none is but one is NULL."""
    left, array = emitter.texts(expr)
    function: FunctionDef = expr.extra
    if expr.args[1] is not None and expr.args[1].type.shaped:
        array = f"({array}).items"
    if function.template == "({0} = {1})" and expr.kind == "any":
        test = f"({left} = ANY ({array}))"
        if isinstance(expr.args[1], Const) and expr.args[1].value is None:
            return "CAST(NULL AS BOOLEAN)"
        written = isinstance(expr.args[1], Const) or getattr(expr.args[1], "kind", "") == "array"
        # DuckDB finds nothing in a NULL array; PostgreSQL does not know.
        return test if written else f"(CASE WHEN {array} IS NOT NULL THEN {test} END)"
    element = numeric.numeric_text("rv_e") if BY_OID[expr.args[1].type.oid].element_oid == NUMERIC else "rv_e"  # type: ignore[union-attr]
    test = emitter.filled(function, (left, element), _args(expr))
    tests = f"list_transform({array}, lambda rv_e: {test})"
    name = "rv_any" if expr.kind == "any" else "rv_all"
    return f"{name}({tests})"


def _array(emitter: ExpressionEmitter, expr: Special) -> str:
    texts = [numeric.as_text(t) if isinstance(t, NumericSql) else t for t in emitter.texts(expr)]
    if expr.extra == "nested":
        return f"CAST({emit_shaped.nested(texts)} AS {duck_type(expr.type)})"
    plain = f"CAST([{', '.join(texts)}] AS {duck_type(TypeRef(expr.type.oid))})"
    return f"rv_shaped({plain})" if expr.type.shaped else plain


def _shape(emitter: ExpressionEmitter, expr: Special) -> str:
    return f"rv_shaped({emitter.texts(expr)[0]})"


def _plain(emitter: ExpressionEmitter, expr: Special) -> str:
    return f"rv_plain({emitter.texts(expr)[0]})"


def _subscript(emitter: ExpressionEmitter, expr: Special) -> str:
    array, *indexes = emitter.texts(expr)
    assert expr.args[0] is not None
    if expr.args[0].type.shaped:
        return emit_shaped.element_text(emit_shaped.subscript(array, indexes), expr.type.oid)
    if expr.args[0].type.pg.name in ("int2vector", "oidvector"):
        # The two array types that count from 0.
        return f"{array}[{indexes[0]} + 1]"
    text = array + "".join(f"[nullif(greatest({i}, 0), 0)]" if not i.isdigit() else f"[{i}]" for i in indexes)
    return numeric.numeric_text(text) if expr.type.oid == NUMERIC else text


def _field(emitter: ExpressionEmitter, expr: Special) -> str:
    if isinstance(expr.extra, int):
        return emit_composite.field(emitter.texts(expr)[0], expr.extra, expr.type)
    return f"({emitter.texts(expr)[0]}).{quote(expr.extra)}"


def _slice(emitter: ExpressionEmitter, expr: Special) -> str:
    assert expr.args[0] is not None
    array = emitter.expression(expr.args[0])
    if expr.type.shaped:
        return emit_shaped.slice_of(array, _bounds(emitter, expr.args[1:]))
    low, high = _bounds(emitter, expr.args[1:])[0]
    start = "1" if low is None else f"greatest({low}, 1)"
    stop = f"len({array})" if high is None else f"greatest({high}, 0)"
    return f"({array})[{start}:{stop}]"


def _bounds(emitter: ExpressionEmitter, bounds: Sequence[Expr | None]) -> list[tuple[str | None, str | None]]:
    texts = [None if bound is None else emitter.expression(bound) for bound in bounds]
    return list(zip(texts[::2], texts[1::2], strict=True))


def _assigned(emitter: ExpressionEmitter, expr: Special) -> str:
    """An array after the assignment of `args[1]` to what the bounds in the others say; `extra`: to one element."""
    array, value, *bounds = expr.args
    assert array is not None
    assert value is not None
    text = emitter.expression(value)
    if isinstance(text, NumericSql):
        text = numeric.as_text(text)
    return emit_shaped.assigned(emitter.expression(array), _bounds(emitter, bounds), text, element=expr.extra)


def _row(emitter: ExpressionEmitter, expr: Special) -> str:
    """A row as a value is its text, unless it has a composite type."""
    if expr.type.composite is not None:
        value = emit_composite.made(expr.type, emitter.texts(expr))
        present = _never_null(expr)
        return value if present is None else f"(CASE WHEN {emitter.expression(present)} IS NOT NULL THEN {value} END)"
    fields = [_output(emitter, Special("output", (a,), TypeRef(TEXT))) for a in expr.args]
    return f"rv_record_out(CAST([{', '.join(fields)}] AS VARCHAR[]))"


def _never_null(row: Special) -> ColumnRef | None:
    """A column that is NULL only where an outer join found no row of the table whose row this is."""
    for arg in row.args:
        source = arg.range.source if isinstance(arg, ColumnRef) and arg.index >= 0 else None
        if isinstance(arg, ColumnRef) and isinstance(source, TableDef) and source.columns[arg.index].not_null:
            return arg
    return None


def _similar(emitter: ExpressionEmitter, expr: Special) -> str:
    subject, pattern, escape = emitter.texts(expr)
    test = f"rv_similar({subject}, {pattern}, {escape})"
    return f"(NOT {test})" if expr.extra else test


def _session(emitter: ExpressionEmitter, expr: Special) -> str:
    called = ROW_BY_ROW.get(str(expr.extra))
    if called is not None and not is_known_before(expr):
        args = [emitter.expression(arg) for arg in _args(expr)]
        left_out = [called.left_out] if len(args) < len(called.args) else []
        return emitter.catalog_call(str(expr.extra), *args, *left_out)
    value = session_value(expr)
    placeholder = emitter.bind(value, expr if is_volatile(str(expr.extra)) else None)
    return from_transport(expr.type, placeholder)


def _grouping(emitter: ExpressionEmitter, expr: Special) -> str:
    with emitter.ungrouped():
        return f"CAST(grouping({', '.join(emitter.group_key(a) for a in _args(expr))}) AS INTEGER)"


def _output(emitter: ExpressionEmitter, expr: Special) -> str:
    arg = expr.args[0]
    assert arg is not None
    if arg.type.oid in REG_OIDS:
        return emitter.catalog_call(f"{arg.type.pg.name}_out", emitter.expression(arg))
    if arg.type.pg.element_oid in REG_OIDS and not arg.type.shaped:
        return f"rv_array_out({emitter.names(emitter.expression(arg), arg.type.pg.element_oid)})"
    text = emitter.expression(arg)
    return emit_shaped.to_text(text, arg.type.oid) if arg.type.shaped else output(text, arg.type.oid)


def _to_json(emitter: ExpressionEmitter, expr: Special) -> str:
    arg = expr.args[0]
    assert arg is not None
    if isinstance(arg, Special) and arg.kind == "row":
        parts = [a for a in arg.args if a is not None]
        keys = ", ".join(emit_literal.quote_text(name) for name in arg.extra)
        fields = ", ".join(to_json(emitter.expression(a), a.type) for a in parts)
        return f"rv_json_row([{keys}], CAST([{fields}] AS VARCHAR[]))"
    return to_json(emitter.expression(arg), arg.type)


def _to_jsonb(emitter: ExpressionEmitter, expr: Special) -> str:
    arg = expr.args[0]
    assert arg is not None
    if isinstance(arg, Special) and arg.kind == "row":
        parts = [a for a in arg.args if a is not None]
        keys = ", ".join(emit_literal.quote_text(name) for name in arg.extra)
        fields = ", ".join(to_jsonb(emitter.expression(a), a.type) for a in parts)
        return f"rv_jsonb_object([{keys}], CAST([{fields}] AS VARCHAR[]))"
    return to_jsonb(emitter.expression(arg), arg.type)


def _enum(emitter: ExpressionEmitter, expr: Special) -> str:
    """enum_first, enum_last and enum_range: all that matters of a lone argument is its type."""
    enum = _args(expr)[0].type.enum
    assert enum is not None
    if expr.extra != "enum_range":
        if not enum.labels:
            return raising("55000", f"enum {enum.sql_name} contains no values")
        return enum_storage.constant(enum, enum.labels[0 if expr.extra == "enum_first" else -1])
    numbers = enum_storage.numbers(enum)
    if len(expr.args) == 1:
        return numbers
    low, high = emitter.texts(expr)
    return f"list_filter({numbers}, lambda rv_n: rv_n >= coalesce({low}, rv_n) AND rv_n <= coalesce({high}, rv_n))"


SPECIALS: dict[str, Callable[[ExpressionEmitter, Special], str]] = {
    "isnull": _null_test,
    "isnotnull": _null_test,
    "truth": _truth,
    "case": _case,
    "coalesce": _function_form,
    "greatest": _function_form,
    "least": _function_form,
    "nullif": _nullif,
    "distinct": _distinct,
    "notdistinct": _distinct,
    "in": _in_list,
    "any": _array_test,
    "all": _array_test,
    "array": _array,
    "shape": _shape,
    "plain": _plain,
    "assigned": _assigned,
    "subscript": _subscript,
    "slice": _slice,
    "field": _field,
    "row": _row,
    "similar": _similar,
    "session": _session,
    "enum": _enum,
    "grouping": _grouping,
    "to_jsonb": _to_jsonb,
    "to_json": _to_json,
    "output": _output,
}
