"""The table from a raw node's kind to the function that analyzes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ruvector_engine.sql.nodes import Expr
from ruvector_engine.sql.raw import kind_of, refuse
from ruvector_engine.sql.scope import Scope

Analyzer: TypeAlias = Callable[[Scope, Any], Expr]

_ANALYZERS: dict[str, Analyzer] = {}


def handles(*kinds: str) -> Callable[[Analyzer], Analyzer]:
    """Register a function as the analyzer of these node kinds (protobuf field names)."""

    def register(analyzer: Analyzer) -> Analyzer:
        for kind in kinds:
            _ANALYZERS[kind] = analyzer
        return analyzer

    return register


def expression(scope: Scope, node: Any) -> Expr:
    """The typed expression of a raw Node; literals without a type stay `unknown`."""
    kind, message = kind_of(node)
    analyzer = _ANALYZERS.get(kind)
    if analyzer is None:
        raise refuse(message, kind)
    return analyzer(scope, message)
