"""Queries to DuckDB SQL.

Every range entry gets a name of its own (r1, r2, ...) and derived tables get columns c1, c2, ..., so that PostgreSQL's
names never meet DuckDB's rules. What needs its outputs by name (UNION, DISTINCT with ORDER BY, VALUES) is wrapped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.errors import not_supported
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.emit_expression import ExpressionEmitter, Representatives
from ruvector_engine.sql.emit_key import direction, is_keyed, is_row, key_of
from ruvector_engine.sql.emit_rows import (
    Emitted,
    Shapes,
    any_keyed,
    column_names,
    refuse_unequal_texts,
    set_by_keys,
    unique,
)
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.functions.numeric_sql import NumericSql, Shape
from ruvector_engine.sql.late_targets import with_late_targets
from ruvector_engine.sql.nodes import (
    Call,
    Cast,
    Const,
    Cte,
    CteRef,
    Expr,
    FromItem,
    FunctionScan,
    Join,
    Param,
    Query,
    RangeEntry,
    SetOutput,
    Special,
    ValuesList,
)
from ruvector_engine.sql.storage import fields, to_transport
from ruvector_engine.sql.tree import is_counted, walk
from ruvector_engine.types.registry import NUMERIC, TypeRef


class QueryEmitter(ExpressionEmitter):
    """Prints queries."""

    def __init__(
        self, *, scans: Mapping[RangeEntry, str] | None = None, settled: Collection[int] = frozenset()
    ) -> None:
        super().__init__(scans=scans, settled=settled)
        self._with_shapes: dict[Query, Shapes] = {}

    def query(self, query: Query, *, transport: bool = False) -> Emitted:
        """A whole query; with `transport`, its values arrive in Python in the registry's forms."""
        query = with_late_targets(query)
        prefix = self.with_clause(query.ctes)
        if query.set_op:
            body = self._set_operation(query, transport=transport)
        elif query.values is not None:
            body = self._values(query, query.values, transport=transport)
        elif query.distinct:
            body = self._select_distinct(query, transport=transport)
        else:
            body = self._select(query, transport=transport)
        return Emitted(prefix + body.text + self._limits(query), body.shapes)

    def subquery(self, query: Query) -> tuple[str, Shapes]:
        """A query inside an expression."""
        emitted = self.query(query)
        return emitted.text, emitted.shapes

    # ------------------------------------------------------------ SELECT

    def _select(self, query: Query, *, transport: bool, ordered: bool = True) -> Emitted:
        from_text = self._from(query.from_items)
        representatives, self.representatives = self.representatives, self._representatives_of(query)
        if query.distinct_on:
            head = f"SELECT DISTINCT ON ({', '.join(self.sort_key(e) for e in query.distinct_on)}) "
        else:
            head = "SELECT "
        texts = [self.shown(t.expr) if transport else self.expression(t.expr) for t in query.targets]
        shapes = [numeric.shape_of(t) for t in texts]
        types = [t.expr.type for t in query.targets]
        if query.distinct:
            self._refuse_keyed_rows(query)
            if not any_keyed(types, shapes):
                head = "SELECT DISTINCT "
        parts = [head + (", ".join(self._outputs_of(texts, types, transport=transport)) or "NULL"), from_text]
        with self.ungrouped():
            if query.where is not None:
                parts.append(f" WHERE {self.expression(query.where)}")
            parts.append(self._group_by(query))
        if query.having is not None:
            parts.append(f" HAVING {self.expression(query.having)}")
        if query.with_ties and query.limit is not None:
            parts.append(self._ties(query, query.limit))
        elif is_counted(query):
            parts.append(self._counted(query))
        if ordered and query.order_by:
            parts.append(f" ORDER BY {self.sort_keys(query.order_by)}")
        self.representatives = representatives
        return Emitted("".join(parts), shapes)

    def _representatives_of(self, query: Query) -> Representatives:
        with self.ungrouped():
            keyed = [e for e in query.group_by if is_row(e) or is_keyed(e.type, numeric.shape_of(self.expression(e)))]
        return Representatives(tuple(keyed), bool(query.grouping))

    def _outputs_of(self, texts: Sequence[str], types: Sequence[TypeRef], *, transport: bool) -> list[str]:
        if not transport:
            return [str(t) for t in texts]
        return [self.transported(text, type_ref) for text, type_ref in zip(texts, types, strict=True)]

    def transported(self, text: str, type_ref: TypeRef) -> str:
        """The output as Python gets it; the executor puts names to reg* values, which stay numbers in binary."""
        return to_transport(type_ref, text)

    def _group_by(self, query: Query) -> str:
        if query.grouping:
            return f" GROUP BY {query.grouping.format(*(self.group_key(e) for e in query.group_by))}"
        if query.group_by:
            return f" GROUP BY {', '.join(self.group_key(e) for e in query.group_by)}"
        return ""

    def _select_distinct(self, query: Query, *, transport: bool) -> Emitted:
        """Duplicates go first; then the order, on the outputs."""
        inner = self._select(query, transport=False, ordered=False)
        types = [t.expr.type for t in query.targets]
        if any_keyed(types, inner.shapes):
            inner = unique(inner, types)
        return self._wrapped(query, inner, transport=transport) if transport or query.order_by else inner

    def _refuse_keyed_rows(self, query: Query) -> None:
        """0A000 for DISTINCT over rows as values: their text is all that is left of them then."""
        for row in (t.expr for t in query.targets if is_row(t.expr)):
            parts = [a for a in row.args if a is not None]
            if any(is_keyed(a.type, numeric.shape_of(self.expression(a))) for a in parts):
                raise not_supported(
                    "SELECT DISTINCT of a row with such columns is not supported", hint="Select its columns one by one."
                )

    def _wrapped(self, query: Query, inner: Emitted, *, transport: bool) -> Emitted:
        """SELECT the outputs of a derived table, in the query's order."""
        name = f"q{len(self._names) + 1}"
        types = [t.expr.type for t in query.targets]
        columns = [
            NumericSql(f"{name}.c{i}", shape) if t.oid == NUMERIC else f"{name}.c{i}"
            for i, (t, shape) in enumerate(zip(types, inner.shapes, strict=True), 1)
        ]
        outputs = ", ".join(self._outputs_of(columns, types, transport=transport)) or "NULL"
        text = f"SELECT {outputs} FROM ({inner.text}) AS {name}({column_names(types)})"
        if query.order_by:
            places = {id(t.expr): i for i, t in enumerate(query.targets)}
            exprs = [t.expr for t in query.targets]
            keys = []
            for key in query.order_by:
                index = places.get(id(key.expr), -1)
                index = exprs.index(key.expr) if index < 0 else index
                keys.append(f"{key_of(columns[index], types[index])}{direction(key)}")
            text += f" ORDER BY {', '.join(keys)}"
        return Emitted(text, inner.shapes)

    def _ties(self, query: Query, limit: Expr) -> str:
        """FETCH FIRST n ROWS WITH TIES: a row that is as far front in the order as the n-th comes too."""
        count = self._row_count(limit, "2201W", "LIMIT")
        skipped = "0" if query.offset is None else self._row_count(query.offset, "2201X", "OFFSET")
        rank = f"rank() OVER (ORDER BY {self.sort_keys(query.order_by)})"
        return f" QUALIFY ({count}) > 0 AND {rank} <= coalesce({skipped}, 0) + ({count})"

    def _counted(self, query: Query) -> str:
        """LIMIT and OFFSET by the rows' numbers; NULL is as good as none."""
        number = f"row_number() OVER ({f'ORDER BY {self.sort_keys(query.order_by)}' if query.order_by else ''})"
        skipped = "0" if query.offset is None else f"coalesce({self._row_count(query.offset, '2201X', 'OFFSET')}, 0)"
        text = f" QUALIFY {number} > {skipped}"
        if query.limit is not None:
            text += f" AND coalesce({number} <= {skipped} + {self._row_count(query.limit, '2201W', 'LIMIT')}, true)"
        return text

    def _limits(self, query: Query) -> str:
        if is_counted(query):
            return ""
        text = ""
        if query.limit is not None and not query.with_ties:
            text += f" LIMIT {self._row_count(query.limit, '2201W', 'LIMIT')}"
        if query.offset is not None:
            text += f" OFFSET {self._row_count(query.offset, '2201X', 'OFFSET')}"
        return text

    def _row_count(self, expr: Expr, sqlstate: str, clause: str) -> str:
        """A constant was checked by analysis; another value is when it is known."""
        value = self.expression(expr)
        if isinstance(expr, Const):
            return value
        return f"(CASE WHEN {value} < 0 THEN {raising(sqlstate, f'{clause} must not be negative')} ELSE {value} END)"

    # ------------------------------------------------------------ VALUES, UNION, WITH

    def values_rows(self, values: ValuesList) -> tuple[list[list[str]], Shapes]:
        """The rows' SQL, numeric columns in one form each."""
        rows = [[self.expression(e) for e in row] for row in values.rows]
        shapes: list[Shape | None] = []
        for i, expr in enumerate(values.rows[0]):
            if expr.type.oid != NUMERIC:
                shapes.append(None)
                continue
            column = numeric.unify([row[i] for row in rows])
            for row, text in zip(rows, column, strict=True):
                row[i] = text
            shapes.append(numeric.shape_of(column[0]))
        return rows, shapes

    def _values(self, query: Query, values: ValuesList, *, transport: bool) -> Emitted:
        rows, shapes = self.values_rows(values)
        text = "VALUES " + ", ".join(f"({', '.join(row)})" for row in rows)
        inner = Emitted(text, shapes)
        return self._wrapped(query, inner, transport=transport) if transport or query.order_by else inner

    def _set_operation(self, query: Query, *, transport: bool) -> Emitted:
        assert query.left is not None
        assert query.right is not None
        if not (query.set_op == "UNION" and query.set_all):
            _refuse_keyed_rows_in(query)
        left, right = self.query(query.left), self.query(query.right)
        types = [t.expr.type for t in query.targets]
        left, right = self._aligned(left, right, types)
        if any_keyed(types, left.shapes) and not (query.set_op == "UNION" and query.set_all):
            inner = set_by_keys(query, left, right, types)
        else:
            operator = query.set_op + (" ALL" if query.set_all else "")
            inner = Emitted(f"({left.text}) {operator} ({right.text})", left.shapes)
        return self._wrapped(query, inner, transport=transport) if transport or query.order_by else inner

    def _aligned(self, left: Emitted, right: Emitted, types: Sequence[TypeRef]) -> tuple[Emitted, Emitted]:
        """Both branches with each numeric column in the same form: text, unless both have one scale."""
        as_text = [
            t.oid == NUMERIC and (a is None or b is None or a[1] != b[1])
            for t, a, b in zip(types, left.shapes, right.shapes, strict=True)
        ]
        shapes = [
            None if a is None or b is None or text else (max(a[0], b[0]), a[1])
            for a, b, text in zip(left.shapes, right.shapes, as_text, strict=True)
        ]
        return self._in_text(left, as_text, shapes), self._in_text(right, as_text, shapes)

    def _in_text(self, branch: Emitted, as_text: Sequence[bool], shapes: Shapes) -> Emitted:
        if not any(text and shape is not None for text, shape in zip(as_text, branch.shapes, strict=True)):
            return Emitted(branch.text, shapes)
        columns = [
            f"CAST(b.c{i} AS VARCHAR)" if text and shape is not None else f"b.c{i}"
            for i, (text, shape) in enumerate(zip(as_text, branch.shapes, strict=True), 1)
        ]
        names = ", ".join(f"c{i}" for i in range(1, len(columns) + 1))
        return Emitted(f"SELECT {', '.join(columns)} FROM ({branch.text}) AS b({names})", shapes)

    def with_clause(self, ctes: Sequence[Cte]) -> str:
        """WITH and its queries, or nothing."""
        if not ctes:
            return ""
        texts = [self._cte(cte) for cte in ctes]
        recursive = "RECURSIVE " if any(c.recursive for c in ctes) else ""
        return f"WITH {recursive}{', '.join(texts)} "

    def _cte(self, cte: Cte) -> str:
        if cte.statement is not None:
            raise not_supported("data-modifying statements in WITH are not supported here")
        if cte.recursive:
            emitted = self._recursive(cte.query)
        else:
            emitted = self.query(cte.query)
        self._with_shapes[cte.query] = emitted.shapes
        columns = column_names(cte.column_names)
        hint = {True: "MATERIALIZED ", False: "NOT MATERIALIZED ", None: ""}[cte.materialized]
        return f"{cte_name(cte.name)}({columns}) AS {hint}({emitted.text})"

    def _recursive(self, query: Query) -> Emitted:
        """Numerics go round as text: the recursive term's digits are not known before it runs."""
        if not query.set_all:
            refuse_unequal_texts(query)
        assert query.left is not None
        assert query.right is not None
        left, right = self.query(query.left), self.query(query.right)
        as_text = [t.expr.type.oid == NUMERIC for t in query.targets]
        none: list[Shape | None] = [None] * len(as_text)
        left, right = self._in_text(left, as_text, none), self._in_text(right, as_text, none)
        return Emitted(f"({left.text}) UNION{' ALL' if query.set_all else ''} ({right.text})", none)

    # ------------------------------------------------------------ FROM

    def _from(self, items: Sequence[FromItem]) -> str:
        if not items:
            return ""
        return " FROM " + ", ".join(self.from_item(item, first=i == 0) for i, item in enumerate(items))

    def from_item(self, item: FromItem, *, first: bool) -> str:
        """One FROM item; the first one needs no LATERAL."""
        if isinstance(item, Join):
            return self._join(item, first=first)
        return self._range(item, first=first)

    def _join(self, join: Join, *, first: bool) -> str:
        left = self.from_item(join.left, first=first)
        right = self.from_item(join.right, first=False)
        if isinstance(join.right, Join):
            right = f"({right})"
        if join.kind == "CROSS":
            return f"{left} CROSS JOIN {right}"
        condition = "TRUE" if join.on is None else self.expression(join.on)
        return f"{left} {join.kind} JOIN {right} ON {condition}"

    def _range(self, entry: RangeEntry, *, first: bool) -> str:
        source = entry.source
        if isinstance(source, TableDef):
            text = self.scans.get(entry)
            return f"{source.storage_name if text is None else text} AS {self.name_range(entry)}"
        if isinstance(source, CteRef):
            shapes = self._with_shapes.get(source.query) if source.query is not None else None
            name = self.name_range(entry, None, shapes or [None] * len(entry.columns))
            return f"{cte_name(source.name)} AS {name}"
        if isinstance(source, FunctionScan):
            return self._function_scan(entry, source, first=first)
        assert not isinstance(source, (SetOutput, ValuesList))
        inner = self.query(source)
        name = self.name_range(entry, None, inner.shapes)
        return f"{self._lateral(entry, first)}({inner.text}) AS {name}({column_names(entry.columns)})"

    def _lateral(self, entry: RangeEntry, first: bool) -> str:
        return "LATERAL " if entry.lateral and not first else ""

    def _function_scan(self, entry: RangeEntry, scan: FunctionScan, *, first: bool) -> str:
        call = scan.call
        shapes: list[Shape | None] = [None] * len(entry.columns)
        if isinstance(call, Call) and call.function.table is not None and not scan.ordinality and not _correlated(call):
            text = call.function.table(*(self.expression(a) for a in call.args))
            return f"{text} AS {self.name_range(entry, None, shapes)}(c1)"
        if isinstance(call, Call) and call.function.returns_set:
            items = self.list_of_set(call)
            rows = (
                "u.c"
                if len(call.function.columns) < 2 and call.type.composite is None
                else ", ".join(f"u.c.{key}" for key, _ in fields(call.type))
                if call.type.composite is not None
                else ", ".join(f"u.c.{quote(n)}" for n, _ in call.function.columns)
            )
            place = ", u.i" if scan.ordinality else ""
            source = (
                f"unnest({items}) WITH ORDINALITY AS u(c, i)"
                if scan.ordinality
                else f"(SELECT unnest({items}) AS c) AS u"
            )
            text = f"SELECT {rows}{place} FROM {source}"
        elif isinstance(call, Special) and call.kind == "unnest_many":
            arrays = [a for a in call.args if a is not None]
            lists = [
                f"({text}).items" if a.type.shaped else text for a, text in zip(arrays, self.texts(call), strict=True)
            ]
            longest = f"greatest({', '.join(f'len({text})' for text in lists)})"
            place = f", unnest(generate_series(1, {longest}))" if scan.ordinality else ""
            text = f"SELECT {', '.join(f'unnest({text})' for text in lists)}{place}"
        else:
            value = self.expression(call)
            shapes[0] = numeric.shape_of(value)
            text = f"SELECT {value}{', CAST(1 AS BIGINT)' if scan.ordinality else ''}"
        name = self.name_range(entry, None, shapes)
        return f"{self._lateral(entry, first)}({text}) AS {name}({column_names(entry.columns)})"


def _correlated(call: Call) -> bool:
    """Whether the arguments refer to other tables; DuckDB's table functions take no such arguments."""
    return any(not isinstance(e, (Const, Param, Cast, Call)) for a in call.args for e in walk(a))


def cte_name(name: str) -> str:
    """A WITH query's name; prefixed, so that it never hides a stored table, and with capitals marked, for DuckDB's
    names are the same whatever their case."""
    marked = "".join(f"^{c}" if c != c.lower() or c == "^" else c for c in name)
    return quote(f"with_{marked}")


def _refuse_keyed_rows_in(query: Query) -> None:
    """0A000 for UNION, INTERSECT and EXCEPT over rows as values whose text does not tell what is equal."""
    for part in (query.left, query.right):
        if part is None:
            continue
        rows = [t.expr for t in part.targets if is_row(t.expr)]
        if any(is_keyed(a.type) for row in rows for a in row.args if a is not None):
            operator = query.set_op
            raise not_supported(f"{operator} of a row with such columns is not supported", hint="Select its columns.")
        if part.set_op:
            _refuse_keyed_rows_in(part)
