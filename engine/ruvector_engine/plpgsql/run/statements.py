"""Runs the SQL in a block: expressions, statements, texts made at run time. Errors are told as PostgreSQL tells them.

What SQL a block has is analyzed when it is first reached and kept until the block ends, or the catalog or a
variable's type changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.plpgsql.names import find
from ruvector_engine.plpgsql.nodes import Sql
from ruvector_engine.plpgsql.run.bound import Bound
from ruvector_engine.plpgsql.run.quick import Quick, compiled
from ruvector_engine.plpgsql.run.values import Datum, Fields, Values
from ruvector_engine.results import Result, Row
from ruvector_engine.sql.nodes import Aggregate, Call, Expr, Query, SubLink
from ruvector_engine.sql.parser import RawStatement, parse, scan
from ruvector_engine.sql.raw import pb, strings
from ruvector_engine.sql.tree import walk
from ruvector_engine.types.registry import RECORD, UNKNOWN, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Prepared, Session

_LINES = {
    "expression": 'PL/pgSQL expression "{}"',
    "assignment": 'PL/pgSQL assignment "{}"',
    "statement": 'SQL statement "{}"',
}
#: What may be set in the SELECT of an expression that needs no query to be evaluated.
_SIMPLE = frozenset({"target_list", "limit_option", "op"})
#: Rows asked for at a time.
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Ready:
    """A piece of SQL, analyzed.

    `simple`: PostgreSQL evaluates it without running a query; it has this `type` then. `quick` does so here, where that
    needs no DuckDB.
    """

    prepared: Prepared
    bound: Bound
    search_path: tuple[str, ...]
    simple: bool
    type: TypeRef
    quick: Quick | None

    def is_current(self, session: Session) -> bool:
        """Whether all that it was made for is still so."""
        same = self.prepared.catalog is session.catalog and self.search_path == session.search_path
        return same and self.bound.is_current()

    @property
    def unnamed(self) -> bool:
        """Whether PostgreSQL's errors do not say in which SQL they came up: it looked at no SQL to find them."""
        return self.simple and bool(self.bound.slots)


class Outcome:
    """What a statement gave. `count` is how many rows it has given so far, or changed."""

    def __init__(self, result: Result, fields: Fields | None) -> None:
        self._result = result
        self.fields = fields
        self.kind = result.tag.split(" ")[0]
        last = result.tag.rpartition(" ")[2]
        self.count = int(last) if last.isdigit() and not result.counted else 0

    @property
    def returns_rows(self) -> bool:
        """Whether the statement is one that gives rows."""
        return self.fields is not None

    def rows(self) -> Iterator[Row]:
        """The rows one by one."""
        batch = self._result.rows
        while batch:
            for row in batch:
                if self._result.counted:
                    self.count += 1
                yield row
            batch = self._result.more(_BATCH) if self._result.more is not None else []

    def close(self) -> None:
        """Ask for no more rows."""
        if self._result.close is not None:
            self._result.close()


