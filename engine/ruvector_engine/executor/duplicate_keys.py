"""Unique violations: from DuckDB's text of the key to PostgreSQL's constraint, columns and values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ruvector_engine.catalog.model import ColumnDef, ConstraintDef, TableDef
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import failing_row
from ruvector_engine.executor.failing_row import NewRows, Violation
from ruvector_engine.relational.errors import DuplicateKey
from ruvector_engine.results import Row
from ruvector_engine.sql import enum_storage
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import Insert, Update
from ruvector_engine.sql.storage import converter, to_transport
from ruvector_engine.sql.unique_keys import companions, comparable, key_text, stored_names
from ruvector_engine.types.array_values import mapped
from ruvector_engine.types.networks import format_inet, format_with_mask
from ruvector_engine.types.numbers import format_float4, format_float8
from ruvector_engine.types.registry import (
    BOOL,
    BY_OID,
    BYTEA,
    CIDR,
    FLOAT4,
    FLOAT8,
    INET,
    TEXT,
    TIMETZ,
    VECTOR_TYPES,
    TypeRef,
    Value,
)
from ruvector_engine.types.text import format_text, parse_text
from ruvector_engine.types.timetzs import format_timetz
from ruvector_engine.types.vectors import format_vector

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: How DuckDB writes values of the type categories that cannot be mistaken for each other.
_LOOKS = {
    "N": re.compile(r"-?([\d.]+(e[+-]?\d+)?|inf(inity)?)|nan", re.IGNORECASE),
    "B": re.compile("true|false"),
    "D": re.compile(r"\d+[-:]\d\d[-:]\d\d.*|-?infinity"),
}
_ANYTHING = re.compile(".*", re.DOTALL)
_ESCAPED_BYTE = re.compile(r"\\x([0-9A-F]{2})")


def explained(error: DuplicateKey, table: TableDef) -> SqlError:
    """The violation of a written row, or the error as it is when it may be another table's."""
    found = _violated(error, table)
    return error if found is None else _violation(table, found[0], _shown_key(table, *found))


def of_statement(
    session: Session, error: DuplicateKey, statement: Insert | Update, params: Sequence[Value]
) -> SqlError | None:
    """The violation with its key as it was given, where DuckDB's text does not tell that; None when nothing does."""
    table = statement.table
    found = _violated(error, table)
    hidden = {column.name for column in companions(table)}
    if found is not None and not hidden & set(found[0].columns):
        return None
    rows = failing_row.rows_of(session, statement, params)
    places = {column.name: place for place, column in enumerate(table.columns)}
    told = of_rows(session, error, table, lambda key: [tuple(row[places[n]] for n in key.columns) for row in rows])
    return None if told is None else told.error


def of_rows(
    session: Session, error: DuplicateKey, table: TableDef, keys_of: Callable[[ConstraintDef], Sequence[Row]]
) -> Violation | None:
    """The violation by one of the rows that were to be written; `keys_of` gives a constraint's columns of the rows.

    Of several rows with the key it is the second, for the first went in; a single one clashes with what was there.
    """
    found = _violated(error, table)
    candidates = [c for c in table.constraints if c.kind != "c"] if found is None else [found[0]]
    fitting: list[tuple[ConstraintDef, tuple[int, Row]]] = []
    for constraint in candidates:
        columns = _columns(table, constraint)
        told = _split(error.key, constraint) if found is None else found[1]
        wanted = error.key if len(told) != len(columns) else _shown_values(table, columns, told)
        keys = ((place, key) for place, key in enumerate(keys_of(constraint)) if None not in key)
        rows = [(place, key) for place, key in keys if _told_values(session, table, columns, key) == wanted]
        if len(rows) > 1:
            return _violation_by(session, table, constraint, rows[1])
        if rows:
            fitting.append((constraint, rows[0]))
    return _violation_by(session, table, *fitting[0]) if len(fitting) == 1 else None


