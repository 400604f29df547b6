"""The machine, as far as defaults depend on it."""

from __future__ import annotations

import os
from pathlib import Path

#: Where Linux keeps the bound of a container's memory: control groups of the second version, and of the first.
_BOUNDS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory() -> int:
    """Bytes of memory that there are for this process: the machine's, or its container's."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _BOUNDS:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():  # "max" is no bound
            found.append(int(text))
    return min(found)
