"""Keys: DuckDB SQL that is equal and sorts as PostgreSQL's values of a type are and do.

Most types' values are their own keys. Decimal text (1.0 = 1.00), jsonb (1 = 1.0 too), bpchar (blanks at the end do not
count), vectors (0 = -0) and arrays of these are not: wherever DuckDB compares, sorts, groups or hashes them, it is
given their keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.numeric_sql import NumericSql, Shape
from ruvector_engine.sql.nodes import Const, Expr, SortKey, Special
from ruvector_engine.sql.storage import duck_type
from ruvector_engine.types.registry import BPCHAR, HALFVEC, JSONB, NUMERIC, SPARSEVEC, VECTOR_TYPES, TypeRef

_KEYED = frozenset({NUMERIC, JSONB, BPCHAR, HALFVEC, SPARSEVEC, *VECTOR_TYPES})


def is_row(expr: Expr) -> TypeGuard[Special]:
    """Whether the expression is ROW(...), whose text does not tell what is equal."""
    return isinstance(expr, Special) and expr.kind == "row"


def direction(key: SortKey) -> str:
    """ASC or DESC and where NULLs go: DuckDB's defaults are others."""
    return f" {'DESC' if key.descending else 'ASC'} NULLS {'FIRST' if key.nulls_first else 'LAST'}"


def is_keyed(type_ref: TypeRef, shape: Shape | None = None) -> bool:
    """Whether equal values may be written differently; `shape` is a numeric's."""
    if type_ref.oid == NUMERIC:
        return shape is None
    return type_ref.oid in _KEYED or type_ref.pg.element_oid in _KEYED


def key_of(text: str, type_ref: TypeRef, *, constant: bool = False) -> str:
    """SQL that sorts as PostgreSQL sorts values of that type, and is equal for equal ones."""
    if isinstance(text, NumericSql):
        return numeric.sort_key(text)
    if type_ref.oid in VECTOR_TYPES:
        return f"rv_vector_key({text})"
    if type_ref.oid in (HALFVEC, SPARSEVEC):
        return f"rv_{type_ref.pg.name}_key({text})"
    if type_ref.oid == JSONB:
        return f"rv_jsonb_key({text})"
    if type_ref.oid == BPCHAR:
        return f"rtrim({text}, ' ')"
    if type_ref.pg.element_oid in _KEYED:
        return ElementKey(TypeRef(type_ref.pg.element_oid)).array(text)
    return f"CAST({text} AS {duck_type(type_ref)})" if constant else text


def equal_key(text: str, type_ref: TypeRef) -> str:
    """SQL that is equal for equal values; it need not sort."""
    if not is_keyed(type_ref, numeric.shape_of(text)):
        return str(text)
    return numeric.equal_key(text) if isinstance(text, NumericSql) else key_of(text, type_ref)


def keys_of(texts: Sequence[str], type_ref: TypeRef, *, ordered: bool = False) -> list[str]:
    """Keys of values that are compared with each other; `ordered` for more than equality."""
    if type_ref.oid == NUMERIC:
        texts = numeric.unify(texts)
    key = key_of if ordered else equal_key
    return [key(text, type_ref) if is_keyed(type_ref, numeric.shape_of(text)) else str(text) for text in texts]


@dataclass(frozen=True, slots=True)
class ElementKey:
    """Keys of an array's elements, for the templates that compare them. `depth` is the array's dimensions."""

    type: TypeRef
    depth: int = 1

    def element(self, text: str) -> str:
        """The key of an element."""
        if self.type.oid not in _KEYED:
            return text
        return key_of(numeric.to_text(text) if self.type.oid == NUMERIC else text, self.type)

    def array(self, text: str) -> str:
        """The array of the elements' keys."""
        if self.type.oid not in _KEYED:
            return text
        inner = f"rv_k{self.depth}"
        if self.depth > 1:
            return f"list_transform({text}, lambda {inner}: {ElementKey(self.type, self.depth - 1).array(inner)})"
        marked = numeric.numeric_text(inner) if self.type.oid == NUMERIC else inner
        return f"list_transform({text}, lambda {inner}: {key_of(marked, self.type)})"


def element_key(args: Sequence[Expr]) -> ElementKey:
    """The key for the elements of the arrays among these arguments."""
    arrays = [a for a in args if a.type.pg.element_oid]
    return ElementKey(TypeRef(arrays[0].type.pg.element_oid), max(map(_dimensions, arrays)))


def _dimensions(expr: Expr) -> int:
    """An array's dimensions where they are written; what is stored has one."""
    if isinstance(expr, Const):
        value, depth = expr.value, 0
        while isinstance(value, list) and value:
            value, depth = value[0], depth + 1
        return max(depth, 1)
    if isinstance(expr, Special) and expr.kind == "array" and expr.extra == "nested" and expr.args[0] is not None:
        return 1 + _dimensions(expr.args[0])
    return 1