class Statements:
    """The SQL of one block."""

    def __init__(self, session: Session, values: Values, conflict: str) -> None:
        self._conflict = conflict
        self._session = session
        self._values = values
        self._ready: dict[Sql, Ready] = {}
        self._rows: dict[Sql, Sql] = {}  # ROW(a, b) -> a, b

    # ------------------------------------------------------------ the block's own SQL

    def evaluate(self, sql: Sql) -> Datum:
        """The value of an expression; NULL when it gives no row."""
        ready = self._prepared(sql)
        if ready.quick is None:
            value, type_ = self._queried(sql)
        else:
            with self.told(sql, unnamed=ready.unnamed):
                value = ready.quick(ready.bound.parameters())
            type_ = ready.type
        if sql.kind == "assignment" and (literal := _literal(sql.raw)) >= 0:
            return Datum(value, TypeRef(UNKNOWN), literal=literal)
        return Datum(value, type_)

    def _queried(self, sql: Sql) -> tuple[Value, TypeRef]:
        outcome = self.run(sql)
        with self.told(sql):
            rows = list(islice(outcome.rows(), 2))
            outcome.close()
        fields = outcome.fields or ()
        if len(fields) != 1:
            raise self._not_one(sql, len(fields))
        if len(rows) > 1:
            raise SqlError("21000", "query returned more than one row", context=f"query: {sql.text}")
        return rows[0][0] if rows else None, fields[0][1]

    def evaluate_row(self, sql: Sql) -> Datum:
        """The same for what is to be a row: one that is written as ROW(...), or a variable, keeps its columns."""
        targets = sql.raw.node.target_list
        target: Any = targets[0].res_target.val if len(targets) == 1 else pb.Node()
        kind = target.WhichOneof("node")
        if kind == "column_ref" and target.column_ref.fields[-1].WhichOneof("node") == "string":
            found = find(sql.names, strings(target.column_ref.fields))
            if found is not None and found.field is None and found.variable.has_fields:
                return self._values.whole(found.variable)
        if kind != "row_expr":
            return self.evaluate(sql)
        if sql not in self._rows:
            self._rows[sql] = replace(sql, raw=_of_parts(sql.raw, target.row_expr.args))
        outcome = self.run(self._rows[sql])
        row = next(iter(outcome.rows()), None)
        return Datum(row, TypeRef(RECORD), outcome.fields)

    def _not_one(self, sql: Sql, columns: int) -> SqlError:
        """42601 for an expression that has other than one column."""
        if sql.kind == "assignment":
            problem, line = f"assignment source returned {columns} column", _LINES[sql.kind].format(sql.text)
        else:
            problem, line = f"query returned {columns} column", f"query: {sql.text}"
        return SqlError("42601", problem if columns == 1 else f"{problem}s", context=line)

    @contextmanager
    def converting(self, sql: Sql) -> Iterator[None]:
        """What an assignment gives is made to fit: errors are told of as those of its expression."""
        with self.told(sql, unnamed=self._ready[sql].unnamed):
            yield

    def run(self, sql: Sql) -> Outcome:
        """Start a statement; its rows are asked for afterwards."""
        _refuse(sql.raw)
        ready = self._prepared(sql)
        with self.told(sql, unnamed=ready.unnamed):
            return self._execute(ready)

    def rows_of(self, sql: Sql, outcome: Outcome) -> Iterator[Row]:
        """The outcome's rows; what goes wrong on the way is told of the statement."""
        rows = outcome.rows()
        while True:
            with self.told(sql):
                row = next(rows, None)
            if row is None:
                return
            yield row

    def _prepared(self, sql: Sql) -> Ready:
        session = self._session
        ready = self._ready.get(sql)
        if ready is not None and ready.is_current(session):
            return ready
        bound = Bound(sql.names, self._values, self._conflict)
        with self.told(sql):
            session.variables = bound
            prepared = session.prepare(sql.raw)
        simple = _simple_expression(prepared)
        quick = None if simple is None else compiled(simple)
        type_ = TypeRef(UNKNOWN) if simple is None else simple.type
        ready = Ready(prepared, bound, session.search_path, simple is not None, type_, quick)
        self._ready[sql] = ready
        return ready

    def _execute(self, ready: Ready) -> Outcome:
        session = self._session
        session.variables = ready.bound
        values = ready.bound.parameters()
        result = session.execute_now(ready.prepared, values) if ready.simple else None
        if result is None:
            result = session.execute_inside(ready.prepared, values)
        return _outcome(result, ready.prepared)

    # ------------------------------------------------------------ texts made at run time

    def run_text(self, text: str, using: Sequence[Datum]) -> Iterator[tuple[Sql, Outcome]]:
        """The statements of a text, each run when it is asked for; `using` are the values of its parameters."""
        session = self._session
        whole = Sql("statement", text, RawStatement("", None, text, 0, text), 0, None)
        with self.told(whole):
            raws = parse(text)
            _require_parameters(text, len(using))
        for raw in raws:
            sql = Sql("statement", text, raw, 0, None)
            _refuse_dynamic(raw)
            with self.told(sql):
                session.variables = None
                prepared = session.prepare(raw, [datum.type.oid for datum in using])
                given = [datum.value for datum in using][: len(prepared.description.parameters)]
                result = session.execute_inside(prepared, given)
            yield sql, _outcome(result, prepared)

    # ------------------------------------------------------------ errors

    @contextmanager
    def told(self, sql: Sql, *, unnamed: bool = False) -> Iterator[None]:
        """Say of errors and notices in which SQL they came up, unless it stays `unnamed`."""
        session = self._session
        before, outer = len(session.notices), session.variables
        try:
            yield
        except SqlError as error:
            if error.position is not None:
                error.internal_position = max(error.position + sql.shift, 1)
                error.internal_query, error.position = sql.text, None
            elif not unnamed:
                add_context(error, _LINES[sql.kind].format(sql.text))
            raise
        finally:
            session.variables = outer
            for notice in session.notices[before:]:
                if not unnamed:
                    add_context(notice, _LINES[sql.kind].format(sql.text))


