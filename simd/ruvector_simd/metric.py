"""The distances a vector can be searched by. No arithmetic here."""

from __future__ import annotations

from enum import Enum


class Metric(Enum):
    """A distance, by the operator that asks for it. The value is pgvector's operator class suffix."""

    L2 = "l2"
    INNER_PRODUCT = "ip"
    COSINE = "cosine"
    L1 = "l1"

    @property
    def operator(self) -> str:
        """The SQL operator: <-> L2, <#> negative inner product, <=> cosine, <+> L1."""
        return _OPERATORS[self]


_OPERATORS = {Metric.L2: "<->", Metric.INNER_PRODUCT: "<#>", Metric.COSINE: "<=>", Metric.L1: "<+>"}
