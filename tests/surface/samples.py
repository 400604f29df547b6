"""Values of every type in a signature of pgvector's, as SQL: ordinary ones and those that rounding, overflow and
dimension checks are sensitive to."""

from __future__ import annotations

import random


def _elements(count: int, seed: int, scale: float = 1.0) -> list[str]:
    """Elements that need every digit of a float32, the same on every run."""
    numbers = random.Random(seed)
    return [repr(numbers.uniform(-scale, scale)) for _ in range(count)]


def _dense(elements: list[str], type_name: str) -> str:
    return f"'[{','.join(elements)}]'::{type_name}"


def _sparse(dimensions: int, elements: dict[int, str]) -> str:
    return f"'{{{','.join(f'{i}:{v}' for i, v in elements.items())}}}/{dimensions}'::sparsevec"


_VECTORS = (
    "'[1,2,3]'::vector",
    "'[0,-0,0]'::vector",
    "'[0.1,-0.2,0.3]'::vector",
    "'[3e38,-3e38,1e38]'::vector",
    "'[1e-45,1.1754942e-38,-1e-30]'::vector",
    "'[16777216,1,-16777217]'::vector",
    "'[1,2]'::vector",
    _dense(_elements(37, 1), "vector"),
    _dense(_elements(37, 2, 1000.0), "vector"),
)
_HALFVECS = (
    "'[1,2,3]'::halfvec",
    "'[0,-0,0]'::halfvec",
    "'[0.1,-0.2,0.3]'::halfvec",
    "'[65504,-65504,60000]'::halfvec",
    "'[6e-8,6.1e-5,-1e-6]'::halfvec",
    "'[1,2]'::halfvec",
    _dense(_elements(37, 3), "halfvec"),
    _dense(_elements(37, 4, 1000.0), "halfvec"),
)
_SPARSEVECS = (
    "'{1:1,2:2,3:3}/3'::sparsevec",
    "'{}/3'::sparsevec",
    "'{2:0.1,3:-0.3}/3'::sparsevec",
    "'{1:3e38,2:-3e38}/3'::sparsevec",
    "'{1:1e-45,3:1e-38}/3'::sparsevec",
    "'{1:1}/2'::sparsevec",
    "'{}/1000000000'::sparsevec",
    _sparse(60, dict(zip(range(1, 60, 2), _elements(30, 5), strict=True))),
    _sparse(60, dict(zip(range(1, 60, 3), _elements(20, 6, 1000.0), strict=True))),
)
_NUMBERS = "{1,2,3}", "{}", "{1,NULL}"
_FRACTIONS = (*_NUMBERS, "{0.1,16777217,-3}", "{NaN,1}", "{Infinity}")
_STATES = "{0}", "{2,3,4}", "{2,3,4,5}", "{1,1e300,1,1}", "{3,1,1,1}"


def _arrays(type_name: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"'{text}'::{type_name}[]" for text in texts)


#: By format_type's name. `internal` has none: no statement can call such a function.
BY_TYPE: dict[str, tuple[str, ...]] = {
    "vector": _VECTORS,
    "halfvec": _HALFVECS,
    "sparsevec": _SPARSEVECS,
    "bit": ("B'101'", "B'011'", "B''", "B'1'", "B'10101010101010101'", "B'00000000000000001'"),
    "integer[]": _arrays("integer", (*_NUMBERS, "{16777217}")),
    "real[]": _arrays("real", _FRACTIONS),
    "double precision[]": _arrays("double precision", (*_FRACTIONS, *_STATES, "{1e300}")),
    "numeric[]": _arrays("numeric", (*_FRACTIONS, "{1e50}", "{0.1000000000000000055511151231257827}")),
    "integer": ("-1", "0", "1", "2", "3", "2147483647", "-2147483648"),
    "boolean": ("true", "false"),
    "cstring": ("'[1,2,3]'", "'{1:1.5}/3'", "'[]'", "'[1,2'", "'[1e40]'", "'[nan]'"),
    "oid": ("0",),
    "cstring[]": ("'{3}'", "'{0}'", "'{16001}'", "'{1000000001}'", "'{1,2}'", "'{a}'", "'{}'"),
    "text": ("'[1,2,3]'::text", "'{1:1,3:2}/3'::text", "'no'::text"),
    "character varying": ("'[1,2,3]'::varchar", "'{1:1,3:2}/3'::varchar"),
}
