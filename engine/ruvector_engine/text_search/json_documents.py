"""Documents of json and jsonb: the texts in a value, and what else is asked for, each apart from the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.text_search.documents import TsVector, Words

#: What can be asked for; "all" stands for these.
KINDS = ("string", "numeric", "boolean", "key")
_HINT = 'Possible values are: "string", "numeric", "boolean", "key", and "all".'


class _Number(str):
    """A number as it is written."""


class _Object(list[tuple[str, Any]]):
    """Keys and values in their order."""


def _read(text: str) -> Any:
    return json.loads(text, parse_int=_Number, parse_float=_Number, object_pairs_hook=_Object)


def read_kinds(text: str) -> frozenset[str]:
    """The kinds that a jsonb value names; 22023 in PostgreSQL's words."""
    given = _read(text)
    if isinstance(given, _Object):
        raise SqlError("22023", "wrong flag type, only arrays and scalars are allowed")
    found: set[str] = set()
    for kind in given if isinstance(given, list) else [given]:
        if not isinstance(kind, str) or isinstance(kind, _Number):
            raise SqlError("22023", "flag array element is not a string", hint=_HINT)
        if kind.lower() not in (*KINDS, "all"):
            raise SqlError("22023", f'wrong flag in flag array: "{kind}"', hint=_HINT)
        found |= set(KINDS) if kind.lower() == "all" else {kind.lower()}
    return frozenset(found)


def to_tsvector(configuration: str, text: str, kinds: frozenset[str]) -> TsVector:
    """The document of a value. Between two of its texts there is room for a word, so that no phrase spans them."""
    words = Words(configuration)
    for part in _parts(_read(text), kinds):
        if words.add(part):
            words.position += 1
    return words.vector()


def _parts(value: Any, kinds: frozenset[str]) -> Iterator[str]:
    if isinstance(value, _Object):
        for key, item in value:
            if "key" in kinds:
                yield key
            yield from _parts(item, kinds)
    elif isinstance(value, list):
        for item in value:
            yield from _parts(item, kinds)
    elif isinstance(value, bool):
        if "boolean" in kinds:
            yield "true" if value else "false"
    elif isinstance(value, str) and ("numeric" if isinstance(value, _Number) else "string") in kinds:
        yield value
