"""What the names in a piece of SQL mean: the variables that it uses, as its parameters (after pl_comp.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ruvector_engine.plpgsql.names import Found, Name, Variable, find
from ruvector_engine.plpgsql.run.values import Values, no_field, unassigned
from ruvector_engine.sql.context import Parameters
from ruvector_engine.sql.expressions import composites
from ruvector_engine.sql.nodes import Const, Expr, Param, Special
from ruvector_engine.types.registry import RECORD, TypeRef, Value


class Slot(NamedTuple):
    """A variable, or a record's field, and the type that it had when the statement was analyzed."""

    variable: Variable
    field: str | None
    type: TypeRef


class Bound:
    """The names that a piece of SQL sees. Parameter n is `slots[n - 1]`: they are numbered as they are met."""

    def __init__(self, names: Name | None, values: Values, conflict: str) -> None:
        self.conflict = conflict
        self._names = names
        self._values = values
        self.slots: list[Slot] = []

    def parameters(self) -> list[Value]:
        """The values of the variables now."""
        return [
            self._values.get(slot.variable)
            if slot.field is None
            else self._values.field(slot.variable, slot.field).value
            for slot in self.slots
        ]

    def is_current(self) -> bool:
        """Whether every variable and field still has the type that it was taken for."""
        return all(slot.type == self._type(slot.variable, slot.field) for slot in self.slots)

    def _type(self, variable: Variable, field: str | None) -> TypeRef:
        if field is None:
            return variable.type
        record = self._values.record(variable)
        place = None if record is None else record.place(field)
        return TypeRef(RECORD) if record is None or place is None else record.fields[place][1]

    # ------------------------------------------------------------ for analysis

    def knows(self, parts: Sequence[str]) -> bool:
        """Whether the name means a variable, or a field that there is."""
        found = find(self._names, parts)
        if found is None:
            return False
        if found.field is None:
            return True
        if found.variable.type.composite is not None:
            return any(a.name == found.field for a in found.variable.type.composite.attributes)
        record = self._values.record(found.variable)
        return record is not None and record.place(found.field) is not None

    def value(self, parts: Sequence[str], parameters: Parameters, location: int) -> Expr | None:
        """What the name means: a parameter, a part of one, a row of them; None when it is no variable."""
        found = find(self._names, parts)
        if found is None:
            return None
        if found.variable.type.oid == RECORD:
            return self._of_record(found, parameters, location)
        whole = self._parameter(found.variable, None, parameters, location)
        if found.field is None:
            return whole
        assert found.variable.type.composite is not None
        attribute = next((a for a in found.variable.type.composite.attributes if a.name == found.field), None)
        if attribute is None:
            raise no_field(found.variable, found.field)
        return composites.field(whole, attribute, location)

    def _of_record(self, found: Found, parameters: Parameters, location: int) -> Expr:
        variable = found.variable
        if found.field is not None:
            return self._parameter(variable, found.field, parameters, location)
        record = self._values.record(variable)
        if record is None:
            return Const(None, TypeRef(RECORD), location)
        parts = tuple(self._parameter(variable, name, parameters, location) for name, _ in record.fields)
        return Special("row", parts, TypeRef(RECORD), tuple(name for name, _ in record.fields), location)

    def fields(self, parts: Sequence[str], parameters: Parameters, location: int) -> list[tuple[str, Expr]] | None:
        """name.*: the fields, one by one."""
        found = find(self._names, parts)
        if found is None or found.field is not None or not found.variable.has_fields:
            return None
        if found.variable.type.composite is not None:
            return composites.fields(self._parameter(found.variable, None, parameters, location), location)
        names = [name for name, _ in self._values.fields(found.variable)]
        return [(name, self._parameter(found.variable, name, parameters, location)) for name in names]

    def _parameter(self, variable: Variable, field: str | None, parameters: Parameters, location: int) -> Param:
        for number, slot in enumerate(self.slots, 1):
            if slot.variable is variable and slot.field == field:
                return parameters.variable(number, slot.type.oid, location)
        type_ = variable.type if field is None else self._field_type(variable, field)
        self.slots.append(Slot(variable, field, type_))
        return parameters.variable(len(self.slots), type_.oid, location)

    def _field_type(self, variable: Variable, field: str) -> TypeRef:
        record = self._values.record(variable)
        if record is None:
            raise unassigned(variable)
        place = record.place(field)
        if place is None:
            raise no_field(variable, field)
        return record.fields[place][1]
