"""What RuVector's functions say of the server: version, SIMD level, memory, the vector indexes and their upkeep."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import IndexDef
from ruvector_engine.catalog.system.extensions import EXTENSION_VERSIONS
from ruvector_engine.catalog.system.functions import regclass_in
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access
from ruvector_engine.index.vector_index import VectorIndex
from ruvector_engine.types.jsons import parse_jsonb
from ruvector_simd.level import simd_info

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_MIB = 1024 * 1024
_STATUS, _CLEAR_PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")
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
    found = _indexes(session)
    indexes = sum(index.memory_bytes for index in found) / _MIB
    tables = sum(index.tables_bytes for index in found) / _MIB
    cache = session.database.rows.memory_bytes() / _MIB
    return _jsonb(
        index_memory_mb=round(indexes, 6),
        vector_cache_mb=round(cache, 6),
        total_extension_mb=round(indexes + cache + tables, 6),
        quantization_tables_mb=round(tables, 6),
    )


def memory_detailed(session: Session) -> str:
    """Memory as jsonb: the process's now and at most, the cache of rows, that with the indexes ("total"), vectors."""
    indexes = _indexes(session)
    cache = session.database.rows.memory_bytes()
    current, peak = _process_bytes()
    total = cache + sum(index.memory_bytes + index.tables_bytes for index in indexes)
    in_mib = {"current_mb": current, "peak_mb": peak, "cache_mb": cache, "total_mb": total}
    return _jsonb(
        vector_count=sum(index.live_count for index in indexes),
        current_bytes=current,
        peak_bytes=peak,
        cache_bytes=cache,
        **{name: round(number / _MIB, 6) for name, number in in_mib.items()},
    )


def reset_peak_memory(session: Session) -> str:
    """Let the peak be what the process takes now."""
    if not session.is_superuser:
        raise SqlError("42501", "permission denied for function ruvector_reset_peak_memory")
    try:
        _CLEAR_PEAK.write_text("5")  # proc(5): the peak resident set size becomes the present one
    except OSError as error:
        raise not_supported(f"the system keeps a process's peak memory as it is: {error.strerror}") from None
    return ""


def _process_bytes() -> tuple[int, int]:
    """What the process takes now, and at most so far; 0A000 on a system that does not tell in /proc."""
    try:
        status = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    except OSError:
        raise not_supported("the system does not tell a process's memory in /proc") from None
    current, peak = (int(status[field].split()[0]) * 1024 for field in ("VmRSS", "VmHWM"))
    return current, peak


def _jsonb(**fields: Any) -> str:
    return parse_jsonb(json.dumps(fields))


def _definitions(session: Session) -> list[IndexDef]:
    return [r for r in session.catalog.relations.values() if isinstance(r, IndexDef) and r.is_vector]


def _indexes(session: Session) -> list[VectorIndex]:
    found = session.database.indexes
    return [index for d in _definitions(session) if (index := found.get(d.oid)) is not None]


def index_stats(session: Session, name: str | None) -> list[dict[str, Any]]:
    """One row an index, of that name or all: size in memory, vectors, dimensions, seconds of its build, dead rows.

    The build's seconds are known of what this process has built.
    """
    definitions = _definitions(session) if name is None else [_definition(session, name)]
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
    index = _built(session, definition)
    before, size = index.segments(), index.memory_bytes
    index.maintain(everything=True)
    after = index.segments()
    dead = sum(s.dead for s in before) - sum(s.dead for s in after)
    freed = max(0, size - index.memory_bytes)
    return (
        f'Index "{definition.name}": {dead} dead rows removed, {len(before)} segments made {len(after)}, '
        f"{freed} bytes freed"
    )


def ivfflat_stats(session: Session, name: str | None) -> list[dict[str, Any]]:
    """One row: the lists and dimensions of an ivfflat index, the probes set now, whether its lists are learnt, rows."""
    if name is None:
        return []
    _, index = _of_method(session, name, "ivfflat")
    spec = index.spec
    return [
        {
            "lists": spec.lists,
            "probes": session.search_options.probes,
            "dimensions": spec.dimensions,
            "trained": any(segment.kind == "ivfflat" for segment in index.segments()),
            "vector_count": index.live_count,
            "metric": spec.metric.value,
        }
    ]


def hnsw_index_info(session: Session, name: str | None) -> str | None:
    """Name, type and parameters of an hnsw index as jsonb."""
    return _index_info(session, name, "hnsw", ("m", "ef_construction"))


def ivfflat_index_info(session: Session, name: str | None) -> str | None:
    """Name, type and parameters of an ivfflat index as jsonb."""
    return _index_info(session, name, "ivfflat", ("lists",))


def _index_info(session: Session, name: str | None, method: str, options: tuple[str, ...]) -> str | None:
    if name is None:
        return None
    definition, index = _of_method(session, name, method)
    parameters = {option: getattr(index.spec, option) for option in options}
    parameters |= {"dimensions": index.spec.dimensions, "metric": index.spec.metric.value}
    return _jsonb(name=definition.name, type=method, parameters=parameters)


def _of_method(session: Session, name: str, method: str) -> tuple[IndexDef, VectorIndex]:
    definition = _definition(session, name)
    if definition.method != method:
        raise SqlError("42809", f'"{name}" is not an {method} index')
    return definition, _built(session, definition)


def _built(session: Session, definition: IndexDef) -> VectorIndex:
    index = session.database.indexes.get(definition.oid)
    if index is None:
        raise SqlError("55000", f'index "{definition.name}" is not built yet')
    return index


def _definition(session: Session, name: str) -> IndexDef:
    oid = regclass_in(session.lookup, name)
    found = next((r for r in session.catalog.relations.values() if r.oid == oid), None)
    if not isinstance(found, IndexDef) or not found.is_vector:
        raise SqlError("42809", f'"{name}" is not a vector index')
    return found
