"""Hypothesis strategies: every type's values in the forms the registry documents."""

from __future__ import annotations

import ipaddress
import json
import struct
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from ruvector_engine.errors import SqlError
from ruvector_engine.text_search import documents, queries
from ruvector_engine.types import registry
from ruvector_engine.types.array_values import BoundedArray, lengths_of
from ruvector_engine.types.calendar import END_DAY, END_TIMESTAMP, MIN_DAY, MIN_TIMESTAMP, US_PER_DAY
from ruvector_engine.types.interval_input import INFINITY, MINUS_INFINITY
from ruvector_engine.types.jsons import parse_jsonb
from ruvector_engine.types.networks import parse_cidr, parse_inet
from ruvector_engine.types.ranges import EMPTY, Range, made
from ruvector_engine.types.registry import (
    DATE_INFINITY,
    DATE_MINUS_INFINITY,
    TIMESTAMP_INFINITY,
    TIMESTAMP_MINUS_INFINITY,
)
from ruvector_engine.types.timetzs import OFFSET_LIMIT, pack

#: What text can hold: any character but zero, no half surrogates.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=10)
_FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def _integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


def _numeric() -> st.SearchStrategy[Decimal]:
    finite = st.tuples(st.integers(-(10**30), 10**30), st.integers(0, 40)).map(
        lambda parts: Decimal(f"{parts[0]}e-{parts[1]}")
    )
    return finite | st.sampled_from([Decimal("Infinity"), Decimal("-Infinity")])


def _vectors() -> st.SearchStrategy[bytes]:
    return st.lists(_FLOAT32, min_size=1, max_size=40).map(lambda xs: struct.pack(f"<{len(xs)}f", *xs))


def _halfvecs() -> st.SearchStrategy[bytes]:
    element = st.floats(width=16, allow_nan=False, allow_infinity=False)
    return st.lists(element, min_size=1, max_size=40).map(lambda xs: struct.pack(f"<{len(xs)}e", *xs))


def _sparsevecs() -> st.SearchStrategy[bytes]:
    elements = st.dictionaries(st.integers(0, 99), _FLOAT32.filter(bool), max_size=20)
    return st.tuples(st.integers(100, registry.SPARSEVEC_MAX_DIM), elements).map(
        lambda parts: struct.pack(
            f"<ii{len(parts[1])}i{len(parts[1])}f",
            parts[0],
            len(parts[1]),
            *sorted(parts[1]),
            *(parts[1][index] for index in sorted(parts[1])),
        )
    )


