"""The options of quantized indexes: the names of codes, and what may go together.

`pq8`, `pq16`, ... name how many times smaller than float32 the codes are to be; `pq` is `pq16`, unless `pq_m` says how
many bytes a code is to have. `pq_k` is the number of centroids behind each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ruvector_engine.errors import SqlError
from ruvector_engine.index.spec import Quantization
from ruvector_quantization import DEFAULT_CENTROIDS, parts_for

_COMPRESSION = 16
_PRODUCT_NAMES = {"pq": _COMPRESSION, "product": _COMPRESSION, **{f"pq{n}": n for n in (4, 8, 16, 32, 64)}}
#: Accepted names, those of the RuVector dialect among them.
_NAMES: dict[str, Quantization] = {
    "none": "none",
    "sq8": "sq8",
    "scalar": "sq8",
    "sq": "sq8",
    "sq4": "sq4",
    "f16": "f16",
    "halfvec": "f16",
    "binary": "binary",
    "bq": "binary",
    **dict.fromkeys(_PRODUCT_NAMES, "pq"),
}
#: Those that an error lists: the others say the same.
_LISTED = ("none", "sq8", "sq4", "f16", "pq", "pq4", "pq8", "pq16", "pq32", "pq64", "binary")


@dataclass(frozen=True, slots=True)
class Codes:
    """Fields of IndexSpec."""

    quantization: Quantization
    parts: int = 0
    centroids: int = 0


def check_name(text: str) -> None:
    """Refuse what names no codes, as PostgreSQL refuses a value of an enum option."""
    if text.lower() not in _NAMES:
        *first, last = (f'"{name}"' for name in _LISTED)
        raise SqlError(
            "22023",
            f'invalid value for enum option "quantization": {text}',
            detail=f"Valid values are {', '.join(first)}, and {last}.",
        )


def codes_of(options: Mapping[str, str], dimensions: int) -> Codes:
    """What the options ask for; 22023 for those that do not go together."""
    name = options.get("quantization", "none").lower()
    quantization = _NAMES[name]
    parts, centroids = (
        round(float(options[key])) if key in options else default
        for key, default in (("pq_m", 0), ("pq_k", DEFAULT_CENTROIDS))
    )
    if quantization != "pq":
        given = next((key for key in ("pq_m", "pq_k") if key in options), None)
        if given is not None:
            raise SqlError("22023", f'option "{given}" requires quantization = "pq"')
        return Codes(quantization)
    if centroids & (centroids - 1):
        raise SqlError("22023", "pq_k must be a power of two")
    if parts and name not in ("pq", "product"):
        raise SqlError("22023", f'option "pq_m" cannot be combined with quantization = "{name}"')
    if parts and dimensions % parts:
        raise SqlError("22023", "pq_m must divide the number of dimensions", detail=f"There are {dimensions}.")
    return Codes(quantization, parts or parts_for(dimensions, _PRODUCT_NAMES[name]), centroids)
