"""Which SIMD level the distance kernels run at: detect, choose, report.

faiss carries every kernel in several forms and picks one at run time by a process-wide level; this module is the
only one that sets it. `auto` takes AVX2 on x86-64 even where AVX-512 exists: with eight lanes the sums add up in
the order of pgvector's own kernels, so distances print the same digits (an HNSW search at 384 dimensions was 8 %
faster with AVX-512, less than a tenth of a whole query). AVX-512 is one setting away.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ruvector_simd.native import faiss

#: The environment variable that names the level when no setting does.
ENVIRONMENT_VARIABLE = "RUVECTOR_SIMD"

_AUTO = "auto"
_PREFIX = "SIMDLevel_"
_FAISS_LEVELS: dict[str, int] = {
    name.removeprefix(_PREFIX).lower(): getattr(faiss, name)
    for name in dir(faiss)
    if name.startswith(_PREFIX) and not name.endswith("_COUNT")
}


@dataclass(frozen=True, slots=True)
class SimdInfo:
    """What runs and what could: level names in lower case, as the setting takes them."""

    level: str
    requested: str
    available: tuple[str, ...]


def available_levels() -> tuple[str, ...]:
    """The levels this processor and this build of faiss have, narrowest first; `none` is always there."""
    config = faiss.SIMDConfig
    found = [name for name, level in _FAISS_LEVELS.items() if config.is_simd_level_available(level)]
    return tuple(sorted(found, key=lambda name: _FAISS_LEVELS[name]))


def choose_level(requested: str | None = None) -> SimdInfo:
    """Set the level for the whole process and report it.

    `requested` is `auto` or a level's name in any case; None takes it from RUVECTOR_SIMD, else `auto`. A level that
    is unknown or that this machine lacks raises ValueError.
    """
    global _requested
    wanted = (requested or os.environ.get(ENVIRONMENT_VARIABLE) or _AUTO).strip().lower()
    available = available_levels()
    level = _best(available) if wanted == _AUTO else wanted
    if level not in available:
        choices = ", ".join((_AUTO, *available))
        raise ValueError(f'SIMD level "{wanted}" is not available on this machine (available: {choices})')
    faiss.SIMDConfig.set_level(_FAISS_LEVELS[level])
    _requested = wanted
    return simd_info()


def simd_info() -> SimdInfo:
    """The level that runs now."""
    level = faiss.SIMDConfig.get_level()
    name = next(name for name, value in _FAISS_LEVELS.items() if value == level)
    return SimdInfo(level=name, requested=_requested, available=available_levels())


def _best(available: tuple[str, ...]) -> str:
    return "avx2" if "avx2" in available else available[-1]


_requested = _AUTO
