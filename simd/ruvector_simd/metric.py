"""The distances a vector, or a string of bits, can be searched by. No arithmetic here."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias


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


class BitMetric(Enum):
    """A distance between strings of bits, by the operator that asks for it; the value as above."""

    HAMMING = "hamming"
    JACCARD = "jaccard"

    @property
    def operator(self) -> str:
        """The SQL operator: <~> Hamming, <%> Jaccard."""
        return "<~>" if self is BitMetric.HAMMING else "<%>"


AnyMetric: TypeAlias = Metric | BitMetric
