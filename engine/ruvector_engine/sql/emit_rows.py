"""Rows that are equal: DISTINCT, UNION, INTERSECT and EXCEPT where what is written does not tell.

Such rows are grouped by their keys (see emit_key.py), and one of each group stands for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ruvector_engine.errors import not_supported
from ruvector_engine.sql.emit_key import equal_key, is_keyed
from ruvector_engine.sql.functions.numeric_sql import NumericSql, Shape
from ruvector_engine.sql.nodes import Query
from ruvector_engine.sql.storage import is_decimal
from ruvector_engine.types.registry import BPCHAR, NUMERIC, TypeRef

Shapes = Sequence[Shape | None]


@dataclass(frozen=True, slots=True)
class Emitted:
    """A query's SQL; `shapes` are those of its numeric outputs (None for the others too)."""

    text: str
    shapes: Shapes


def any_keyed(types: Sequence[TypeRef], shapes: Shapes) -> bool:
    """Whether equal rows may be written differently."""
    return any(is_keyed(t, s) for t, s in zip(types, shapes, strict=True))


def _keys(types: Sequence[TypeRef], shapes: Shapes) -> list[str]:
    """The keys of the columns c1, c2, ..."""
    columns = (
        NumericSql(f"c{i}", s) if t.oid == NUMERIC else f"c{i}"
        for i, (t, s) in enumerate(zip(types, shapes, strict=True), 1)
    )
    return [equal_key(c, t) for c, t in zip(columns, types, strict=True)]


def column_names(types: Sequence[object]) -> str:
    """Names for a derived table's columns; DuckDB knows no table without any."""
    return ", ".join(f"c{i}" for i in range(1, len(types) + 1)) or "c0"


def unique(rows: Emitted, types: Sequence[TypeRef]) -> Emitted:
    """The rows without duplicates: one stays of those that are equal but written otherwise."""
    outputs = ", ".join(f"any_value(c{i})" for i in range(1, len(types) + 1))
    keys = ", ".join(_keys(types, rows.shapes))
    return Emitted(f"SELECT {outputs} FROM ({rows.text}) AS d({column_names(types)}) GROUP BY {keys}", rows.shapes)


#: Which groups of equal rows a set operation keeps, by the sides they occur on.
_KEPT = {
    "UNION": "TRUE",
    "INTERSECT": "bool_or(side = 1) AND bool_or(side = 2)",
    "EXCEPT": "NOT bool_or(side = 2)",
}


def set_by_keys(query: Query, left: Emitted, right: Emitted, types: Sequence[TypeRef]) -> Emitted:
    """A set operation where equal rows may be written differently. With ALL equal rows of a side are numbered first,
    so that the n-th of one side meets the n-th of the other."""
    names, keys = column_names(types), _keys(types, left.shapes)
    rows = f"SELECT *, 1 FROM ({left.text}) UNION ALL SELECT *, 2 FROM ({right.text})"
    if query.set_all:
        number = f"row_number() OVER (PARTITION BY {', '.join([*keys, 'side'])})"
        rows = f"SELECT *, {number} FROM ({rows}) AS n({names}, side)"
        keys = [*keys, "place"]
    outputs = ", ".join(f"arg_min(c{i}, side)" for i in range(1, len(types) + 1))
    source = f"({rows}) AS d({names}, side{', place' if query.set_all else ''})"
    text = f"SELECT {outputs} FROM {source} GROUP BY {', '.join(keys)} HAVING {_KEPT[query.set_op]}"
    return Emitted(text, left.shapes)


def refuse_unequal_texts(query: Query) -> None:
    """0A000 for a recursive UNION that DuckDB would not see the end of: it compares what is written."""
    for target in query.targets:
        type_ref = target.expr.type
        if is_keyed(type_ref) and not (type_ref.oid == NUMERIC and is_decimal(type_ref)) and type_ref.oid != BPCHAR:
            raise not_supported(
                f"a recursive UNION over type {type_ref.pg.sql_name} is not supported",
                hint="Use UNION ALL, or numeric(p,s) for numeric.",
            )
