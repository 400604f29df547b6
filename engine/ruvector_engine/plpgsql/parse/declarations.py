"""DECLARE: the variables of a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.plpgsql.names import Variable, find, is_declared_here
from ruvector_engine.types.registry import RECORD, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.parse.parser import Parser


#: What to do without cursors.
FOR_INSTEAD = "Use FOR ... IN query LOOP."


class Types(Protocol):
    """What names of types mean. Errors are told at a 1-based position in the text given, or at none."""

    def named(self, text: str) -> TypeRef:
        """The type that SQL calls so."""

    def of_column(self, parts: Sequence[str]) -> TypeRef:
        """The type of a table's column: table.column%TYPE."""

    def of_row(self, parts: Sequence[str]) -> TypeRef:
        """The type of a table's rows: table%ROWTYPE."""


def section(parser: Parser) -> list[Variable]:
    """The declarations after DECLARE, up to BEGIN."""
    variables = []
    tokens = parser.tokens
    while not tokens.is_next("begin"):
        if tokens.take("declare"):
            continue
        if tokens.is_next("<<"):
            raise SqlError("42601", "block label must be placed before DECLARE, not after", position=tokens.start + 1)
        variables.append(_variable(parser))
    return variables


def _variable(parser: Parser) -> Variable:
    tokens = parser.tokens
    token, line = tokens.peek, tokens.begin_line()
    name = _new_name(parser)
    if tokens.is_next("alias"):
        raise not_supported("ALIAS FOR is not supported", hint="Use the name itself.", position=tokens.start + 1)
    if tokens.is_next("cursor", "scroll", "no"):
        raise not_supported("cursors in PL/pgSQL are not supported", hint=FOR_INSTEAD, position=tokens.start + 1)
    constant = tokens.take("constant")
    type_ = data_type(parser)
    if tokens.is_next("collate"):
        raise not_supported("COLLATE of a PL/pgSQL variable is not supported", position=tokens.start + 1)
    not_null_at = tokens.start
    not_null = tokens.take("not")
    if not_null:
        tokens.expect("null")
    default = None
    if tokens.take("default", ":=", "="):
        default = tokens.sql((";",), parser.names)
    elif not_null:
        problem = f'variable "{name}" must have a default value, since it\'s declared NOT NULL'
        raise SqlError("22004", problem, position=not_null_at + 1)
    if default is None and not tokens.is_next(";"):
        raise tokens.syntax_error()
    tokens.next()
    assert token is not None
    return parser.declare(Variable(name, type_, line, constant, not_null, default))


def _new_name(parser: Parser) -> str:
    tokens, place = parser.tokens, parser.tokens.place
    name = tokens.name()
    if is_declared_here(parser.names, name):
        tokens.back(place)
        raise tokens.syntax_error("duplicate declaration")
    return name


def data_type(parser: Parser) -> TypeRef:
    """A type's name, or name%TYPE, or name%ROWTYPE."""
    tokens = parser.tokens
    place, start = tokens.place, tokens.start
    parts = parser.name_parts()
    if parts and tokens.is_next("%") and tokens.is_ahead(1, "type", "rowtype"):
        return _copied(parser, parts)
    tokens.back(place)
    return _named(parser, start)


def _copied(parser: Parser, parts: list[str]) -> TypeRef:
    tokens = parser.tokens
    whole_row = tokens.is_ahead(1, "rowtype")
    tokens.next()
    tokens.next()
    found = find(parser.names, parts)
    if whole_row:
        result = parser.types.of_row(parts)
    elif found is not None and found.field is None:
        result = found.variable.type
    elif len(parts) == 1:
        raise tokens.syntax_error()
    else:
        result = parser.types.of_column(parts)
    while tokens.take("["):
        while tokens.peek is not None and not tokens.is_next("]"):
            tokens.next()
        tokens.expect("]")
        result = TypeRef(result.pg.array_oid) if result.pg.array_oid else result
    return result


def _named(parser: Parser, start: int) -> TypeRef:
    tokens, depth, end = parser.tokens, 0, start
    while depth or not tokens.is_next("not", "collate", "default", ":=", "=", ";", "%"):
        token = tokens.peek
        if token is None or token.kind == ";":
            if depth:
                raise tokens.syntax_error("mismatched parentheses")
            raise tokens.syntax_error("incomplete data type declaration")
        depth += (token.kind in "([") - (token.kind in ")]")
        end = token.end
        tokens.next()
    text = tokens.text[start:end]
    if not text:
        raise tokens.syntax_error("missing data type declaration")
    if text.lower() == "record":
        return TypeRef(RECORD)
    if text.lower() == "refcursor":
        raise not_supported("cursors in PL/pgSQL are not supported", hint=FOR_INSTEAD, position=start + 1)
    try:
        return parser.types.named(text)
    except SqlError as error:
        error.position = start + (error.position or 1)
        raise