def add_context(error: SqlError, line: str) -> None:
    """Add what is further out to an error's context."""
    error.context = line if error.context is None else f"{error.context}\n{line}"


def _outcome(result: Result, prepared: Prepared) -> Outcome:
    columns = result.columns if result.columns is not None else prepared.description.columns
    fields = None if columns is None else tuple((c.name, _kept_type(c.type)) for c in columns)
    return Outcome(result, fields)


def _kept_type(type_: TypeRef) -> TypeRef:
    return TypeRef(type_.oid, type_.typmod)


def _of_parts(raw: RawStatement, parts: Sequence[Any]) -> RawStatement:
    """SELECT ROW(a, b) as SELECT a AS f1, b AS f2."""
    node = pb.SelectStmt()
    node.CopyFrom(raw.node)
    del node.target_list[:]
    for number, part in enumerate(parts, 1):
        node.target_list.add().res_target.CopyFrom(pb.ResTarget(name=f"f{number}", val=part))
    return replace(raw, node=node)


def _literal(raw: RawStatement) -> int:
    """Where the string constant is that an expression consists of; -1 for any other expression."""
    targets = raw.node.target_list
    constant = targets[0].res_target.val.a_const if len(targets) == 1 else None
    return constant.location if constant is not None and constant.WhichOneof("val") == "sval" else -1


def _simple_expression(prepared: Prepared) -> Expr | None:
    """The expression that the statement consists of, if it takes no query to evaluate it."""
    statement = prepared.analyzed.statement
    if prepared.raw.kind != "select_stmt" or not isinstance(statement, Query) or len(statement.targets) != 1:
        return None
    if any(descriptor.name not in _SIMPLE for descriptor, _ in prepared.raw.node.ListFields()):
        return None
    expr = statement.targets[0].expr
    takes_query = any(
        isinstance(part, (Aggregate, SubLink)) or (isinstance(part, Call) and part.function.returns_set)
        for part in walk(expr)
    )
    return None if takes_query else expr


def _refuse(raw: RawStatement) -> None:
    """0A000 for what a block cannot run."""
    if raw.kind == "transaction_stmt":
        raise not_supported("unsupported transaction command in PL/pgSQL")
    if raw.kind == "copy_stmt":
        if not raw.node.filename:
            raise not_supported("cannot COPY to/from client in PL/pgSQL")
        raise not_supported("COPY in PL/pgSQL is not supported", hint="Send it by itself.")


def _require_parameters(text: str, given: int) -> None:
    """42P02 for a parameter that no value was given for."""
    for token in scan(text)[0]:
        if token.kind == "PARAM" and int(token.text[1:]) > given:
            raise SqlError("42P02", f"there is no parameter {token.text}", position=token.start + 1)


def _refuse_dynamic(raw: RawStatement) -> None:
    if raw.kind == "transaction_stmt":
        raise not_supported("EXECUTE of transaction commands is not implemented")
    if raw.kind == "select_stmt" and raw.node.HasField("into_clause"):
        raise not_supported(
            "EXECUTE of SELECT ... INTO is not implemented",
            hint="You might want to use EXECUTE ... INTO or EXECUTE CREATE TABLE ... AS instead.",
        )
    _refuse(raw)
