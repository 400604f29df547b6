"""The parser's part for IF, CASE, EXIT, CONTINUE, RETURN, ASSERT, COMMIT and ROLLBACK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.plpgsql.names import Name, Variable, find_label, in_loop
from ruvector_engine.plpgsql.nodes import Assert, Body, Case, EndTransaction, Exit, If, Return, Sql, Statement
from ruvector_engine.plpgsql.parse import declarations
from ruvector_engine.plpgsql.parse.tokens import checked
from ruvector_engine.types.registry import TEXT, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.parse.parser import Parser


def if_statement(parser: Parser, line: int) -> If:
    """IF condition THEN ... [ELSIF ...] [ELSE ...] END IF."""
    tokens = parser.tokens
    branches = [(parser.condition("then"), parser.body())]
    while tokens.take("elsif", "elseif"):
        branches.append((parser.condition("then"), parser.body()))
    otherwise = parser.body() if tokens.take("else") else []
    tokens.expect("end", "if")
    return If(line, branches, otherwise)


def case_statement(parser: Parser, line: int) -> Case:
    """CASE [value] WHEN ... THEN ... [ELSE ...] END CASE."""
    tokens, outer = parser.tokens, parser.names
    value, tested = None, None
    if not tokens.is_next("when"):
        value = tokens.sql(("when",), parser.names)
        tested = parser.declare(Variable(f"__Case__Variable_{parser._declared}__", TypeRef(TEXT)))
    branches: list[tuple[Sql, Body]] = []
    inside = parser.names
    while tokens.take("when"):
        branches.append((_case_condition(parser, tested), _case_body(parser, outer, inside)))
    if not branches:
        raise tokens.syntax_error()
    otherwise = _case_body(parser, outer, inside) if tokens.take("else") else None
    tokens.expect("end", "case")
    parser.names = outer
    return Case(line, value, tested, branches, otherwise)


def _case_condition(parser: Parser, tested: Variable | None) -> Sql:
    first = parser.tokens.start
    sql = parser.condition("then")
    if tested is None:
        return sql
    text = f'"{tested.name}" IN ({sql.text})'
    return checked("expression", text, f"SELECT {text}", -7, first - len(tested.name) - 7, parser.names)


def _case_body(parser: Parser, outer: Name | None, inside: Name | None) -> Body:
    parser.names = outer
    body = parser.body()
    parser.names = inside
    return body


def exit(parser: Parser, line: int) -> Exit:
    """EXIT [label] [WHEN condition]."""
    return _leave(parser, line, is_exit=True)


def continue_(parser: Parser, line: int) -> Exit:
    """CONTINUE [label] [WHEN condition]."""
    return _leave(parser, line, is_exit=False)


def _leave(parser: Parser, line: int, *, is_exit: bool) -> Exit:
    tokens, start = parser.tokens, parser.tokens.start
    before = tokens.ahead(-1)
    label = None if tokens.is_next(";", "when") else tokens.label()
    condition = tokens.sql((";",), parser.names) if tokens.take("when") else None
    if label is None:
        if not in_loop(parser.names):
            problem = "EXIT cannot be used outside a loop, unless it has a label"
            at = before.start if before is not None else start
            raise SqlError("42601", problem if is_exit else "CONTINUE cannot be used outside a loop", position=at + 1)
        return Exit(line, is_exit, None, condition)
    found = find_label(parser.names, label)
    if found is None:
        problem = f'there is no label "{label}" attached to any block or loop enclosing this statement'
        raise SqlError("42601", problem, position=start + 1)
    if not is_exit and not found.is_loop:
        raise SqlError("42601", f'block label "{label}" cannot be used in CONTINUE', position=start + 1)
    return Exit(line, is_exit, label, condition)


def return_statement(parser: Parser, line: int) -> Return:
    """RETURN, of nothing."""
    tokens = parser.tokens
    if tokens.is_next(";"):
        return Return(line)
    if tokens.is_next("next", "query"):
        before = tokens.ahead(-1)
        at = tokens.start if before is None else before.start
        word = tokens.text[tokens.start :].split(None, 1)[0].upper()
        raise SqlError("42804", f"cannot use RETURN {word} in a non-SETOF function", position=at + 1)
    raise SqlError("42804", "RETURN cannot have a parameter in function returning void", position=tokens.start + 1)


def assert_statement(parser: Parser, line: int) -> Assert:
    """ASSERT condition [, message]."""
    condition = parser.tokens.sql((",", ";"), parser.names)
    message = parser.tokens.sql((";",), parser.names) if parser.tokens.take(",") else None
    return Assert(line, condition, message)


def commit(parser: Parser, line: int) -> EndTransaction:
    """COMMIT [AND [NO] CHAIN]."""
    _chain(parser)
    return EndTransaction(line, "COMMIT")


def rollback(parser: Parser, line: int) -> EndTransaction:
    """ROLLBACK [AND [NO] CHAIN]."""
    _chain(parser)
    return EndTransaction(line, "ROLLBACK")


def _chain(parser: Parser) -> None:
    tokens = parser.tokens
    if tokens.take("and"):
        chained = not tokens.take("no")
        at = tokens.start
        tokens.expect("chain")
        if chained:
            raise not_supported("AND CHAIN is not supported", position=at + 1)


def cursors(parser: Parser, _line: int) -> Statement:
    """OPEN, FETCH, MOVE, CLOSE."""
    before = parser.tokens.ahead(-1)
    assert before is not None
    raise not_supported(
        "cursors in PL/pgSQL are not supported",
        hint=declarations.FOR_INSTEAD,
        position=before.start + 1,
    )
