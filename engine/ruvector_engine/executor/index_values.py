"""The values of index expressions and predicates, evaluated as rows are written.

PostgreSQL enters a row into every index at once, so that an expression that fails refuses the row. What an index on
vectors is given is kept for the commit; of the other indexes' expressions only the errors matter here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import Catalog, IndexDef, TableDef
from ruvector_engine.planner.index_keys import analyzed_key, analyzed_predicate, guarded, index_key, sql_text
from ruvector_engine.planner.walk import conjuncts, nodes
from ruvector_engine.sql.nodes import BoolOp, Call, ColumnRef, Const, Expr, Special
from ruvector_engine.sql.stored_names import reading
from ruvector_engine.transactions import Ids, TableChanges

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Operators and functions that have a value for every argument of the types that are no vectors and no composites.
_NEVER_FAIL = frozenset({"=", "<>", "<", "<=", ">", ">=", "lower", "upper"})
_NEVER_FAILING_KINDS = frozenset({"isnull", "isnotnull", "truth", "coalesce", "case", "in", "distinct", "notdistinct"})


@dataclass(frozen=True, slots=True)
class IndexValues:
    """What is to be evaluated of each row that a statement writes, in the order of the indexes.

    `sql` are DuckDB's expressions over the table's columns; `oids` the index whose key each is, 0 for one of which only
    the errors matter.
    """

    sql: tuple[str, ...]
    oids: tuple[int, ...]

    def note(self, changes: TableChanges, ids: Ids, rows: Sequence[Sequence[Any]], first: int) -> None:
        """Keep the values for the commit; they begin at place `first` of each row."""
        for place, oid in enumerate(self.oids, first):
            if oid:
                changes.add(oid, ids, [row[place] for row in rows])

    def without_keys(self) -> IndexValues:
        """Those of which only the errors matter."""
        checks = tuple(sql for sql, oid in zip(self.sql, self.oids, strict=True) if not oid)
        return IndexValues(checks, (0,) * len(checks))


def of_new_rows(session: Session, table: TableDef) -> IndexValues:
    """What to evaluate of rows that come, or that are changed in all they have."""
    return _values(session.catalog, table, session.catalog.indexes_of(table.oid))


def of_changed_rows(session: Session, table: TableDef, columns: Collection[str]) -> IndexValues:
    """What to evaluate of rows of which these columns are set, and that get a new id where a vector index reads them.

    Of an index that looks at none of them, only an index on vectors needs a value, for the new id.
    """
    indexes = session.catalog.indexes_of(table.oid)
    return _values(session.catalog, table, [i for i in indexes if i.is_vector or any(map(i.uses, columns))])


def require_computable(session: Session, table: TableDef, definition: IndexDef) -> None:
    """The error of the first row for which an index that is no vector index could not be made."""
    for sql in _checks(session.catalog, table, definition):
        session.connection.run(f"SELECT max({sql}) FROM {table.storage_name}")


def _values(catalog: Catalog, table: TableDef, indexes: Sequence[IndexDef]) -> IndexValues:
    found: list[tuple[str, int]] = []
    for definition in indexes:
        if definition.holds_column:
            continue
        if definition.is_vector:
            found.append((index_key(definition, table, catalog).value_sql, definition.oid))
        else:
            found += [(sql, 0) for sql in _checks(catalog, table, definition)]
    return IndexValues(tuple(sql for sql, _ in found), tuple(oid for _, oid in found))


def _checks(catalog: Catalog, table: TableDef, definition: IndexDef) -> list[str]:
    """DuckDB's SQL of numbers that nobody wants, which fails where PostgreSQL could not enter a row."""
    context = reading(catalog, table.schema)
    predicate = definition.predicate
    parts = [] if predicate is None else conjuncts(analyzed_predicate(predicate.text, table, context))
    keys = [analyzed_key(key.text, table, context) for key in definition.expressions if key is not None]
    failing = [key for key in keys if _can_fail(key)]
    if failing:
        return [guarded(parts, f"hash({sql_text(key)})") for key in failing]
    return [guarded(parts, "hash(1)")] if any(map(_can_fail, parts)) else []


def _can_fail(expr: Expr) -> bool:
    """Whether it may have no value for some row."""
    for node in nodes(expr):
        if isinstance(node, Call):
            plain = not any(arg.type.is_searchable or arg.type.composite for arg in node.args)
            documents = node.function.name == "to_tsvector" and isinstance(node.args[0], Const)
            safe = plain and (documents or node.function.name in _NEVER_FAIL)
        elif isinstance(node, Special):
            safe = node.kind in _NEVER_FAILING_KINDS
        else:
            safe = isinstance(node, (ColumnRef, Const, BoolOp))
        if not safe:
            return True
    return False
