"""WITH: named queries, recursive ones included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ruvector_engine.catalog.system.typenames import format_type
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql import query as queries
from ruvector_engine.sql.coerce import common_type, known
from ruvector_engine.sql.names import lookup_of
from ruvector_engine.sql.nodes import Const, Cte, CteRef, Delete, Insert, Query, Target, Update
from ruvector_engine.sql.raw import guard, kind_of, pb, position, strings
from ruvector_engine.sql.scope import Scope
from ruvector_engine.sql.targets import retype
from ruvector_engine.types.registry import TypeRef

_HANDLED = frozenset({"ctename", "aliascolnames", "ctematerialized", "ctequery", "location"})
_MATERIALIZED = {pb.CTEMaterializeAlways: True, pb.CTEMaterializeNever: False}


def with_clause(scope: Scope, node: Any) -> tuple[Cte, ...]:
    """Analyze the WITH queries in order; the scope knows them from then on."""
    result = []
    for item in node.ctes:
        cte_node = item.common_table_expr
        guard(cte_node, _HANDLED)
        if cte_node.ctename in scope.ctes:
            raise SqlError(
                "42712",
                f'WITH query name "{cte_node.ctename}" specified more than once',
                position=position(cte_node.location),
            )
        kind, select = kind_of(cte_node.ctequery)
        if kind != "select_stmt":
            cte = _modifying(scope, cte_node, kind, select)
            scope.ctes[cte.name] = cte
            result.append(cte)
            continue
        recursive = node.recursive and select.op == pb.SETOP_UNION and _mentions(select.rarg, cte_node.ctename)
        cte = _recursive(scope, cte_node, select) if recursive else _plain(scope, cte_node, select)
        scope.ctes[cte.name] = cte
        result.append(cte)
    return tuple(result)


#: Analysis of INSERT, UPDATE and DELETE by the node's name; `modify` enters them, which itself needs this module.
MODIFYING: dict[str, Callable[[Scope, Any], Insert | Update | Delete]] = {}


def _modifying(scope: Scope, node: Any, kind: str, inner: Any) -> Cte:
    if kind not in MODIFYING:
        raise not_supported("MERGE in WITH is not supported", position=position(node.location))
    if not scope.is_top:
        raise SqlError(
            "0A000",
            "WITH clause containing a data-modifying statement must be at the top level",
            position=position(node.location),
        )
    statement = MODIFYING[kind](Scope(scope.state, scope), inner)
    names = column_names(node, [target.name for target in statement.returning])
    rows = Query(tuple(Target(Const(None, t.expr.type), n) for t, n in zip(statement.returning, names, strict=True)))
    return Cte(node.ctename, rows, names, statement=statement)


def _plain(scope: Scope, node: Any, select: Any) -> Cte:
    query = queries.select(Scope(scope.state, scope), select)
    return _cte(node, query, recursive=False)


def _cte(node: Any, query: Query, *, recursive: bool) -> Cte:
    names = column_names(node, [t.name for t in query.targets])
    return Cte(node.ctename, query, names, recursive, _MATERIALIZED.get(node.ctematerialized))


def column_names(node: Any, own: Sequence[str]) -> tuple[str, ...]:
    """The WITH query's columns: the listed names first; 42P10 when there are too many."""
    listed = strings(node.aliascolnames)
    if len(listed) > len(own):
        raise SqlError(
            "42P10",
            f'WITH query "{node.ctename}" has {len(own)} columns available but {len(listed)} columns specified',
            position=position(node.location),
        )
    return (*listed, *own[len(listed) :])


def _recursive(scope: Scope, node: Any, select: Any) -> Cte:
    """first UNION [ALL] next: the first term gives the types, the second one refers to the query itself."""
    for field in ("sort_clause", "locking_clause"):
        if len(getattr(select, field)):
            raise not_supported(f"{field.split('_')[0].upper()} in a recursive query is not implemented")
    for field in ("limit_count", "limit_offset", "with_clause"):
        if select.HasField(field):
            raise not_supported(f"{field.replace('_', ' ')} in a recursive query is not implemented")
    first = queries.select(Scope(scope.state, scope), select.larg)
    names = column_names(node, [t.name for t in first.targets])
    types = [known(scope.state, t.expr).type for t in first.targets]
    retype(scope.state, first, types)
    inner = Scope(scope.state, scope)
    first_typed = Query(targets=tuple(Target(t.expr, n) for t, n in zip(first.targets, names, strict=True)))
    inner.ctes[node.ctename] = Cte(node.ctename, first_typed, names, True)
    inner.recursive_ctes.add(node.ctename)
    following = queries.select(inner, select.rarg, resolve_unknown=False)
    if len(following.targets) != len(types):
        raise SqlError("42601", "each UNION query must have the same number of columns")
    _check_types(scope, node, first, following, types)
    retype(scope.state, following, types)
    combined = queries.set_query(Scope(scope.state, scope), select, "UNION", first, following, types)
    return _cte(node, combined, recursive=True)


def _check_types(scope: Scope, node: Any, first: Query, following: Query, types: Sequence[TypeRef]) -> None:
    lookup = lookup_of(scope.state.context)
    for i, (a, b) in enumerate(zip(first.targets, following.targets, strict=True)):
        overall = common_type([a.expr, b.expr], "UNION")
        if overall.oid != types[i].oid:
            was, now = (format_type(lookup, t.oid, t.typmod) for t in (types[i], overall))
            raise SqlError(
                "42804",
                f'recursive query "{node.ctename}" column {i + 1} has type {was} in non-recursive term '
                f"but type {now} overall",
                hint="Cast the output of the non-recursive term to the correct type.",
                position=position(a.expr.location),
            )


def _mentions(message: Any, name: str) -> bool:
    """Whether a raw query refers to a relation of that (bare) name."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        parts = value if descriptor.is_repeated else [value]
        for part in parts:
            if descriptor.message_type.name == "RangeVar" and part.relname == name and not part.schemaname:
                return True
            if _mentions(part, name):
                return True
    return False


def reference(cte: Cte, *, inside: bool) -> CteRef:
    """A FROM item's source for the WITH query; `inside` its own recursive term."""
    return CteRef(cte.name, None if inside else cte.query)