def _networks() -> st.SearchStrategy[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return st.ip_addresses().flatmap(
        lambda address: st.integers(0, address.max_prefixlen).map(
            lambda bits: ipaddress.ip_network(f"{address}/{bits}", strict=False)
        )
    )


def _tsvectors() -> st.SearchStrategy[str]:
    position = st.tuples(st.integers(1, documents.MAX_POSITION), st.integers(0, 3))
    entries = st.dictionaries(TEXT.filter(bool), st.lists(position, max_size=4), max_size=5)
    return entries.map(lambda found: documents.write(documents.ordered(found)))


def _tsqueries() -> st.SearchStrategy[str]:
    lexemes = st.builds(queries.Lexeme, TEXT.filter(bool), st.integers(0, 15), st.booleans())
    trees = st.recursive(
        lexemes,
        lambda inner: (
            st.builds(queries.Not, inner)
            | st.builds(queries.Both, st.sampled_from(["&", "|"]), inner, inner)
            | st.builds(queries.Both, st.just("<->"), inner, inner, st.integers(0, queries.MAX_DISTANCE))
        ),
        max_leaves=6,
    )
    return st.none().map(queries.write) | trees.map(queries.write)


def _intervals() -> st.SearchStrategy[tuple[int, int, int]]:
    finite = st.tuples(
        st.integers(-(2**31) + 1, 2**31 - 1), st.integers(-(2**31) + 1, 2**31 - 1), st.integers(-(2**62), 2**62)
    )
    return finite | st.sampled_from([INFINITY, MINUS_INFINITY])


_TIMESTAMPS = st.integers(MIN_TIMESTAMP, END_TIMESTAMP - 1) | st.sampled_from(
    [TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY]
)
_OIDS = st.integers(0, 2**32 - 1)
_OID_TYPES = (
    "oid", "xid", "regproc", "regclass", "regtype", "regnamespace", "regrole", "regconfig", "regdictionary",
)  # fmt: skip

SCALARS: dict[int, st.SearchStrategy[Any]] = {
    registry.BOOL: st.booleans(),
    registry.INT2: _integers(16),
    registry.INT4: _integers(32),
    registry.INT8: _integers(64),
    **{registry.BY_NAME[name].oid: _OIDS for name in _OID_TYPES},
    registry.FLOAT4: st.floats(width=32, allow_nan=False),
    registry.FLOAT8: st.floats(allow_nan=False),
    registry.NUMERIC: _numeric(),
    **dict.fromkeys((registry.TEXT, registry.VARCHAR, registry.BPCHAR, registry.UNKNOWN), TEXT),
    registry.NAME: st.text(st.characters(max_codepoint=126, exclude_characters="\0"), max_size=63),
    registry.BY_NAME["char"].oid: st.integers(1, 255).map(chr) | st.just(""),
    registry.BYTEA: st.binary(max_size=20),
    registry.UUID: st.uuids(),
    registry.INET: st.ip_addresses().flatmap(
        lambda address: st.integers(0, address.max_prefixlen).map(lambda bits: parse_inet(f"{address}/{bits}"))
    ),
    registry.CIDR: _networks().map(lambda network: parse_cidr(str(network))),
    registry.XID8: st.integers(0, 2**64 - 1),
    registry.MACADDR8: st.binary(min_size=8, max_size=8).map(lambda octets: octets.hex(":")),
    registry.JSON: _JSON.map(json.dumps),
    registry.JSONB: _JSON.map(lambda document: parse_jsonb(json.dumps(document).replace("\\u0000", " "))),
    registry.DATE: st.integers(MIN_DAY, END_DAY - 1) | st.sampled_from([DATE_INFINITY, DATE_MINUS_INFINITY]),
    registry.TIME: st.integers(0, US_PER_DAY),
    registry.TIMETZ: st.builds(pack, st.integers(0, US_PER_DAY), st.integers(1 - OFFSET_LIMIT, OFFSET_LIMIT - 1)),
    registry.TIMESTAMP: _TIMESTAMPS,
    registry.TIMESTAMPTZ: _TIMESTAMPS,
    registry.INTERVAL: _intervals(),
    **{oid: _vectors() for oid in registry.VECTOR_TYPES},
    registry.HALFVEC: _halfvecs(),
    registry.TSVECTOR: _tsvectors(),
    registry.TSQUERY: _tsqueries(),
    registry.SPARSEVEC: _sparsevecs(),
    registry.MACADDR: st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":")),
    **dict.fromkeys((registry.BIT, registry.VARBIT), st.text("01", max_size=40)),
}


def _ranges(subtype: int) -> st.SearchStrategy[Range]:
    bound = st.none() | SCALARS[subtype]
    return st.just(EMPTY) | st.builds(_range, st.just(subtype), bound, bound, st.booleans(), st.booleans())


def _range(subtype: int, low: Any, high: Any, low_inc: bool, high_inc: bool) -> Range:
    try:
        return made(subtype, low, high, low_inc, high_inc)
    except SqlError:  # the wrong way round, or beyond the end
        return EMPTY


SCALARS.update({pg_range.oid: _ranges(pg_range.subtype) for pg_range in registry.RANGES})


def _arrays(element: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    item = st.none() | element
    matrix = st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(item, min_size=width, max_size=width), max_size=3)
    )
    return (
        st.lists(item, max_size=5) | matrix | st.builds(_bounded, st.lists(item, min_size=1) | matrix, _LOWER, _LOWER)
    )


_LOWER = st.integers(-(2**31), 2**31 - 200)


def _bounded(value: list[Any], first: int, second: int) -> list[Any]:
    lower = [first, second][: len(lengths_of(value))]
    return value if all(bound == 1 for bound in lower) else BoundedArray(value, lower)


ARRAYS: dict[int, st.SearchStrategy[Any]] = {
    registry.BY_OID[oid].array_oid: _arrays(strategy)
    for oid, strategy in SCALARS.items()
    if registry.BY_OID[oid].array_oid
}
BLANK_SEPARATED: dict[int, st.SearchStrategy[Any]] = {
    registry.BY_NAME["int2vector"].oid: st.lists(_integers(16), max_size=4),
    registry.BY_NAME["oidvector"].oid: st.lists(_OIDS, max_size=4),
}
ALL: dict[int, st.SearchStrategy[Any]] = {**SCALARS, **ARRAYS, **BLANK_SEPARATED}


def typed_values() -> st.SearchStrategy[tuple[int, Any]]:
    """A type's OID and one of its values."""
    return st.sampled_from(sorted(ALL)).flatmap(lambda oid: st.tuples(st.just(oid), ALL[oid]))
