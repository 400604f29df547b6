"""The parser's part for loops: LOOP, WHILE, FOR, FOREACH."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.plpgsql.names import Variable, find
from ruvector_engine.plpgsql.nodes import (
    Body,
    ForEach,
    ForExecute,
    ForInteger,
    ForQuery,
    Loop,
    Statement,
    Target,
    While,
)
from ruvector_engine.plpgsql.parse import declarations
from ruvector_engine.plpgsql.parse.tokens import Tokens
from ruvector_engine.types.registry import INT4, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.parse.parser import Parser


def loop(parser: Parser, label: str | None) -> Statement | None:
    """The loop that comes next, without its semicolon; None when none does."""
    tokens = parser.tokens
    if not tokens.is_next("loop", "while", "for", "foreach"):
        return None
    line = tokens.begin_line()
    outer = parser.enter(label, is_loop=True)
    statement: Statement
    if tokens.take("loop"):
        statement = Loop(line, label, _body(parser))
    elif tokens.take("while"):
        condition = parser.condition("loop")
        statement = While(line, label, _body(parser), condition)
    elif tokens.take("for"):
        statement = _for(parser, label, line)
    else:
        tokens.next()
        statement = _for_each(parser, label, line)
    parser.names = outer
    parser.closing_label(label)
    return statement


def _body(parser: Parser) -> Body:
    body = parser.body()
    parser.tokens.expect("end", "loop")
    return body


def _for(parser: Parser, label: str | None, line: int) -> Statement:
    tokens, first, place = parser.tokens, parser.tokens.start, parser.tokens.place
    parts = parser.name_parts()
    if not parts:
        raise tokens.syntax_error()
    several = tokens.is_next(",")
    while tokens.take(","):
        if not parser.name_parts():
            raise tokens.syntax_error()
    tokens.expect("in")
    if tokens.take("execute"):
        text = tokens.sql(("using", "loop"), parser.names)
        using = parser.listed(("loop",)) if tokens.take("using") else []
        targets = _loop_targets(parser, place, first)
        tokens.expect("loop")
        return ForExecute(line, label, _body(parser), targets, text, using)
    if _is_cursor(parser):
        problem = "cursors in PL/pgSQL are not supported"
        raise not_supported(problem, hint=declarations.FOR_INSTEAD, position=tokens.start + 1)
    reverse_at = tokens.start
    reverse = tokens.take("reverse")
    if _has_range(tokens):
        if several or len(parts) > 1:
            raise SqlError("42601", "integer FOR loop must have only one target variable", position=first + 1)
        return _for_integer(parser, label, line, parts[0], reverse=reverse)
    if reverse:
        raise SqlError("42601", "cannot specify REVERSE in query FOR loop", position=reverse_at + 1)
    query = tokens.sql(("loop",), parser.names, "statement")
    targets = _loop_targets(parser, place, first)
    tokens.expect("loop")
    return ForQuery(line, label, _body(parser), targets, query)


def _for_integer(parser: Parser, label: str | None, line: int, name: str, *, reverse: bool) -> ForInteger:
    tokens, outer = parser.tokens, parser.names
    lower = tokens.sql(("..",), outer)
    tokens.next()
    upper = tokens.sql(("loop", "by"), outer)
    step = tokens.sql(("loop",), outer) if tokens.take("by") else None
    tokens.expect("loop")
    variable = parser.declare(Variable(name, TypeRef(INT4), line))
    return ForInteger(line, label, _body(parser), variable, lower, upper, step, reverse)


def _has_range(tokens: Tokens) -> bool:
    """Whether .. stands before LOOP: then the loop counts."""
    depth, count = 0, 0
    while True:
        token = tokens.ahead(count)
        if token is None or token.kind == ";" or (not depth and tokens.is_ahead(count, "loop")):
            return False
        if not depth and token.kind == "DOT_DOT":
            return True
        depth += (token.kind in "([") - (token.kind in ")]")
        count += 1


def _is_cursor(parser: Parser) -> bool:
    """Whether the query is the name of a variable, which would have to be a cursor."""
    place = parser.tokens.place
    parts = parser.name_parts()
    alone = bool(parts) and parser.tokens.is_next("loop", "(")
    known = find(parser.names, parts) if alone else None
    parser.tokens.back(place)
    return known is not None and not known.variable.has_fields


def _loop_targets(parser: Parser, place: int, first: int) -> list[Target]:
    """The targets before IN, which begin at `place`: a record, or scalars."""
    tokens = parser.tokens
    here = tokens.place
    tokens.back(place)
    parts = parser.name_parts()
    tokens.back(place)
    if find(parser.names, parts) is None:
        problem = "loop variable of loop over rows must be a record variable or list of scalar variables"
        raise SqlError("42601", problem, position=first + 1)
    targets = parser.targets()
    tokens.back(here)
    return targets


def _for_each(parser: Parser, label: str | None, line: int) -> ForEach:
    tokens, first = parser.tokens, parser.tokens.start
    place = tokens.place
    parts = parser.name_parts()
    tokens.back(place)
    if parts and find(parser.names, parts) is None:
        raise SqlError(
            "42601", "loop variable of FOREACH must be a known variable or list of variables", position=first + 1
        )
    targets = parser.targets()
    slice_ = 0
    if tokens.take("slice"):
        token = tokens.next()
        if token is None or token.kind != "ICONST":
            tokens.back(tokens.place - (token is not None))
            raise tokens.syntax_error()
        slice_ = int(token.text.replace("_", ""), 0 if token.text[:1] == "0" and len(token.text) > 1 else 10)
    tokens.expect("in", "array")
    array = tokens.sql(("loop",), parser.names)
    tokens.expect("loop")
    return ForEach(line, label, _body(parser), targets, slice_, array)
