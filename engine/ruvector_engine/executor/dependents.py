"""What cannot be without what is to be dropped: views, columns of a type, defaults that draw from a sequence, ...

After dependency.c: found depth first, the newest of several first, and told of in the opposite order. What belongs to
a table (its indexes, the sequences of its columns) or to a column goes with it and is not told of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from ruvector_engine.catalog.composite_types import ROW_TYPE_OFFSET, CompositeDef
from ruvector_engine.catalog.made_types import MadeType, row_type
from ruvector_engine.catalog.model import ColumnDef, ConstraintDef, IndexDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.system.dependencies import pg_describe_object
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.catalog.system.oids import PG_CLASS
from ruvector_engine.catalog.system.typenames import format_type
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import composite_types, generation, stored_texts, table_access, table_changes, type_drops
from ruvector_engine.executor.stored_texts import Named
from ruvector_engine.sql.typenames import EXTENSION_OIDS

if TYPE_CHECKING:
    from ruvector_engine.session import Session

CASCADE_HINT = "Use DROP ... CASCADE to drop the dependent objects too."


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema, for what is in it."""

    name: str


@dataclass(frozen=True, slots=True)
class Type:
    """A type that CREATE TYPE made, a table's row type, or (`is_array`) the type of its arrays."""

    made: MadeType
    is_array: bool = False

    @property
    def oid(self) -> int:
        """Its number in pg_type."""
        return self.made.array_oid if self.is_array else self.made.oid


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension, for the types that come with it."""

    name: str


@dataclass(frozen=True, slots=True)
class ExtensionType:
    """A type of an extension, or that of its arrays."""

    oid: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    table: TableDef
    column: ColumnDef


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a composite type."""

    made: CompositeDef
    column: ColumnDef


@dataclass(frozen=True, slots=True)
class Default:
    """The default of a table's column."""

    table: TableDef
    column: ColumnDef


@dataclass(frozen=True, slots=True)
class Check:
    """A CHECK of a table."""

    table: TableDef
    constraint: ConstraintDef


Object: TypeAlias = Relation | Schema | Type | Extension | ExtensionType | Column | Attribute | Default | Check


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
    lines = [f"drop cascades to {_words(session, d.item)}" for d in told]
    if len(lines) == 1:
        session.notice("00000", lines[0])
    elif lines:
        session.notice("00000", f"drop cascades to {len(lines)} other objects", detail="\n".join(lines))
    for dependent in reversed(found):
        _drop(session, dependent.item)


def views_of(session: Session, relation: Relation, attnum: int = 0) -> list[ViewDef]:
    """The views whose queries use a relation, or one of its columns, the oldest first."""
    return _views(session, relation.oid, attnum)


def _views(session: Session, oid: int, attnum: int = 0) -> list[ViewDef]:
    views = [r for r in session.catalog.relations.values() if isinstance(r, ViewDef) and r.reads(oid, attnum)]
    return sorted(views, key=lambda view: view.oid)


# -------------------------------------------------------------------- finding


def _found(session: Session, targets: Sequence[Object]) -> list[Dependent]:
    """What depends on the targets, directly or not, in the order in which it is told of."""
    seen = {_key(target) for target in targets}
    found: list[Dependent] = []

    def visit(item: Object) -> None:
        for child, told in sorted(_direct(session, item), key=lambda pair: _age(pair[0])):
            if _key(child) not in seen:
                seen.add(_key(child))
                visit(child)
                found.append(Dependent(child, item, told))

    for target in targets:
        visit(target)
    return [d for d in reversed(found) if _owners(session, d.item).isdisjoint(seen)]


