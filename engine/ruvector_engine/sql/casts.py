"""Which type can become which, and when: pg_cast for the types that exist.

i: everywhere (implicit); a: where a value is assigned to a column; e: only where it is written (x::type).
"""

from __future__ import annotations

from typing import Literal

from ruvector_engine.types.registry import ALL_TYPES, BY_NAME, BY_OID, UNKNOWN

CastContext = Literal["i", "a", "e"]
_RANK = {"i": 0, "a": 1, "e": 2}

_TABLE = """
int2: int4 i, int8 i, float4 i, float8 i, numeric i, oid i, regclass i, regtype i, regproc i
int4: int2 a, int8 i, float4 i, float8 i, numeric i, bool e, char e, oid i, regclass i, regtype i, regproc i
int4: regnamespace i, regrole i, regconfig i, regdictionary i, bit e
int8: int2 a, int4 a, float4 i, float8 i, numeric i, oid i, regclass i, regtype i, regproc i, regnamespace i, bit e
float4: int2 a, int4 a, int8 a, float8 i, numeric a
float8: int2 a, int4 a, int8 a, float4 a, numeric a
numeric: int2 a, int4 a, int8 a, float4 i, float8 i
bool: int4 e, text a, varchar a, bpchar a
text: bpchar i, varchar i, name i, char a, regclass i
varchar: text i, bpchar i, name i, char a, regclass i
bpchar: text i, varchar i, name i, char a
name: text i, varchar a, bpchar a
char: text i, varchar a, bpchar a, int4 e
oid: int4 a, int8 a, regclass i, regtype i, regproc i, regnamespace i, regrole i, regconfig i, regdictionary i
regclass: oid i, int4 a, int8 a
regtype: oid i, int4 a, int8 a
regproc: oid i, int4 a, int8 a
regnamespace: oid i, int4 a, int8 a
regrole: oid i, int4 a, int8 a
regconfig: oid i, int4 a, int8 a
regdictionary: oid i, int4 a, int8 a
date: timestamp i, timestamptz i
time: interval i, timetz i
timetz: time a
timestamp: date a, time a, timestamptz i
timestamptz: date a, time a, timestamp a, timetz a
interval: time a
json: jsonb a
jsonb: json a, bool e, int2 e, int4 e, int8 e, float4 e, float8 e, numeric e
bit: varbit i, int4 e, int8 e
varbit: bit i
inet: text a, varchar a, bpchar a, cidr a
cidr: text a, varchar a, bpchar a, inet i
macaddr: macaddr8 i
macaddr8: macaddr i
xid8: xid e
vector: ruvector i, _float4 i, halfvec i, sparsevec i
halfvec: vector a, ruvector a, sparsevec i, _float4 a
sparsevec: vector a, ruvector a, halfvec a
ruvector: vector i, _float4 i, halfvec a, sparsevec a
_int4: vector a, ruvector a, halfvec a, sparsevec a
_float4: vector a, ruvector a, halfvec a, sparsevec a
_float8: vector a, ruvector a, halfvec a, sparsevec a
_numeric: vector a, ruvector a, halfvec a, sparsevec a
bytea: int2 e, int4 e, int8 e
int2vector: _int2 i
oidvector: _oid i
"""


def _read_table() -> dict[tuple[int, int], CastContext]:
    casts: dict[tuple[int, int], CastContext] = {}
    for line in _TABLE.strip().splitlines():
        source, _, targets = line.partition(": ")
        for item in targets.split(", "):
            target, context = item.split(" ")
            casts[BY_NAME[source].oid, BY_NAME[target].oid] = context  # type: ignore[assignment]
    return casts


_CASTS = _read_table()
_STRINGS = frozenset(t.oid for t in ALL_TYPES if t.category == "S")


def cast_context(source: int, target: int) -> CastContext | None:
    """The weakest context in which a value of `source` may become `target`; None when there is no way at all."""
    if source == target:
        return "i"
    found = _CASTS.get((source, target))
    if found is not None:
        return found
    if UNKNOWN in (source, target):
        return None
    from_type, to_type = BY_OID.get(source), BY_OID.get(target)
    if from_type is None or to_type is None:
        return None
    if from_type.element_oid and to_type.element_oid and from_type.name[0] == to_type.name[0] == "_":
        return cast_context(from_type.element_oid, to_type.element_oid)
    # Anything becomes text by its output function, and text becomes anything by the type's input function.
    if target in _STRINGS:
        return "a"
    return "e" if source in _STRINGS else None


def castable(source: int, target: int, context: CastContext) -> bool:
    """Whether the conversion may happen in that context."""
    needed = cast_context(source, target)
    return needed is not None and _RANK[needed] <= _RANK[context]
