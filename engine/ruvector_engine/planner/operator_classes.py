"""Access methods, operator classes and index options: what CREATE INDEX may say, with pgvector's limits and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ruvector_engine.catalog.model import IndexDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.index import IndexSpec, elements
from ruvector_engine.index.elements import Element
from ruvector_engine.planner.quantization import check_name, codes_of
from ruvector_engine.types.registry import BIT, BY_NAME, HALFVEC, RUVECTOR, SPARSEVEC, TSVECTOR, VECTOR, PgType, TypeRef
from ruvector_simd import AnyMetric, BitMetric, Metric

HNSW_MIN_M, HNSW_DEFAULT_M, HNSW_MAX_M = 2, 16, 100
HNSW_MIN_EF_CONSTRUCTION, HNSW_DEFAULT_EF_CONSTRUCTION, HNSW_MAX_EF_CONSTRUCTION = 4, 64, 1000
IVFFLAT_MIN_LISTS, IVFFLAT_DEFAULT_LISTS, IVFFLAT_MAX_LISTS = 1, 100, 32768
PQ_MIN_M, PQ_MAX_M = 1, 16000
PQ_MIN_K, PQ_MAX_K = 2, 256

_SUFFIXES: dict[str, AnyMetric] = {metric.value: metric for metric in (*Metric, *BitMetric)}


@dataclass(frozen=True, slots=True)
class OperatorClass:
    """What an operator class is for: the types it takes, and the distance it orders by."""

    types: frozenset[str]
    metric: AnyMetric


_FLOAT = ("l2", "ip", "cosine")
#: By access method and name. vector and ruvector share their classes; those of real[] are the RuVector dialect's.
OPERATOR_CLASSES: dict[tuple[str, str], OperatorClass] = {
    (method, f"{prefix}_{suffix}_ops"): OperatorClass(frozenset(types), _SUFFIXES[suffix])
    for method, prefix, types, suffixes in (
        ("hnsw", "vector", ("vector", "ruvector"), (*_FLOAT, "l1")),
        ("hnsw", "ruvector", ("vector", "ruvector"), (*_FLOAT, "l1")),
        ("hnsw", "halfvec", ("halfvec",), (*_FLOAT, "l1")),
        ("hnsw", "sparsevec", ("sparsevec",), (*_FLOAT, "l1")),
        ("hnsw", "bit", ("bit",), ("hamming", "jaccard")),
        ("ivfflat", "vector", ("vector", "ruvector"), _FLOAT),
        ("ivfflat", "ruvector", ("vector", "ruvector"), _FLOAT),
        ("ivfflat", "halfvec", ("halfvec",), _FLOAT),
        ("ivfflat", "bit", ("bit",), ("hamming",)),
        ("hnsw", "hnsw", ("_float4",), _FLOAT),
        ("ivfflat", "ivfflat", ("_float4",), _FLOAT),
    )
    for suffix in suffixes
}
#: Other names, of the RuVector dialect, for the classes that are called after vector or ruvector.
_CLASS_ALIASES = {
    (method, f"{prefix}_{suffix}_ops"): suffix
    for method, prefix in (("hnsw", "hnsw"), ("ivfflat", "ruvector_ivfflat"))
    for suffix in _FLOAT
}
#: What faiss has distances between codes for.
_QUANTIZED = (Metric.L2, Metric.INNER_PRODUCT, Metric.COSINE)
#: Distance operator -> metric, for ORDER BY column <op> query.
OPERATORS: dict[str, AnyMetric] = {metric.operator: metric for metric in _SUFFIXES.values()}
#: real[]: an index keeps its arrays as vectors.
ARRAY = BY_NAME["_float4"].oid
#: What the values of a searchable type are made of.
ELEMENTS: dict[int, Element] = {
    VECTOR: elements.SINGLE,
    RUVECTOR: elements.SINGLE,
    HALFVEC: elements.HALF,
    SPARSEVEC: elements.SPARSE,
    BIT: elements.BIT,
}
#: Other names of the access methods: the RuVector dialect's.
METHOD_ALIASES = {"ruhnsw": "hnsw", "ruivfflat": "ivfflat"}
#: pgvector has one default operator class, for vector under ivfflat; RuVector has one for its own type.
_DEFAULT_CLASSES = {
    ("ivfflat", "vector"): "vector_l2_ops",
    ("ivfflat", "ruvector"): "ruvector_l2_ops",
    ("hnsw", "ruvector"): "ruvector_l2_ops",
}

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
#: Of both methods, beside `quantization`: their bounds. What they are by default goes by the quantization.
_PQ_OPTIONS = {"pq_m": Option(PQ_MIN_M, 0, PQ_MAX_M), "pq_k": Option(PQ_MIN_K, 0, PQ_MAX_K)}
#: Of the methods that keep nothing but their catalog entry here; the others of theirs are not numbers.
FILLFACTOR = Option(10, 90, 100)


def check_options(method: str, given: Mapping[str, str]) -> dict[str, str]:
    """The options as given, each checked by itself; 22023 in PostgreSQL's and pgvector's words."""
    known = OPTIONS[method] | _PQ_OPTIONS
    for name, text in given.items():
        if name == "quantization":
            check_name(text)
            continue
        option = known.get(name)
        if option is None:
            raise SqlError("22023", f'unrecognized parameter "{name}"')
        check_number(name, text, option)
    return dict(given)


def check_number(name: str, text: str, option: Option) -> None:
    """Refuse what is no number within an option's bounds."""
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


