"""Access methods, operator classes and operator families.

Rows of an extension's objects show when the extension was created, and only those whose types exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ruvector_engine.catalog.model import Catalog
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.oids import ACCESS_METHODS, OWNER, namespace_oid
from ruvector_engine.catalog.system.relations import pg_catalog, records
from ruvector_engine.catalog.system.ruvector_objects import FamilyMember, family_functions, family_operators
from ruvector_engine.catalog.system.types import type_oids
from ruvector_engine.types.registry import BY_NAME

#: Objects recorded from an extension have OIDs from here; RuVector's own lie below pgvector's.
_RUVECTOR_OIDS, _VECTOR_OIDS = range(14_900, 15_000), range(15_000, 16_384)


def extension_of(oid: int) -> str:
    """The extension an object with a fixed OID belongs to, or an empty string."""
    if oid in _VECTOR_OIDS:
        return "vector"
    return "ruvector" if oid in _RUVECTOR_OIDS else ""


def exists(oid: int, catalog: Catalog) -> bool:
    """Whether a recorded object is there: it is built in, or its extension was created."""
    extension = extension_of(oid)
    return not extension or extension in catalog.extensions


def namespace_of(oid: int) -> int:
    """The schema of an object with a fixed OID: extensions install into public."""
    return namespace_oid("public" if extension_of(oid) else "pg_catalog")


#: The handler function of each access method.
HANDLERS = {
    "heap": 3,
    "btree": 330,
    "hash": 331,
    "gist": 332,
    "gin": 333,
    "spgist": 334,
    "brin": 335,
    "ivfflat": 15_062,
    "hnsw": 15_064,
    "ruivfflat": 15_062,
    "ruhnsw": 15_064,
}


@dataclass(frozen=True, slots=True)
class OperatorClass:
    """An operator class: which type an access method can index, and how."""

    oid: int
    method: str
    name: str
    family_oid: int
    family: str
    input_type: int
    is_default: bool
    key_type: int


@cache
def operator_classes() -> dict[int, OperatorClass]:
    """The operator classes of the types that the server has, by OID."""
    types = type_oids()
    served = BY_NAME.keys() | {"anyarray"}
    found = {}
    for oid, method, name, family_oid, family, input_type, default, key_type in records("opclasses") + records(
        "ruvector_opclasses"
    ):
        if input_type in served and (key_type == "-" or key_type in types):
            found[int(oid)] = OperatorClass(
                int(oid), method, name, int(family_oid), family, types[input_type], default == "t",
                types.get(key_type, 0),
            )  # fmt: skip
    return found


@cache
def operator_class(method: str, name: str) -> OperatorClass | None:
    """The operator class of that name."""
    return next((c for c in operator_classes().values() if (c.method, c.name) == (method, name)), None)


@cache
def default_operator_class(method: str, type_oid: int) -> OperatorClass | None:
    """The operator class an index takes when none is named; varchar's is text's, an array's is anyarray's."""
    types = type_oids()
    type_name = next((name for name, oid in types.items() if oid == type_oid), "")
    wanted = {type_oid, types["text"] if type_name == "varchar" else 0}
    if type_name.startswith("_"):
        wanted.add(types["anyarray"])
    return next(
        (c for c in operator_classes().values() if c.method == method and c.is_default and c.input_type in wanted),
        None,
    )


def method_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_am. The vector methods come with either extension, RuVector's names for them with its own."""
    row = pg_catalog("pg_am").row
    return [
        row(oid=oid, amname=name, amhandler=HANDLERS[name], amtype="t" if name == "heap" else "i")
        for name, oid in ACCESS_METHODS.items()
        if not (extension := extension_of(oid)) or context.catalog.extensions & {extension, "ruvector"}
    ]


def class_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_opclass."""
    row = pg_catalog("pg_opclass").row
    return [
        row(
            oid=c.oid,
            opcmethod=ACCESS_METHODS[c.method],
            opcname=c.name,
            opcnamespace=namespace_of(c.oid),
            opcowner=OWNER,
            opcfamily=c.family_oid,
            opcintype=c.input_type,
            opcdefault=c.is_default,
            opckeytype=c.key_type,
        )
        for c in operator_classes().values()
        if exists(c.oid, context.catalog)
    ]


def family_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_opfamily."""
    row = pg_catalog("pg_opfamily").row
    families = {c.family_oid: c for c in operator_classes().values() if exists(c.oid, context.catalog)}
    return [
        row(
            oid=oid,
            opfmethod=ACCESS_METHODS[c.method],
            opfname=c.family,
            opfnamespace=namespace_of(oid),
            opfowner=OWNER,
        )
        for oid, c in families.items()
    ]


def _recorded_operators() -> Iterator[FamilyMember]:
    """pgvector's rows of pg_amop."""
    types = type_oids()
    for oid, family, left, right, strategy, purpose, operator, method, sort_family in records("amops"):
        yield FamilyMember(
            int(oid), int(family), types[left], types[right], int(strategy), int(operator), int(method), purpose,
            int(sort_family),
        )  # fmt: skip


def _recorded_functions() -> Iterator[FamilyMember]:
    """pgvector's rows of pg_amproc, which does not tell the method."""
    types = type_oids()
    for oid, family, left, right, number, function in records("amprocs"):
        yield FamilyMember(int(oid), int(family), types[left], types[right], int(number), int(function), 0, "", 0)


def _existing(
    context: SystemContext, recorded: Iterable[FamilyMember], derived: Iterable[FamilyMember]
) -> list[FamilyMember]:
    """The members that the database's extensions bring: derived ones go with their family."""
    return [m for m in recorded if exists(m.oid, context.catalog)] + [
        m for m in derived if exists(m.family, context.catalog)
    ]


def family_operator_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_amop, of the extensions' operator families."""
    row = pg_catalog("pg_amop").row
    return [
        row(
            oid=m.oid,
            amopfamily=m.family,
            amoplefttype=m.left,
            amoprighttype=m.right,
            amopstrategy=m.number,
            amoppurpose=m.purpose,
            amopopr=m.member,
            amopmethod=m.method,
            amopsortfamily=m.sort_family,
        )
        for m in _existing(context, _recorded_operators(), family_operators())
    ]


def family_function_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_amproc, of the extensions' operator families."""
    row = pg_catalog("pg_amproc").row
    return [
        row(
            oid=m.oid,
            amprocfamily=m.family,
            amproclefttype=m.left,
            amprocrighttype=m.right,
            amprocnum=m.number,
            amproc=m.member,
        )
        for m in _existing(context, _recorded_functions(), family_functions())
    ]


ROWS = {
    "pg_am": method_rows,
    "pg_opclass": class_rows,
    "pg_opfamily": family_rows,
    "pg_amop": family_operator_rows,
    "pg_amproc": family_function_rows,
}
