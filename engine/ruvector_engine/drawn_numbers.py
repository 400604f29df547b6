"""The numbers that a session has drawn from sequences: what currval() and lastval() tell.

DuckDB's own currval() knows one number for all sessions.
"""

from __future__ import annotations


class DrawnNumbers:
    """By OID of the sequence. Numbers are noted while DuckDB draws them, on its threads."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._last: int | None = None

    def note(self, oid: int, number: int) -> int:
        """A number has been drawn; it is returned."""
        self._numbers[oid] = number
        self._last = oid
        return number

    def set(self, oid: int, number: int) -> None:
        """setval() was called for the sequence, as if the number had been drawn; lastval() is not moved to it."""
        self._numbers[oid] = number

    def current(self, oid: int) -> int | None:
        """The last number of a sequence, if there is any."""
        return self._numbers.get(oid)

    @property
    def last(self) -> int | None:
        """The OID of the sequence that was last drawn from."""
        return self._last

    def forget(self) -> None:
        """DISCARD SEQUENCES."""
        self._numbers.clear()
        self._last = None
