"""Functions, operators, casts and languages: what can be called, with PostgreSQL's OIDs where it has the same.

What PostgreSQL and pgvector have is recorded (data/procs.tsv, data/operators.tsv); a row shows when the SQL layer
serves it, or when another row needs it (a type's input function, an operator's code). What only this server has gets
an OID derived from its signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ruvector_engine.catalog.model import Catalog
from ruvector_engine.catalog.system.access import HANDLERS, exists, extension_of
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.oids import LANGUAGES, OWNER, namespace_oid
from ruvector_engine.catalog.system.relations import pg_catalog, records
from ruvector_engine.catalog.system.ruvector_objects import casts, function_oid, operator_facts, operator_oid
from ruvector_engine.catalog.system.types import existing_types, type_functions, type_oids
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.registry import RUVECTOR, VECTOR

#: PL/pgSQL's functions for DO and for checks.
_INLINE_HANDLER, _VALIDATOR = 12_773, 12_774
Signature = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Procedure:
    """A function as pg_proc describes it. `extension` is empty for a built-in one."""

    oid: int
    name: str
    kind: str
    volatility: str
    strict: bool
    returns_set: bool
    language: str
    result: int
    arguments: tuple[int, ...]
    extension: str
    parallel: str = "s"

    @property
    def schema(self) -> str:
        """The schema it is in."""
        return "public" if self.extension else "pg_catalog"


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator as pg_operator describes it; `left` is 0 for a prefix operator."""

    oid: int
    name: str
    can_merge: bool
    can_hash: bool
    left: int
    right: int
    result: int
    commutator: int
    negator: int
    code: int
    extension: str


def _served(kinds: str) -> Iterator[FunctionDef]:
    # Imported when asked: the SQL layer's functions read this package.
    from ruvector_engine.sql.functions.catalog import FUNCTIONS, OPERATORS

    for definitions in (*FUNCTIONS.values(), *OPERATORS.values()):
        yield from (d for d in definitions if d.kind in kinds)


def _extension(definition: FunctionDef) -> str:
    """The extension that a function of our own belongs to."""
    # Imported when asked, as above.
    from ruvector_engine.sql.functions.ruvectors import FUNCTIONS, OPERATORS

    types = (*definition.args, definition.result)
    if (
        definition.name.startswith(("ruvector", "ruhnsw", "ruivfflat"))
        or RUVECTOR in types
        or definition in (*FUNCTIONS, *OPERATORS)
    ):
        return "ruvector"
    return "vector" if VECTOR in types else ""


def _recorded_procedures() -> Iterator[Procedure]:
    types = type_oids()
    parallel = dict(records("parallel"))
    for fields in records("procs") + records("ruvector_procs"):
        oid, name, kind, volatility, strict, returns_set, language, result, arguments = fields
        names = arguments.split(",") if arguments else []
        if result in types and all(n in types for n in names):
            yield Procedure(
                int(oid), name, kind, volatility, strict == "t", returns_set == "t", language, types[result],
                tuple(types[n] for n in names), extension_of(int(oid)), parallel.get(oid, "s"),
            )  # fmt: skip


@cache
def _recorded() -> tuple[dict[Signature, str], dict[str, str]]:
    """The volatility of PostgreSQL's functions by signature; and by name, the greatest of those that have it."""
    by_signature = {(p.name, p.arguments): p.volatility for p in _recorded_procedures()}
    by_name: dict[str, str] = {}
    for (name, _), volatility in by_signature.items():
        by_name[name] = max(by_name.get(name, "i"), volatility)  # i, s, v: in the order of the letters
    return by_signature, by_name


@cache
def recorded_volatilities() -> dict[int, str]:
    """provolatile of every recorded function by its OID, also of those that only operators and casts call."""
    return {p.oid: p.volatility for p in _recorded_procedures()}


def volatility_of(definition: FunctionDef) -> str:
    """provolatile of a function: i, s or v. Signatures that PostgreSQL has otherwise are found by their name."""
    by_signature, by_name = _recorded()
    known = by_signature.get((definition.name, definition.args)) or by_name.get(definition.name)
    return known or ("v" if definition.volatile else "i")


def _own_procedure(definition: FunctionDef) -> Procedure:
    return Procedure(
        function_oid(definition.name, *definition.args), definition.name, definition.kind,
        volatility_of(definition), definition.strict, definition.returns_set,
        "c" if _extension(definition) else "internal", definition.result, definition.args, _extension(definition),
    )  # fmt: skip


@cache
def procedures() -> dict[int, Procedure]:
    """Every function that can exist here, by OID."""
    recorded = {(p.name, p.arguments): p for p in _recorded_procedures()}
    served: dict[Signature, FunctionDef] = {(d.name, d.args): d for d in _served("faw")}
    needed = (
        {*HANDLERS.values(), _INLINE_HANDLER, _VALIDATOR} | type_functions() | {o.code for o in operators().values()}
    )
    found = {p.oid: p for signature, p in recorded.items() if signature in served or p.oid in needed or p.extension}
    own = [_own_procedure(d) for signature, d in served.items() if signature not in recorded]
    return found | {p.oid: p for p in own}


def _recorded_operators() -> Iterator[Operator]:
    types = type_oids() | {"-": 0}
    for fields in records("operators"):
        oid, name, _kind, can_merge, can_hash, left, right, result, commutator, negator, code = fields
        if {left, right, result} <= types.keys():
            yield Operator(
                int(oid), name, can_merge == "t", can_hash == "t", types[left], types[right], types[result],
                int(commutator), int(negator), int(code), extension_of(int(oid)),
            )  # fmt: skip


