"""Lists of distinct values without those that are equal but written otherwise, for aggregates with DISTINCT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ruvector_engine.sql.functions import jsonb_values, numeric_udfs, vectors
from ruvector_engine.sql.functions.definition import Udf

T = TypeVar("T")


def _first_of_equals(key: Callable[[T], object]) -> Callable[[Sequence[T | None]], list[T | None]]:
    def call(values: Sequence[T | None]) -> list[T | None]:
        first: dict[object, T | None] = {}
        for value in values:
            first.setdefault(None if value is None else key(value), value)
        return list(first.values())

    return call


_KEYS: dict[str, Callable[[str], object]] = {
    "numeric": numeric_udfs.sort_key,
    "jsonb": lambda text: jsonb_values.sort_key(jsonb_values.load(text)),
    "bpchar": lambda text: text.rstrip(" "),
}
UDFS: tuple[Udf, ...] = (
    *(Udf(f"rv_{name}_distinct", _first_of_equals(key), ("VARCHAR[]",), "VARCHAR[]") for name, key in _KEYS.items()),
    *(
        Udf(f"rv_{name}_distinct", _first_of_equals(vectors.identity), ("BLOB[]",), "BLOB[]")
        for name in ("vector", "ruvector")
    ),
)
