"""Variables, and which of them a name means at some place in a block (after pl_funcs.c and pl_comp.c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ruvector_engine.types.registry import RECORD, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.nodes import Sql


@dataclass(eq=False, slots=True)
class Variable:
    """A declared variable. `line` is where, in the block's text; 0 for those that are there by themselves."""

    name: str
    type: TypeRef
    line: int = 0
    constant: bool = False
    not_null: bool = False
    default: Sql | None = None

    @property
    def has_fields(self) -> bool:
        """Whether it is a record, or a row of a composite type."""
        return self.type.oid == RECORD or self.type.composite is not None


@dataclass(frozen=True, slots=True)
class Name:
    """A name, and through `before` all that were given before it: what is visible at one place.

    A label (`variable` is None) begins a level of its own; the names of its block come after it.
    """

    name: str
    variable: Variable | None
    before: Name | None
    is_loop: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A variable that a name means, and what of the name is left: nothing, or a field."""

    variable: Variable
    field: str | None


def find(names: Name | None, parts: Sequence[str]) -> Found | None:
    """The variable, or field of one, that a name of one to three parts means."""
    level = names
    while level is not None:
        item: Name | None = level
        block: list[Name] = []
        while item is not None and item.variable is not None:
            block.append(item)
            item = item.before
        found = _among(block, parts)
        if found is None and item is not None and len(parts) > 1 and item.name == parts[0]:
            found = _among(block, parts[1:])
        if found is not None:
            return found
        level = None if item is None else item.before
    return None


def _among(block: Sequence[Name], parts: Sequence[str]) -> Found | None:
    for item in block:
        variable = item.variable
        if variable is None or item.name != parts[0]:
            continue
        if len(parts) == 1:
            return Found(variable, None)
        if variable.has_fields and len(parts) == 2:
            return Found(variable, parts[1])
    return None


def is_declared_here(names: Name | None, name: str) -> bool:
    """Whether the innermost block has a variable of that name."""
    while names is not None and names.variable is not None:
        if names.name == name:
            return True
        names = names.before
    return False


def find_label(names: Name | None, label: str) -> Name | None:
    """The block or loop around that has the label."""
    while names is not None:
        if names.variable is None and names.name == label:
            return names
        names = names.before
    return None


def in_loop(names: Name | None) -> bool:
    """Whether the place is inside a loop."""
    while names is not None:
        if names.variable is None and names.is_loop:
            return True
        names = names.before
    return False
