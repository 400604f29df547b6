"""Vectors from DuckDB as indexes and exact searches take them: whole columns, no Python object a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ruvector_engine.catalog.model import ROW_ID
from ruvector_engine.errors import SqlError
from ruvector_engine.index.elements import Element
from ruvector_engine.index.spec import Int64Array, Vectors
from ruvector_engine.relational.duck import Connection

#: More ids than this are looked up by their range.
_LISTED_IDS = 1000


def read(
    connection: Connection, sql: str, element: Element, dimensions: int, parameters: Sequence[Any] = ()
) -> tuple[Int64Array, Vectors]:
    """The rows of a query of (BIGINT id, vector as it is stored) without NULLs: ids (n,), and their vectors."""
    ids = [np.empty(0, np.int64)]
    parts = [element.zeros(0, dimensions)]
    for numbers, data, offsets in connection.id_values(sql, parameters):
        ids.append(numbers)
        try:
            parts.append(element.vectors(data, offsets, dimensions))
        except ValueError as error:
            raise SqlError("XX001", f"stored vectors are not as their column says: {error}") from error
    return np.concatenate(ids), element.rows.joined(parts)


def read_by_id(
    connection: Connection,
    sql: str,
    ids: Int64Array,
    element: Element,
    dimensions: int,
    parameters: Sequence[Any] = (),
) -> tuple[Int64Array, Vectors]:
    """Those rows of `sql`, a query as for `read` whose id is named as in the table, whose id is among `ids`.

    Others may be read too, if they lie between: every row that `sql` gives must have a vector.
    """
    if not ids.size:
        return np.empty(0, np.int64), element.zeros(0, dimensions)
    rows = f'SELECT * FROM ({sql}) WHERE "{ROW_ID}"'
    if ids.size <= _LISTED_IDS:
        return read(connection, f"{rows} IN ({', '.join(map(str, ids.tolist()))})", element, dimensions, parameters)
    between = f"{rows} BETWEEN {int(ids.min())} AND {int(ids.max())}"
    found, vectors = read(connection, between, element, dimensions, parameters)
    wanted = np.isin(found, ids)
    if wanted.all():
        return found, vectors
    kept = np.flatnonzero(wanted)
    return found[kept], vectors.take(kept, axis=0)
