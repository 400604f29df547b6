"""to_number(): a number read by a template (formatting.c)."""

from __future__ import annotations

import re

from ruvector_engine.errors import not_supported
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.numeric_udfs import text_of
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.numeric import parse_numeric

_PART = re.compile(r'FM|MI|PL|SG|PR|TH|th|EEEE|RN|rn|V|[09.,DGSL]|"[^"]*"|.', re.DOTALL)
_REFUSED = ("TH", "th", "EEEE", "RN", "rn", "V")


class _Reader:
    """Goes through the text while the template is gone through."""

    def __init__(self, text: str, template: str) -> None:
        self._rest = text
        self._parts = _PART.findall(template)
        self._negative = False
        self._digits = ""
        for part in _REFUSED:
            if part in self._parts:
                raise not_supported(f'"{part}" in a number template to read is not supported')

    def number(self) -> str:
        """What was read."""
        for part in self._parts:
            if not self._rest:
                break
            self._read(part)
        return text_of(parse_numeric(f"{'-' if self._negative else ''}{self._digits}" or " "))

    def _read(self, part: str) -> None:
        if part in ("0", "9"):
            self._digit()
        elif part in (".", "D"):
            self._point()
        elif part in (",", "G"):
            self._rest = self._rest.removeprefix(",")
        elif part in ("S", "SG", "MI", "PL"):
            self._sign()
        elif part not in ("FM", "PR"):
            self._skip(len(part.strip('"')))

    def _digit(self) -> None:
        if not self._digits.strip("."):
            self._rest = self._rest.removeprefix(" ")
            self._sign()
        if self._rest[:1].isdigit():
            self._digits, self._rest = self._digits + self._rest[0], self._rest[1:]
        elif not self._point() and not self._is_sign():
            self._rest = self._rest[1:]

    def _is_sign(self) -> bool:
        """Whether a sign comes next that a later part of the template may want."""
        return self._rest[:1] in ("+", "-") and bool({"S", "SG", "MI", "PL"} & set(self._parts))

    def _point(self) -> bool:
        """Take the decimal point, if the template has one too."""
        if self._rest[:1] != "." or "." in self._digits or not {".", "D"} & set(self._parts):
            return False
        self._digits, self._rest = self._digits + ".", self._rest[1:]
        return True

    def _sign(self) -> None:
        """A sign, or the bracket that PR writes before a negative number."""
        signs = "+-<" if "PR" in self._parts else "+-"
        if self._rest[:1] and self._rest[0] in signs:
            self._negative, self._rest = self._rest[0] in "-<", self._rest[1:]

    def _skip(self, count: int) -> None:
        """Pass over as many characters as a literal part has, but over nothing that belongs to a number."""
        for _ in range(count):
            if self._rest[:1] and self._rest[0] not in "0123456789.,+-":
                self._rest = self._rest[1:]


def _to_number(text: str, template: str) -> str:
    return _Reader(text, template).number()


FUNCTIONS: tuple[FunctionDef, ...] = (
    function("to_number", "text,text", "numeric", lambda a, b: numeric.numeric_text(f"rv_to_number({a}, {b})")),
)
UDFS: tuple[Udf, ...] = (Udf("rv_to_number", _to_number, ("VARCHAR", "VARCHAR"), "VARCHAR"),)