def _direct(session: Session, item: Object) -> Iterator[tuple[Object, bool]]:
    """What depends on an object itself, and whether that is told of."""
    relations = session.catalog.relations.values()
    if isinstance(item, Schema):
        yield from ((r, not _belongs(r)) for r in relations if r.schema == item.name and not isinstance(r, IndexDef))
        yield from ((Type(made), True) for made in session.catalog.types.values() if made.schema == item.name)
    elif isinstance(item, Type):
        is_row = isinstance(item.made, CompositeDef) and item.made.is_row_type
        mention = _mention(item.made.name) if is_row else ""
        yield from ((user, True) for user in _users_of_type(session, item.oid, mention))
        if not item.is_array:
            yield Type(item.made, is_array=True), False
    elif isinstance(item, Extension):
        yield from ((ExtensionType(oid), False) for oid, name in EXTENSION_OIDS.items() if name == item.name)
    elif isinstance(item, ExtensionType):
        yield from ((user, True) for user in _users_of_type(session, item.oid, ""))
    elif isinstance(item, Attribute):
        yield from ((view, True) for view in _views(session, item.made.oid, item.column.attnum))
        named = int(item.made.oid), item.column.attnum
        yield from ((user, True) for user in _users_in_texts(session, named, _mention(item.column.name)))
    elif isinstance(item, Column):
        yield from ((view, True) for view in _views(session, item.table.oid, item.column.attnum))
        yield from ((Column(item.table, made), True) for made in generation.made_of(session, item.table, item.column))
        if item.column.owned_sequence:
            yield session.catalog.sequence_by_oid(item.column.owned_sequence), False
    elif isinstance(item, (TableDef, ViewDef, SequenceDef)):
        yield from ((view, True) for view in _views(session, item.oid))
    if isinstance(item, TableDef):
        yield from ((r, False) for r in relations if isinstance(r, SequenceDef) and r.owner_table == item.oid)
    if isinstance(item, (TableDef, ViewDef)):
        yield Type(row_type(item)), False
    if isinstance(item, SequenceDef):
        yield from ((user, True) for user in _users_in_texts(session, item.oid, _mention(item.name)))


def _belongs(relation: Relation) -> bool:
    return isinstance(relation, SequenceDef) and relation.owner_table != 0


def _users_of_type(session: Session, oid: int, mention: str) -> Iterator[Object]:
    """Columns and attributes of a type, and what names it; `mention` as below."""
    for table in [r for r in session.catalog.relations.values() if isinstance(r, TableDef)]:
        yield from (Column(table, column) for column in table.columns if column.type.oid == oid)
    for made in [t for t in session.catalog.types.values() if isinstance(t, CompositeDef)]:
        yield from (Attribute(made, column) for column in made.columns if column.type.oid == oid)
    yield from _views(session, oid)
    yield from _users_in_texts(session, oid, mention)


def _mention(name: str) -> str:
    """What is in every text that names a relation: its name, if that looks the same however it is quoted."""
    return "" if '"' in name or "'" in name else name


def _users_in_texts(session: Session, named: Named, mention: str) -> Iterator[Object]:
    """Defaults, generated columns, CHECKs and indexes that name an object; `mention` is in all that can."""
    for relation in session.catalog.relations.values():
        if isinstance(relation, IndexDef):
            if named in stored_texts.named_in_index(session, relation, mention):
                yield relation
        elif isinstance(relation, TableDef):
            for column in relation.columns:
                if named in stored_texts.named_in_column(session, relation, column, mention):
                    yield Default(relation, column) if column.generation is None else Column(relation, column)
            for constraint in relation.constraints:
                if named in stored_texts.named_in_check(session, relation, constraint, mention):
                    yield Check(relation, constraint)


def _key(item: Object) -> tuple[str | int, ...]:
    if isinstance(item, (Schema, Extension)):
        return type(item).__name__, item.name
    if isinstance(item, (Column, Default)):
        return type(item).__name__, item.table.oid, item.column.attnum
    if isinstance(item, Attribute):
        return "Attribute", item.made.oid, item.column.attnum
    return ("Constraint", item.constraint.oid) if isinstance(item, Check) else ("Object", item.oid)


