"""Clients in other languages: their sources are below this folder, and are built in a cache outside of the tree."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.drivers.conftest import missing

_SOURCES = Path(__file__).parent
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ruvector-driver-tests"

Command = Sequence[str]


@dataclass(frozen=True, slots=True)
class Language:
    """A folder of sources, the tools it takes to build them, and how."""

    folder: str
    tools: tuple[str, ...]
    build: tuple[Command, ...]

    def built(self) -> Path:
        """The folder in which the programs can be run; it is made when the sources are new."""
        self._require_tools()
        source = _SOURCES / self.folder
        target = _CACHE / f"{self.folder}-{_digest(source)}"
        _CACHE.mkdir(parents=True, exist_ok=True)
        with (_CACHE / f"{self.folder}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
            if not target.exists():
                self._build(source, target)
        return target

    def _require_tools(self) -> None:
        absent = [tool for tool in self.tools if shutil.which(tool) is None]
        if absent:
            missing(f"not installed: {', '.join(absent)}")

    def _build(self, source: Path, target: Path) -> None:
        for outdated in _CACHE.glob(f"{self.folder}-*"):
            shutil.rmtree(outdated)
        unfinished = target.with_name(f"{target.name}.unfinished")
        shutil.copytree(source, unfinished)
        for command in self.build:
            _output_of(command, unfinished, {})
        unfinished.rename(target)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _output_of(command: Command, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


NODE = Language("node", ("node", "npm"), (("npm", "install", "--no-package-lock", "--no-audit", "--no-fund"),))
GO = Language("go", ("go",), (("go", "build", "-o", "client", "."),))
JAVA = Language(
    "java",
    ("java", "javac", "mvn"),
    (
        ("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=lib"),
        ("javac", "-cp", "lib/*", "-d", "classes", "Client.java"),
    ),
)
RUST = Language("rust", ("cargo",), (("cargo", "build", "--quiet"),))


@dataclass(frozen=True, slots=True)
class Program:
    """A client to run. It finds its server by PGHOST and its kin, and prints what it saw as one JSON object."""

    language: Language
    command: Command

    def report(self, server: Mapping[str, str]) -> dict[str, Any]:
        """What the program saw of the server that these variables name."""
        folder = self.language.built()
        report: dict[str, Any] = json.loads(_output_of(self.command, folder, server))
        return report
