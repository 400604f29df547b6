"""Names in a query: which column or table a name means, at this query's level or further out.

After parse_relation.c. A scope lists what FROM brought: relations (for qualified names) and columns (for bare names
and the star, where the columns merged by USING stand once).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ruvector_engine.catalog.composite_types import row_type
from ruvector_engine.catalog.model import TABLE_OID, TableDef, ViewDef
from ruvector_engine.errors import SqlError
from ruvector_engine.sql.coerce import with_shape
from ruvector_engine.sql.context import State
from ruvector_engine.sql.nodes import ColumnRef, Cte, Expr, FunctionScan, RangeEntry, Special, WindowSpec
from ruvector_engine.sql.raw import position
from ruvector_engine.types.registry import OID, RECORD, TypeRef

NamedColumn = tuple[str, Expr]


@dataclass(slots=True)
class Relation:
    """A FROM item under its alias."""

    alias: str
    columns: list[NamedColumn]
    schema: str = ""  # of a table that has no alias: schema.table.column may name it


@dataclass(slots=True)
class Names:
    """What a FROM item brings into view."""

    relations: list[Relation] = field(default_factory=list)
    columns: list[NamedColumn] = field(default_factory=list)

    def merge(self, other: Names) -> Names:
        """Both; 42712 when they share an alias."""
        taken = {r.alias for r in self.relations if not r.schema}
        for relation in other.relations:
            if relation.alias in taken or any(
                r.alias == relation.alias and r.schema == relation.schema for r in self.relations
            ):
                raise SqlError("42712", f'table name "{relation.alias}" specified more than once')
        return Names(self.relations + other.relations, self.columns + other.columns)


class Scope:
    """One query level. `clause` names what is being analyzed, for messages and for what is allowed there."""

    def __init__(self, state: State, parent: Scope | None = None) -> None:
        self.state = state
        self.parent = parent
        self.names = Names()
        self.ctes: dict[str, Cte] = {}
        self.recursive_ctes: set[str] = set()  # WITH queries whose recursive term this scope is
        self.is_top = False  # of the whole statement
        self.clause = "SELECT"
        self.has_aggregates = False
        self.has_windows = False
        self.has_sets = False
        self.in_aggregate = False
        self.in_window = False
        self.windows: dict[str, WindowSpec] = {}

    def sibling(self) -> Scope:
        """A scope that sees the WITH queries and the outer names of this one, but not what its FROM brings."""
        inner = Scope(self.state, self.parent)
        inner.ctes = self.ctes
        inner.recursive_ctes = self.recursive_ctes
        return inner

    def brings(self, entry: RangeEntry) -> bool:
        """Whether the entry stands in this query's own FROM."""
        columns = (e for r in self.names.relations for _, e in r.columns)
        return any(
            isinstance(e, ColumnRef) and e.range is entry for e in (*columns, *(e for _, e in self.names.columns))
        )

    def find_cte(self, name: str) -> Cte | None:
        """The WITH query of that name, from here outwards."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return scope.ctes[name]
            scope = scope.parent
        return None

    def in_recursive_term(self, name: str) -> bool:
        """Whether the nearest WITH query of that name is the one whose recursive term is being analyzed."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return name in scope.recursive_ctes
            scope = scope.parent
        return False

    def column(self, name: str, location: int) -> Expr:
        """A bare name: a column, or a whole row; 42703, 42702."""
        scope: Scope | None = self
        while scope is not None:
            found = [e for n, e in scope.names.columns if n == name]
            if len(found) > 1:
                raise SqlError("42702", f'column reference "{name}" is ambiguous', position=position(location))
            if found:
                return _at(found[0], location)
            if name == TABLE_OID and (hidden := self._table_oids(scope.names.relations, location)):
                return hidden
            scope = scope.parent
        scope = self
        while scope is not None:
            relation = next((r for r in scope.names.relations if r.alias == name), None)
            if relation is not None:
                return row_of(relation, location)
            scope = scope.parent
        raise self._missing_column(name, location)

    def qualified(self, parts: Sequence[str], location: int) -> Expr:
        """table.column or schema.table.column; 42P01, 42703."""
        relation = self.relation(parts[:-1], location)
        name = parts[-1]
        found = [e for n, e in relation.columns if n == name]
        if len(found) > 1:
            raise SqlError("42702", f'column reference "{name}" is ambiguous', position=position(location))
        if found:
            return _at(found[0], location)
        if name == TABLE_OID and (hidden := self._table_oids([relation], location)):
            return hidden
        raise SqlError(
            "42703",
            f"column {parts[-2]}.{name} does not exist",
            hint=_hint(name, [(relation.alias, n) for n, _ in relation.columns]),
            position=position(location),
        )

    def _table_oids(self, relations: Sequence[Relation], location: int) -> Expr | None:
        """The column tableoid, which system relations have beside those that a star means; 42702 when several have."""
        entries = {e.range: None for r in relations for _, e in r.columns if isinstance(e, ColumnRef)}
        found = [e for e in entries if isinstance(e.source, TableDef) and e.source.virtual]
        if len(found) > 1:
            raise SqlError("42702", f'column reference "{TABLE_OID}" is ambiguous', position=position(location))
        return ColumnRef(found[0], -3, TABLE_OID, TypeRef(OID), location) if found else None

    def relation(self, parts: Sequence[str], location: int) -> Relation:
        """The FROM item under that (schema and) alias; 42P01."""
        alias, schema = parts[-1], parts[-2] if len(parts) > 1 else ""
        scope: Scope | None = self
        while scope is not None:
            found = [r for r in scope.names.relations if r.alias == alias and (not schema or r.schema == schema)]
            if len(found) > 1:
                raise SqlError("42P09", f'table reference "{alias}" is ambiguous', position=position(location))
            if found:
                return found[0]
            scope = scope.parent
        raise self._missing_relation(alias, location)

    def _missing_relation(self, alias: str, location: int) -> SqlError:
        """The name of a table that has an alias gets a hint."""
        for relation in self.names.relations:
            source = next((e.range.source for _, e in relation.columns if isinstance(e, ColumnRef)), None)
            if isinstance(source, TableDef) and source.name == alias:
                return SqlError(
                    "42P01",
                    f'invalid reference to FROM-clause entry for table "{alias}"',
                    hint=f'Perhaps you meant to reference the table alias "{relation.alias}".',
                    position=position(location),
                )
        return SqlError("42P01", f'missing FROM-clause entry for table "{alias}"', position=position(location))

    def _missing_column(self, name: str, location: int) -> SqlError:
        names: list[tuple[str, str]] = []
        scope: Scope | None = self
        while scope is not None:
            names += [(r.alias, n) for r in scope.names.relations for n, _ in r.columns]
            scope = scope.parent
        return SqlError(
            "42703", f'column "{name}" does not exist', hint=_hint(name, names), position=position(location)
        )


