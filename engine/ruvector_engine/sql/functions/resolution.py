"""Which function or operator a name and argument types mean: PostgreSQL's rules (manual, chapter 10; parse_func.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ruvector_engine.sql.coerce import can_coerce
from ruvector_engine.sql.functions.definition import (
    ANYARRAY,
    ANYCOMPATIBLEARRAY,
    ANYENUM,
    EXACT_POLYMORPHIC,
    POLYMORPHIC,
)
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.registry import BY_OID, HALFVEC, RECORD, SPARSEVEC, UNKNOWN, VECTOR

Outcome = Literal["none", "ambiguous"]
_NOT_ARRAYS = frozenset({VECTOR, HALFVEC, SPARSEVEC})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A function with its argument types spread to the number of arguments given."""

    function: FunctionDef
    args: tuple[int, ...]
    variadic: bool


def candidates(functions: Sequence[FunctionDef], count: int) -> list[Candidate]:
    """Those that can take that many arguments."""
    result = []
    for function in functions:
        arity = len(function.args)
        if function.paired:
            if count and count % arity == 0:
                result.append(Candidate(function, function.args * (count // arity), True))
        elif function.variadic and count >= arity:
            spread = function.args[:-1] + (function.args[-1],) * (count - arity + 1)
            result.append(Candidate(function, spread, True))
        elif not function.variadic and arity - function.defaults <= count <= arity:
            result.append(Candidate(function, function.args[:count], False))
    return result


def choose(found: Sequence[Candidate], types: Sequence[int]) -> Candidate | Outcome:
    """The one that fits the argument types best."""
    usable = [c for c in found if _fits(c, types) and not (c.function.of_arrays and _NOT_ARRAYS.intersection(types))]
    plain = [c for c in usable if not c.variadic]
    if plain and len(plain) < len(usable):
        usable = plain
    if len(usable) <= 1:
        return usable[0] if usable else "none"
    exact = [c for c in usable if tuple(types) == c.args]
    if len(exact) == 1:
        return exact[0]
    chosen = _select(usable, types)
    first = [c for c in usable if not c.function.fallback]
    if chosen == "ambiguous" and first:
        return first[0] if len(first) == 1 else _select(first, types)
    return chosen


def _fits(candidate: Candidate, types: Sequence[int]) -> bool:
    """Whether arguments of these types can be coerced to what it takes (can_coerce_type)."""
    coercible = all(can_coerce(s, t, "i") for s, t in zip(types, candidate.args, strict=True))
    return coercible and _consistent(candidate, types)


def _consistent(candidate: Candidate, types: Sequence[int]) -> bool:
    """Whether the polymorphic arguments can have one type (check_generic_type_consistency)."""
    exact: set[int] = set()
    loose: set[int] = set()
    enums: set[int] = set()
    for source, target in zip(types, candidate.args, strict=True):
        if target == ANYENUM:
            enums.add(source)
        if source == UNKNOWN or target not in POLYMORPHIC:
            continue
        element = BY_OID[source].element_oid if target in (ANYARRAY, ANYCOMPATIBLEARRAY) else source
        (exact if target in EXACT_POLYMORPHIC else loose).add(element)
    if len(exact) > 1 or enums == {UNKNOWN}:
        return False
    return all(can_coerce(a, b, "i") or can_coerce(b, a, "i") for a in loose for b in loose)


def _select(usable: list[Candidate], types: Sequence[int]) -> Candidate | Outcome:
    """func_select_candidate: exact matches, then preferred types, then what the unknown arguments may be."""
    known = [i for i, t in enumerate(types) if t != UNKNOWN]
    usable = _best(usable, lambda c: sum(c.args[i] == types[i] for i in known))
    if len(usable) == 1:
        return usable[0]
    usable = _best(usable, lambda c: sum(c.args[i] == types[i] or _preferred(c.args[i], types[i]) for i in known))
    if len(usable) == 1:
        return usable[0]
    if len(known) == len(types):
        return "ambiguous"
    usable = _by_category(usable, types)
    if len(usable) == 1:
        return usable[0]
    kinds = {types[i] for i in known}
    if len(kinds) == 1:
        # Last resort: take the unknown ones for the type that all known ones have.
        assumed = (kinds.pop(),) * len(types)
        fitting = [c for c in usable if _fits(c, assumed)]
        if len(fitting) == 1:
            return fitting[0]
    return "ambiguous"


def _best(usable: list[Candidate], score: Callable[[Candidate], int]) -> list[Candidate]:
    scores = [score(c) for c in usable]
    top = max(scores)
    return [c for c, s in zip(usable, scores, strict=True) if s == top]


def _preferred(target: int, source: int) -> bool:
    entry = BY_OID.get(target)
    return entry is not None and entry.preferred and entry.category == _category(source)


def _category(oid: int) -> str:
    if oid in POLYMORPHIC or oid == RECORD:
        return "P"
    entry = BY_OID.get(oid)
    return entry.category if entry else "P"


def _by_category(usable: list[Candidate], types: Sequence[int]) -> list[Candidate]:
    """Decide a category for each unknown argument; string wins, else all candidates must agree."""
    slots: dict[int, str] = {}
    preferred_slots: set[int] = set()
    for i, source in enumerate(types):
        if source != UNKNOWN:
            continue
        categories = {_category(c.args[i]) for c in usable}
        if "S" in categories:
            slots[i] = "S"
        elif len(categories) == 1:
            slots[i] = categories.pop()
        else:
            return usable
        if any(_category(c.args[i]) == slots[i] and _is_preferred(c.args[i]) for c in usable):
            preferred_slots.add(i)
    kept = [
        c
        for c in usable
        if all(
            _category(c.args[i]) == category and (i not in preferred_slots or _is_preferred(c.args[i]))
            for i, category in slots.items()
        )
    ]
    return kept or usable


def _is_preferred(oid: int) -> bool:
    entry = BY_OID.get(oid)
    return entry is not None and entry.preferred


def choose_operator(found: Sequence[Candidate], types: Sequence[int]) -> Candidate | Outcome:
    """Like `choose`, but a binary operator's unknown side is first taken for the type of the other."""
    exact = _exact(found, types)
    if exact is not None:
        return exact
    if len(types) == 2 and (types[0] == UNKNOWN) != (types[1] == UNKNOWN):
        other = types[1] if types[0] == UNKNOWN else types[0]
        exact = _exact(found, (other, other))
        if exact is not None:
            return exact
    return choose(found, types)


def _exact(found: Sequence[Candidate], types: Sequence[int]) -> Candidate | None:
    return next((c for c in found if c.args == tuple(types)), None)
