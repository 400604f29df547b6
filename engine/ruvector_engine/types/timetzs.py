"""time with time zone: a clock reading with its own offset.

A value is one integer that sorts as PostgreSQL sorts the type, by the instant and then by the offset:

    (microseconds of the clock + offset * 1,000,000) * 2**17 + offset + 57,600

where the offset is in seconds west of Greenwich, as PostgreSQL keeps it (less than 16 hours either way).
"""

from __future__ import annotations

from ruvector_engine.types import registry
from ruvector_engine.types.calendar import US_PER_DAY, US_PER_SECOND, current_timestamp
from ruvector_engine.types.datetime_input import parse_moment, session_zone
from ruvector_engine.types.datetimes import apply_precision, format_offset, format_time
from ruvector_engine.types.textio import InputContext, Parser, TextType

OFFSET_FACTOR = 2**17
#: Offsets are less than this, in seconds.
OFFSET_LIMIT = 57_600


def pack(microseconds: int, west: int) -> int:
    """The value of a clock reading at an offset in seconds west."""
    return (microseconds + west * US_PER_SECOND) * OFFSET_FACTOR + west + OFFSET_LIMIT


def unpack(value: int) -> tuple[int, int]:
    """Microseconds since midnight, and the offset in seconds west."""
    utc, offset = divmod(value, OFFSET_FACTOR)
    west = offset - OFFSET_LIMIT
    return utc - west * US_PER_SECOND, west


def _parser(context: InputContext) -> Parser:
    def parse(text: str) -> int:
        moment = parse_moment(text, "time with time zone", context, time_only=True)
        zone = session_zone(context)
        if moment.instant is not None:
            offset = zone.offset_at(moment.instant)
            return pack((moment.instant + offset * US_PER_SECOND) % US_PER_DAY, -offset)
        assert moment.time is not None
        if moment.day is None and moment.offset is None:
            # The offset that the zone has today.
            now = context.now if context.now is not None else current_timestamp()
            moment.day = (now + zone.offset_at(now) * US_PER_SECOND) // US_PER_DAY
        return pack(moment.time, -moment.local_offset(zone))

    return parse


def format_timetz(value: int) -> str:
    """HH:MM:SS[.ffffff] with the offset behind."""
    microseconds, west = unpack(value)
    return format_time(microseconds) + format_offset(-west)


def apply_typmod(value: int, typmod: int, explicit: bool) -> int:
    """The clock reading rounded to that many digits of a second."""
    microseconds, west = unpack(value)
    return pack(apply_precision(microseconds, typmod, explicit), west)


TEXT_TYPES: dict[int, TextType] = {
    registry.TIMETZ: TextType(_parser, lambda _settings: format_timetz, apply_typmod),
}