def first_of_rows(
    session: Session, error: DuplicateKey, table: TableDef, rows: Sequence[Row], stored: NewRows | None
) -> Violation | None:
    """The first of the rows that clashes with an earlier one or with a committed one; `rows` has all columns.

    `stored` makes the rows again in DuckDB, with their places, to compare them with what is committed; None: do not.
    """
    found: list[tuple[int, int]] = []
    constraints = [c for c in table.constraints if c.kind in "pu"]
    places = {column.name: place for place, column in enumerate(table.columns)}
    keys = [[tuple(row[places[name]] for name in c.columns) for row in rows] for c in constraints]
    for order, (constraint, given) in enumerate(zip(constraints, keys, strict=True)):
        again = _first_again(session, table, _columns(table, constraint), given)
        if again is not None:
            found.append((again, order))
        committed = None if stored is None else failing_row.first_stored(session, stored, constraint.columns)
        if committed is not None:
            found.append((committed, order))
    own = of_rows(session, error, table, lambda constraint: keys[constraints.index(constraint)])
    if not found or (own is not None and own.place < min(found)[0]):
        return own
    place, order = min(found)
    return _violation_by(session, table, constraints[order], (place, keys[order][place]))


def _first_again(session: Session, table: TableDef, columns: Sequence[ColumnDef], keys: Sequence[Row]) -> int | None:
    """The place of the first key that is equal to an earlier one."""
    seen = set[tuple[str, ...]]()
    for place, key in enumerate(keys):
        if None in key:
            continue
        pairs = zip(columns, key, strict=True)
        texts = tuple(_told_values(session, table, [column], [value]) for column, value in pairs)
        if texts in seen:
            return place
        seen.add(texts)
    return None


def _violation_by(session: Session, table: TableDef, constraint: ConstraintDef, row: tuple[int, Row]) -> Violation:
    place, key = row
    return Violation(place, _violation(table, constraint, _given_key(session, table, constraint, key)))


def require_unique(session: Session, table: TableDef, key: ConstraintDef) -> None:
    """23505 when rows of the table have the same key: DuckDB's error would not tell which."""
    columns = _columns(table, key)
    present = " AND ".join(f"{quote(column.name)} IS NOT NULL" for column in columns)
    listed = ", ".join(comparable(quote(column.name), column.type) for column in columns)
    outputs = ", ".join(f"first({to_transport(column.type, quote(column.name))})" for column in columns)
    twice = session.connection.run(
        f"SELECT {outputs} FROM {table.storage_name} "
        f"WHERE {present} GROUP BY {listed} HAVING count(*) > 1 ORDER BY {listed} LIMIT 1"
    )
    if twice:
        converters = [converter(column.type) for column in columns]
        values = [value if f is None else f(value) for f, value in zip(converters, twice[0], strict=True)]
        raise _not_unique(table, key.name, _given_key(session, table, key, values))


def explained_for_index(error: DuplicateKey, table: TableDef) -> SqlError:
    """The same when DuckDB finds it: for an index over values that are just being changed."""
    found = _violated(error, table)
    if found is not None:
        return _not_unique(table, found[0].name, _shown_key(table, *found))
    return _not_unique(table, next((c.name for c in table.constraints if c.kind in "pu"), ""), None)


def _violation(table: TableDef, constraint: ConstraintDef, key: str) -> SqlError:
    return SqlError(
        "23505",
        f'duplicate key value violates unique constraint "{constraint.name}"',
        detail=f"{key} already exists.",
        schema=table.schema,
        table=table.name,
        constraint=constraint.name,
    )


def _not_unique(table: TableDef, name: str, key: str | None) -> SqlError:
    return SqlError(
        "23505",
        f'could not create unique index "{name}"',
        detail=None if key is None else f"{key} is duplicated.",
        schema=table.schema,
        table=table.name,
        constraint=name,
    )


def _violated(error: DuplicateKey, table: TableDef) -> tuple[ConstraintDef, Sequence[str]] | None:
    """DuckDB tells columns and values of a clash with committed rows, and values alone of one within a transaction."""
    keys = [c for c in table.constraints if c.kind != "c"]
    for constraint in keys:
        names = stored_names(table, constraint.columns)
        found = re.fullmatch(", ".join(f"{re.escape(n)}: (.*)" for n in names), error.key, re.DOTALL)
        if found is not None:
            return constraint, found.groups()
    fitting = [c for c in keys if _may_be_key(error.key, c, table)]
    return (fitting[0], _split(error.key, fitting[0])) if len(fitting) == 1 else None