def _own_operator(definition: FunctionDef) -> Operator:
    left, right = definition.args if len(definition.args) > 1 else (0, *definition.args)
    facts = operator_facts(definition.name, left, right)
    return Operator(
        operator_oid(definition.name, left, right), definition.name, facts.can_merge, facts.can_hash, left, right,
        definition.result, facts.commutator, facts.negator, facts.code, _extension(definition),
    )  # fmt: skip


@cache
def operators() -> dict[int, Operator]:
    """Every operator that can exist here, by OID."""
    recorded = {(o.name, o.left, o.right): o for o in _recorded_operators()}
    found = {}
    for definition in _served("o"):
        left, right = definition.args if len(definition.args) > 1 else (0, *definition.args)
        operator = recorded.get((definition.name, left, right)) or _own_operator(definition)
        found[operator.oid] = operator
    return found


def is_there(thing: Procedure | Operator, catalog: Catalog) -> bool:
    """Whether it is built in, or its extension was created."""
    return not thing.extension or thing.extension in catalog.extensions


def existing_procedures(catalog: Catalog) -> Iterator[Procedure]:
    """The functions that are there."""
    return (p for p in procedures().values() if is_there(p, catalog))


def proc_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_proc."""
    row = pg_catalog("pg_proc").row
    return [
        row(
            oid=p.oid,
            proname=p.name,
            pronamespace=namespace_oid(p.schema),
            proowner=OWNER,
            prolang=LANGUAGES["c" if p.language == "c" else "internal"],
            procost=1.0,
            prorows=1000.0 if p.returns_set else 0.0,
            prokind=p.kind,
            proisstrict=p.strict,
            proretset=p.returns_set,
            provolatile=p.volatility,
            proparallel=p.parallel,
            pronargs=len(p.arguments),
            prorettype=p.result,
            proargtypes=list(p.arguments),
            prosrc=p.name,
        )
        for p in existing_procedures(context.catalog)
    ]


def operator_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_operator."""
    row = pg_catalog("pg_operator").row
    return [
        row(
            oid=o.oid,
            oprname=o.name,
            oprnamespace=namespace_oid("public" if o.extension else "pg_catalog"),
            oprowner=OWNER,
            oprkind="b" if o.left else "l",
            oprcanmerge=o.can_merge,
            oprcanhash=o.can_hash,
            oprleft=o.left,
            oprright=o.right,
            oprresult=o.result,
            oprcom=o.commutator if o.commutator in operators() else 0,
            oprnegate=o.negator if o.negator in operators() else 0,
            oprcode=o.code,
        )
        for o in operators().values()
        if is_there(o, context.catalog)
    ]


@dataclass(frozen=True, slots=True)
class RecordedCast:
    """A cast as pg_cast describes it; `function` is 0 where none is called."""

    oid: int
    source: int
    target: int
    function: int
    context: str
    method: str
    extension: str


@cache
def recorded_casts() -> dict[tuple[int, int], RecordedCast]:
    """Every cast that can exist here, by source and target."""
    types, found = type_oids(), {}
    for oid, source, target, function, when, method in records("casts"):
        if source in types and target in types:
            pair = types[source], types[target]
            found[pair] = RecordedCast(int(oid), *pair, int(function), when, method, extension_of(int(oid)))
    return found


def existing_casts(catalog: Catalog) -> Iterator[RecordedCast]:
    """The casts that are there."""
    there = {t.oid for t in existing_types(catalog)}
    yield from (cast for cast in recorded_casts().values() if exists(cast.oid, catalog))
    yield from (RecordedCast(*cast, "ruvector") for cast in casts() if {cast.source, cast.target} <= there)


def cast_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_cast."""
    row = pg_catalog("pg_cast").row
    return [
        row(
            oid=c.oid,
            castsource=c.source,
            casttarget=c.target,
            castfunc=c.function,
            castcontext=c.context,
            castmethod=c.method,
        )
        for c in existing_casts(context.catalog)
    ]


def aggregate_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_aggregate, of the extensions' aggregates: the built-in ones' steps are no functions here."""
    row, types = pg_catalog("pg_aggregate").row, type_oids()
    return [
        row(
            aggfnoid=int(oid),
            aggkind="n",
            aggtransfn=int(step),
            aggfinalfn=int(final),
            aggcombinefn=int(combine),
            aggfinalmodify="r",
            aggmfinalmodify="r",
            aggtranstype=types[state],
            agginitval=None if start == "-" else start,
        )
        for oid, step, final, combine, state, start in records("aggregates")
        if exists(int(oid), context.catalog)
    ]


def language_rows(_context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_language: what the functions that exist are written in, and DO blocks can be; SQL, which always exists."""
    row = pg_catalog("pg_language").row
    plpgsql = row(
        oid=LANGUAGES["plpgsql"],
        lanname="plpgsql",
        lanowner=OWNER,
        lanispl=True,
        lanpltrusted=True,
        laninline=_INLINE_HANDLER,
        lanvalidator=_VALIDATOR,
    )
    sql = row(oid=LANGUAGES["sql"], lanname="sql", lanowner=OWNER, lanpltrusted=True)
    return [*(row(oid=LANGUAGES[name], lanname=name, lanowner=OWNER) for name in ("internal", "c")), sql, plpgsql]


ROWS = {
    "pg_proc": proc_rows,
    "pg_operator": operator_rows,
    "pg_aggregate": aggregate_rows,
    "pg_cast": cast_rows,
    "pg_language": language_rows,
}
