"""jsonb documents as Python values, and what PostgreSQL's operators do with them.

Numbers are their digits (`Digits`), objects are dicts in jsonb's order of keys: shorter ones first, then by bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.numeric_udfs import canonical as canonical_numeric
from ruvector_engine.sql.functions.numeric_udfs import sort_key as numeric_sort_key


class Digits(str):
    """A number, as its digits."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_float=Digits, parse_int=Digits)


@lru_cache(maxsize=512)
def load(text: str) -> Any:
    """The document of a (normalised) jsonb text. Shared: never change what this returns."""
    return _DECODER.decode(text)


def dump(value: Any) -> str:
    """The jsonb text of a value."""
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts)


def _write(value: Any, put: Callable[[str], None]) -> None:
    if value is None:
        put("null")
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif isinstance(value, Digits):
        put(value)
    elif isinstance(value, str):
        put(encode_basestring(value))
    elif isinstance(value, list):
        put("[")
        for i, item in enumerate(value):
            put(", " if i else "")
            _write(item, put)
        put("]")
    else:
        put("{")
        for i, (key, item) in enumerate(value.items()):
            put(f"{', ' if i else ''}{encode_basestring(key)}: ")
            _write(item, put)
        put("}")


def key_order(key: str) -> tuple[int, bytes]:
    """What keys are sorted by."""
    raw = key.encode()
    return len(raw), raw


def make_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object in jsonb's order; the last of equal keys counts."""
    last = dict(pairs)
    return {key: last[key] for key in sorted(last, key=key_order)}


def as_text(value: Any) -> str | None:
    """What ->> gives: strings without quotes, NULL for null."""
    if value is None:
        return None
    return str(value) if isinstance(value, str) else dump(value)


_MISSING: Any = object()


def get_key(value: Any, key: str) -> Any:
    """The field, or `missing()`."""
    return value.get(key, _MISSING) if isinstance(value, dict) else _MISSING


def get_index(value: Any, index: int) -> Any:
    """The element; negative indexes count from the end."""
    if isinstance(value, list) and -len(value) <= index < len(value):
        return value[index]
    return _MISSING


def get_element(value: Any, index: int) -> Any:
    """What jsonb's -> gives: it takes a scalar for an array of one."""
    return get_index(value if isinstance(value, (dict, list)) else [value], index)


def get_path(value: Any, path: Sequence[str | None]) -> Any:
    """What lies at the end of a path of keys and indexes."""
    for step in path:
        if step is None:
            return _MISSING
        if isinstance(value, list):
            index = _index(step)
            value = _MISSING if index is None else get_index(value, index)
        else:
            value = get_key(value, step)
        if value is _MISSING:
            return _MISSING
    return value


def _index(step: str) -> int | None:
    try:
        return int(step)
    except ValueError:
        return None


def is_missing(value: Any) -> bool:
    """Whether nothing was found."""
    return value is _MISSING


def same(a: Any, b: Any) -> bool:
    """Equality: numbers by value."""
    return sort_key(a) == sort_key(b)


def contains(a: Any, b: Any) -> bool:
    """a @> b."""
    if isinstance(b, dict):
        return isinstance(a, dict) and all(k in a and contains(a[k], v) for k, v in b.items())
    if isinstance(b, list):
        return isinstance(a, list) and all(any(_element_contains(x, y) for x in a) for y in b)
    if isinstance(a, list):
        return any(not isinstance(x, (dict, list)) and same(x, b) for x in a)
    return not isinstance(a, dict) and same(a, b)


def _element_contains(x: Any, y: Any) -> bool:
    if isinstance(y, (dict, list)):
        return type(x) is type(y) and contains(x, y)
    return not isinstance(x, (dict, list)) and same(x, y)


def has_key(value: Any, key: str) -> bool:
    """value ? key."""
    if isinstance(value, dict):
        return key in value
    if isinstance(value, list):
        return any(isinstance(x, str) and not isinstance(x, Digits) and x == key for x in value)
    return isinstance(value, str) and not isinstance(value, Digits) and value == key


def concatenate(a: Any, b: Any) -> Any:
    """a || b."""
    if isinstance(a, dict) and isinstance(b, dict):
        return make_object([*a.items(), *b.items()])
    return [*(a if isinstance(a, list) else [a]), *(b if isinstance(b, list) else [b])]