def _split(text: str, constraint: ConstraintDef) -> list[str]:
    return [text] if len(constraint.columns) == 1 else text.split(", ")


def _may_be_key(text: str, constraint: ConstraintDef, table: TableDef) -> bool:
    """Whether values written as "a, b" can be a key of the constraint: as many, and of the look of its types."""
    values = _split(text, constraint)
    if len(values) != len(constraint.columns):
        return False
    return all(
        _LOOKS.get(column.type.pg.category, _ANYTHING).fullmatch(value) is not None
        for column, value in zip(_columns(table, constraint), values, strict=True)
    )


def _columns(table: TableDef, constraint: ConstraintDef) -> list[ColumnDef]:
    columns = {column.name: column for column in table.columns}
    return [columns[name] for name in constraint.columns]


def _key(constraint: ConstraintDef, values: str) -> str:
    return f"Key ({', '.join(map(quote_identifier, constraint.columns))})=({values})"


def _shown_key(table: TableDef, constraint: ConstraintDef, told: Sequence[str]) -> str:
    """The key of a DETAIL, from DuckDB's texts of the values."""
    return _key(constraint, _shown_values(table, _columns(table, constraint), told))


def _given_key(session: Session, table: TableDef, constraint: ConstraintDef, values: Sequence[Value]) -> str:
    """The key of a DETAIL, from the values."""
    keyed = zip(_columns(table, constraint), values, strict=True)
    return _key(constraint, ", ".join(format_text(column.type, value, session.settings) for column, value in keyed))


def _shown_values(table: TableDef, columns: Sequence[ColumnDef], told: Sequence[str]) -> str:
    """PostgreSQL's text of values that DuckDB has written; of a companion, its own."""
    hidden = companions(table)
    keyed = zip(columns, told, strict=True)
    return ", ".join(
        _shown_companion(column, text) if column in hidden else _shown(column, text) for column, text in keyed
    )


def _told_values(session: Session, table: TableDef, columns: Sequence[ColumnDef], values: Sequence[Value]) -> str:
    """What `_shown_values` would tell of a key with these values."""
    hidden = companions(table)
    return ", ".join(
        _shown_companion(column, key_text(column.type, value))
        if column in hidden
        else format_text(column.type, value, session.settings)
        for column, value in zip(columns, values, strict=True)
    )


def _shown_companion(column: ColumnDef, text: str) -> str:
    """A companion's text; of an array of enums, whose companion has numbers that no renaming changes, its labels."""
    element = column.type.pg.element_oid
    enum = TypeRef(element).enum if element else None
    if enum is None:
        return text
    texts = TypeRef(BY_OID[TEXT].array_oid)
    numbers = parse_text(texts, text)
    assert isinstance(numbers, list)
    return format_text(texts, mapped(numbers, lambda number: enum_storage.label_of(enum, float(number))))


def _shown(column: ColumnDef, text: str) -> str:
    """PostgreSQL's text of a value that DuckDB has written."""
    if column.type.enum is not None:
        return enum_storage.label_of(column.type.enum, float(text))
    printer = _PRINTERS.get(column.type.oid)
    return printer(text) if printer is not None else text


def _bytes(text: str) -> bytes:
    """DuckDB writes printable bytes as they are, the others as \\xNN."""
    return _ESCAPED_BYTE.sub(lambda m: chr(int(m[1], 16)), text).encode("latin-1")


_PRINTERS: dict[int, Callable[[str], str]] = {
    BOOL: lambda text: text[0],
    FLOAT4: lambda text: format_float4(float(text)),
    FLOAT8: lambda text: format_float8(float(text)),
    INET: lambda text: format_inet(_bytes(text)),
    CIDR: lambda text: format_with_mask(_bytes(text)),
    TIMETZ: lambda text: format_timetz(int(text)),
    BYTEA: lambda text: f"\\x{_bytes(text).hex()}",
    **dict.fromkeys(VECTOR_TYPES, lambda text: format_vector(_bytes(text))),
}
