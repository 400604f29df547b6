"""pg_notify() and its company. They are called row by row, with the backend's process ID as in `system`."""

from __future__ import annotations

from collections.abc import Callable

from ruvector_engine.notifications import Mailbox
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.system import PREFIX
from ruvector_engine.sql.nodes import FunctionDef

_NOTIFY, _CHANNELS, _USAGE = f"{PREFIX}notify", f"{PREFIX}listening_channels", f"{PREFIX}notification_queue_usage"

FUNCTIONS: tuple[FunctionDef, ...] = (
    function("pg_notify", "text,text", "void", f"{_NOTIFY}({{0}}, {{1}}, {{2}})", volatile=True, strict=False),
    function("pg_listening_channels", "", "text", f"{_CHANNELS}({{0}})", volatile=True, returns_set=True),
    function("pg_notification_queue_usage", "", "float8", f"{_USAGE}({{0}})", volatile=True),
)


def udfs(mailbox_of: Callable[[int], Mailbox], usage: Callable[[], float]) -> tuple[Udf, ...]:
    """The functions for DuckDB; `mailbox_of` gives the mailbox of the session with a process ID."""

    def notify(pid: int, channel: str | None, payload: str | None) -> str:
        mailbox_of(pid).notify(channel, payload)
        return ""

    def listening_channels(pid: int) -> list[str]:
        return list(mailbox_of(pid).channels)

    return (
        Udf(_NOTIFY, notify, ("INTEGER", "VARCHAR", "VARCHAR"), "VARCHAR", "special", volatile=True),
        Udf(_CHANNELS, listening_channels, ("INTEGER",), "VARCHAR[]", volatile=True),
        Udf(_USAGE, lambda _pid: usage(), ("INTEGER",), "DOUBLE", volatile=True),
    )
