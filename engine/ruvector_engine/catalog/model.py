"""The catalog's entries. Immutable: a change makes a new `Catalog`, which a transaction publishes when it commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from ruvector_engine.catalog.roles import Authority
from ruvector_engine.types.registry import TypeRef

if TYPE_CHECKING:
    from ruvector_engine.catalog.composite_types import CompositeDef
    from ruvector_engine.catalog.enum_types import EnumDef

#: The schema whose names stand bare in stored texts (but for the relations of views); others' are written with theirs.
BARE_SCHEMA = "public"
#: The hidden column that names one version of one row's vectors for ever. No client ever sees it.
ROW_ID = "__ruvector_rid"
#: Its companion: an UPDATE that gives a row a new id leaves the old one here, where RETURNING can read it.
PREVIOUS_ROW_ID = "__ruvector_prev"
#: The hidden column of system relations that holds their own OID.
TABLE_OID = "tableoid"


@dataclass(frozen=True, slots=True)
class ColumnDef:
    """A table's column. `default` is SQL text in PostgreSQL's dialect (e.g. nextval('items_id_seq'::regclass))."""

    name: str
    type: TypeRef
    attnum: int
    not_null: bool = False
    default: str | None = None
    identity: Literal["", "a", "d"] = ""  # ALWAYS, BY DEFAULT
    owned_sequence: int = 0  # oid of a serial's or identity's sequence
    generation: str | None = None  # of a generated column: SQL text over the table's other columns
    virtual: bool = False  # a generated column that was declared VIRTUAL
    dimensions: int = 0  # of an array, as it was declared: int[][] has 2
    not_null_name: str = ""  # the constraint's, where it is not what the table's and the column's name make


@dataclass(frozen=True, slots=True)
class ConstraintDef:
    """A primary key, unique or check constraint; foreign keys are refused for now.

    `index_only`: what keeps the keys of a plain unique index apart. To clients it is no constraint.
    """

    oid: int
    name: str
    kind: Literal["p", "u", "c"]
    columns: tuple[str, ...]
    expression: str | None = None  # check: SQL text in PostgreSQL's dialect
    index_only: bool = False


@dataclass(frozen=True, slots=True)
class IndexExpression:
    """A key of an index that is no plain column, or a predicate: SQL text in PostgreSQL's dialect, and its type.

    `shown` is the text that PostgreSQL's catalogs would show for it, `pretty` that with fewer parentheses.
    """

    text: str
    type: TypeRef
    shown: str
    pretty: str


@dataclass(frozen=True, slots=True)
class IndexDef:
    """An index. `method` is hnsw, ivfflat, btree, ...; only the vector methods have an engine index behind them.

    `columns` has for an expression the name that PostgreSQL gives its column; `expressions` is empty or has an item a
    column, None for a plain one. `reads`: the table's columns that expressions and `predicate` look at, and an array
    that vectors are made of.
    """

    oid: int
    name: str
    schema: str
    table_oid: int
    method: str
    columns: tuple[str, ...]
    opclasses: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    unique: bool = False
    constraint_oid: int = 0
    expressions: tuple[IndexExpression | None, ...] = ()
    predicate: IndexExpression | None = None
    reads: tuple[str, ...] = ()
    dimensions: int = 0  # of an index on real[]: those of the first array that came; 0 while none has
    orders: tuple[int, ...] = ()  # a number a key as pg_index.indoption has it; empty where all are 0

    @property
    def is_vector(self) -> bool:
        """Whether an engine index answers k-NN queries through it."""
        return self.method in ("hnsw", "ivfflat")

    @property
    def holds_column(self) -> bool:
        """Whether its keys are a column's values as they are stored, those of every row."""
        return not (self.reads or self.expressions or self.predicate)

    @property
    def expression(self) -> str | None:
        """The text of the first key's expression; None where it is a column."""
        return self.expressions[0].text if self.expressions and self.expressions[0] is not None else None

    def expression_at(self, position: int) -> IndexExpression | None:
        """What a key is when it is no plain column."""
        return self.expressions[position] if self.expressions else None

    def uses(self, column: str) -> bool:
        """Whether it cannot be without a column."""
        keys = (
            self.columns
            if not self.expressions
            else [name for name, key in zip(self.columns, self.expressions, strict=True) if key is None]
        )
        return column in keys or column in self.reads

    def renamed(self, old: str, new: str) -> IndexDef:
        """The same with a plain column's name changed."""
        plain = [not self.expressions or self.expressions[i] is None for i in range(len(self.columns))]
        names = tuple(
            new if name == old and is_plain else name for name, is_plain in zip(self.columns, plain, strict=True)
        )
        return replace(self, columns=names)


