"""Every seed, every input that once broke a rule, and some thousand new ones: see `targets` for the rules."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.corpus import seeds
from tests.fuzz.targets import TARGETS, database, login, messages, stream

ROOT = Path(__file__).parents[2]
FOUND = Path(__file__).parent / "found"
#: Inputs that atheris makes of the seeds for each target: some seconds' worth.
RUNS = {"login": 8_000, "stream": 2_000, "messages": 2_000, "database": 600}


@pytest.mark.parametrize("target", TARGETS)
def test_seeds(target: str) -> None:
    inputs = seeds(target)
    assert len(inputs) > 50
    for data in inputs + [path.read_bytes() for path in sorted((FOUND / target).glob("*"))]:
        TARGETS[target](data)


SHORT = st.binary(max_size=40)


def mutations(target: str) -> st.SearchStrategy[bytes]:
    """Seeds with a piece replaced by a piece of another, or by bytes of any kind."""
    known = seeds(target)

    def changed(seed: int, other: int, at: int, length: int, put: bytes | None) -> bytes:
        data, donor = known[seed % len(known)], known[other % len(known)]
        start = at % (len(data) + 1)
        piece = donor[at % (len(donor) + 1) :][:length] if put is None else put
        return data[:start] + piece + data[start + length :]

    number = st.integers(0, 2**16)
    return st.builds(changed, number, number, number, st.integers(0, 64), st.none() | SHORT)


@given(mutations("login") | SHORT)
@settings(max_examples=300)
def test_login(data: bytes) -> None:
    login(data)


@given(mutations("stream") | SHORT)
@settings(max_examples=300)
def test_stream(data: bytes) -> None:
    stream(data)


@given(mutations("messages"))
@settings(max_examples=300)
def test_messages(data: bytes) -> None:
    messages(data)


@pytest.mark.slow
@given(mutations("database"))
@settings(max_examples=200)
def test_database(data: bytes) -> None:
    database(data)


@pytest.mark.parametrize("target", [login, stream, messages])
def test_memory_does_not_grow(target: Callable[[bytes], None]) -> None:
    """Some hundred conversations cost no memory once they are over."""
    inputs = seeds(target.__name__)
    chance = Random(7)
    for data in inputs:
        target(data)
    before = _resident()
    for _ in range(10):
        for data in chance.sample(inputs, len(inputs)):
            target(data)
    assert _resident() - before < 16 << 20


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("target", TARGETS)
def test_by_coverage(target: str, tmp_path: Path) -> None:
    """Atheris with a fixed seed and a fixed number of runs."""
    places = [ROOT, *(ROOT / package for package in ("server", "engine", "quantization", "simd"))]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, f"-runs={RUNS[target]}", "-seed=4711"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    assert f"Done {RUNS[target]} runs" in done.stderr
