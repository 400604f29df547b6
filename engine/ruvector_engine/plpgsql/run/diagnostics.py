"""GET DIAGNOSTICS at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.nodes import GetDiagnostics
from ruvector_engine.plpgsql.run import assignment
from ruvector_engine.plpgsql.run.values import Datum
from ruvector_engine.types.registry import INT8, OID, TEXT, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.run.interpreter import Interpreter


def get_diagnostics(interpreter: Interpreter, statement: GetDiagnostics) -> None:
    """target = ITEM, ..."""
    if statement.stacked and not interpreter.handled:
        raise SqlError("0Z002", "GET STACKED DIAGNOSTICS cannot be used outside an exception handler")
    for target, item in statement.items:
        if item == "row_count":
            datum = Datum(interpreter.row_count, TypeRef(INT8))
        elif item == "pg_routine_oid":
            datum = Datum(0, TypeRef(OID))
        elif item == "pg_context":
            datum = Datum(interpreter.location, TypeRef(TEXT))
        else:
            datum = Datum(_of_error(interpreter.handled[-1], item), TypeRef(TEXT))
        assignment.assign_target(interpreter, target, datum)


def _of_error(error: SqlError, item: str) -> str:
    told = {
        "returned_sqlstate": error.sqlstate,
        "message_text": error.message,
        "pg_exception_detail": error.detail,
        "pg_exception_hint": error.hint,
        "pg_exception_context": error.context,
        "column_name": error.column,
        "constraint_name": error.constraint,
        "pg_datatype_name": error.datatype,
        "table_name": error.table,
        "schema_name": error.schema,
    }
    return told[item] or ""
