"""A database to analyze and emit against: the same two tables in PostgreSQL and, by hand, in DuckDB."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import duckdb
from psycopg import pq

from ruvector_engine.catalog.model import ROW_ID, Catalog, ColumnDef, ConstraintDef, SequenceDef, TableDef
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.errors import SqlError
from ruvector_engine.relational.errors import carried_error, translate
from ruvector_engine.sql.analyze import Analyzed, analyze
from ruvector_engine.sql.context import Context
from ruvector_engine.sql.emit import (
    Binding,
    DuckSql,
    SessionValue,
    emit_delete,
    emit_insert,
    emit_query,
    emit_update,
)
from ruvector_engine.sql.functions import system
from ruvector_engine.sql.functions.catalog import UDFS
from ruvector_engine.sql.functions.definition import Udf
from ruvector_engine.sql.nodes import Const, Delete, Insert, Param, Query, Update
from ruvector_engine.sql.parser import parse
from ruvector_engine.sql.storage import MACROS, duck_type
from ruvector_engine.types.registry import BY_NAME, BY_OID, TypeRef
from ruvector_engine.types.text import format_text

#: What PostgreSQL runs to have the same tables and rows.
SETUP = (
    "create table items (id bigint primary key, content text, category text, price numeric(10,2), meta jsonb,"
    " created_at timestamptz default now(), embedding vector(3))",
    "create table tags (id int, name text, n numeric, arr int[], f float8)",
)
ROWS = (
    """insert into items (id, content, category, price, meta, created_at, embedding) values
    (1, 'apple', 'fruit', 1.50, '{"a":1,"b":[1,2,{"c":"x"}]}', '2024-01-15 10:30:00+00', '[1,2,3]'),
    (2, 'pear', 'fruit', 2.25, '{"a":2.50,"tags":["x","y"]}', '2024-02-20 00:00:00+00', '[4,5,6]'),
    (3, 'carrot', 'veg', 0.75, null, '2024-03-01 12:00:00.123456+00', '[0,0,1]'),
    (4, null, 'veg', null, '[]', '2023-12-31 23:59:59+00', null)""",
    """insert into tags values (1, 'red', 1.10, array[1,2,3], 1.5), (2, 'green', 10, array[4], 0.1),
    (3, null, null, null, 1e20), (1, 'blue', 1.1, array[]::int[], -2.5)""",
)


def typed(name: str, typmod: int = -1) -> TypeRef:
    """A type by name ("int4", "int4[]")."""
    if name.endswith("[]"):
        return TypeRef(BY_NAME[name[:-2]].array_oid, typmod)
    return TypeRef(BY_NAME[name].oid, typmod)


ITEMS = TableDef(
    16500,
    "public",
    "items",
    (
        ColumnDef("id", typed("int8"), 1, True),
        ColumnDef("content", typed("text"), 2),
        ColumnDef("category", typed("text"), 3),
        ColumnDef("price", typed("numeric", ((10 << 16) | 2) + 4), 4),
        ColumnDef("meta", typed("jsonb"), 5),
        ColumnDef("created_at", typed("timestamptz"), 6, default="now()"),
        ColumnDef("embedding", typed("vector", 3), 7),
    ),
    (ConstraintDef(16502, "items_pkey", "p", ("id",)),),
)
TAGS = TableDef(
    16510,
    "public",
    "tags",
    (
        ColumnDef("id", typed("int4"), 1),
        ColumnDef("name", typed("text"), 2),
        ColumnDef("n", typed("numeric"), 3),
        ColumnDef("arr", typed("int4[]"), 4),
        ColumnDef("f", typed("float8"), 5),
    ),
)
NUMBERS = SequenceDef(16520, "public", "numbers", BY_NAME["int8"].oid)
CATALOG = Catalog(
    1,
    MappingProxyType({("public", r.name): r for r in (ITEMS, TAGS, NUMBERS)}),
    frozenset({"public"}),
    frozenset({"vector", "ruvector"}),
)
LOOKUP = Lookup.of(CATALOG, ("public",), user="postgres")
#: The transaction's start: 2024-06-01 12:00:00 UTC.
NOW = 770_558_400_000_000
CONTEXT = Context(CATALOG, ("public",), now=NOW, lookup=LOOKUP)
_SESSION_VALUES = {"now": NOW, "current_user": "postgres", "pg_backend_pid": 77, "current_setting": None}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave, as a client sees it in text format."""

    columns: list[list[str]]  # name, type
    rows: list[list[str | None]]


def failure(error: SqlError) -> list[Any]:
    """What of an error is compared: SQLSTATE, message, position, hint."""
    return [error.sqlstate, error.message, error.position, error.hint]


