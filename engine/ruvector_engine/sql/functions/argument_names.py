"""The names of arguments, of the functions that can be called with them, and what their defaults are."""

from __future__ import annotations

_CLOCK = ("year", "month", "mday", "hour", "min", "sec")
#: `vars` of these is an empty object where it is left out.
PATH_FUNCTIONS = frozenset(f"jsonb_path_{name}" for name in ("exists", "match", "query", "query_array", "query_first"))
#: By the function's name; the longest form, of which the others are beginnings.
ARGUMENT_NAMES: dict[str, tuple[str, ...]] = {
    "make_interval": ("years", "months", "weeks", "days", "hours", "mins", "secs"),
    "make_date": ("year", "month", "day"),
    "make_time": ("hour", "min", "sec"),
    "make_timestamp": _CLOCK,
    "make_timestamptz": (*_CLOCK, "timezone"),
    **dict.fromkeys(PATH_FUNCTIONS, ("target", "path", "vars", "silent")),
}
#: Every argument of these may be left out, and is 0 then.
ZERO_BY_DEFAULT = frozenset({"make_interval"})
