"""Asks the kernel to back large arrays with huge pages.

A graph search reads vectors all over memory, and each read from another 4 KB page costs a walk through the page
tables (twice as long inside a virtual machine). Measured at 50,000 x 384: a search took 9 to 14 % less time with
2 MB pages, a build a fifth less. Where the kernel has none to give, nothing changes.
"""

from __future__ import annotations

import ctypes
import mmap
import sys

#: Smaller ranges fit in what the processor remembers of the page tables anyway.
_MIN_BYTES = 8 << 20
_MADV_HUGEPAGE = 14
_MADV_COLLAPSE = 25  # Linux 6.1: now, not when the kernel finds the time


def advise_huge_pages(address: int, size: int) -> None:
    """Ask for huge pages under `size` bytes of anonymous memory from `address` on, those in use included."""
    if size < _MIN_BYTES or not sys.platform.startswith("linux"):
        return
    start = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
    length = (address + size - start) // mmap.PAGESIZE * mmap.PAGESIZE
    for advice in (_MADV_HUGEPAGE, _MADV_COLLAPSE):
        # Advice that the kernel does not know or cannot follow is no error of ours.
        _madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), advice)


if sys.platform.startswith("linux"):
    _madvise = ctypes.CDLL(None).madvise
