"""Puts values where a statement wants them: into variables, fields, elements of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.plpgsql.nodes import Assign, Field, Index, Sql, Target
from ruvector_engine.plpgsql.run.values import NULL, Datum, Fields
from ruvector_engine.results import Row
from ruvector_engine.types.array_values import BoundedArray, flat, nested
from ruvector_engine.types.registry import INT4, RECORD, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.run.interpreter import Interpreter

_MAX_ELEMENTS = 134_217_727


def assign(interpreter: Interpreter, statement: Assign) -> None:
    """target := expression."""
    target = statement.target
    if target.takes_row:
        assign_target(interpreter, target, interpreter.statements.evaluate_row(statement.value))
        return
    field = target.steps[0] if target.steps else None
    if target.variable.type.oid == RECORD and isinstance(field, Field):
        with interpreter.statements.told(statement.value):  # its type belongs to the expression's analysis
            interpreter.values.field(target.variable, field.name)
    datum = interpreter.evaluate(statement.value)
    if not target.steps:
        type_ = target.variable.type
        with interpreter.statements.converting(statement.value):
            datum = Datum(interpreter.values.converted(datum, type_), type_)
    if datum.literal < 0:
        assign_target(interpreter, target, datum)
        return
    with interpreter.statements.converting(statement.value):  # a text that has yet to be read
        assign_target(interpreter, target, datum)


def assign_target(interpreter: Interpreter, target: Target, datum: Datum) -> None:
    """Put a value into a variable, or a place in its value."""
    variable, steps, values = target.variable, target.steps, interpreter.values
    if not steps:
        values.assign(variable, datum)
        return
    first = steps[0]
    if isinstance(first, Field) and variable.has_fields:
        if len(steps) == 1:
            values.set_field(variable, first.name, datum)
            return
        old = _field(interpreter, variable.type, target, first.name)
        values.set_field(variable, first.name, _changed(interpreter, old, steps[1:], datum))
        return
    whole = Datum(values.get(variable), variable.type)
    values.assign(variable, _changed(interpreter, whole, steps, datum))


def _field(interpreter: Interpreter, type_: TypeRef, target: Target, name: str) -> Datum:
    values, variable = interpreter.values, target.variable
    if type_.composite is None:
        return values.field(variable, name)
    place = next((i for i, (known, _) in enumerate(values.fields(variable)) if known == name), None)
    if place is None:
        raise SqlError("42703", f'record "{variable.name}" has no field "{name}"')
    row = values.get(variable)
    value = row[place] if isinstance(row, tuple) else None
    return Datum(value, values.fields(variable)[place][1])


def _changed(interpreter: Interpreter, old: Datum, steps: Sequence[Field | Index], datum: Datum) -> Datum:
    """The value with another one at the end of the steps into it."""
    if not steps:
        return Datum(interpreter.values.converted(datum, old.type), old.type)
    step = steps[0]
    if isinstance(step, Field):
        return _changed_field(interpreter, old, step.name, steps[1:], datum)
    element = old.type.pg.element_oid
    if not old.type.is_array or not element:
        problem = f"cannot subscript type {old.type.pg.sql_name} because it does not support subscripting"
        raise SqlError("42804", problem)
    inner = TypeRef(element, old.type.typmod)
    if len(steps) > 1:
        raise not_supported(
            "assigning to a field of an array's element is not supported", hint="Assign the whole element."
        )
    places = [_subscript(interpreter, sql) for sql in step.subscripts]
    value = interpreter.values.converted(datum, inner)
    array = old.value if isinstance(old.value, list) else []
    return _replaced(old, with_element(array, places, value))


def _replaced(datum: Datum, value: Value) -> Datum:
    """Another value of the same type."""
    return datum._replace(value=value)


def _changed_field(
    interpreter: Interpreter, old: Datum, name: str, steps: Sequence[Field | Index], datum: Datum
) -> Datum:
    composite = old.type.composite
    if composite is None:
        problem = f'cannot assign to field "{name}" of column because its type {old.type.pg.sql_name}'
        raise SqlError("42804", f"{problem} is not a composite type")
    place = next((i for i, a in enumerate(composite.attributes) if a.name == name), None)
    if place is None:
        problem = f'cannot assign to field "{name}" of column because there is no such column in data type'
        raise SqlError("42703", f"{problem} {composite.sql_name}")
    row = list(old.value) if isinstance(old.value, tuple) else [None] * len(composite.attributes)
    inner = Datum(row[place], composite.attributes[place].type)
    row[place] = _changed(interpreter, inner, steps, datum).value
    return _replaced(old, tuple(row))


def _subscript(interpreter: Interpreter, sql: Sql) -> int:
    value = interpreter.values.converted(interpreter.evaluate(sql), TypeRef(INT4))
    if not isinstance(value, int):
        raise SqlError("22004", "array subscript in assignment must not be null")
    return value


def with_element(array: list[Value], places: Sequence[int], value: Value) -> list[Value]:
    """The array with another element; one of one dimension grows, NULLs fill what lies between (array_set_element)."""
    items, shape = flat(array)
    dimensions = shape[0]
    if not dimensions:
        inner: Value = value
        for _ in places:
            inner = [inner]
        assert isinstance(inner, list)
        return inner if all(place == 1 for place in places) else BoundedArray(inner, places)
    if dimensions != len(places):
        raise SqlError("2202E", "wrong number of array subscripts")
    lengths, lower = list(shape[1 : dimensions + 1]), list(shape[dimensions + 1 :])
    if dimensions == 1:
        before, after = max(lower[0] - places[0], 0), max(places[0] - lower[0] - lengths[0] + 1, 0)
        if before + after + len(items) > _MAX_ELEMENTS:
            raise SqlError("54000", f"array size exceeds the maximum allowed ({_MAX_ELEMENTS})")
        items = [None] * before + items + [None] * after
        lengths[0], lower[0] = len(items), lower[0] - before
    at = 0
    for place, length, first in zip(places, lengths, lower, strict=True):
        if not first <= place < first + length:
            raise SqlError("2202E", "array subscript out of range")
        at = at * length + place - first
    items[at] = value
    return nested(items, [dimensions, *lengths, *lower])


def assign_row(interpreter: Interpreter, targets: Sequence[Target], fields: Fields, row: Row | None) -> None:
    """Put a row into a record, or its columns into scalars; NULLs where there is no row or too few columns."""
    values = interpreter.values
    if len(targets) == 1 and targets[0].takes_row:
        values.assign_fields(targets[0].variable, fields, row)
        return
    for place, target in enumerate(targets):
        given = row is not None and place < len(row)
        assign_target(interpreter, target, Datum(row[place], fields[place][1]) if given and row is not None else NULL)