@dataclass(frozen=True, slots=True)
class TableDef:
    """A table, or a system view of pg_catalog / information_schema (`virtual`)."""

    oid: int
    schema: str
    name: str
    columns: tuple[ColumnDef, ...]
    constraints: tuple[ConstraintDef, ...] = ()
    virtual: bool = False
    temporary: bool = False
    row_ids: bool = False  # asked for by an index on an expression, or left by a column that could be searched

    @property
    def has_row_id(self) -> bool:
        """Whether the stored table carries the hidden row id: it has a column that can be searched."""
        return self.row_ids or any(c.type.is_searchable for c in self.columns)

    def with_columns(self, columns: tuple[ColumnDef, ...]) -> TableDef:
        """The table with other columns. Row ids stay for good: indexes on expressions and documents live on them."""
        changed = replace(self, columns=columns)
        return changed if changed.has_row_id or not self.has_row_id else replace(changed, row_ids=True)

    def column(self, name: str) -> ColumnDef | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)

    def constraint(self, name: str) -> ConstraintDef | None:
        """The constraint that clients know by that name, or None."""
        return next((c for c in self.constraints if c.name == name and not c.index_only), None)

    def is_plain(self, index: IndexDef) -> bool:
        """Whether one of its indexes is there by itself, and not for a constraint."""
        return all(c.oid != index.constraint_oid or c.index_only for c in self.constraints)

    @property
    def storage_name(self) -> str:
        """The table's name inside DuckDB, quoted; stable under renames."""
        return f'"t{self.oid}"'


@dataclass(frozen=True, slots=True)
class SequenceDef:
    """A sequence; its counter lives in DuckDB under `storage_name`."""

    oid: int
    schema: str
    name: str
    type_oid: int
    start: int = 1
    increment: int = 1
    minimum: int = 1
    maximum: int = 2**63 - 1
    owner_table: int = 0

    @property
    def storage_name(self) -> str:
        """The sequence's name inside DuckDB (unquoted, a plain identifier)."""
        return f"s{self.oid}"


@dataclass(frozen=True, slots=True)
class Use:
    """What a view's query uses of another relation: columns by attnum; 0 stands for whole rows."""

    oid: int
    attnums: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ViewDef:
    """A view: its defining query as SQL text in PostgreSQL's dialect, whose names no search path changes.

    `uses`: what the query reads, views among it as they are. `security_invoker`: it reads with the rights of whoever
    asks, not with its owner's. `options`: what was given in WITH, as it was written.
    """

    oid: int
    schema: str
    name: str
    query: str
    columns: tuple[ColumnDef, ...]
    security_invoker: bool = False
    uses: tuple[Use, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def reads(self, oid: int, attnum: int = 0) -> bool:
        """Whether the query uses a relation, or (`attnum`) one of its columns."""
        found = next((use for use in self.uses if use.oid == oid), None)
        return found is not None and (not attnum or attnum in found.attnums)


Relation = TableDef | IndexDef | SequenceDef | ViewDef


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that exists in a database, by (schema, name). Tables, indexes, sequences and views share a name space.

    `system` are the views of pg_catalog and information_schema, which always exist.
    """

    version: int
    relations: Mapping[tuple[str, str], Relation]
    schemas: frozenset[str]
    extensions: frozenset[str]
    system: Mapping[tuple[str, str], TableDef] = field(default_factory=lambda: MappingProxyType({}))
    #: pg_description's classoid, objoid and objsubid -> the comment.
    comments: Mapping[tuple[int, int, int], str] = field(default_factory=lambda: MappingProxyType({}))
    authority: Authority = field(default_factory=Authority)
    #: Types that CREATE TYPE made, by (schema, name).
    types: Mapping[tuple[str, str], EnumDef | CompositeDef] = field(default_factory=lambda: MappingProxyType({}))
    #: What `indexes_of` has found: every statement that writes asks for it.
    _indexes: dict[int, tuple[IndexDef, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def database(self) -> int:
        """The OID of the database whose catalog it is."""
        return self.authority.database

    def find(self, name: str, schema: str | None, search_path: tuple[str, ...]) -> Relation | None:
        """The relation a name means: in `schema`, else the first on the search path."""
        for place in (schema,) if schema else search_path:
            found = self.relations.get((place, name)) or self.system.get((place, name))
            if found is not None:
                return found
        return None

    def table_by_oid(self, oid: int) -> TableDef | None:
        """The table with that oid."""
        return next((r for r in self.relations.values() if isinstance(r, TableDef) and r.oid == oid), None)

    def sequence_by_oid(self, oid: int) -> SequenceDef:
        """The sequence with that oid, which must exist."""
        return next(r for r in self.relations.values() if isinstance(r, SequenceDef) and r.oid == oid)

    def indexes_of(self, table_oid: int) -> tuple[IndexDef, ...]:
        """The table's indexes, in order of creation."""
        known = self._indexes.get(table_oid)
        if known is None:
            found = [r for r in self.relations.values() if isinstance(r, IndexDef) and r.table_oid == table_oid]
            known = self._indexes[table_oid] = tuple(sorted(found, key=lambda i: i.oid))
        return known
