"""Which SIMD level the distance kernels run at: detect, choose, report.

faiss carries every kernel in several forms and picks one at run time by a process-wide level; this module is the
only one that sets it. `auto` takes AVX-512 where the processor has it (an HNSW search at 384 dimensions takes 8 to 12 %
less time than with AVX2, a build 10 to 15 %), else AVX2. Sixteen lanes add up in another order than pgvector's own
kernels, and so print other digits: what is shown to a client is added up inside `eight_lanes`.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from ruvector_simd.native import faiss

#: The environment variable that names the level when no setting does.
ENVIRONMENT_VARIABLE = "RUVECTOR_SIMD"

_AUTO = "auto"
#: What `auto` prefers, best first. The levels above AVX-512 proper gain nothing more on float32.
_PREFERRED = ("avx512", "avx2")
#: The level whose float32 kernels add in pgvector's order.
_EIGHT_LANES = "avx2"
#: How the names of those begin that have more lanes.
_WIDER = "avx512"
_PREFIX = "SIMDLevel_"
_FAISS_LEVELS: dict[str, int] = {
    name.removeprefix(_PREFIX).lower(): getattr(faiss, name)
    for name in dir(faiss)
    if name.startswith(_PREFIX) and not name.endswith("_COUNT")
}


class _EightLanes:
    """While a thread is inside, kernels are those of AVX2, unless the level is a narrower one anyway.

    The level is the process's: searches of other threads are slower meanwhile, and find the same. It takes about a
    microsecond to go in and out, as long as one distance: who computes many goes in once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        #: The level to go back to; None where there is nothing to change.
        self.outside: int | None = None

    def __enter__(self) -> None:
        if self.outside is None:
            return
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                _set_level(_FAISS_LEVELS[_EIGHT_LANES])

    def __exit__(self, *_: object) -> None:
        if self.outside is None:
            return
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _set_level(self.outside)


_set_level = faiss.SIMDConfig.set_level
eight_lanes = _EightLanes()


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
    """Set the level for the whole process and report it; not while kernels run.

    `requested` is `auto` or a level's name in any case; None takes it from RUVECTOR_SIMD, else `auto`. A level that
    is unknown or that this machine lacks raises ValueError.
    """
    global _requested, _level
    wanted = (requested or os.environ.get(ENVIRONMENT_VARIABLE) or _AUTO).strip().lower()
    available = available_levels()
    level = _best(available) if wanted == _AUTO else wanted
    if level not in available:
        choices = ", ".join((_AUTO, *available))
        raise ValueError(f'SIMD level "{wanted}" is not available on this machine (available: {choices})')
    _set_level(_FAISS_LEVELS[level])
    narrower = level.startswith(_WIDER) and _EIGHT_LANES in available
    eight_lanes.outside = _FAISS_LEVELS[level] if narrower else None
    _requested, _level = wanted, level
    return simd_info()


def simd_info() -> SimdInfo:
    """The level that searches run at."""
    return SimdInfo(level=_level, requested=_requested, available=available_levels())


def _best(available: tuple[str, ...]) -> str:
    return next((level for level in _PREFERRED if level in available), available[-1])


_requested = _level = _AUTO
