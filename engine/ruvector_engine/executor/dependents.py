"""What cannot be without what is to be dropped: views, generated columns, defaults that draw from a sequence.

After dependency.c: found depth first, the newest of several first, and told of in the opposite order. What belongs to
a table (its indexes, the sequences of its columns) goes with it and is not told of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from ruvector_engine.catalog.model import ColumnDef, IndexDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.system.dependencies import pg_describe_object
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.catalog.system.oids import PG_CLASS
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import generation, stored_texts, table_access, table_changes

if TYPE_CHECKING:
    from ruvector_engine.session import Session

CASCADE_HINT = "Use DROP ... CASCADE to drop the dependent objects too."


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema, for what is in it."""

    name: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    table: TableDef
    column: ColumnDef


@dataclass(frozen=True, slots=True)
class Default:
    """The default of a table's column."""

    table: TableDef
    column: ColumnDef


Object: TypeAlias = Relation | Schema | Column | Default


@dataclass(frozen=True, slots=True)
class Dependent:
    """Something that goes, and because of what. `told`: the user hears of it."""

    item: Object
    cause: Object
    told: bool


def release(session: Session, targets: Sequence[Object], *, cascade: bool) -> None:
    """Drop all that depends on the targets, with a notice, which takes CASCADE; 2BP01 without. The targets stay."""
    found = _found(session, targets)
    told = [dependent for dependent in found if dependent.told]
    if told and not cascade:
        several = len(targets) > 1
        subject = "desired object(s)" if several else _words(session, targets[0])
        lines = [f"{_words(session, d.item)} depends on {_words(session, d.cause)}" for d in told]
        raise SqlError(
            "2BP01",
            f"cannot drop {subject} because other objects depend on {'them' if several else 'it'}",
            detail="\n".join(lines),
            hint=CASCADE_HINT,
        )
    tell(session, [_words(session, d.item) for d in told])
    for dependent in reversed(found):
        _drop(session, dependent.item)


def tell(session: Session, gone: Sequence[str]) -> None:
    """The notice of what a cascade reaches."""
    lines = [f"drop cascades to {words}" for words in gone]
    if len(lines) == 1:
        session.notice("00000", lines[0])
    elif lines:
        session.notice("00000", f"drop cascades to {len(lines)} other objects", detail="\n".join(lines))


def views_of(session: Session, relation: Relation, attnum: int = 0) -> list[ViewDef]:
    """The views whose queries use a relation, or one of its columns, the oldest first."""
    views = [r for r in session.catalog.relations.values() if isinstance(r, ViewDef) and r.reads(relation.oid, attnum)]
    return sorted(views, key=lambda view: view.oid)


# -------------------------------------------------------------------- finding


def _found(session: Session, targets: Sequence[Object]) -> list[Dependent]:
    """What depends on the targets, directly or not, in the order in which it is told of."""
    seen = {_key(target) for target in targets}
    found: list[Dependent] = []

    def visit(item: Object) -> None:
        for child, told in sorted(_direct(session, item), key=lambda pair: _age(pair[0]), reverse=True):
            goes_anyway = isinstance(child, Default) and {("r", child.table.oid), _key(_column_of(child))} & seen
            if _key(child) not in seen and not goes_anyway:
                seen.add(_key(child))
                visit(child)
                found.append(Dependent(child, item, told))

    for target in targets:
        visit(target)
    return found[::-1]


def _direct(session: Session, item: Object) -> Iterator[tuple[Object, bool]]:
    """What depends on an object itself, and whether that is told of."""
    relations = session.catalog.relations.values()
    if isinstance(item, Schema):
        for relation in relations:
            if relation.schema == item.name and not isinstance(relation, IndexDef):
                yield relation, not (isinstance(relation, SequenceDef) and relation.owner_table)
    elif isinstance(item, Column):
        yield from ((view, True) for view in views_of(session, item.table, item.column.attnum))
        yield from ((Column(item.table, made), True) for made in generation.made_of(session, item.table, item.column))
        if item.column.owned_sequence:
            yield session.catalog.sequence_by_oid(item.column.owned_sequence), False
    elif isinstance(item, (TableDef, ViewDef, SequenceDef)):
        yield from ((view, True) for view in views_of(session, item))
    if isinstance(item, TableDef):
        yield from ((r, False) for r in relations if isinstance(r, SequenceDef) and r.owner_table == item.oid)
    if isinstance(item, SequenceDef):
        yield from ((default, True) for default in _drawing(session, item))


def _drawing(session: Session, sequence: SequenceDef) -> Iterator[Default]:
    """The defaults that name a sequence."""
    tables = [r for r in session.catalog.relations.values() if isinstance(r, TableDef)]
    for table in tables:
        for column in table.columns:
            if column.default is not None and sequence.oid in stored_texts.relations_named(session, table, column):
                yield Default(table, column)


def _key(item: Object) -> tuple[str | int, ...]:
    if isinstance(item, Schema):
        return "s", item.name
    if isinstance(item, (Column, Default)):
        return type(item).__name__, item.table.oid, item.column.attnum
    return "r", item.oid


def _column_of(default: Default) -> Column:
    return Column(default.table, default.column)


def _age(item: Object) -> tuple[int, int]:
    if isinstance(item, Schema):
        return 0, 0
    return (item.table.oid, item.column.attnum) if isinstance(item, (Column, Default)) else (item.oid, 0)


# -------------------------------------------------------------------- telling, dropping


def _words(session: Session, item: Object) -> str:
    if isinstance(item, Schema):
        return f"schema {quote_identifier(item.name)}"
    if isinstance(item, (Column, Default)):
        words = pg_describe_object(session.lookup, PG_CLASS, item.table.oid, item.column.attnum)
        return f"default value for {words}" if isinstance(item, Default) else str(words)
    return str(pg_describe_object(session.lookup, PG_CLASS, item.oid, 0))


def _drop(session: Session, item: Object) -> None:
    if isinstance(item, Default):
        table = table_access.current(session, item.table)
        session.lock(table.oid, "ddl")
        columns = (replace(c, default=None) if c.attnum == item.column.attnum else c for c in table.columns)
        table_changes.put_table(session, replace(table, columns=tuple(columns)))
    elif isinstance(item, Column):
        table = table_access.current(session, item.table)
        table_changes.drop_column(session, table, table_changes.column_of(table, item.column.name))
    elif not isinstance(item, Schema):
        there = next((r for r in session.catalog.relations.values() if r.oid == item.oid), None)
        if there is not None:
            table_changes.drop(session, there)
