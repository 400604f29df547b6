"""Values of variables: read, converted to another type, put into a variable or a part of one (after pl_exec.c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor.bindings import evaluate
from ruvector_engine.plpgsql.names import Variable
from ruvector_engine.sql.coerce import coerce
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.nodes import Const, Param
from ruvector_engine.types.composites import join_record
from ruvector_engine.types.registry import BOOL, RECORD, UNKNOWN, TypeRef, Value
from ruvector_engine.types.text import apply_typmod, format_text

if TYPE_CHECKING:
    from ruvector_engine.session import Session

Fields = tuple[tuple[str, TypeRef], ...]


class Datum(NamedTuple):
    """A value with its type. `fields` are those of a record.

    `literal`: it is a text that stands so in SQL, at this byte offset, and has yet to be read; its type is unknown.
    """

    value: Value
    type: TypeRef
    fields: Fields | None = None
    literal: int = -1


NULL = Datum(None, TypeRef(UNKNOWN))


@dataclass(slots=True)
class Record:
    """What a variable of type record holds."""

    fields: Fields
    values: list[Value]

    def place(self, name: str) -> int | None:
        """Where the field of that name is."""
        return next((place for place, (known, _) in enumerate(self.fields) if known == name), None)


class Values:
    """The values of all variables, and how others become values of theirs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._values: dict[Variable, Value] = {}

    # ------------------------------------------------------------ reading

    def record(self, variable: Variable) -> Record | None:
        """What a record holds; None before anything was assigned to it."""
        value = self._values.get(variable)
        return value if isinstance(value, Record) else None

    def get(self, variable: Variable) -> Value:
        """The value; of a record, the row of its fields."""
        value = self._values.get(variable)
        return tuple(value.values) if isinstance(value, Record) else value

    def whole(self, variable: Variable) -> Datum:
        """The row that a variable with fields holds; NULL before anything was assigned to it."""
        value, composite = self.get(variable), variable.type.composite is not None
        known = self.fields(variable) if composite or value is not None else None
        return Datum(value, variable.type, known)

    def field(self, variable: Variable, name: str) -> Datum:
        """A record's field; 55000 before anything was assigned to it, 42703 when it has none of that name."""
        record, place = self._placed(variable, name)
        return Datum(record.values[place], record.fields[place][1])

    def _placed(self, variable: Variable, name: str) -> tuple[Record, int]:
        """A record, and where in it the field is; the errors of `field`."""
        record = self.record(variable)
        if record is None:
            raise unassigned(variable)
        place = record.place(name)
        if place is None:
            raise no_field(variable, name)
        return record, place

    def fields(self, variable: Variable) -> Fields:
        """The fields of a variable that has some."""
        if variable.type.composite is not None:
            return tuple((a.name, a.type) for a in variable.type.composite.attributes)
        record = self.record(variable)
        if record is None:
            raise unassigned(variable)
        return record.fields

    # ------------------------------------------------------------ writing

    def start(self, variable: Variable) -> None:
        """Its block begins: it has no value."""
        self._values[variable] = None

    def assign(self, variable: Variable, datum: Datum) -> None:
        """variable := value."""
        if variable.has_fields:
            self._assign_row(variable, datum)
            return
        value = self.converted(datum, variable.type)
        if value is None and variable.not_null:
            problem = f'null value cannot be assigned to variable "{variable.name}" declared NOT NULL'
            raise SqlError("22004", problem)
        self._values[variable] = value

    def _assign_row(self, variable: Variable, datum: Datum) -> None:
        composite = datum.type.composite
        fields = datum.fields
        if fields is None and composite is not None:
            fields = tuple((a.name, a.type) for a in composite.attributes)
        if datum.value is None:
            if variable.not_null:
                problem = f'null value cannot be assigned to variable "{variable.name}" declared NOT NULL'
                raise SqlError("22004", problem)
            kept = fields is not None and variable.type.oid == RECORD
            self._values[variable] = Record(fields, [None] * len(fields)) if kept and fields is not None else None
        elif fields is not None and isinstance(datum.value, tuple):
            self.assign_fields(variable, fields, datum.value)
        elif datum.type.oid == RECORD:
            raise not_supported(
                "assigning a row whose columns are not known to a record variable is not supported",
                hint="Use SELECT ... INTO with the columns.",
            )
        elif variable.type.oid == RECORD:
            raise SqlError("0A000", "input of anonymous composite types is not implemented")
        else:
            self._values[variable] = self.converted(datum, variable.type)

    def assign_fields(self, variable: Variable, fields: Fields, values: Sequence[Value] | None) -> None:
        """Make a row with these columns the value; None: a row of NULLs."""
        row: list[Value] = [None] * len(fields) if values is None else list(values)
        composite = variable.type.composite
        if composite is None:
            self._values[variable] = Record(fields, row)
            return
        if values is None:
            self._values[variable] = None
            return
        given = [Datum(value, type_) for value, (_, type_) in zip(row, fields, strict=True)]
        given += [NULL] * (len(composite.attributes) - len(given))
        parts = zip(given, composite.attributes, strict=False)
        self._values[variable] = tuple(self.converted(datum, a.type) for datum, a in parts)

    def set_field(self, variable: Variable, name: str, datum: Datum) -> None:
        """variable.name := value."""
        if variable.type.composite is not None:
            attributes = variable.type.composite.attributes
            place = next((place for place, a in enumerate(attributes) if a.name == name), None)
            if place is None:
                raise no_field(variable, name)
            old = self._values.get(variable)
            row: list[Value] = list(old) if isinstance(old, tuple) else [None] * len(attributes)
            row[place] = self.converted(datum, attributes[place].type)
            self._values[variable] = tuple(row)
            return
        record, place = self._placed(variable, name)
        values = list(record.values)
        values[place] = self.converted(datum, record.fields[place][1])
        self._values[variable] = Record(record.fields, values)

    # ------------------------------------------------------------ conversion

    def converted(self, datum: Datum, target: TypeRef) -> Value:
        """The value as another type's: by the cast of assignments, else by way of its text."""
        value, source = datum.value, datum.type
        if value is None or target.oid == UNKNOWN:
            return value
        if source.oid == target.oid:
            return value if target.typmod in (-1, source.typmod) else apply_typmod(target, value)
        state = State(self._session.analysis_context(), Parameters([source.oid], self._session.catalog))
        if source.oid not in (RECORD, UNKNOWN):
            cast = coerce(state, Const(value, source), target, "a") if source.pg.category == "N" else None
            if isinstance(cast, Const):
                return cast.value
            cast = coerce(state, Param(1, source), target, "a")
            if cast is not None:
                return evaluate(self._session, self._session.connection, cast, [value])
        read = coerce(state, Const(self.text(datum), TypeRef(UNKNOWN), datum.literal), target, "a")
        if isinstance(read, Const):
            return read.value
        names = f"{source.pg.sql_name} to {target.pg.sql_name}"
        raise SqlError("42846", f"cannot cast type {names}")

    def is_true(self, datum: Datum) -> bool:
        """The value as a condition; NULL is not true."""
        return self.converted(datum, TypeRef(BOOL)) is True

    def text(self, datum: Datum) -> str:
        """The text of a value that is not NULL, as its type's output function writes it."""
        if datum.fields is None or not isinstance(datum.value, tuple):
            if datum.type.oid == UNKNOWN:
                return str(datum.value)
            return format_text(datum.type, datum.value, self._session.settings)
        parts = [Datum(value, type_) for value, (_, type_) in zip(datum.value, datum.fields, strict=True)]
        return join_record([None if part.value is None else self.text(part) for part in parts])


def unassigned(variable: Variable) -> SqlError:
    """55000: nobody knows a record's fields yet."""
    return SqlError(
        "55000",
        f'record "{variable.name}" is not assigned yet',
        detail="The tuple structure of a not-yet-assigned record is indeterminate.",
    )


def no_field(variable: Variable, name: str) -> SqlError:
    """42703: a record has no such field."""
    return SqlError("42703", f'record "{variable.name}" has no field "{name}"')