def _owners(session: Session, item: Object) -> set[tuple[str | int, ...]]:
    """The keys of what an object goes with, without being told of."""
    if isinstance(item, Default):
        return {("Object", item.table.oid), ("Column", item.table.oid, item.column.attnum)}
    if isinstance(item, Check):
        columns = (c for c in item.table.columns if c.name in item.constraint.columns)
        return {("Object", item.table.oid), *(("Column", item.table.oid, c.attnum) for c in columns)}
    if isinstance(item, Column):
        return {("Object", item.table.oid)}
    if isinstance(item, Attribute):
        return {("Object", item.made.oid)}
    if isinstance(item, SequenceDef):
        return {("Object", item.owner_table)} if item.owner_table else set()
    if isinstance(item, IndexDef):
        table = session.catalog.table_by_oid(item.table_oid)
        read = [c for c in table.columns if item.uses(c.name)] if table is not None else []
        return {("Object", item.table_oid), *(("Column", item.table_oid, c.attnum) for c in read)}
    return set()


def _age(item: Object) -> tuple[int, int, int]:
    """Sorts the newest first; of a table: its expressions, the last first, its row type, itself, its columns."""
    if isinstance(item, (Schema, Extension)):
        return 0, 0, 0
    if isinstance(item, Type):
        is_row = isinstance(item.made, CompositeDef) and item.made.is_row_type
        return (-item.made.oid + ROW_TYPE_OFFSET, 1, 0) if is_row else (-item.oid, 2, 0)
    if isinstance(item, Attribute):
        return -item.made.oid, 2, item.column.attnum
    if isinstance(item, Column) and item.column.generation is None:
        return -item.table.oid, 2, item.column.attnum
    if isinstance(item, (Column, Default)):  # a generated column goes with its expression
        return -item.table.oid, 0, -item.column.attnum
    return (-item.constraint.oid if isinstance(item, Check) else -item.oid), 2, 0


# -------------------------------------------------------------------- telling, dropping


def _words(session: Session, item: Object) -> str:
    lookup = session.lookup
    if isinstance(item, Schema):
        return f"schema {quote_identifier(item.name)}"
    if isinstance(item, Extension):
        return f"extension {item.name}"
    if isinstance(item, (Type, ExtensionType)):
        return f"type {format_type(lookup, item.oid)}"
    if isinstance(item, Attribute):
        return f"column {item.column.name} of composite type {format_type(lookup, item.made.oid)}"
    if isinstance(item, Check):
        return f"constraint {item.constraint.name} on {pg_describe_object(lookup, PG_CLASS, item.table.oid, 0)}"
    if isinstance(item, (Column, Default)):
        words = pg_describe_object(lookup, PG_CLASS, item.table.oid, item.column.attnum)
        return f"default value for {words}" if isinstance(item, Default) else str(words)
    return str(pg_describe_object(lookup, PG_CLASS, item.oid, 0))


def _drop(session: Session, item: Object) -> None:
    if isinstance(item, (Column, Default, Check)):
        _drop_part(session, item)
    elif isinstance(item, Attribute):
        made = next(t for t in session.catalog.types.values() if isinstance(t, CompositeDef) and t.oid == item.made.oid)
        left = tuple(c for c in made.columns if c.attnum != item.column.attnum)
        composite_types.change(session, made, replace(made, columns=left))
    elif isinstance(item, Type):
        if (item.made.schema, item.made.name) in session.catalog.types and not item.is_array:
            type_drops.remove(session, item.made)
    elif not isinstance(item, (Schema, Extension, ExtensionType)):
        there = next((r for r in session.catalog.relations.values() if r.oid == item.oid), None)
        if there is not None:
            table_changes.drop(session, there)


def _drop_part(session: Session, item: Column | Default | Check) -> None:
    session.lock(item.table.oid, "ddl")
    table = table_access.current(session, item.table)
    if isinstance(item, Check):
        left = tuple(c for c in table.constraints if c.oid != item.constraint.oid)
        table_changes.rewrite(session, table, replace(table, constraints=left))
        return
    column = next(c for c in table.columns if c.attnum == item.column.attnum)
    if isinstance(item, Column):
        table_changes.drop_column(session, table, column)
    else:
        table_changes.put_table(session, table_changes.with_column(table, replace(column, default=None)))
