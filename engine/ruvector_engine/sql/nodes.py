"""The typed tree that analysis makes of a statement and that planning and emission read.

After PostgreSQL's own `Query` and `Expr` nodes (primnodes.h, parsenodes.h): every name is resolved, every expression
has a type, every coercion is explicit. Nodes are compared by identity where they stand for a place (range entries);
expressions that differ only in where they were written are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ruvector_engine.types.registry import BOOL, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.catalog.model import TableDef, ViewDef
    from ruvector_engine.sql.analyze import Analyzed

# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A literal, already in its type's Python form. Equal to one that is written alike: 1.0 is not 1.00, nor 0 -0."""

    value: Value
    type: TypeRef
    location: int = -1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self.type == other.type and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash((self.type, repr(self.value)))


@dataclass(frozen=True, slots=True)
class Param:
    """$number; the value arrives in its type's Python form."""

    number: int
    type: TypeRef
    location: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column of a range entry. `index` counts the entry's columns from 0; -1: the hidden row id, -2: DuckDB's own,
    -3: the tableoid of a system relation.
    """

    range: RangeEntry
    index: int
    name: str
    type: TypeRef
    location: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class FunctionDef:
    """A function or operator of the catalog of functions, after overload resolution.

    `template` is DuckDB SQL with {0}, {1}, ... for the arguments, or a callable that gets their SQL texts.
    """

    name: str
    args: tuple[int, ...]
    result: int
    template: str | Callable[..., str]
    kind: Literal["f", "o", "a", "w"] = "f"  # function, operator, aggregate, window only
    volatile: bool = False
    strict: bool = True
    variadic: bool = False  # the last argument type repeats: zero or more of it
    paired: bool = False  # the argument types repeat as a whole: key, value, key, value
    defaults: int = 0  # how many trailing arguments may be left out
    of_arrays: bool = False  # no vector but a ruvector becomes an array for it
    fallback: bool = False  # left out where, without types to tell by, another one fits too
    returns_set: bool = False  # the template gives a DuckDB list, one element a row
    table: Callable[..., str] | None = (
        None  # of a set: DuckDB's table function for it, which makes rows as they are read
    )
    columns: tuple[tuple[str, int], ...] = ()  # of a set of rows: the list's elements are structs of these
    compares: bool = False  # elements of its arrays: the template gets their `ElementKey` first


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator applied. Distance operators keep their PostgreSQL name (<->, <#>, <=>, <+>)."""

    function: FunctionDef
    args: tuple[Expr, ...]
    type: TypeRef
    location: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Cast:
    """A coercion that does something at run time."""

    arg: Expr
    type: TypeRef
    explicit: bool = False
    location: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class BoolOp:
    """AND, OR, NOT."""

    op: Literal["AND", "OR", "NOT"]
    args: tuple[Expr, ...]
    type: TypeRef = field(default=TypeRef(BOOL))
    location: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Special:
    """Expressions with a syntax of their own: IS NULL, CASE, COALESCE, IN (list), ARRAY[], subscripts, ...

    `kind` names it; emission has one printer a kind.
    """

    kind: str
    args: tuple[Expr | None, ...]
    type: TypeRef
    extra: Any = None
    location: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate call, or a window call when `over` is set."""

    function: FunctionDef
    args: tuple[Expr, ...]
    type: TypeRef
    distinct: bool = False
    star: bool = False
    order_by: tuple[SortKey, ...] = ()
    filter: Expr | None = None
    over: WindowSpec | None = None
    location: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """OVER (...). `frame` is DuckDB text for the frame clause, or empty."""

    partition_by: tuple[Expr, ...]
    order_by: tuple[SortKey, ...]
    frame: str = ""


@dataclass(frozen=True, slots=True)
class SubLink:
    """A subquery in an expression. `test op ANY/ALL (query)` has both `test` and `op`."""

    kind: Literal["EXISTS", "SCALAR", "ANY", "ALL", "ARRAY"]
    query: Query
    type: TypeRef
    test: Expr | None = None
    op: FunctionDef | None = None
    location: int = field(default=-1, compare=False)


Expr: TypeAlias = Const | Param | ColumnRef | Call | Cast | BoolOp | Special | Aggregate | SubLink


@dataclass(frozen=True, slots=True)
class SortKey:
    """One ORDER BY item; nulls_first is already PostgreSQL's default where none was written."""

    expr: Expr
    descending: bool
    nulls_first: bool


# ---------------------------------------------------------------- ranges


@dataclass(eq=False, slots=True)
class RangeEntry:
    """One thing in FROM. `alias` is its name in the query; `columns` its visible columns.

    `view`: the view whose query the source is. `locked`: FOR UPDATE or one of its weaker forms is about it.
    """

    alias: str
    columns: tuple[tuple[str, TypeRef], ...]
    source: TableDef | Query | FunctionScan | ValuesList | CteRef | SetOutput
    lateral: bool = False
    view: ViewDef | None = None
    locked: bool = False