class Duck:
    """An in-memory DuckDB with our functions, in which emitted statements run."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self._run("SET TimeZone = 'UTC'")
        for udf in (*UDFS, *system.udfs(lambda _pid: LOOKUP)):
            self._register(udf)
        for macro in MACROS:
            self._run(macro)
        self._run(f"CREATE SEQUENCE {NUMBERS.storage_name}")
        self._run("CREATE SEQUENCE ruvector_rid")
        for table in (ITEMS, TAGS):
            self._run(_create_table(table))
        for statement in ROWS:
            self.answer(statement)

    def close(self) -> None:
        self.connection.close()

    def transaction(self, command: str) -> None:
        self._run(command)

    def _run(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        return self.connection.execute(sql, list(values) or None).fetchall()  # type: ignore[no-any-return]

    def _register(self, udf: Udf) -> None:
        self.connection.create_function(
            udf.name,
            _carrying(udf.function, len(udf.arguments)),
            list(udf.arguments),
            udf.result,
            type="native",
            null_handling=udf.null_handling,
            side_effects=udf.volatile,
        )

    def answer(self, sql: str, params: Sequence[Any] = (), oids: Sequence[int] = ()) -> Answer:
        """Analyze, emit and run; SqlError as a client would get it."""
        (raw,) = parse(sql)
        analyzed = analyze(raw, CONTEXT, oids)
        rows = self.rows(analyzed, params)
        types = [c.type for c in analyzed.columns or ()]
        texts = [[_text(t, v) for t, v in zip(types, row, strict=False)] for row in rows]
        return Answer([[c.name, c.type.pg.name] for c in analyzed.columns or ()], texts if types else [])

    def rows(self, analyzed: Analyzed, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows, values in the registry's forms."""
        emitted = emit(analyzed)
        values = [_bound(b, params) for b in emitted.bindings]
        try:
            rows = self._run(emitted.text, values)
        except duckdb.Error as error:
            raise translate(type(error).__name__, str(error), emitted.text) from error
        convert = dict(emitted.converters)
        return [tuple(convert[i](v) if i in convert else v for i, v in enumerate(row)) for row in rows]


def emit(analyzed: Analyzed) -> DuckSql:
    """The statement's SQL."""
    statement = analyzed.statement
    if isinstance(statement, Query):
        return emit_query(statement)
    if isinstance(statement, Insert):
        return emit_insert(statement)
    if isinstance(statement, Update):
        return emit_update(statement)
    assert isinstance(statement, Delete)
    return emit_delete(statement)


def _create_table(table: TableDef) -> str:
    columns = [f'"{c.name}" {duck_type(c.type)}' for c in table.columns]
    if table.has_row_id:
        columns.append(f"{ROW_ID} BIGINT DEFAULT nextval('ruvector_rid')")
    keys = [f"PRIMARY KEY ({', '.join(c.columns)})" for c in table.constraints]
    return f"CREATE TABLE {table.storage_name} ({', '.join([*columns, *keys])})"


def _carrying(function: Callable[..., Any], arity: int) -> Callable[..., Any]:
    """The function with as many parameters by name as DuckDB wants to see, its SqlErrors made text."""

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except SqlError as error:
            raise ValueError(carried_error(error)) from None

    names = ", ".join(f"a{i}" for i in range(arity))
    made: Callable[..., Any] = eval(f"lambda {names}: call({names})", {"call": call})
    return made


def _bound(binding: Binding, params: Sequence[Any]) -> Any:
    if isinstance(binding, Const):
        return binding.value
    if isinstance(binding, Param):
        return params[binding.number - 1]
    assert isinstance(binding, SessionValue)
    return _SESSION_VALUES[binding.name]


def _text(type_ref: TypeRef, value: Any) -> str | None:
    return None if value is None else format_text(replace(type_ref), value)


def oracle_answer(connection: pq.abc.PGconn, sql: str) -> Any:
    """What PostgreSQL answers, in the form that the case files keep."""
    result = connection.exec_params(sql.encode(), None)
    if result.status == pq.ExecStatus.FATAL_ERROR:
        fields = [pq.DiagnosticField.SQLSTATE, pq.DiagnosticField.MESSAGE_PRIMARY]
        state, message = ((result.error_field(f) or b"").decode() for f in fields)
        place = result.error_field(pq.DiagnosticField.STATEMENT_POSITION)
        hint = result.error_field(pq.DiagnosticField.MESSAGE_HINT)
        return {"error": [state, message, int(place) if place else None, hint.decode() if hint else None]}
    columns = [[_name(result, i), _type_name(result.ftype(i))] for i in range(result.nfields)]
    rows = [[_value(result, i, j) for j in range(result.nfields)] for i in range(result.ntuples)]
    return {"columns": columns, "rows": rows if columns else []}


def _name(result: pq.abc.PGresult, column: int) -> str:
    return (result.fname(column) or b"").decode()


def _value(result: pq.abc.PGresult, row: int, column: int) -> str | None:
    value = result.get_value(row, column)
    return None if value is None else value.decode()


def _type_name(oid: int) -> str:
    """The type's name; those of the extension have another OID in each PostgreSQL."""
    return BY_OID[oid].name if oid in BY_OID and oid < 16_384 else "vector"


def ordered(sql: str) -> bool:
    """Whether the statement says in which order its rows come."""
    return re.search(r"\border by\b", sql, re.IGNORECASE) is not None
