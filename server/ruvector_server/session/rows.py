"""Rows to the client, in slices that keep memory flat and other sessions served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Row
from ruvector_server.session.state import SessionState
from ruvector_server.session.statements import Portal
from ruvector_server.session.steps import Steps, Wait, Work

#: Bytes that a slice of rows should come to: some packets' worth, about a millisecond of encoding.
SLICE_BYTES = 128 * 1024
#: Rows of the first slice, before the size of a row is known.
FIRST_SLICE = 64
MAX_SLICE = 4096


def send_rows(
    state: SessionState, portal: Portal, encode: Callable[[Sequence[Row]], bytes], limit: int = 0
) -> Steps[int]:
    """Send up to `limit` rows (0: all) of a portal; return how many. Fewer than the limit: the portal is at its end."""
    sent, size = 0, FIRST_SLICE
    while not limit or sent < limit:
        wanted = min(size, limit - sent) if limit else size
        rows = portal.take(wanted)
        if not rows:
            if portal.more is None:
                break
            portal.refill((yield Work(partial(portal.more, wanted))))
            state.check_cancelled()
            continue
        try:
            data = encode(rows)
        except SqlError:  # a text that the client's encoding has no characters for: what comes before it is sent
            for row in rows:
                state.out += encode((row,))
            raise
        state.out += data
        sent += len(rows)
        size = max(1, min(MAX_SLICE, SLICE_BYTES * len(rows) // max(len(data), 1)))
        if len(state.out) >= SLICE_BYTES:
            yield Wait.ROOM
    return sent
