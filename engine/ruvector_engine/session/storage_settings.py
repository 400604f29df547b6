"""DuckDB's own settings of a session's connection, which casts inside DuckDB go by."""

from __future__ import annotations

from ruvector_engine.executor.streams import RowStream
from ruvector_engine.relational.duck import Connection
from ruvector_engine.settings import Settings
from ruvector_engine.sql import text_styles
from ruvector_engine.types.textio import DEFAULT_SETTINGS
from ruvector_engine.types.timezones import find_zone


class StorageSettings:
    """The time zone and how values are written, of one connection; kept in step with the session's settings."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._zone = ""
        self._variables = text_styles.variables(DEFAULT_SETTINGS)
        self._followed = -1  # the generation of the session's settings

    def follow(self, settings: Settings, stream: RowStream | None) -> None:
        """Take up the session's settings; a stream that DuckDB still produces is read to its end first."""
        if settings.generation != self._followed:
            self._followed = settings.generation
            wanted = text_styles.variables(settings)
            if wanted != self._variables:
                if stream is not None:
                    stream.detach()
                for statement in wanted:
                    self._connection.run(statement)
                self._variables = wanted
        zone = settings["TimeZone"]
        if zone != self._zone:
            if stream is not None:
                stream.detach()
            self._connection.run(f"SET TimeZone = '{_duck_zone(zone)}'")
            self._zone = zone


def _duck_zone(name: str) -> str:
    """DuckDB's name of a time zone: of a fixed offset, the offset."""
    zone = find_zone(name)
    if zone is None or not zone.fixed:  # UTC has its own name there, which to_char shows
        return name if zone is None or zone.fixed is None else "UTC"
    minutes = zone.fixed // 60
    return f"GMT{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
