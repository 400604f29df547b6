"""RAISE: its levels, conditions, format and options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.conditions import sqlstates
from ruvector_engine.plpgsql.nodes import Raise, Sql
from ruvector_engine.plpgsql.parse.tokens import Tokens
from ruvector_engine.sql.parser import parse

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.parse.parser import Parser

_LEVELS = {
    "exception": "ERROR",
    "warning": "WARNING",
    "notice": "NOTICE",
    "info": "INFO",
    "log": "LOG",
    "debug": "DEBUG",
}
_OPTIONS = ("errcode", "message", "detail", "hint", "column", "constraint", "datatype", "table", "schema")
_STRINGS = ("SCONST", "USCONST")


def raise_statement(parser: Parser, line: int) -> Raise:
    """What follows RAISE."""
    tokens = parser.tokens
    if tokens.is_next(";"):
        return Raise(line, "ERROR", None, None, None)
    level = "ERROR"
    for word, meant in _LEVELS.items():
        if tokens.take(word):
            level = meant
            break
    statement = Raise(line, level, None, None, None)
    token = tokens.peek
    if token is None:
        raise tokens.syntax_error()
    if token.kind in _STRINGS:
        _format(parser, statement)
    elif not tokens.is_next("using", ";"):
        _condition(tokens, statement)
    elif tokens.is_next(";"):
        raise tokens.syntax_error()
    if tokens.take("using"):
        _options(parser, statement)
    return statement


def _format(parser: Parser, statement: Raise) -> None:
    tokens = parser.tokens
    statement.format = string_literal(tokens)
    values: list[Sql] = []
    while tokens.take(","):
        values.append(tokens.sql((",", ";", "using"), parser.names))
    statement.values = values
    wanted = statement.format.replace("%%", "").count("%")
    if wanted != len(values):
        few = "few" if wanted > len(values) else "many"
        raise SqlError("42601", f"too {few} parameters specified for RAISE")
    if not tokens.is_next(";", "using"):
        raise tokens.syntax_error()


def _condition(tokens: Tokens, statement: Raise) -> None:
    name = tokens.name()
    if name == "sqlstate":
        statement.condition = statement.sqlstate = sqlstate_literal(tokens)
    else:
        found = sqlstates(name)
        if not found:
            raise SqlError("42704", f'unrecognized exception condition "{name}"')
        statement.condition, statement.sqlstate = name, found[0]
    if not tokens.is_next(";", "using"):
        raise tokens.syntax_error()


def _options(parser: Parser, statement: Raise) -> None:
    tokens = parser.tokens
    options: list[tuple[str, Sql]] = []
    while True:
        if not tokens.is_next(*_OPTIONS):
            raise tokens.syntax_error("unrecognized RAISE statement option")
        option = tokens.label()
        if not tokens.take("=", ":="):
            raise tokens.syntax_error('syntax error, expected "="')
        options.append((option, tokens.sql((",", ";"), parser.names)))
        if not tokens.take(","):
            statement.options = options
            return


def sqlstate_literal(tokens: Tokens) -> str:
    """The five characters after SQLSTATE."""
    token = tokens.peek
    if token is None or token.kind not in _STRINGS:
        raise tokens.syntax_error()
    place = tokens.place
    code = string_literal(tokens)
    if len(code) != 5 or not all(c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" for c in code):
        tokens.back(place)
        raise tokens.syntax_error("invalid SQLSTATE code")
    return code


def string_literal(tokens: Tokens) -> str:
    """Take a string constant; the text that it means."""
    start = tokens.start
    token = tokens.next()
    assert token is not None
    try:
        (statement,) = parse(f"SELECT {token.text}")
    except SqlError as error:
        error.position = None if error.position is None else error.position - 7 + start
        raise
    return str(statement.node.target_list[0].res_target.val.a_const.sval.sval)
