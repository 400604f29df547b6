"""Access methods, operator classes and index options: what CREATE INDEX may say, with pgvector's limits and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ruvector_engine.catalog.model import IndexDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.index import IndexSpec
from ruvector_engine.types.registry import VECTOR_MAX_DIM, PgType
from ruvector_simd import Metric

HNSW_MIN_M, HNSW_DEFAULT_M, HNSW_MAX_M = 2, 16, 100
HNSW_MIN_EF_CONSTRUCTION, HNSW_DEFAULT_EF_CONSTRUCTION, HNSW_MAX_EF_CONSTRUCTION = 4, 64, 1000
IVFFLAT_MIN_LISTS, IVFFLAT_DEFAULT_LISTS, IVFFLAT_MAX_LISTS = 1, 100, 32768

#: Operator class -> metric; every class serves the types vector and ruvector.
OPERATOR_CLASSES: dict[str, Metric] = {
    f"{prefix}_{suffix}_ops": metric
    for prefix in ("vector", "ruvector")
    for suffix, metric in (
        ("l2", Metric.L2),
        ("ip", Metric.INNER_PRODUCT),
        ("cosine", Metric.COSINE),
        ("l1", Metric.L1),
    )
}
#: pgvector's classes for which there is no index here, by access method and type.
UNSERVED_CLASSES: dict[tuple[str, str], frozenset[str]] = {
    (method, name): frozenset(f"{name}_{suffix}_ops" for suffix in suffixes)
    for method, name, suffixes in (
        ("hnsw", "halfvec", ("l2", "ip", "cosine", "l1")),
        ("hnsw", "sparsevec", ("l2", "ip", "cosine", "l1")),
        ("hnsw", "bit", ("hamming", "jaccard")),
        ("ivfflat", "halfvec", ("l2", "ip", "cosine")),
        ("ivfflat", "bit", ("hamming",)),
    )
}
#: Distance operator -> metric, for ORDER BY column <op> query.
OPERATORS: dict[str, Metric] = {
    "<->": Metric.L2,
    "<#>": Metric.INNER_PRODUCT,
    "<=>": Metric.COSINE,
    "<+>": Metric.L1,
}
#: Other names of the access methods: the RuVector dialect's.
METHOD_ALIASES = {"ruhnsw": "hnsw", "ruivfflat": "ivfflat"}
#: pgvector has no default operator class for hnsw, and has this one for ivfflat.
DEFAULT_CLASS = {"ivfflat": "vector_l2_ops"}

_VECTORS = ("vector", "ruvector", "halfvec", "sparsevec")
_NEVER_BRIN = ("bool", "xid", "json", "jsonb", *_VECTORS)
NO_CLASS_HINT = "You must specify an operator class for the index or define a default operator class for the data type."


@dataclass(frozen=True, slots=True)
class Option:
    """An integer option of an access method."""

    minimum: int
    default: int
    maximum: int


OPTIONS: dict[str, dict[str, Option]] = {
    "hnsw": {
        "m": Option(HNSW_MIN_M, HNSW_DEFAULT_M, HNSW_MAX_M),
        "ef_construction": Option(HNSW_MIN_EF_CONSTRUCTION, HNSW_DEFAULT_EF_CONSTRUCTION, HNSW_MAX_EF_CONSTRUCTION),
    },
    "ivfflat": {"lists": Option(IVFFLAT_MIN_LISTS, IVFFLAT_DEFAULT_LISTS, IVFFLAT_MAX_LISTS)},
}


def check_options(method: str, given: Mapping[str, str]) -> dict[str, str]:
    """The options as given, checked; 22023 in PostgreSQL's and pgvector's words."""
    known = OPTIONS[method]
    for name, text in given.items():
        option = known.get(name)
        if option is None:
            raise SqlError("22023", f'unrecognized parameter "{name}"')
        try:
            value = round(float(text))
        except (ValueError, OverflowError):
            raise SqlError("22023", f'invalid value for integer option "{name}": {text}') from None
        if not option.minimum <= value <= option.maximum:
            raise SqlError(
                "22023",
                f'value {text} out of bounds for option "{name}"',
                detail=f'Valid values are between "{option.minimum}" and "{option.maximum}".',
            )
    if method == "hnsw":
        m, ef = (round(float(given.get(name, known[name].default))) for name in ("m", "ef_construction"))
        if ef < 2 * m:
            raise SqlError("22023", "ef_construction must be greater than or equal to 2 * m")
    return dict(given)


def has_default_class(method: str, pg_type: PgType) -> bool:
    """Whether PostgreSQL indexes the type by that method without being told how (pg_opclass)."""
    name = pg_type.name
    if method == "gin":
        return name in ("jsonb", "tsvector") or (bool(pg_type.element_oid) and name not in ("_xid", "_json"))
    if method == "brin":
        return not pg_type.element_oid and name not in _NEVER_BRIN
    if method == "spgist":
        return name in ("text", "varchar", "inet")
    return name not in {"btree": ("json", "xid"), "hash": ("json", *_VECTORS)}.get(method, (name,))


def check_class(method: str, name: str | None, type_name: str) -> str:
    """The operator class to use for a column of that type; 42704 when there is none."""
    if name is None:
        if method in DEFAULT_CLASS:
            return DEFAULT_CLASS[method]
        raise SqlError(
            "42704",
            f'data type {type_name} has no default operator class for access method "{method}"',
            hint=NO_CLASS_HINT,
        )
    if not class_exists(method, name):
        raise SqlError("42704", f'operator class "{name}" does not exist for access method "{method}"')
    if name not in OPERATOR_CLASSES:
        raise SqlError("42804", f'operator class "{name}" does not accept data type {type_name}')
    return name


def class_exists(method: str, name: str) -> bool:
    """Whether pgvector or RuVector has an operator class of that name for hnsw or ivfflat."""
    if name in OPERATOR_CLASSES:
        return method != "ivfflat" or OPERATOR_CLASSES[name] is not Metric.L1
    return any(name in classes for (owner, _), classes in UNSERVED_CLASSES.items() if owner == method)


def check_dimensions(dimensions: int) -> None:
    """An index needs to know how many dimensions a column has."""
    if dimensions < 1:
        raise SqlError("22023", "column does not have dimensions")
    if dimensions > VECTOR_MAX_DIM:
        raise SqlError("54000", f"column cannot have more than {VECTOR_MAX_DIM} dimensions for an index")


def index_spec(definition: IndexDef, table: TableDef) -> IndexSpec:
    """What the index structure must be, from its catalog entry."""
    column = table.column(definition.columns[0])
    if column is None:
        raise SqlError("XX001", f'index "{definition.name}" has no column')
    defaults = OPTIONS[definition.method]
    values = {name: round(float(definition.options.get(name, option.default))) for name, option in defaults.items()}
    return IndexSpec(
        method=definition.method,  # type: ignore[arg-type]
        metric=OPERATOR_CLASSES[definition.opclasses[0]],
        dimensions=column.type.typmod,
        **values,  # type: ignore[arg-type]
    )
