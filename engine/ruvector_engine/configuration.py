"""The server's configuration at one moment: what it was started with and what ALTER SYSTEM laid down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileValue:
    """A setting's value in the configuration file, and the line it stands on, counted from 1."""

    value: str
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """`values` are in effect, by what settings are kept under; `pending` ones wait for a restart."""

    values: Mapping[str, str] = field(default_factory=dict)
    file_values: Mapping[str, FileValue] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    file: Path | None = None
