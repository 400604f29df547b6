"""A saved index of another format version is not read: the engine builds it again from the table."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from ruvector_engine.index import DamagedIndex, IndexSpec, VectorIndex

from .data import all_specs, clustered, spec_name, vectors_of


@pytest.mark.parametrize("spec", all_specs(8, lists=4), ids=spec_name)
def test_an_index_of_another_version_is_refused(spec: IndexSpec, tmp_path: Path) -> None:
    VectorIndex.build(spec, np.arange(50), vectors_of(spec, clustered(50, 8))).save(tmp_path)
    assert VectorIndex.load(tmp_path, spec).live_count == 50
    manifest = tmp_path / "manifest.json"
    body = json.loads(manifest.read_text().partition("\n")[2])
    body["format"] -= 1
    text = json.dumps(body)
    manifest.write_text(f"{zlib.crc32(text.encode()):08x}\n{text}")
    with pytest.raises(DamagedIndex, match=f"format version {body['format']}, expected {body['format'] + 1}"):
        VectorIndex.load(tmp_path, spec)


@pytest.mark.parametrize("spec", all_specs(8, lists=4), ids=spec_name)
def test_a_damaged_file_is_refused(spec: IndexSpec, tmp_path: Path) -> None:
    index = VectorIndex.build(spec, np.arange(50), vectors_of(spec, clustered(50, 8)))
    index.add(np.arange(50, 60), vectors_of(spec, clustered(10, 8, 1)))
    index.save(tmp_path)
    files = [path for path in tmp_path.iterdir() if path.name != "manifest.json" and path.stat().st_size]
    for path in files:
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(DamagedIndex):
            VectorIndex.load(tmp_path, spec)
        path.write_bytes(whole)
    assert VectorIndex.load(tmp_path, spec).live_count == 60