def check_build(definition: IndexDef, table: TableDef) -> None:
    """Refuse options that do not go together: known when an index is built, for they may be set one by one."""
    check_quantization(definition, table)
    if definition.method == "hnsw":
        options, known = definition.options, OPTIONS["hnsw"]
        m, ef = (round(float(options.get(name, known[name].default))) for name in ("m", "ef_construction"))
        if ef < 2 * m:
            raise SqlError("22023", "ef_construction must be greater than or equal to 2 * m")


def check_quantization(definition: IndexDef, table: TableDef) -> None:
    """Refuse codes that the operator class cannot be searched by, or that cannot be made of its key."""
    codes = codes_of(definition.options, key_type(definition, table).typmod)
    served = OPERATOR_CLASSES[definition.method, definition.opclasses[0]]
    served_by_codes = served.metric in _QUANTIZED and not served.types & {"sparsevec", "_float4"}
    if codes.quantization != "none" and not served_by_codes:
        raise SqlError(
            "0A000",
            f'quantization is not supported for operator class "{definition.opclasses[0]}"',
            hint="Create the index without quantization.",
        )


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


def default_class(method: str, pg_type: PgType) -> str | None:
    """The operator class that a vector method takes for a key of that type when none is named, if there is one."""
    return _DEFAULT_CLASSES.get((method, pg_type.name))


def check_class(method: str, name: str | None, pg_type: PgType) -> str:
    """The operator class to use for a key of that type; 42704 or 42804 when there is none."""
    if name is None:
        name = default_class(method, pg_type)
        if name is None:
            raise no_default_class(method, pg_type)
    if (method, name) in _CLASS_ALIASES and pg_type.oid != ARRAY:
        name = f"{'ruvector' if pg_type.name == 'ruvector' else 'vector'}_{_CLASS_ALIASES[method, name]}_ops"
    found = OPERATOR_CLASSES.get((method, name))
    if found is None:
        raise SqlError("42704", f'operator class "{name}" does not exist for access method "{method}"')
    if pg_type.name == "varbit" and "bit" in found.types:  # which the class takes, and the method does not
        raise SqlError("0A000", f"type not supported for {method} index")
    if pg_type.name not in found.types:
        raise SqlError("42804", f'operator class "{name}" does not accept data type {pg_type.sql_name}')
    return name


def no_default_class(method: str, pg_type: PgType) -> SqlError:
    """The error for an index that names no class where the type has none of its own."""
    return SqlError(
        "42704",
        f'data type {pg_type.sql_name} has no default operator class for access method "{method}"',
        hint=NO_CLASS_HINT,
    )


def is_vector_class(name: str) -> bool:
    """Whether some vector method has an operator class of that name."""
    return any(name == known for _, known in OPERATOR_CLASSES)


def check_dimensions(type_ref: TypeRef) -> None:
    """An index needs to know how many dimensions its key has."""
    if type_ref.typmod < 1:
        raise SqlError("22023", "column does not have dimensions")


def index_metric(definition: IndexDef) -> AnyMetric:
    """The distance that a vector index orders by."""
    return OPERATOR_CLASSES[definition.method, definition.opclasses[0]].metric


def is_text(definition: IndexDef, table: TableDef) -> bool:
    """Whether an inverted index answers full-text searches through it: GIN over one tsvector."""
    return definition.method == "gin" and len(definition.columns) == 1 and key_type(definition, table).oid == TSVECTOR


def key_type(definition: IndexDef, table: TableDef) -> TypeRef:
    """The type of the first key."""
    if definition.expressions and definition.expressions[0] is not None:
        return definition.expressions[0].type
    column = table.column(definition.columns[0])
    if column is None:
        raise SqlError("XX001", f'index "{definition.name}" has no column')
    return column.type


def awaits_dimensions(definition: IndexDef, table: TableDef) -> bool:
    """Whether it is an index on real[] to which no array has come yet, so that it cannot be built."""
    return not definition.dimensions and key_type(definition, table).oid == ARRAY


def index_spec(definition: IndexDef, table: TableDef) -> IndexSpec:
    """What the index structure must be, from its catalog entry."""
    type_ref = key_type(definition, table)
    defaults = OPTIONS[definition.method]
    values = {name: round(float(definition.options.get(name, option.default))) for name, option in defaults.items()}
    codes = codes_of(definition.options, type_ref.typmod)
    return IndexSpec(
        method=definition.method,  # type: ignore[arg-type]
        metric=index_metric(definition),
        dimensions=definition.dimensions if type_ref.oid == ARRAY else type_ref.typmod,
        element=(elements.SINGLE if type_ref.oid == ARRAY else ELEMENTS[type_ref.oid]).name,
        quantization=codes.quantization,
        parts=codes.parts,
        centroids=codes.centroids,
        **values,
    )
