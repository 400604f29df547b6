"""Saved indexes: one directory each, with a manifest that names every file, its size and its checksum.

A sealed segment is written once, under a name of its own; what changes (flat rows, dead slots) is written anew at each
save. Files reach their names by rename after fsync, the manifest last, so a crash leaves one save or the other whole.
"""

from __future__ import annotations

import json
import os
import uuid
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ruvector_engine.index.elements import element_of
from ruvector_engine.index.faiss_binary import BinaryGraph, BinaryLists
from ruvector_engine.index.faiss_hnsw import HnswGraph
from ruvector_engine.index.faiss_ivf import IvfLists
from ruvector_engine.index.faiss_quantized import QuantizedGraph
from ruvector_engine.index.flat import FlatSegment
from ruvector_engine.index.sealed import FaissSearcher, SavedFile, SavedSegment, SealedSegment, rows_searcher
from ruvector_engine.index.searcher import InvertedLists, Scan
from ruvector_engine.index.segment import Part
from ruvector_engine.index.spec import DamagedIndex, IndexSpec, Int64Array, Vectors
from ruvector_engine.index.tombstones import LiveBits
from ruvector_simd import SparseMatrix

_FORMAT = 3
_MANIFEST = "manifest.json"
_CHECKSUM_CHUNK = 1 << 22


def save_parts(directory: Path, spec: IndexSpec, parts: Sequence[Part], unindexed: Int64Array) -> None:
    """Make `directory` hold exactly these parts."""
    directory.mkdir(parents=True, exist_ok=True)
    body = {
        "format": _FORMAT,
        "spec": _spec_fields(spec),
        "parts": [_save_part(directory, part) for part in parts if part.live_count],
        "unindexed": asdict(_save_array(directory, "ids", unindexed)),
    }
    text = json.dumps(body)
    _write(directory, _MANIFEST, lambda path: path.write_text(f"{zlib.crc32(text.encode()):08x}\n{text}"))
    _sync_directory(directory)
    _remove_unnamed(directory, body)


def load_parts(directory: Path, spec: IndexSpec) -> tuple[list[Part], Int64Array]:
    """What `save_parts` wrote, or DamagedIndex."""
    try:
        body = _read_manifest(directory)
        if body["format"] != _FORMAT:
            raise DamagedIndex(f"format version {body['format']}, expected {_FORMAT}")
        if body["spec"] != _spec_fields(spec):
            raise DamagedIndex(f"saved for another index: {body['spec']}")
        parts = [_load_part(directory, spec, entry) for entry in body["parts"]]
        return parts, _load_array(directory, body["unindexed"], np.int64)
    except DamagedIndex:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DamagedIndex(f"{type(error).__name__}: {error}") from error


def _spec_fields(spec: IndexSpec) -> dict[str, Any]:
    return {**asdict(spec), "metric": spec.metric.value}


# -- parts -----------------------------------------------------------------------------------------------------


def _save_part(directory: Path, part: Part) -> dict[str, Any]:
    segment = part.segment
    if not isinstance(segment, SealedSegment):
        slots = part.live_slots()
        rows = segment.rows.select(slots)
        files = {"ids": _save_array(directory, "ids", rows.ids), **_save_vectors(directory, rows.vectors)}
        return {"kind": "flat", "size": len(slots), "files": _described(files)}
    home = directory.resolve()
    if segment.saved is None or segment.saved.directory != home:
        segment.saved = SavedSegment(home, _save_segment(directory, segment))
    files = dict(segment.saved.files)
    if part.live is not None:
        files["live"] = _save_array(directory, "live", part.live.bits)
    return {
        "kind": segment.kind,
        "codes": segment.has_codes,
        "size": part.size,
        "trained_on": segment.trained_on,
        "files": _described(files),
    }


def _save_segment(directory: Path, segment: SealedSegment) -> dict[str, SavedFile]:
    files = {"ids": _save_array(directory, "ids", segment.rows.ids)}
    of_rows = isinstance(segment.searcher, (Scan, InvertedLists))
    if not isinstance(segment.searcher, (Scan, InvertedLists)):
        files["faiss"] = _save_file(directory, "faiss", segment.searcher.write)
    if not segment.shares_vectors:
        files |= _save_vectors(directory, segment.rows.vectors)
        if not of_rows:
            # From here on the originals are read from the file: only the rows that a search returns are.
            segment.rows.vectors = _map_vectors(directory / files["vectors"].name, segment.spec)
    return files


def _save_vectors(directory: Path, vectors: Vectors) -> dict[str, SavedFile]:
    if not isinstance(vectors, SparseMatrix):
        return {"vectors": _save_array(directory, "vectors", vectors)}
    rows = vectors.head(len(vectors))
    arrays: dict[str, npt.NDArray[Any]] = {"offsets": rows.offsets, "indices": rows.indices, "values": rows.values}
    return {kind: _save_array(directory, kind, array) for kind, array in arrays.items()}


def _load_vectors(directory: Path, spec: IndexSpec, files: dict[str, Any], size: int) -> Vectors:
    """What `_save_vectors` wrote, into memory."""
    if spec.element != "sparse":
        element = element_of(spec)
        return _load_array(directory, files["vectors"], element.dtype).reshape(size, element.width(spec.dimensions))
    offsets, indices, values = (
        _load_array(directory, files[kind], dtype)
        for kind, dtype in (("offsets", np.int64), ("indices", np.int32), ("values", np.float32))
    )
    return SparseMatrix(spec.dimensions, offsets, indices, values)


