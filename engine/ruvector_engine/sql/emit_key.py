"""Keys: DuckDB SQL that is equal and sorts as PostgreSQL's values of a type are and do.

Most types' values are their own keys. Decimal text (1.0 = 1.00), jsonb (1 = 1.0 too), bpchar (blanks at the end do not
count), vectors (0 = -0) and arrays of these are not: wherever DuckDB compares, sorts, groups or hashes them, it is
given their keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from ruvector_engine.sql import emit_composite
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.numeric_sql import NumericSql, Shape
from ruvector_engine.sql.nodes import Expr, SortKey, Special
from ruvector_engine.sql.storage import duck_type, fields, with_items
from ruvector_engine.types.registry import (
    BPCHAR,
    HALFVEC,
    JSONB,
    NUMERIC,
    NUMRANGE,
    SPARSEVEC,
    VECTOR_TYPES,
    TypeRef,
    UserOid,
)

_KEYED = frozenset({NUMERIC, NUMRANGE, JSONB, BPCHAR, HALFVEC, SPARSEVEC, *VECTOR_TYPES})


def is_row(expr: Expr) -> TypeGuard[Special]:
    """Whether the expression is ROW(...), whose text does not tell what is equal."""
    return isinstance(expr, Special) and expr.kind == "row" and expr.type.composite is None


def direction(key: SortKey) -> str:
    """ASC or DESC and where NULLs go: DuckDB's defaults are others."""
    return f" {'DESC' if key.descending else 'ASC'} NULLS {'FIRST' if key.nulls_first else 'LAST'}"


def is_keyed(type_ref: TypeRef, shape: Shape | None = None) -> bool:
    """Whether equal values may be written differently; `shape` is a numeric's."""
    if type_ref.oid == NUMERIC:
        return shape is None
    if isinstance(type_ref.oid, UserOid):
        if type_ref.composite is not None:
            return any(is_keyed(t) for _, t in fields(type_ref))
        return bool(type_ref.pg.element_oid) and is_keyed(TypeRef(type_ref.pg.element_oid))
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
    if type_ref.oid == NUMRANGE:
        return f"rv_numrange_key({text})"
    if type_ref.oid == BPCHAR:
        return f"rtrim({text}, ' ')"
    if type_ref.composite is not None and is_keyed(type_ref):
        return emit_composite.key(text, type_ref, key_of)
    if type_ref.pg.element_oid and is_keyed(TypeRef(type_ref.pg.element_oid)):
        key = ElementKey(TypeRef(type_ref.pg.element_oid))
        return key.shaped(text) if type_ref.shaped else key.array(text)
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
    """Keys of an array's elements, for the templates that compare them."""

    type: TypeRef

    def element(self, text: str) -> str:
        """The key of an element."""
        if not is_keyed(self.type):
            return text
        return key_of(numeric.to_text(text) if self.type.oid == NUMERIC else text, self.type)

    def array(self, text: str) -> str:
        """The array of the elements' keys."""
        if not is_keyed(self.type):
            return text
        marked = numeric.numeric_text("rv_k") if self.type.oid == NUMERIC else "rv_k"
        return f"list_transform({text}, lambda rv_k: {key_of(marked, self.type)})"

    def shaped(self, text: str) -> str:
        """The same of an array with a shape."""
        return with_items(text, self.array) if is_keyed(self.type) else text


def element_key(args: Sequence[Expr]) -> ElementKey:
    """The key for the elements of the arrays among these arguments."""
    return ElementKey(TypeRef(next(a.type.pg.element_oid for a in args if a.type.pg.element_oid)))
