"""What RuVector's functions say of the server: version, SIMD level, memory, the vector indexes and their upkeep."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import IndexDef
from ruvector_engine.catalog.system.extensions import EXTENSION_VERSIONS
from ruvector_engine.catalog.system.functions import regclass_in
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access
from ruvector_engine.index.vector_index import VectorIndex
from ruvector_simd.level import simd_info

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_MIB = 1024 * 1024
#: How many float32 a level's registers hold; one where it is not known.
_FLOATS = {"avx512": 16, "avx512_spr": 16, "avx2": 8, "arm_neon": 4, "arm_sve": 4}


def version(_session: Session) -> str:
    """The version of the extension."""
    return EXTENSION_VERSIONS["ruvector"]


def simd(_session: Session) -> str:
    """Architecture, level that runs, levels there are, floats an operation."""
    info = simd_info()
    features = ", ".join(level for level in info.available if level != "none")
    floats = _FLOATS.get(info.level, 1)
    return f"architecture: {platform.machine()}, active: {info.level}, features: [{features}], floats_per_op: {floats}"


def memory_stats(session: Session) -> str:
    """Bytes in MiB as jsonb: indexes with their vectors or codes, the cache of rows, what the codes are read by."""
    found = [index for index in map(session.database.indexes.get, _oids(session)) if index is not None]
    indexes = sum(index.memory_bytes for index in found) / _MIB
    tables = sum(index.tables_bytes for index in found) / _MIB
    cache = session.database.rows.memory_bytes() / _MIB
    return json.dumps(
        {
            "index_memory_mb": round(indexes, 6),
            "vector_cache_mb": round(cache, 6),
            "total_extension_mb": round(indexes + cache + tables, 6),
            "quantization_tables_mb": round(tables, 6),
        }
    )


def _oids(session: Session) -> list[int]:
    relations = session.catalog.relations.values()
    return [r.oid for r in relations if isinstance(r, IndexDef) and r.is_vector]


def index_stats(session: Session, name: str | None) -> list[dict[str, Any]]:
    """One row an index, of that name or all: size in memory, vectors, dimensions, seconds of its build, dead rows.

    The build's seconds are known of what this process has built.
    """
    definitions = [r for r in session.catalog.relations.values() if isinstance(r, IndexDef) and r.is_vector]
    if name is not None:
        definitions = [_definition(session, name)]
    rows = []
    for definition in sorted(definitions, key=lambda d: d.name):
        index = session.database.indexes.get(definition.oid)
        if index is not None:
            rows.append(_row(definition, index))
    return rows


def _row(definition: IndexDef, index: VectorIndex) -> dict[str, Any]:
    segments = index.segments()
    rows, dead = sum(s.rows for s in segments), sum(s.dead for s in segments)
    seconds = index.build_seconds
    return {
        "index_name": definition.name,
        "index_size_mb": f"{index.memory_bytes / _MIB:.6f}",
        "vector_count": index.live_count,
        "dimensions": index.spec.dimensions,
        "build_time_seconds": None if seconds is None else f"{seconds:.6f}",
        "fragmentation_pct": f"{100 * dead / rows if rows else 0:.2f}",
    }


def maintain_index(session: Session, name: str) -> str:
    """Put an index into one segment without dead rows, now; what was done, in words."""
    definition = _definition(session, name)
    if not access.may_maintain(session, definition):
        raise SqlError("42501", f"permission denied for index {definition.name}")
    index = session.database.indexes.get(definition.oid)
    if index is None:
        raise SqlError("55000", f'index "{definition.name}" is not built yet')
    before, size = index.segments(), index.memory_bytes
    index.maintain(everything=True)
    after = index.segments()
    dead = sum(s.dead for s in before) - sum(s.dead for s in after)
    freed = max(0, size - index.memory_bytes)
    return (
        f'Index "{definition.name}": {dead} dead rows removed, {len(before)} segments made {len(after)}, '
        f"{freed} bytes freed"
    )


def _definition(session: Session, name: str) -> IndexDef:
    oid = regclass_in(session.lookup, name)
    found = next((r for r in session.catalog.relations.values() if r.oid == oid), None)
    if not isinstance(found, IndexDef) or not found.is_vector:
        raise SqlError("42809", f'"{name}" is not a vector index')
    return found
