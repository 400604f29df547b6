"""UPDATE ... FROM and DELETE ... USING whose RETURNING reads the other tables: DuckDB's sees the changed row only.

The join runs first, as a query of the rows to change, their new values and RETURNING's; then these are written. Where
several rows join one, the first counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor.bindings import values
from ruvector_engine.planner.walk import is_volatile
from ruvector_engine.relational.kept_rows import KeptRows
from ruvector_engine.results import Row
from ruvector_engine.sql.emit import emit_query
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import ColumnRef, Delete, Expr, Query, SubLink, Target, Update
from ruvector_engine.sql.storage import converter, duck_type, to_transport
from ruvector_engine.sql.tree import references, transform, walk
from ruvector_engine.sql.unique_keys import companion, companions, key_value
from ruvector_engine.types.registry import INT8, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: As much may one statement return.
_MOST_BYTES = 1 << 30


def needed(statement: Update | Delete) -> bool:
    """Whether RETURNING reads tables other than the one that is changed."""
    columns = (column for target in statement.returning for column, _ in references(target.expr))
    return any(column.range is not statement.entry for column in columns)


def run(
    session: Session,
    statement: Update | Delete,
    params: Sequence[Value],
    prefix: Sequence[str],
    extra_sets: Sequence[str],
) -> list[Row]:
    """Run the statement: rows of `prefix`, DuckDB's SQL over the changed rows, followed by RETURNING's values.

    The two halves of a row need not be of the same changed row.
    """
    if any(column.name.lower() == "rowid" for column in statement.table.columns):
        raise not_supported("RETURNING columns of other tables is not supported for a table with a column rowid")
    joined = _joined(session, statement, params)
    table = statement.table.storage_name
    returning = f" RETURNING {', '.join(prefix)}" if prefix else ""
    if isinstance(statement, Update):
        columns = [statement.table.columns[index] for index, _ in statement.sets]
        sets = [f"{quote(c.name)} = CAST(b.s{i} AS {duck_type(c.type)})" for i, c in enumerate(columns)]
        hidden = companions(statement.table)
        sets += [f"{companion(c)} = {key_value(f'b.s{i}', c.type)}" for i, c in enumerate(columns) if c in hidden]
        sets += [extra.format(row="") for extra in extra_sets]
        change = f"UPDATE {table} SET {', '.join(sets)} FROM ruvector_batch AS b"
        changed = session.connection.run_over(f"{change} WHERE {table}.rowid = b.rid{returning}", joined)
    else:
        change = f"DELETE FROM {table} WHERE rowid IN (SELECT rid FROM ruvector_batch){returning}"
        changed = session.connection.run_over(change, joined)
    outputs = _outputs(session, statement, joined)
    return [(*mark, *row) for mark, row in zip(changed, outputs, strict=True)] if prefix else outputs


def _joined(session: Session, statement: Update | Delete, params: Sequence[Value]) -> KeptRows:
    """The rows to change: rid, the new values s0, s1, ... as they are stored, RETURNING's values o0, o1, ..."""
    sets = dict(statement.sets) if isinstance(statement, Update) else {}
    items = statement.from_items if isinstance(statement, Update) else statement.using
    exprs = [*sets.values(), *(_of_new_row(statement, sets, target.expr) for target in statement.returning)]
    rid = ColumnRef(statement.entry, -2, "rowid", TypeRef(INT8))
    query = Query(
        tuple(Target(expr, "") for expr in (rid, *exprs)),
        from_items=(statement.entry, *items),
        where=statement.where,
        ctes=statement.ctes,
    )
    emitted = emit_query(query, transport=False)
    names = [f"c{i}" for i in range(len(exprs))]
    outputs = [f"{name} AS s{i}" for i, name in enumerate(names[: len(sets)])]
    shown = zip(names[len(sets) :], statement.returning, strict=True)
    outputs += [f"{to_transport(target.expr.type, name)} AS o{i}" for i, (name, target) in enumerate(shown)]
    kept = session.connection.keep(
        f"SELECT DISTINCT ON (rid) rid, {', '.join(outputs)} FROM ({emitted.text}) AS n(rid, {', '.join(names)})",
        _MOST_BYTES,
        parameters=values(session, emitted, params),
    )
    if kept is None:
        raise SqlError("53200", "out of memory", detail="RETURNING gives more than 1 GB.")
    return kept


def _of_new_row(statement: Update | Delete, sets: dict[int, Expr], expr: Expr) -> Expr:
    """RETURNING's expression over the row as it was, for the row as it becomes."""
    if any(isinstance(part, SubLink) for part in walk(expr)):
        raise not_supported(
            "subqueries in RETURNING that refer to the changed row, or are volatile, are not supported",
            hint="Put the statement into WITH, and join its rows in the query.",
        )
    if any(is_volatile(value) for value in sets.values()):
        raise not_supported(
            "RETURNING columns of other tables is not supported where SET calls a volatile function",
            hint="Return columns of the changed table only, or compute the value in a WITH query.",
        )

    def new_value(part: Expr) -> Expr | None:
        if isinstance(part, ColumnRef) and part.range is statement.entry:
            return sets.get(part.index)
        return None

    return transform(expr, new_value)


def _outputs(session: Session, statement: Update | Delete, joined: KeptRows) -> list[Row]:
    converters = [converter(target.expr.type) for target in statement.returning]
    names = ", ".join(f"o{i}" for i in range(len(converters)))
    rows = session.connection.run_over(f"SELECT {names} FROM ruvector_batch", joined)
    if not any(converters):
        return rows
    return [
        tuple(value if convert is None else convert(value) for convert, value in zip(converters, row, strict=True))
        for row in rows
    ]
