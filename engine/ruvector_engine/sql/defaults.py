"""Column defaults and other expressions kept as text: analyzed when they are used."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ruvector_engine.catalog.model import BARE_SCHEMA, ColumnDef
from ruvector_engine.sql.coerce import assign
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.functions.sequences import NEXT_IDENTITY
from ruvector_engine.sql.nodes import Call, Const, Expr
from ruvector_engine.sql.parser import parse
from ruvector_engine.sql.scope import Scope
from ruvector_engine.sql.stored_names import reading_within
from ruvector_engine.types.registry import INT8, REGCLASS, TypeRef


@lru_cache(maxsize=1024)
def expression_node(sql: str) -> Any:
    """The raw node of an expression in SQL."""
    return parse(f"SELECT {sql}")[0].node.target_list[0].res_target.val


def column_default(state: State, column: ColumnDef) -> Expr | None:
    """The column's default as the column's type; None when it has none, which means NULL."""
    if column.identity and column.default is None:
        call = Call(NEXT_IDENTITY, (Const(column.owned_sequence, TypeRef(REGCLASS)),), TypeRef(INT8))
        return assign(state, call, column.name, column.type)
    if column.default is None:
        return None
    state = State(reading_within(state.context, BARE_SCHEMA), Parameters(None))
    scope = Scope(state)
    scope.clause = "DEFAULT"
    return assign(state, expression(scope, expression_node(column.default)), column.name, column.type)
