"""An inverted index that changes: immutable segments, the dead among their documents, and documents yet to be read.

A commit only notes which rows came and went. What came is `pending` until somebody reads it: a few rows the next
search, many the background thread. Readers see one immutable state, so they take no lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ruvector_engine.errors import SqlError
from ruvector_engine.index.spec import Cancelled, check_cancelled
from ruvector_engine.inverted import files
from ruvector_engine.inverted.building import segment_of
from ruvector_engine.inverted.matching import matching
from ruvector_engine.inverted.segment import Ids, Mask, Segment, merged
from ruvector_engine.text_search.queries import Query

_log = logging.getLogger(__name__)

#: Up to so many pending rows are read by the search that comes upon them.
FEW = 500
#: Segments of together so many documents are merged at once, larger ones by the background thread.
_SMALL = 2_000
_MOST_PARTS = 10
#: The share of dead documents from which a segment is written anew.
_MOST_DEAD = 0.3
#: As many documents may be in no file: a start after a crash reads them from the table.
_MOST_UNSAVED = 20_000

#: Reads documents by row id: the ids of those that are there, and their canonical texts; None for NULL.
Read = Callable[[Ids], tuple[Ids, Sequence[str | None]]]

_NO_IDS: Ids = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Part:
    """A segment, and which of its documents are live (n,); None: all."""

    segment: Segment
    live: Mask | None = None

    @property
    def live_ids(self) -> Ids:
        """Ascending."""
        return self.segment.ids if self.live is None else self.segment.ids[self.live]

    def without(self, ids: Ids) -> Part:
        """The same with these documents dead, of those that are here."""
        slots = self.segment.slots_of(ids)
        slots = slots[slots >= 0]
        if not len(slots):
            return self
        live = np.ones(len(self.segment.ids), np.bool_) if self.live is None else self.live.copy()
        live[slots] = False
        return Part(self.segment, live)

    @property
    def dead(self) -> int:
        """How many of its documents are dead."""
        return 0 if self.live is None else int(len(self.live) - np.count_nonzero(self.live))


@dataclass(frozen=True, slots=True)
class TextState:
    """What a search looks at. `pending`: ids, ascending, of documents that may match and are in no part."""

    parts: tuple[Part, ...]
    pending: Ids

    def search(self, query: Query | None) -> Ids:
        """The ids of the documents in the parts that match, ascending. An empty query matches nothing."""
        found = [_NO_IDS]
        for part in self.parts if query is not None else ():
            assert query is not None
            mask = matching(part.segment, query)
            found.append(part.segment.ids[mask if part.live is None else mask & part.live])
        return np.sort(np.concatenate(found))

    def contains(self, ids: Ids) -> Mask:
        """Which of `ids` are live in a part, shape (n,)."""
        known = np.zeros(len(ids), np.bool_)
        for part in self.parts:
            slots = part.segment.slots_of(ids)
            here = slots >= 0
            known |= here if part.live is None else here & part.live[slots]
        return known

    def ids(self) -> Ids:
        """Every id, pending ones too, ascending."""
        return np.sort(np.concatenate([self.pending, *(part.live_ids for part in self.parts)]))


class TextIndex:
    """The index of one column or expression; `read` gives committed documents."""

    def __init__(self, read: Read, parts: Sequence[Part] = ()) -> None:
        self._read = read
        self._state = TextState(tuple(parts), _NO_IDS)
        self._lock = threading.Lock()  # of whoever replaces the state
        self._reading = threading.Lock()  # of whoever reads pending documents
        self._merging = threading.Lock()
        self._saved: frozenset[int] = frozenset()  # id() of the segments that are in a file
        self.on_maintenance_due: Callable[[], None] | None = None

    @property
    def state(self) -> TextState:
        """As of now."""
        return self._state

    def current(self) -> TextState:
        """The state to search; a few pending documents are read first, if nobody is about it."""
        if 0 < len(self._state.pending) <= FEW and self._reading.acquire(blocking=False):
            try:
                self._take_in(self._state.pending)
            finally:
                self._reading.release()
        return self._state

    def add(self, ids: Ids, texts: Sequence[str | None]) -> None:
        """Take in documents that are at hand: those of a build."""
        if len(ids):
            self._grow(segment_of(ids, texts), None)

    def apply(self, added: Ids, deleted: Ids) -> None:
        """Note a commit: ids (any order) of documents that came and that are gone. One in both is read again."""
        with self._lock:
            parts = self._state.parts
            if len(deleted):
                parts = tuple(part.without(deleted) for part in parts)
            pending = np.setdiff1d(self._state.pending, deleted, assume_unique=True)
            fresh = np.unique(added)
            fresh = fresh[~TextState(parts, pending).contains(fresh)]
            self._state = TextState(parts, np.union1d(pending, fresh))
            due = len(self._state.pending) > FEW
        if due:
            self._call_maintenance()

    # ------------------------------------------------------------ pending documents

    def _take_in(self, wanted: Ids) -> bool:
        """Read pending documents; `_reading` is held. False when one of them has no value: all of them stay pending."""
        try:
            ids, texts = self._read(wanted)
        except SqlError as error:  # whoever searches meets it too, when the documents are tested one by one
            _log.error("documents of a text index could not be read: %s", error.message)
            return False
        self._grow(segment_of(ids, texts), wanted)
        return True

    def _grow(self, segment: Segment, wanted: Ids | None) -> None:
        """Add a segment, of what was pending as `wanted`; what was deleted since it was read is dead in it."""
        with self._lock:
            pending = self._state.pending
            part = Part(segment)
            if wanted is not None:
                part = part.without(np.setdiff1d(wanted, pending, assume_unique=True))
                pending = np.setdiff1d(pending, wanted, assume_unique=True)
            parts = [*self._state.parts, part] if len(segment.ids) else list(self._state.parts)
            while len(parts) > 1 and _both_small(parts[-2], parts[-1]):
                last = parts.pop()
                parts[-1] = _merged([parts[-1], last])
            self._state = TextState(tuple(parts), pending)

    # ------------------------------------------------------------ upkeep

    def _call_maintenance(self) -> None:
        if self.on_maintenance_due is not None:
            self.on_maintenance_due()

    def maintain(
        self, *, everything: bool = False, threads: int | None = None, cancelled: Cancelled | None = None
    ) -> bool:
        """Do one piece of upkeep, if any is due: read pending documents, merge segments, drop dead documents.

        `threads` is there because other indexes can use several. Returns whether something was done.
        """
        del threads
        with self._reading:
            pending = self._state.pending
            if len(pending) > (0 if everything else FEW):
                check_cancelled(cancelled)
                if self._take_in(pending[:_SMALL]):
                    return True
        with self._merging:
            chosen = _to_merge(self._state.parts, everything=everything)
            if not chosen:
                return False
            part = _merged(chosen)
            with self._lock:
                self._swap(chosen, part)
            return True

    def _swap(self, chosen: Sequence[Part], part: Part) -> None:
        """Put a merged part in the place of those it was made of, less what was deleted meanwhile."""
        now = {id(p.segment): p for p in self._state.parts}
        for before in chosen:
            after = now.pop(id(before.segment))
            part = part.without(np.setdiff1d(before.live_ids, after.live_ids, assume_unique=True))
        parts = (part, *now.values()) if len(part.segment.ids) else tuple(now.values())
        self._state = TextState(parts, self._state.pending)

    # ------------------------------------------------------------ files

    @property
    def has_unsaved_segments(self) -> bool:
        """Whether so much is in no file that a start after a crash would take long."""
        unsaved = [p for p in self._state.parts if id(p.segment) not in self._saved]
        return sum(len(part.segment.ids) for part in unsaved) > _MOST_UNSAVED

    def save(self, directory: Path) -> None:
        """Write the parts into `directory`; a crash leaves the former save or this one. Pending documents are left."""
        with self._merging:
            parts = self._state.parts
            files.save(directory, [(part.segment, part.live) for part in parts])
            self._saved = frozenset(id(part.segment) for part in parts)

    @classmethod
    def load(cls, directory: Path, read: Read) -> TextIndex:
        """The index as it was saved; DamagedIndex or FileNotFoundError."""
        index = cls(read, [Part(segment, live) for segment, live in files.load(directory)])
        index._saved = frozenset(id(part.segment) for part in index._state.parts)
        return index

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return sum(part.segment.nbytes for part in self._state.parts)


def _merged(parts: Sequence[Part]) -> Part:
    return Part(merged([(part.segment, part.live) for part in parts]))


def _both_small(before: Part, last: Part) -> bool:
    """Whether two neighbours are to be one: then there are at most as many small ones as 2,000 has bits."""
    first, second = len(before.segment.ids), len(last.segment.ids)
    return first <= 2 * second and first + second <= _SMALL


def _to_merge(parts: Sequence[Part], *, everything: bool) -> Sequence[Part]:
    """The parts to be made one, if any: all, the many small ones, or one that is dead in good part."""
    if everything:
        return parts if len(parts) > 1 or any(part.dead for part in parts) else ()
    if len(parts) > _MOST_PARTS:
        by_size = sorted(parts, key=lambda part: len(part.segment.ids))
        largest = by_size[-1]
        rest = by_size[:-1]
        return by_size if 2 * sum(len(p.segment.ids) for p in rest) > len(largest.segment.ids) else rest
    for part in parts:
        if part.dead > _MOST_DEAD * len(part.segment.ids):
            return (part,)
    return ()