@dataclass(eq=False, slots=True)
class FunctionScan:
    """FROM f(...) [WITH ORDINALITY]."""

    call: Expr
    ordinality: bool = False


@dataclass(eq=False, slots=True)
class ValuesList:
    """VALUES (...), (...)."""

    rows: tuple[tuple[Expr, ...], ...]


@dataclass(eq=False, slots=True)
class CteRef:
    """A reference to a WITH query."""

    name: str
    query: Query | None  # None inside the recursive term


@dataclass(eq=False, slots=True)
class SetOutput:
    """The rows of the set operation itself, for its own targets and sort keys to refer to."""


@dataclass(eq=False, slots=True)
class Join:
    """A join; `using` holds merged column names (NATURAL is resolved to it)."""

    kind: Literal["INNER", "LEFT", "RIGHT", "FULL", "CROSS"]
    left: FromItem
    right: FromItem
    on: Expr | None


FromItem: TypeAlias = RangeEntry | Join

# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Target:
    """One output column. `hidden` ones are sort keys that are not sent."""

    expr: Expr
    name: str
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Cte:
    """WITH name AS (query); or AS (statement): `query` is then given the rows of its RETURNING once it has run."""

    name: str
    query: Query
    column_names: tuple[str, ...]
    recursive: bool = False
    materialized: bool | None = None
    statement: Insert | Update | Delete | None = None


@dataclass(eq=False, slots=True)
class Query:
    """A SELECT, VALUES, or set operation.

    The targets of VALUES are its first row; those of a set operation refer to its only FROM item, a `SetOutput`.
    """

    targets: tuple[Target, ...]
    from_items: tuple[FromItem, ...] = ()
    where: Expr | None = None
    group_by: tuple[Expr, ...] = ()
    grouping: str = ""  # "" plain, else the clause with {0}, {1}, ... for the members of group_by
    having: Expr | None = None
    distinct: bool = False
    distinct_on: tuple[Expr, ...] = ()
    order_by: tuple[SortKey, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None
    with_ties: bool = False  # rows that tie with the last one of `limit` come too
    ctes: tuple[Cte, ...] = ()
    set_op: Literal["", "UNION", "INTERSECT", "EXCEPT"] = ""
    set_all: bool = False
    left: Query | None = None
    right: Query | None = None
    values: ValuesList | None = None
    for_update: bool = False
    nowait: bool = False  # what FOR UPDATE locks is free, or it fails
    has_aggregates: bool = False
    has_windows: bool = False


@dataclass(eq=False, slots=True)
class OnConflict:
    """ON CONFLICT. `target` are the conflict columns; `sets` is empty for DO NOTHING."""

    target: tuple[str, ...]
    sets: tuple[tuple[int, Expr], ...] = ()
    where: Expr | None = None
    excluded: RangeEntry | None = None
    named: frozenset[int] = frozenset()  # the columns that SET names


@dataclass(eq=False, slots=True)
class Insert:
    """INSERT. `columns` are table column indexes filled by `query`'s targets in order, already coerced; the others
    get `defaults`: (column index, expression), with columns that have no default left out (NULL). `named` are the
    indexes of those that the statement itself gives values to; generated ones may be among `columns` besides."""

    table: TableDef
    entry: RangeEntry
    columns: tuple[int, ...]
    query: Query | None  # None: DEFAULT VALUES
    defaults: tuple[tuple[int, Expr], ...] = ()
    on_conflict: OnConflict | None = None
    returning: tuple[Target, ...] = ()
    ctes: tuple[Cte, ...] = ()
    named: frozenset[int] = frozenset()


@dataclass(eq=False, slots=True)
class Update:
    """UPDATE ... SET ... FROM ... WHERE. `named` are the indexes of the columns that SET names."""

    table: TableDef
    entry: RangeEntry
    sets: tuple[tuple[int, Expr], ...]
    from_items: tuple[FromItem, ...] = ()
    where: Expr | None = None
    returning: tuple[Target, ...] = ()
    ctes: tuple[Cte, ...] = ()
    named: frozenset[int] = frozenset()


@dataclass(eq=False, slots=True)
class Delete:
    """DELETE FROM ... USING ... WHERE."""

    table: TableDef
    entry: RangeEntry
    using: tuple[FromItem, ...] = ()
    where: Expr | None = None
    returning: tuple[Target, ...] = ()
    ctes: tuple[Cte, ...] = ()


@dataclass(eq=False, slots=True)
class Utility:
    """Everything else, kept as PostgreSQL's raw parse node; the executor has one function a kind.

    `kind` is the node's protobuf field name, e.g. "create_stmt", "index_stmt", "variable_set_stmt". `inner` is the
    statement that EXPLAIN, DECLARE CURSOR and CREATE TABLE AS are about.
    """

    kind: str
    node: Any
    tag: str
    inner: Analyzed | None = None


Statement: TypeAlias = Query | Insert | Update | Delete | Utility
