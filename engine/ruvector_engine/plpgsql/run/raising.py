"""RAISE and ASSERT at run time: the errors and notices that they make (after exec_stmt_raise)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from ruvector_engine.errors import Severity, SqlError
from ruvector_engine.plpgsql.conditions import sqlstates
from ruvector_engine.plpgsql.nodes import Assert, Raise

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.run.interpreter import Interpreter

_log = logging.getLogger(__name__)
_RAISE_EXCEPTION = "P0001"
_DEFAULTS = {"ERROR": _RAISE_EXCEPTION, "WARNING": "01000"}


def raise_(interpreter: Interpreter, statement: Raise) -> None:
    """RAISE: an error, or a message beside the result."""
    if statement.condition is None and statement.format is None and not statement.options:
        if not interpreter.handled:
            raise SqlError("0Z002", "RAISE without parameters cannot be used outside an exception handler")
        raise interpreter.handled[-1]
    texts: dict[str, str] = {}
    sqlstate, condition = statement.sqlstate, statement.condition
    if statement.format is not None:
        texts["message"] = _formatted(interpreter, statement)
    for option, sql in statement.options:
        datum = interpreter.evaluate(sql)
        if datum.value is None:
            raise SqlError("22004", "RAISE statement option cannot be null")
        text = interpreter.values.text(datum)
        if option == "errcode":
            if sqlstate is not None:
                raise _already("ERRCODE")
            sqlstate, condition = _state(text), text
        elif option in texts:
            raise _already(option.upper())
        else:
            texts[option] = text
    told = SqlError(
        sqlstate or _DEFAULTS.get(statement.level, "00000"),
        texts.get("message") or condition or sqlstate or _RAISE_EXCEPTION,
        detail=texts.get("detail"),
        hint=texts.get("hint"),
        severity=cast(Severity, statement.level),
        schema=texts.get("schema"),
        table=texts.get("table"),
        column=texts.get("column"),
        datatype=texts.get("datatype"),
        constraint=texts.get("constraint"),
    )
    if statement.level == "ERROR":
        raise told
    if statement.level == "LOG":
        _log.info("%s", told.message)
    interpreter.session.tell(told)


def _formatted(interpreter: Interpreter, statement: Raise) -> str:
    """The format with values in place of its %."""
    pieces = (statement.format or "").replace("%%", "\0").split("%")
    texts = [pieces[0]]
    for sql, piece in zip(statement.values, pieces[1:], strict=True):
        datum = interpreter.evaluate(sql)
        texts += ["<NULL>" if datum.value is None else interpreter.values.text(datum), piece]
    return "".join(text.replace("\0", "%") for text in texts)


def _state(text: str) -> str:
    """The SQLSTATE that ERRCODE means: one itself, or a condition's name."""
    if len(text) == 5 and all(c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" for c in text):
        return text
    found = sqlstates(text)
    if not found:
        raise SqlError("42704", f'unrecognized exception condition "{text}"')
    return found[0]


def _already(option: str) -> SqlError:
    return SqlError("42601", f"RAISE option already specified: {option}")


def assert_(interpreter: Interpreter, statement: Assert) -> None:
    """ASSERT: P0004 unless the condition is true."""
    if interpreter.session.settings["plpgsql.check_asserts"] == "off" or interpreter.is_true(statement.condition):
        return
    message = None
    if statement.message is not None:
        datum = interpreter.evaluate(statement.message)
        message = None if datum.value is None else interpreter.values.text(datum)
    raise SqlError("P0004", "assertion failed" if message is None else message)
