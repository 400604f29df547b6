"""A parsed path: a chain of steps, each of which works on what the one before it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

#: The level that `last` stands for in .**{2 to last}.
LAST_LEVEL = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Step:
    """One step. By kind:

    null, bool, number (its digits), string, variable: `value`; root, current, last;
    key (`value`), any_key, any_element, index (`args` in pairs: from, to or None), descend (`value`: two levels),
    filter (`args`: the predicate), method (`value`: its name);
    arithmetic, sign, compare (`value`: the operator), and, or, not, unknown, exists, starts,
    regex (`value`: pattern and flags): `args`.
    """

    kind: str
    value: Any = None
    args: tuple[Path | None, ...] = ()

    def arg(self, place: int) -> Path:
        """One of the arguments that the kind always has."""
        found = self.args[place]
        assert found is not None
        return found


Path: TypeAlias = "tuple[Step, ...]"


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A whole path."""

    path: Path
    lax: bool
