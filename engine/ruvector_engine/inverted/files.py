"""A saved inverted index: one file, its arrays one after the other, with a checksum at the end.

It reaches its name by rename after fsync, so that a crash leaves the former save or this one.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ruvector_engine.index.spec import DamagedIndex
from ruvector_engine.inverted.segment import Mask, Postings, Segment

#: Another one whenever the file, or what lexemes words become, changes.
_FORMAT = 1
_NAME = "postings"
_CHUNK = 1 << 22
_CHECKSUM_BYTES = 4
#: A segment's arrays in the order of the file; `terms` are the lexemes in UTF-8, each with a NUL behind it.
_ARRAYS: dict[str, npt.DTypeLike] = {
    "ids": np.int64,
    "live": np.bool_,
    "terms": np.uint8,
    "starts": np.int64,
    "place_starts": np.int64,
    "slots": np.int32,
    "counts": np.uint8,
    "places": np.uint16,
}


def save(directory: Path, parts: Sequence[tuple[Segment, Mask | None]]) -> None:
    """Write segments, each with the mask of its live documents (None: all)."""
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / f"{_NAME}.tmp"
    described = [_arrays(segment, live) for segment, live in parts]
    header = {"format": _FORMAT, "sizes": [{name: len(a) for name, a in arrays.items()} for arrays in described]}
    checksum = 0
    with temporary.open("wb") as file:
        for data in _content(header, described):
            checksum = zlib.crc32(data, checksum)
            file.write(data)
        file.write(checksum.to_bytes(_CHECKSUM_BYTES, "little"))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / _NAME)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(directory: Path) -> list[tuple[Segment, Mask | None]]:
    """What `save` wrote. DamagedIndex when it is not whole or of another format, FileNotFoundError without a file."""
    path = directory / _NAME
    _verify(path)
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline())
            if header["format"] != _FORMAT:
                raise DamagedIndex(f"format version {header['format']}, expected {_FORMAT}")
            return [_segment({n: _read(file, n, sizes[n]) for n in _ARRAYS}) for sizes in header["sizes"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedIndex(f"{type(error).__name__}: {error}") from error


def _arrays(segment: Segment, live: Mask | None) -> dict[str, npt.NDArray[Any]]:
    terms = "".join(f"{term}\0" for term in segment.terms).encode()
    postings = segment.postings
    return {
        "ids": segment.ids,
        "live": np.empty(0, np.bool_) if live is None else live,
        "terms": np.frombuffer(terms, np.uint8),
        "starts": segment.starts,
        "place_starts": segment.place_starts,
        "slots": postings.slots,
        "counts": postings.counts,
        "places": postings.places,
    }


def _content(header: dict[str, Any], described: Sequence[dict[str, npt.NDArray[Any]]]) -> Iterator[bytes | memoryview]:
    yield json.dumps(header).encode() + b"\n"
    for arrays in described:
        for array in arrays.values():
            if len(array):
                yield np.ascontiguousarray(array).view(np.uint8).data


def _read(file: Any, name: str, size: int) -> npt.NDArray[Any]:
    dtype = np.dtype(_ARRAYS[name])
    array = np.frombuffer(file.read(size * dtype.itemsize), dtype)
    if len(array) != size:
        raise DamagedIndex(f"{len(array)} of {size} {name}")
    return array


def _segment(arrays: dict[str, npt.NDArray[Any]]) -> tuple[Segment, Mask | None]:
    terms = arrays["terms"].tobytes().decode().split("\0")[:-1]
    postings = Postings(arrays["slots"], arrays["counts"], arrays["places"])
    segment = Segment(arrays["ids"], terms, arrays["starts"], arrays["place_starts"], postings)
    return segment, arrays["live"] if len(arrays["live"]) else None


def _verify(path: Path) -> None:
    """Compare the checksum."""
    checksum, left = 0, path.stat().st_size - _CHECKSUM_BYTES
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            checksum = zlib.crc32(chunk, checksum)
            left -= len(chunk)
        if file.read() != checksum.to_bytes(_CHECKSUM_BYTES, "little"):
            raise DamagedIndex(f"{path.name}: wrong checksum")