def entry_columns(entry: RangeEntry) -> list[NamedColumn]:
    """The references that stand for an entry's columns."""
    return [(name, ColumnRef(entry, i, name, t)) for i, (name, t) in enumerate(entry.columns)]


def names_of(entry: RangeEntry, schema: str = "") -> Names:
    """What an entry by itself brings into view."""
    columns = entry_columns(entry)
    return Names([Relation(entry.alias, columns, schema)] if entry.alias else [], columns)


def row_of(relation: Relation, location: int) -> Expr:
    """The whole row of a relation; of a function that returns single values, the value."""
    first = relation.columns[0][1] if len(relation.columns) == 1 else None
    if isinstance(first, ColumnRef) and isinstance(first.range.source, FunctionScan):
        return _at(first, location)
    type_ref = _row_type(relation)
    args = [e for _, e in relation.columns]
    if type_ref.composite is not None:
        args = [with_shape(e) if e.type.is_array else e for e in args]
    return Special("row", tuple(args), type_ref, tuple(n for n, _ in relation.columns), location)


def _row_type(relation: Relation) -> TypeRef:
    """The composite type of a table's or view's rows; record for what has no type of its own."""
    entry = next((e.range for _, e in relation.columns if isinstance(e, ColumnRef)), None)
    source = None if entry is None else entry.view or entry.source
    if not isinstance(source, (TableDef, ViewDef)) or (isinstance(source, TableDef) and source.virtual):
        return TypeRef(RECORD)
    places = [e.index if isinstance(e, ColumnRef) and e.range is entry else -1 for _, e in relation.columns]
    whole = places == list(range(len(source.columns)))
    return TypeRef(row_type(source).type_oid) if whole else TypeRef(RECORD)


def _at(expr: Expr, location: int) -> Expr:
    if isinstance(expr, ColumnRef):
        return ColumnRef(expr.range, expr.index, expr.name, expr.type, location)
    return expr


def _hint(name: str, candidates: Sequence[tuple[str, str]]) -> str | None:
    """PostgreSQL's suggestion of a column that is spelled nearly so: at most 3 edits, and less than half the name."""
    limit = min(3, len(name) // 2)
    scored = [(d, alias, column) for alias, column in candidates if (d := _distance(name, column, limit)) <= limit]
    if not scored:
        return None
    best = min(score for score, _, _ in scored)
    nearest = [f'"{alias}.{column}"' for score, alias, column in scored if score == best]
    if len(nearest) == 1:
        return f"Perhaps you meant to reference the column {nearest[0]}."
    if len(nearest) == 2:
        return f"Perhaps you meant to reference the column {nearest[0]} or the column {nearest[1]}."
    return None


def _distance(a: str, b: str, limit: int) -> int:
    """Levenshtein's distance, or limit + 1 when it is more."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]
