"""What analysis is given: the catalog, the search path, the session's settings; and what it gathers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from ruvector_engine.catalog.made_types import user_type
from ruvector_engine.catalog.model import Catalog
from ruvector_engine.catalog.rights import Rights
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.errors import SqlError
from ruvector_engine.sql.nodes import Expr, Param
from ruvector_engine.sql.raw import position
from ruvector_engine.types.registry import BY_OID, UNKNOWN, TypeRef
from ruvector_engine.types.textio import DEFAULT_SETTINGS

if TYPE_CHECKING:
    from ruvector_engine.sql.noted import Noted


class Variables(Protocol):
    """The names of a program around a statement: they mean parameters, where no column bears them.

    The statement's own text may use them, not the texts of views, defaults and the like. `conflict` says what a name
    means that could be a column too: "use_column", "use_variable", or "error".
    """

    @property
    def conflict(self) -> str:
        """See the class."""

    def knows(self, parts: Sequence[str]) -> bool:
        """Whether the name means a variable."""

    def value(self, parts: Sequence[str], parameters: Parameters, location: int) -> Expr | None:
        """What the name means; None when it is no variable, an error when it names a field that is not there."""

    def fields(self, parts: Sequence[str], parameters: Parameters, location: int) -> list[tuple[str, Expr]] | None:
        """The fields of a variable, for name.*; None when the name means none that has fields."""


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of one statement.

    `now` is the transaction's start, microseconds since 2000-01-01 UTC; `lookup` the session's view of the catalog by
    OID and name, made from the catalog when it is not given. `rights` are those of a user who may not look into every
    schema. `visible`: of a stored view's query, the columns (attnums; 0: all) that it has of each relation, by OID:
    what was added later is not in view. `variables`: the names of the program that the statement stands in.
    """

    catalog: Catalog
    search_path: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=lambda: DEFAULT_SETTINGS)
    now: int | None = None
    lookup: Lookup | None = None
    rights: Rights | None = None
    visible: Mapping[int, Sequence[int]] = field(default_factory=lambda: MappingProxyType({}))
    variables: Variables | None = None


class Parameters:
    """The types of $1, $2, ...: declared ones, and those that the surroundings determine.

    None for `declared`: there are no parameters, as in a simple query. `catalog`: where types that CREATE TYPE made
    are known. `shaped` are those whose values will be arrays with a shape. `variables` are names that mean parameters.
    """

    def __init__(
        self,
        declared: Sequence[int] | None = (),
        catalog: Catalog | None = None,
        shaped: frozenset[int] = frozenset(),
        variables: Variables | None = None,
    ) -> None:
        self.variables = variables
        self._shaped = shaped
        self.allowed = declared is not None
        self._types: dict[int, int] = {}
        declared = declared or ()
        for number, oid in enumerate(declared, 1):
            known = oid if oid in BY_OID or catalog is None else user_type(catalog, oid)
            if oid and not known:
                raise SqlError("42704", f"could not find type with OID {oid}")
            self._types[number] = known or UNKNOWN

    def reference(self, number: int, location: int) -> Param:
        """The parameter with the type known so far."""
        if not self.allowed or not 1 <= number <= 65_535:
            raise SqlError("42P02", f"there is no parameter ${number}", position=position(location))
        return Param(number, self._type(number, self._types.setdefault(number, UNKNOWN)), location)

    def variable(self, number: int, oid: int, location: int) -> Param:
        """The parameter that a variable's value comes in."""
        self._types[number] = oid
        return Param(number, self._type(number, oid), location)

    def _type(self, number: int, oid: int) -> TypeRef:
        return TypeRef(oid, shaped=number in self._shaped and oid != UNKNOWN)

    def determine(self, param: Param, oid: int) -> Param:
        """Fix the type of a parameter that had none; 42P08 when it was already fixed otherwise."""
        known = self._types[param.number]
        if known == UNKNOWN:
            self._types[param.number] = oid
        elif known != oid:
            names = [BY_OID[o].sql_name for o in (known, oid)]
            raise SqlError(
                "42P08",
                f"inconsistent types deduced for parameter ${param.number}",
                detail=f"{names[0]} versus {names[1]}",
                position=position(param.location),
            )
        return Param(param.number, self._type(param.number, oid), param.location)

    def types(self) -> tuple[TypeRef, ...]:
        """The types of $1 to the highest number used; 42P18 when one is still unknown."""
        result = []
        for number in range(1, max(self._types, default=0) + 1):
            oid = self._types.get(number, UNKNOWN)
            if oid == UNKNOWN:
                raise SqlError("42P18", f"could not determine data type of parameter ${number}")
            result.append(TypeRef(oid))
        return tuple(result)


@dataclass(slots=True)
class State:
    """One statement's analysis. `reads_views`: some of what it reads is read in another's name.

    `noted`: what the names in the text mean, where somebody asked for it.
    """

    context: Context
    parameters: Parameters
    reads_views: bool = False
    noted: list[Noted] | None = None