def _load_part(directory: Path, spec: IndexSpec, entry: dict[str, Any]) -> Part:
    files = entry["files"]
    ids = _load_array(directory, files["ids"], np.int64)
    size = entry["size"]
    if len(ids) != size:
        raise DamagedIndex(f"{files['ids']['name']} has {len(ids)} ids, expected {size}")
    if entry["kind"] == "flat":
        flat = FlatSegment(spec, size)
        vectors = _load_vectors(directory, spec, files, size)
        flat.append(element_of(spec).rows(spec.metric, ids, vectors))
        return Part(flat, size)
    segment = _load_segment(directory, spec, entry, ids)
    segment.saved = SavedSegment(
        directory.resolve(), {kind: SavedFile(**saved) for kind, saved in files.items() if kind != "live"}
    )
    if "live" not in files:
        return Part(segment, size)
    bits = _load_array(directory, files["live"], np.uint8)
    dead = size - int(np.unpackbits(bits, count=size, bitorder="little").sum())
    return Part(segment, size, LiveBits(bits, size, dead))


def _load_segment(directory: Path, spec: IndexSpec, entry: dict[str, Any], ids: Int64Array) -> SealedSegment:
    files, size, make_rows = entry["files"], entry["size"], element_of(spec).rows
    of_rows = rows_searcher(spec)
    if of_rows is not None:
        rows = make_rows(spec.metric, ids, _load_vectors(directory, spec, files, size))
        return SealedSegment(spec, rows, of_rows(spec, rows), entry["trained_on"])
    searcher = _read_searcher(spec, str(_verified(directory, files["faiss"])), size, entry["codes"])
    if "vectors" in files:
        vectors = _map_vectors(_verified(directory, files["vectors"]), spec)
    elif not isinstance(searcher, (IvfLists, QuantizedGraph)):
        vectors = searcher.stored_vectors()
    if len(vectors) != size:
        raise DamagedIndex(f"{len(vectors)} vectors, expected {size}")
    return SealedSegment(spec, make_rows(spec.metric, ids, vectors), searcher, entry["trained_on"])


def _read_searcher(spec: IndexSpec, path: str, size: int, codes: bool) -> FaissSearcher:
    if spec.element == "bit":
        return (BinaryGraph if spec.method == "hnsw" else BinaryLists).read(spec, path, size)
    if spec.method == "ivfflat":
        return IvfLists.read(spec, path, size, codes)
    return (QuantizedGraph if codes else HnswGraph).read(spec, path, size)


def _described(files: dict[str, SavedFile]) -> dict[str, dict[str, Any]]:
    return {kind: asdict(saved) for kind, saved in files.items()}


def _map_vectors(path: Path, spec: IndexSpec) -> Vectors:
    element = element_of(spec)
    # A plain view of the map: arithmetic on np.memmap itself is slower.
    return np.memmap(path, element.dtype, "r").reshape(-1, element.width(spec.dimensions)).view(np.ndarray)


# -- files -----------------------------------------------------------------------------------------------------


def _read_manifest(directory: Path) -> dict[str, Any]:
    checksum, _, text = (directory / _MANIFEST).read_text().partition("\n")
    if checksum != f"{zlib.crc32(text.encode()):08x}":
        raise DamagedIndex(f"{_MANIFEST}: wrong checksum")
    body: dict[str, Any] = json.loads(text)
    return body


def _save_array(directory: Path, kind: str, array: npt.NDArray[Any]) -> SavedFile:
    return _save_file(directory, kind, lambda path: array.tofile(path))


def _load_array(directory: Path, saved: dict[str, Any], dtype: type[np.generic]) -> npt.NDArray[Any]:
    return np.fromfile(_verified(directory, saved), dtype)


def _save_file(directory: Path, kind: str, write: Callable[[str], None]) -> SavedFile:
    """Write a new file under a name that no other save has."""
    name = f"{uuid.uuid4().hex}.{kind}"
    path = _write(directory, name, lambda temporary: write(str(temporary)))
    return SavedFile(name, path.stat().st_size, _checksum(path))


def _write(directory: Path, name: str, write: Callable[[Path], object]) -> Path:
    temporary, path = directory / f"{name}.tmp", directory / name
    write(temporary)
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    return path


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _verified(directory: Path, saved: dict[str, Any]) -> Path:
    path: Path = directory / saved["name"]
    size = path.stat().st_size
    if size != saved["bytes"]:
        raise DamagedIndex(f"{path.name}: {size} bytes, expected {saved['bytes']}")
    if _checksum(path) != saved["crc32"]:
        raise DamagedIndex(f"{path.name}: wrong checksum")
    return path


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHECKSUM_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return checksum


def _remove_unnamed(directory: Path, body: dict[str, Any]) -> None:
    """Delete what the new manifest does not name: former saves, and temporary files of a crash."""
    named = {_MANIFEST, body["unindexed"]["name"]}
    for part in body["parts"]:
        named.update(saved["name"] for saved in part["files"].values())
    for path in directory.iterdir():
        if path.name not in named:
            path.unlink()
