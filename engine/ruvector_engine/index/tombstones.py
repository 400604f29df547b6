"""Which slots of a segment count: an immutable bitmap, copied when it changes, so that readers need no lock."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ruvector_engine.index.spec import Int64Array


class LiveBits:
    """One bit a slot, 1 while the row is live; `dead` counts the zeros among the first `size` slots."""

    __slots__ = ("bits", "dead", "search_parameters", "size")

    def __init__(self, bits: npt.NDArray[np.uint8], size: int, dead: int) -> None:
        self.bits = bits
        self.size = size
        self.dead = dead
        #: faiss parameters made for these bits, by effort; they live and die with them.
        self.search_parameters: dict[int, Any] = {}

    @classmethod
    def all_live(cls, size: int) -> LiveBits:
        """Every slot live."""
        return cls(np.full((size + 7) // 8, 0xFF, np.uint8), size, 0)

    @classmethod
    def only(cls, slots: Int64Array, size: int) -> LiveBits:
        """Just these slots (distinct) live."""
        mask = np.zeros(size, np.bool_)
        mask[slots] = True
        return cls(np.packbits(mask, bitorder="little"), size, size - len(slots))

    def without(self, slots: Int64Array) -> LiveBits:
        """The same with `slots` (distinct, live) dead."""
        bits = self.bits.copy()
        np.bitwise_and.at(bits, slots >> 3, np.bitwise_not(np.left_shift(1, slots & 7).astype(np.uint8)))
        return LiveBits(bits, self.size, self.dead + len(slots))

    def resized(self, size: int) -> LiveBits:
        """The same for a larger segment; the new slots are live."""
        bits = np.full((size + 7) // 8, 0xFF, np.uint8)
        bits[: len(self.bits)] = self.bits
        if self.size % 8:
            bits[self.size >> 3] |= (0xFF << (self.size & 7)) & 0xFF
        return LiveBits(bits, size, self.dead)

    def test(self, slots: Int64Array) -> npt.NDArray[np.bool_]:
        """Which of `slots` are live."""
        bits: npt.NDArray[np.uint8] = self.bits[slots >> 3] >> (slots & 7).astype(np.uint8)
        return (bits & 1).astype(np.bool_)

    def mask(self, size: int) -> npt.NDArray[np.bool_]:
        """The first `size` slots as booleans."""
        return np.unpackbits(self.bits, count=size, bitorder="little").view(np.bool_)


class Allowed:
    """The live rows that a filter lets through: their slots, and, once a graph asks for it, their bitmap."""

    __slots__ = ("_bits", "_size", "slots")

    def __init__(self, slots: Int64Array, size: int) -> None:
        self.slots = slots
        self._size = size
        self._bits: LiveBits | None = None

    @property
    def bits(self) -> LiveBits:
        """The slots as a bitmap."""
        if self._bits is None:
            self._bits = LiveBits.only(self.slots, self._size)
        return self._bits
