"""What analysis found the names in a raw tree to mean, noted for whoever then writes these names anew.

The nodes are the tree's own: to change one changes the tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from ruvector_engine.catalog.model import SequenceDef, TableDef, ViewDef
    from ruvector_engine.sql.nodes import Expr, RangeEntry
    from ruvector_engine.sql.scope import Scope


@dataclass(frozen=True, slots=True)
class TypeNamed:
    """A TypeName node, and the type that it means, of an array its elements': one that was made, or an extension's."""

    node: Any
    oid: int


@dataclass(frozen=True, slots=True)
class TypeCalled:
    """A FuncCall node that is a cast to such a type."""

    node: Any
    oid: int


@dataclass(frozen=True, slots=True)
class AttributeNamed:
    """A String node after a dot, and the attribute of a composite type that it means."""

    node: Any
    type_oid: int
    attnum: int


@dataclass(frozen=True, slots=True)
class RelationNamed:
    """A RangeVar node, the table, view or sequence that it means, and what that is in its query."""

    node: Any
    relation: TableDef | ViewDef | SequenceDef
    entry: RangeEntry


@dataclass(frozen=True, slots=True)
class ColumnNamed:
    """A ColumnRef node, what it means (a column of anything, or a whole row), its query level and the clause."""

    node: Any
    meant: Expr
    scope: Scope
    clause: str


@dataclass(frozen=True, slots=True)
class StarNamed:
    """An output `*`, `t.*` or `(row).*`: the Node and the list it stands in, and the columns that it means.

    `row` is the Node of the composite value that is taken apart; None where relations are.
    """

    outputs: Any
    node: Any
    columns: Sequence[tuple[str, Expr]]
    row: Any
    scope: Scope


@dataclass(frozen=True, slots=True)
class ColumnsMerged:
    """A JoinExpr with USING or NATURAL, the columns that it merges, and what these are on its two sides in turn."""

    node: Any
    names: Sequence[str]
    sides: Sequence[Expr]


@dataclass(frozen=True, slots=True)
class OutputNamed:
    """A Node of ORDER BY, GROUP BY or DISTINCT ON that is the name of an output, and that output's place from 1 on."""

    node: Any
    place: int
    clause: str


Noted: TypeAlias = (
    TypeNamed | TypeCalled | AttributeNamed | RelationNamed | ColumnNamed | StarNamed | ColumnsMerged | OutputNamed
)
