"""The entries of one database as those of another: its objects get OIDs of their own, for these are the cluster's.

A kind of entry, or a field with such an OID in it, that this module does not know is refused, never copied as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ruvector_engine.catalog.composite_types import ROW_TYPE_OFFSET
from ruvector_engine.catalog.entries import Entry
from ruvector_engine.errors import not_supported

#: Entries with an object in JSON; and those that name, or say something about, an object by the OID in their key.
_OBJECTS = frozenset({"table", "index", "sequence", "view", "enum", "composite"})
_OTHERS = frozenset({"schema", "extension", "owner", "acl", "defacl", "comment"})
#: Fields of objects with the OID of another, beside those whose names say so.
_REFERENCES = frozenset({"owned_sequence", "owner_table"})
#: Fields with other numbers.
_NUMBERS = frozenset({"start", "increment", "minimum", "maximum", "typmod", "attnum", "dimensions", "number"})


def moved_oids(stored: Iterable[Entry], first: int, new_oid: Callable[[], int]) -> dict[int, int]:
    """New OIDs for those that the entries' objects have, from `first` on; in the same order, which tells their age."""
    fields = [field for _, kind, body in stored if kind in _OBJECTS for field in _fields("", json.loads(body))]
    own = {value for name, value in fields if name.endswith("oid") and first <= value < ROW_TYPE_OFFSET}
    return {oid: new_oid() for oid in sorted(own)}


def copied(entry: Entry, moved: Mapping[int, int]) -> Entry:
    """The entry with the new OIDs; 0A000 when it is of a kind, or has a field, that could not be copied."""
    key, kind, body = entry
    if kind in _OBJECTS:
        return f"oid:{moved[int(key.split(':')[1])]}", kind, json.dumps(_moved("", json.loads(body), moved))
    if kind not in _OTHERS:
        raise not_supported(f"a template with an entry of the kind {kind} in it is not supported")
    if kind in ("owner", "acl", "comment"):
        name, classoid, objoid, *more = key.split(":")
        key = ":".join((name, classoid, str(moved.get(int(objoid), int(objoid))), *more))
    return key, kind, body


def _fields(name: str, value: Any) -> Iterator[tuple[str, int]]:
    """Every number in a JSON value, with the name of the field that it is in."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _fields(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(name, inner)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield name, value


def _moved(name: str, value: Any, moved: Mapping[int, int]) -> Any:
    if isinstance(value, dict):
        return {key: _moved(key, inner, moved) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moved(name, inner, moved) for inner in value]
    if not isinstance(value, int) or isinstance(value, bool) or name in _NUMBERS:
        return value
    oid = value % ROW_TYPE_OFFSET  # the type of a table's rows has the table's OID and an offset
    if oid not in moved:
        return value
    if not (name.endswith("oid") or name in _REFERENCES):
        raise not_supported(f"a template with objects that have the field {name} is not supported")
    return value - oid + moved[oid]