def delete_key(value: Any, key: str) -> Any:
    """value - key."""
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if k != key}
    if isinstance(value, list):
        return [x for x in value if not (isinstance(x, str) and not isinstance(x, Digits) and x == key)]
    raise SqlError("22023", "cannot delete from scalar")


def delete_index(value: Any, index: int) -> Any:
    """value - index."""
    if isinstance(value, dict):
        raise SqlError("22023", "cannot delete from object using integer index")
    if not isinstance(value, list):
        raise SqlError("22023", "cannot delete from scalar")
    if not -len(value) <= index < len(value):
        return value
    place = index % len(value)
    return value[:place] + value[place + 1 :]


def delete_path(value: Any, path: Sequence[str | None]) -> Any:
    """value #- path."""
    if not isinstance(value, (dict, list)):
        raise SqlError("22023", "cannot delete path in scalar")
    return _change(value, path, 0, lambda _old: _MISSING, create=False) if path else value


def set_path(value: Any, path: Sequence[str | None], new: Any, *, create: bool) -> Any:
    """jsonb_set()."""
    if not isinstance(value, (dict, list)):
        raise SqlError("22023", "cannot set path in scalar")
    return _change(value, path, 0, lambda _old: new, create=create) if path else value


def _change(value: Any, path: Sequence[str | None], at: int, change: Callable[[Any], Any], *, create: bool) -> Any:
    step = path[at]
    if step is None:
        raise SqlError("22004", f"path element at position {at + 1} is null")
    last = at == len(path) - 1
    if isinstance(value, dict):
        if step not in value and not (last and create):
            return value
        old = value.get(step, _MISSING)
        new = change(old) if last else _change(old, path, at + 1, change, create=create)
        items = {k: v for k, v in value.items() if k != step}
        return items if new is _MISSING else make_object([*items.items(), (step, new)])
    if isinstance(value, list):
        return _change_element(value, path, at, change, create=create)
    return value


def _change_element(
    value: list[Any], path: Sequence[str | None], at: int, change: Callable[[Any], Any], *, create: bool
) -> list[Any]:
    step = str(path[at])
    index = _index(step)
    if index is None:
        raise SqlError("22P02", f'path element at position {at + 1} is not an integer: "{step}"')
    last = at == len(path) - 1
    if not -len(value) <= index < len(value):
        if not (last and create) or (new := change(_MISSING)) is _MISSING:
            return value
        return [new, *value] if index < 0 else [*value, new]
    place = index % len(value)
    new = change(value[place]) if last else _change(value[place], path, at + 1, change, create=create)
    return value[:place] + ([] if new is _MISSING else [new]) + value[place + 1 :]


def strip_nulls(value: Any) -> Any:
    """Without the fields that are null."""
    if isinstance(value, dict):
        return {k: strip_nulls(v) for k, v in value.items() if v is not None}
    return [strip_nulls(v) for v in value] if isinstance(value, list) else value


def type_name(value: Any) -> str:
    """jsonb_typeof()."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Digits):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def canonical(text: str) -> str:
    """The document's text, the same for equal documents: numbers are as short as can be."""
    return dump(_shortened(load(text)))


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return Digits(canonical_numeric(value)) if isinstance(value, Digits) else value


def sort_key(value: Any) -> bytes:
    """Bytes that sort as jsonb sorts, equal for equal documents.

    Object > array > boolean > number > string > null; but an empty array by itself is below all.
    """
    return b"\x00" if value == [] else _bytes_of(value)


def _bytes_of(value: Any) -> bytes:
    if isinstance(value, dict):
        parts = [k.encode() + b"\x00" + _bytes_of(v) for k, v in value.items()]
        return b"\x06" + len(value).to_bytes(4, "big") + b"".join(parts)
    if isinstance(value, list):
        return b"\x05" + len(value).to_bytes(4, "big") + b"".join(_bytes_of(v) for v in value)
    if isinstance(value, bool):
        return b"\x04" + bytes([value])
    if isinstance(value, Digits):
        return b"\x03" + numeric_sort_key(value) + b"\x00"
    return b"\x01" if value is None else b"\x02" + value.encode() + b"\x00"


def elements(value: Any) -> Iterator[Any]:
    """The elements of an array; 22023 for anything else."""
    if isinstance(value, list):
        return iter(value)
    if isinstance(value, dict):
        raise SqlError("22023", "cannot extract elements from an object")
    raise SqlError("22023", "cannot extract elements from a scalar")
