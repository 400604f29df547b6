"""Typed expressions to DuckDB SQL. One printer a node class, and one a kind of `Special`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ruvector_engine.catalog.model import ROW_ID, TABLE_OID, TableDef
from ruvector_engine.errors import not_supported
from ruvector_engine.sql import emit_literal, emit_moment, emit_shaped
from ruvector_engine.sql.emit_aggregate import aggregate_call, distinct_json
from ruvector_engine.sql.emit_binding import Binding, SessionValue, quote, text_query
from ruvector_engine.sql.emit_cast import REG_OIDS, STRING_OIDS, cast, output
from ruvector_engine.sql.emit_key import direction, element_key, equal_key, is_keyed, is_row, key_of, keys_of
from ruvector_engine.sql.emit_special import SPECIALS
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.definition import ANYARRAY, ANYCOMPATIBLEARRAY, POLYMORPHIC, TAKES_ANYTHING
from ruvector_engine.sql.functions.float_sql import Arithmetic
from ruvector_engine.sql.functions.numeric_sql import NumericSql, Shape
from ruvector_engine.sql.functions.sequences import COUNTING, drawing
from ruvector_engine.sql.functions.system import PREFIX
from ruvector_engine.sql.nodes import (
    Aggregate,
    BoolOp,
    Call,
    Cast,
    ColumnRef,
    Const,
    Expr,
    FunctionDef,
    Param,
    Query,
    RangeEntry,
    SortKey,
    Special,
    SubLink,
    WindowSpec,
)
from ruvector_engine.sql.raw import position
from ruvector_engine.sql.storage import decimal_shape, duck_type, from_transport, is_decimal
from ruvector_engine.types.registry import BY_OID, INT4, NUMERIC, TEXT, TIMESTAMPTZ, TypeRef


@dataclass(frozen=True, slots=True)
class Representatives:
    """Grouped expressions of which any one value of the group stands for all: it is grouped by their keys.

    With `sets` (ROLLUP, CUBE, GROUPING SETS) some rows are not grouped by them, and have NULL instead.
    """

    exprs: tuple[Expr, ...] = ()
    sets: bool = False


_NONE = Representatives()


class ExpressionEmitter:
    """Prints expressions; gathers what is bound to $1, $2, ... of the text.

    `bare` prints columns without their relation: for an expression that stands in DDL or beside one table.
    """

    def __init__(
        self,
        *,
        scans: Mapping[RangeEntry, str] | None = None,
        settled: Collection[int] = frozenset(),
        bare: bool = False,
    ) -> None:
        self.bindings: list[Binding] = []
        self._places: dict[object, int] = {}
        #: They live as long as their id() tells them from others.
        self._calls: list[Expr | None] = []
        #: The placeholders written since this was last cleared.
        self.used: set[int] = set()
        self._names: dict[RangeEntry, str] = {}
        self._shapes: dict[RangeEntry, Sequence[Shape | None]] = {}
        self.scans = scans or {}
        self._settled = settled
        self.representatives = _NONE
        self._bare = bare

    # ------------------------------------------------------------ names and bindings

    def name_range(self, entry: RangeEntry, name: str | None = None, shapes: Sequence[Shape | None] = ()) -> str:
        """Give the entry its name in the SQL; `shapes` are those of its numeric columns."""
        self._names[entry] = name or f"r{len(self._names) + 1}"
        self._shapes[entry] = shapes
        return self._names[entry]

    def bind(self, value: Binding, call: Expr | None = None) -> str:
        """The placeholder of a bound value; equal ones share one, those of a volatile `call` only with itself."""
        key: object = (type(value), value.number) if isinstance(value, Param) else id(value)
        if isinstance(value, Const) and isinstance(value.value, bytes):
            key = (value.value, value.type)
        elif isinstance(value, SessionValue):
            key = value if call is None else id(call)
            self._calls.append(call)
            if value.name == "set_config":  # what is asked for after it is asked for again
                self._places = {k: p for k, p in self._places.items() if not isinstance(k, SessionValue)}
        place = self._places.get(key)
        if place is None:
            self.bindings.append(value)
            place = self._places[key] = len(self.bindings)
        self.used.add(place)
        return f"${place}"

    # ------------------------------------------------------------ expressions

    def expression(self, expr: Expr) -> str:
        """The expression's SQL; a `NumericSql` for a numeric."""
        if self._settled and id(expr) in self._settled:
            return "TRUE"
        if self.representatives.exprs and expr in self.representatives.exprs:
            return self._representative(expr)
        return _PRINTERS[type(expr)](self, expr)

    def _representative(self, expr: Expr) -> str:
        sets = self.representatives.sets
        with self.ungrouped():
            value = self.expression(expr)
            text = f"any_value({value})"
            if sets:
                text = f"(CASE WHEN grouping({self.group_key(expr)}) = 0 THEN {text} END)"
        return numeric.like([value], text)

    @contextmanager
    def ungrouped(self) -> Iterator[None]:
        """Expressions as they are before the grouping."""
        chosen, self.representatives = self.representatives, _NONE
        try:
            yield
        finally:
            self.representatives = chosen

    def _const(self, expr: Const) -> str:
        return emit_literal.literal(expr, self.bind)

    def _param(self, expr: Param) -> str:
        placeholder = self.bind(expr)
        if expr.type.oid == NUMERIC:
            return NumericSql(f"rv_decimal_text({placeholder})", None, bare=placeholder)
        return from_transport(expr.type, placeholder)

    def _column(self, expr: ColumnRef) -> str:
        entry = expr.range
        stored = isinstance(entry.source, TableDef)
        if expr.index < 0:
            column = {-1: quote(ROW_ID), -2: "rowid", -3: quote(TABLE_OID)}[expr.index]
        elif isinstance(entry.source, TableDef):
            column = quote(entry.source.columns[expr.index].name)
        else:
            column = f"c{expr.index + 1}"
        text = column if self._bare else f"{self._names[entry]}.{column}"
        if expr.type.oid != NUMERIC:
            return text
        if stored:
            return stored_numeric(text, expr.type)
        return NumericSql(text, self._shapes[entry][expr.index])

    def _call(self, expr: Call) -> str:
        if expr.function.template == COUNTING:
            pid = self.bind(SessionValue("pg_backend_pid", (), TypeRef(INT4)))
            return drawing(pid, self.expression(expr.args[0]))
        if not expr.function.returns_set:
            query = None if self._bare else text_query(expr)
            return self._apply(expr.function, expr.args) if query is None else self.bind(query)
        unnested = f"unnest({self.list_of_set(expr)})"
        return numeric.numeric_text(unnested) if expr.type.oid == NUMERIC else unnested

    def shown(self, expr: Expr) -> str:
        """The expression as the client gets it: a set of rows as their text, which inside a query are structs."""
        if not isinstance(expr, Call) or len(expr.function.columns) < 2:
            return self.expression(expr)
        fields = ", ".join(self._field_text(f"rv_r.{quote(name)}", oid) for name, oid in expr.function.columns)
        row = f"rv_record_out(CAST([{fields}] AS VARCHAR[]))"
        return f"unnest(list_transform({self.list_of_set(expr)}, lambda rv_r: {row}))"

    def _field_text(self, value: str, oid: int) -> str:
        """A field of a row as its text; names of the catalog by their names."""
        if oid in REG_OIDS:
            return self.catalog_call(f"{BY_OID[oid].name}_out", value)
        element = BY_OID[oid].element_oid
        return f"rv_array_out({self.names(value, element)})" if element in REG_OIDS else output(value, oid)

    def list_of_set(self, expr: Call) -> str:
        """SQL of the list that holds a set-returning function's rows."""
        return str(self._apply(expr.function, expr.args))

    def _apply(self, function: FunctionDef, args: Sequence[Expr]) -> str:
        texts = self._arguments(function, args)
        text = self.filled(function, texts, args)
        if callable(function.template) and not function.compares:
            return text
        if function.result == NUMERIC:
            return numeric.numeric_text(text)
        return _polymorphic_result(function, args, texts, text)

    def filled(self, function: FunctionDef, texts: Sequence[str], args: Sequence[Expr]) -> str:
        """The function's template with these texts for its arguments."""
        template = function.template
        if not callable(template):
            return template.format(*texts)
        if isinstance(template, Arithmetic) and self._bare:
            return template.unchecked(*texts)
        if not function.compares:
            return template(*texts)
        return template(element_key(args), *texts)

    def _arguments(self, function: FunctionDef, args: Sequence[Expr]) -> list[str]:
        """Numeric arguments: as they are for a template that knows numerics, as text for the others."""
        texts = [self.expression(a) for a in args]
        if not any(isinstance(t, NumericSql) for t in texts):
            return texts
        declared = spread(function, len(args))
        if callable(function.template) and not any(d in POLYMORPHIC for d in declared):
            return texts
        with_arrays = any(_is_array(t) for t in (*declared, function.result))
        loose = [i for i, t in enumerate(texts) if isinstance(t, NumericSql) and declared[i] in POLYMORPHIC]
        if with_arrays or not loose:
            return [
                numeric.as_text(t) if isinstance(t, NumericSql) and declared[i] not in TAKES_ANYTHING else t
                for i, t in enumerate(texts)
            ]
        unified = numeric.unify([texts[i] for i in loose])
        for i, text in zip(loose, unified, strict=True):
            texts[i] = text
        return texts

    def _cast(self, expr: Cast) -> str:
        if expr.arg.type.oid in REG_OIDS and expr.type.oid in STRING_OIDS:
            text = self.catalog_call(f"{expr.arg.type.pg.name}_out", self.expression(expr.arg))
            return cast(text, TypeRef(TEXT), expr.type, explicit=expr.explicit)
        if expr.type.oid in REG_OIDS and expr.arg.type.oid in STRING_OIDS:
            return self.catalog_call(f"{expr.type.pg.name}_in", self.expression(expr.arg))
        if {expr.arg.type.pg.element_oid, expr.type.pg.element_oid} & REG_OIDS and not expr.arg.type.shaped:
            return self._cast_names(expr)
        if expr.type.oid in emit_moment.MOMENTS and expr.arg.type.oid in STRING_OIDS and not self._bare:
            return cast(self._moment(expr), TypeRef(expr.type.oid), expr.type, explicit=expr.explicit)
        return cast(self.expression(expr.arg), expr.arg.type, expr.type, explicit=expr.explicit)

    def _cast_names(self, expr: Cast) -> str:
        """An array of names from or to text or an array of texts, its elements one by one."""
        source, target = (t.pg.element_oid or t.oid for t in (expr.arg.type, expr.type))
        text = self.expression(expr.arg)
        if source in REG_OIDS and target in STRING_OIDS:
            names = self.names(text, source)
            return (
                names
                if expr.type.pg.element_oid
                else cast(f"rv_array_out({names})", TypeRef(TEXT), expr.type, explicit=True)
            )
        if target in REG_OIDS and source in STRING_OIDS:
            texts = text if expr.arg.type.pg.element_oid else f"rv_array_in({text})"
            call = self.catalog_call(f"{BY_OID[target].name}_in", "rv_e")
            return f"list_transform({texts}, lambda rv_e: {call})"
        return cast(text, expr.arg.type, expr.type, explicit=expr.explicit)

    def names(self, array: str, element: int) -> str:
        """The list of the names that an array of a reg* type stands for."""
        call = self.catalog_call(f"{BY_OID[element].name}_out", "rv_e")
        return f"list_transform({array}, lambda rv_e: {call})"

    def _moment(self, expr: Cast) -> str:
        """Text read as a date or time, without its modifier."""
        text = TypeRef(TEXT)
        settings = [SessionValue("current_setting", (Const(n, text),), text) for n in ("DateStyle", "TimeZone")]
        style, zone, now = map(self.bind, (*settings, SessionValue("now", (), TypeRef(TIMESTAMPTZ))))
        return emit_moment.read(
            self.expression(expr.arg),
            expr.type.oid,
            f"CAST({style} AS VARCHAR)",
            f"CAST({zone} AS VARCHAR)",
            f"CAST({now} AS BIGINT)",
        )

    def catalog_call(self, name: str, *arguments: str) -> str:
        """A function that reads the session's catalog; see functions/system.py."""
        pid = self.bind(SessionValue("pg_backend_pid", (), TypeRef(INT4)))
        return f"{PREFIX}{name}(CAST({pid} AS INTEGER), {', '.join(arguments)})"

    def _bool_op(self, expr: BoolOp) -> str:
        if expr.op == "NOT":
            return f"(NOT {self.expression(expr.args[0])})"
        return f"({f' {expr.op} '.join(self.expression(a) for a in expr.args)})"

    def _aggregate(self, expr: Aggregate) -> str:
        if expr.over is None and self.representatives.exprs:
            with self.ungrouped():
                return self._aggregate(expr)
        json = distinct_json(self, expr)
        if json is not None:
            return json
        function = expr.function
        texts = self._arguments(function, expr.args)
        call = aggregate_call(self, expr, texts)
        if expr.star:
            return call("count", "*")
        if not callable(function.template):
            text = call(function.template, *texts)
            return _polymorphic_result(function, expr.args, texts, text)
        if function.compares:
            return function.template(element_key(expr.args), call, *texts)
        return function.template(call, *texts)

    def window(self, spec: WindowSpec) -> str:
        """The text inside OVER (...)."""
        parts = []
        if spec.partition_by:
            parts.append(f"PARTITION BY {', '.join(self.group_key(e) for e in spec.partition_by)}")
        if spec.order_by:
            parts.append(f"ORDER BY {self.sort_keys(spec.order_by)}")
        if spec.frame:
            parts.append(spec.frame)
        return " ".join(parts)

    def sort_keys(self, keys: Sequence[SortKey]) -> str:
        """The text after ORDER BY."""
        return ", ".join(f"{self.sort_key(k.expr)}{direction(k)}" for k in keys)

    def sort_key(self, expr: Expr) -> str:
        """SQL that sorts as PostgreSQL sorts the expression's type."""
        if is_row(expr):
            return f"row({', '.join(self.sort_key(a) for a in expr.args if a is not None)})"
        text = self.expression(expr)
        return key_of(text, expr.type, constant=_like_a_position(text))

    def group_key(self, expr: Expr) -> str:
        """SQL to group by: a constant must not be taken for a position."""
        if is_row(expr):
            return f"row({', '.join(self.group_key(a) for a in expr.args if a is not None)})"
        text = self.expression(expr)
        if is_keyed(expr.type, numeric.shape_of(text)):
            return equal_key(text, expr.type)
        return f"CAST({text} AS {duck_type(expr.type)})" if _like_a_position(text) else text

    # ------------------------------------------------------------ subqueries

    def subquery(self, query: Query) -> tuple[str, Sequence[Shape | None]]:
        """A query's SQL and the shapes of its outputs; `emit_query` gives this its meaning."""
        raise not_supported(f"a subquery of {len(query.targets)} columns is not allowed here")

    def _sublink(self, expr: SubLink) -> str:
        if expr.kind == "EXISTS":
            return f"EXISTS ({self.subquery(expr.query)[0]})"
        if expr.kind == "SCALAR":
            text, shapes = self.subquery(expr.query)
            return NumericSql(f"({text})", shapes[0]) if expr.type.oid == NUMERIC else f"({text})"
        if expr.kind == "ARRAY":
            return self._array_of(expr)
        return self._quantified(expr)

    def _array_of(self, expr: SubLink) -> str:
        text, shapes = self.subquery(expr.query)
        if expr.type.shaped:
            return emit_shaped.aggregated(f"ARRAY ({text})")
        if BY_OID[expr.type.oid].element_oid == NUMERIC and shapes[0] is not None:
            text = f"SELECT CAST(q.c1 AS VARCHAR) FROM ({text}) AS q(c1)"
        return f"ARRAY ({text})"

    def _quantified(self, expr: SubLink) -> str:
        assert expr.test is not None
        assert expr.op is not None
        if is_row(expr.test):
            tests = [a for a in expr.test.args if a is not None]
            texts, rows = self._comparable(tests, expr.query, ordered=False)
            return f"(row({', '.join(texts)}) {'IN' if expr.kind == 'ANY' else 'NOT IN'} ({rows}))"
        name = expr.op.name
        if name not in _COMPARISONS:
            raise not_supported(
                f"operator {name} with {expr.kind} (subquery) is not supported", position=position(expr.location)
            )
        texts, rows = self._comparable([expr.test], expr.query, ordered=name not in ("=", "<>"))
        return f"({texts[0]} {name} {expr.kind} ({rows}))"

    def _comparable(self, tests: Sequence[Expr], query: Query, *, ordered: bool) -> tuple[list[str], str]:
        """What is compared with a subquery's columns, and the subquery, both as keys."""
        rows, shapes = self.subquery(query)
        columns = [f"q.c{i}" for i in range(1, len(tests) + 1)]
        texts, keys = [], []
        for test, column, shape in zip(tests, columns, shapes, strict=True):
            output = NumericSql(column, shape) if test.type.oid == NUMERIC else column
            text, key = keys_of([self.expression(test), output], test.type, ordered=ordered)
            texts.append(text)
            keys.append(key)
        if keys == columns:
            return texts, rows
        names = ", ".join(f"c{i}" for i in range(1, len(tests) + 1))
        return texts, f"SELECT {', '.join(keys)} FROM ({rows}) AS q({names})"

    # ------------------------------------------------------------ specials

    def _special(self, expr: Special) -> str:
        printer = SPECIALS.get(expr.kind)
        if printer is None:
            raise not_supported(f"{expr.kind} is not supported here", position=position(expr.location))
        return printer(self, expr)

    def texts(self, expr: Special) -> list[str]:
        """The SQL of a special's arguments."""
        return [self.expression(a) for a in expr.args if a is not None]


