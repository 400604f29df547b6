"""format(): %s, %I, %L, %%, with positions, widths and the minus flag."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.names import quote_identifier

_SPECIFIER = re.compile(r"%(?:(\d+)\$)?(-)?(?:(\d+)|\*(?:(\d+)\$)?)?(.)?", re.DOTALL)


def format_string(template: str, args: Sequence[str | None]) -> str:
    """The template with its specifiers replaced; 22023 where it is malformed or takes too many arguments."""
    taken = 0

    def argument(number: str | None) -> str | None:
        nonlocal taken
        place = int(number) if number else taken + 1
        if place == 0:
            raise SqlError("22023", "format specifies argument 0, but arguments are numbered from 1")
        if place > len(args):
            raise SqlError("22023", "too few arguments for format()")
        taken = place
        return args[place - 1]

    def replace(match: re.Match[str]) -> str:
        number, minus, width_text, width_number, kind = match.groups()
        if kind == "%" and match.group(0) == "%%":
            return "%"
        left = minus is not None
        width = int(width_text) if width_text else 0
        if "*" in match.group(0):
            given = argument(width_number)
            width = int(given) if given is not None else 0
            left, width = left or width < 0, abs(width)
        if kind is None:
            raise SqlError("22023", "unterminated format() type specifier", hint='For a single "%" use "%%".')
        text = _convert(kind, argument(number) if kind in "sIL" else None)
        return text.ljust(width) if left else text.rjust(width)

    return _SPECIFIER.sub(replace, template)


def _convert(kind: str, value: str | None) -> str:
    if kind == "s":
        return "" if value is None else value
    if kind == "I":
        if value is None:
            raise SqlError("22004", "null values cannot be formatted as an SQL identifier")
        return quote_identifier(value)
    if kind == "L":
        if value is None:
            return "NULL"
        escaped = value.replace("'", "''")
        return "E'{}'".format(escaped.replace("\\", "\\\\")) if "\\" in value else f"'{escaped}'"
    raise SqlError("22023", f'unrecognized format() type specifier "{kind}"', hint='For a single "%" use "%%".')
