"""Time zones: by IANA name, by POSIX text, by abbreviation; offsets at an instant and at a local time.

Offsets are seconds east of Greenwich. Instants and local times are microseconds since 2000-01-01.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache

from ruvector_engine.types.calendar import US_PER_SECOND

_EPOCH = datetime(2000, 1, 1)
_EPOCH_UTC = datetime(2000, 1, 1, tzinfo=UTC)
#: The Gregorian calendar, and with it the rules for years beyond Python's datetime, repeats after this many seconds.
_CYCLE = 146_097 * 86_400
_FIRST, _LAST = -1_999 * 365 * 86_400, 7_990 * 365 * 86_400
#: Offsets since 1970 change on quarter hours, so that one answer serves 15 minutes.
_QUARTER = 900 * US_PER_SECOND
_MODERN = -946_684_800 * US_PER_SECOND

_NUMERIC = re.compile(r"([+-]?)(\d{1,2})(?::?(\d{2}))?(?:\.(\d+))?")
_POSIX = re.compile(r"(?:<([A-Za-z0-9+:-]{3,})>|([A-Za-z]{1,}))([+-]?\d{1,2})(?::(\d{2}))?(?::(\d{2}))?")

#: PostgreSQL's default abbreviations that people write; hours east.
ABBREVIATIONS: dict[str, float] = {
    "utc": 0, "gmt": 0, "ut": 0, "z": 0, "zulu": 0, "uct": 0,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "akst": -9, "akdt": -8, "hst": -10, "nst": -3.5, "ndt": -2.5, "ast": -4, "adt": -3,
    "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "met": 1, "mest": 2, "eet": 2, "eest": 3, "msk": 3, "msd": 4,
    "ist": 2, "idt": 3, "sast": 2, "pkt": 5, "hkt": 8, "sgt": 8, "awst": 8, "pht": 8, "jst": 9, "kst": 9,
    "acst": 9.5, "acdt": 10.5, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13, "art": -3, "brt": -3, "cot": -5,
}  # fmt: skip


class Zone:
    """A time zone under the name it was asked for."""

    def __init__(self, name: str, info: tzinfo | None, fixed: int = 0, abbreviation: str = "") -> None:
        self.name = name
        self._info = info
        self._fixed = fixed
        self._abbreviation = abbreviation

    @property
    def fixed(self) -> int | None:
        """The offset, if it is always the same by the zone's own definition."""
        return self._fixed if self._info is None else None

    def offset_at(self, instant: int) -> int:
        """The offset in force at an instant."""
        if self._info is None:
            return self._fixed
        if instant < _MODERN:
            return _offset_at(self._info, instant // US_PER_SECOND)
        return _cached_offset(self._info, instant // _QUARTER)

    def offset_for_local(self, local: int) -> int:
        """The offset for a clock reading: before the change where it is skipped, after it where it is repeated."""
        if self._info is None:
            return self._fixed
        moment = _EPOCH + timedelta(seconds=_within_datetime(local // US_PER_SECOND))
        offsets = (self._info.utcoffset(moment.replace(tzinfo=self._info, fold=fold)) for fold in (0, 1))
        return min(int(offset.total_seconds()) for offset in offsets if offset is not None)

    def abbreviation_at(self, instant: int) -> str:
        """What the zone is called at an instant, e.g. CEST."""
        if self._info is None:
            return self._abbreviation
        moment = _EPOCH_UTC + timedelta(seconds=_within_datetime(instant // US_PER_SECOND))
        return moment.astimezone(self._info).tzname() or ""


def _within_datetime(seconds: int) -> int:
    """The same moment of the calendar in a year that Python's datetime has."""
    if _FIRST <= seconds <= _LAST:
        return seconds
    if seconds < _FIRST:
        return _FIRST  # before any zone's first change
    return _LAST - _CYCLE + (seconds - _LAST) % _CYCLE


def _offset_at(info: tzinfo, seconds: int) -> int:
    moment = _EPOCH_UTC + timedelta(seconds=_within_datetime(seconds))
    offset = moment.astimezone(info).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


@lru_cache(maxsize=8192)
def _cached_offset(info: tzinfo, quarter: int) -> int:
    return _offset_at(info, quarter * 900)


@cache
def _iana_names() -> dict[str, str]:
    return {name.lower(): name for name in zoneinfo.available_timezones()}


def _iana(name: str) -> Zone | None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*", name):
        return None
    try:
        return Zone(name, zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = _iana_names().get(name.lower())
        return Zone(known, zoneinfo.ZoneInfo(known)) if known else None


@lru_cache(maxsize=256)
def find_zone(name: str) -> Zone | None:
    """The zone a TimeZone setting names: IANA (any case), hours east ("+02", "5.5"), or POSIX ("<+02>-02", "EST5").

    None when there is no such zone. POSIX rules for summer time are not read.
    """
    if name.lower() in ("utc", "gmt", "z", "zulu"):
        return Zone(name, None, 0, "GMT" if name.lower() == "gmt" else "UTC")
    numeric = _NUMERIC.fullmatch(name)
    if numeric:
        sign, hours, minutes, fraction = numeric.groups()
        seconds = int(hours) * 3600 + int(minutes or 0) * 60 + round(float(f"0.{fraction or 0}") * 3600)
        return Zone(name, None, -seconds if sign == "-" else seconds, name if sign else f"+{name}")
    zone = _iana(name)
    if zone is None:
        zone = _posix(name)
    return zone


def offset_name(seconds: int) -> str:
    """The POSIX name under which PostgreSQL shows an offset that was set as a number: 3 hours east are <+03>-03."""
    hours, rest = divmod(abs(seconds), 3600)
    minutes, left = divmod(rest, 60)
    text = f"{hours:02}" + (f":{minutes:02}" if rest else "") + (f":{left:02}" if left else "")
    return f"<-{text}>+{text}" if seconds < 0 else f"<+{text}>-{text}"


def _posix(name: str) -> Zone | None:
    match = _POSIX.fullmatch(name)
    if match is None:
        return None
    quoted, plain, hours, minutes, seconds = match.groups()
    west = abs(int(hours)) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return Zone(name, None, west if hours.startswith("-") else -west, quoted or plain)


def find_named_offset(word: str) -> Zone | None:
    """The zone that a word in a date stands for: an abbreviation first, then as in `find_zone`."""
    hours = ABBREVIATIONS.get(word.lower())
    if hours is not None:
        return Zone(word, None, round(hours * 3600), word.upper())
    return find_zone(word) if not word[:1].isdigit() and word[:1] not in "+-" else None