_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


def _like_a_position(text: str) -> bool:
    """Whether DuckDB would take the text for the number of an output, or for nothing to sort by."""
    return text.strip("(-)").isdigit() or text.startswith("'") or text in ("TRUE", "FALSE")


def stored_numeric(text: str, type_ref: TypeRef) -> NumericSql:
    """A numeric column of a table, in the form it is stored in."""
    return NumericSql(text, decimal_shape(type_ref) if is_decimal(type_ref) else None)


def spread(function: FunctionDef, count: int) -> tuple[int, ...]:
    """The declared argument types for that many arguments."""
    if function.paired:
        return function.args * (count // len(function.args))
    if function.variadic:
        return function.args[:-1] + (function.args[-1],) * (count - len(function.args) + 1)
    return function.args[:count]


def _is_array(oid: int) -> bool:
    return oid in (ANYARRAY, ANYCOMPATIBLEARRAY)


def _polymorphic_result(function: FunctionDef, args: Sequence[Expr], texts: Sequence[str], text: str) -> str:
    """A numeric result of a polymorphic function has the form of its numeric arguments."""
    if function.result not in POLYMORPHIC or _is_array(function.result):
        return text
    declared = spread(function, len(args))
    sources = [t for t, d in zip(texts, declared, strict=True) if d in POLYMORPHIC]
    if any(_is_array(d) for d in declared):
        numeric_element = any(BY_OID[a.type.oid].element_oid == NUMERIC for a in args)
        return numeric.numeric_text(text) if numeric_element else text
    return numeric.like(sources, text)


_PRINTERS: dict[type, Callable[[ExpressionEmitter, Any], str]] = {
    Const: ExpressionEmitter._const,
    Param: ExpressionEmitter._param,
    ColumnRef: ExpressionEmitter._column,
    Call: ExpressionEmitter._call,
    Cast: ExpressionEmitter._cast,
    BoolOp: ExpressionEmitter._bool_op,
    Aggregate: ExpressionEmitter._aggregate,
    SubLink: ExpressionEmitter._sublink,
    Special: ExpressionEmitter._special,
}
