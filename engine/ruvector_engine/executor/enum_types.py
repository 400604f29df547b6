"""CREATE TYPE ... AS ENUM, and ALTER TYPE ADD VALUE and RENAME VALUE.

Stored values are sort numbers, which never change (see sql/enum_storage.py): no statement here touches a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from struct import pack, unpack
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.enum_types import EnumDef, EnumValue
from ruvector_engine.catalog.model import TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, naming, ownership, table_access, type_changes
from ruvector_engine.results import Result
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.raw import strings

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: PostgreSQL's limit on a label.
MAX_LABEL_BYTES = 63


def run_create(session: Session, statement: Utility) -> Result:
    """CREATE TYPE name AS ENUM (labels)."""
    node = statement.node
    names = strings(node.type_name)
    table_access.change_catalog(session)
    schema = naming.creation_schema(session, names[-2] if len(names) > 1 else "")
    type_changes.require_free(session, schema, names[-1])
    labels, connection = strings(node.vals), session.connection
    oid, array_oid = store.new_oid(connection), store.new_oid(connection)
    for place, label in enumerate(labels):
        _check_label(label)
        if label in labels[:place]:
            raise SqlError(
                "23505",
                'duplicate key value violates unique constraint "pg_enum_typid_label_index"',
                detail=f"Key (enumtypid, enumlabel)=({oid}, {label}) already exists.",
            )
    values = tuple(EnumValue(store.new_oid(connection), text, float(n)) for n, text in enumerate(labels, 1))
    array_name = type_changes.free_array_name(session, schema, names[-1])
    definition = EnumDef(oid, array_oid, schema, names[-1], array_name, values)
    session.transaction.catalog = store.changed(connection, session.catalog, put_types=[definition])
    ownership.own_type(session, definition)
    return Result("CREATE TYPE")


def _check_label(label: str) -> None:
    if len(label.encode()) > MAX_LABEL_BYTES:
        detail = f"Labels must be {MAX_LABEL_BYTES} bytes or less."
        raise SqlError("42602", f'invalid enum label "{label}"', detail=detail)


# -------------------------------------------------------------------- ALTER TYPE


def run_alter(session: Session, statement: Utility) -> Result:
    """ALTER TYPE name ADD VALUE | RENAME VALUE."""
    node = statement.node
    table_access.change_catalog(session)
    definition = type_changes.named(session, strings(node.type_name))
    if not isinstance(definition, EnumDef):
        raise SqlError("42809", f"{definition.sql_name} is not an enum")
    access.require_type_owner(session, definition)
    _check_label(node.new_val)
    if node.old_val:
        type_changes.put(session, _with_renamed(definition, node.old_val, node.new_val))
        _forget_rows(session, definition)
    elif any(v.label == node.new_val for v in definition.values):
        text = f'enum label "{node.new_val}" already exists'
        if not node.skip_if_new_val_exists:
            raise SqlError("42710", text)
        session.notice("42710", f"{text}, skipping")
    else:
        added = [_with_added(session, definition, node)]
        session.transaction.catalog = store.changed(session.connection, session.catalog, put_types=added)
    return Result("ALTER TYPE")


def _with_renamed(definition: EnumDef, old: str, new: str) -> EnumDef:
    labels = [v.label for v in definition.values]
    if old not in labels:
        raise SqlError("22023", f'"{old}" is not an existing enum label')
    if new in labels:
        raise SqlError("42710", f'enum label "{new}" already exists')
    return replace(definition, values=tuple(replace(v, label=new) if v.label == old else v for v in definition.values))


def _with_added(session: Session, definition: EnumDef, node: Any) -> EnumDef:
    values = definition.values
    place = len(values)
    if node.new_val_neighbor:
        found = next((i for i, v in enumerate(values) if v.label == node.new_val_neighbor), None)
        if found is None:
            raise SqlError("22023", f'"{node.new_val_neighbor}" is not an existing enum label')
        place = found + 1 if node.new_val_is_after else found
    number = _number_at([v.number for v in values], place)
    added = EnumValue(store.new_oid(session.connection), node.new_val, number)
    return replace(definition, values=(*values[:place], added, *values[place:]))


def _number_at(numbers: Sequence[float], place: int) -> float:
    """A sort number for a new value at that place; it never moves the others.

    PostgreSQL's own, a float4, as long as there is one; a double between two float4s then.
    """
    if not numbers:
        return 1.0
    if place == len(numbers):
        return numbers[-1] + 1
    if place == 0:
        return numbers[0] - 1
    low, high = numbers[place - 1], numbers[place]
    middle: float = unpack("f", pack("f", (low + high) / 2))[0]
    if not low < middle < high:
        middle = (low + high) / 2
    if not low < middle < high:
        raise not_supported(
            "no more values can be added between these two", hint="Create a new type with all the values."
        )
    return middle


def _forget_rows(session: Session, definition: EnumDef) -> None:
    """Rows kept in memory have the former labels."""
    for table in session.catalog.relations.values():
        if isinstance(table, TableDef) and any(_uses(c.type.oid, definition) for c in table.columns):
            session.transaction.changes_of(table.oid).altered = True


def _uses(oid: int, definition: EnumDef) -> bool:
    return oid in (definition.oid, definition.array_oid)
