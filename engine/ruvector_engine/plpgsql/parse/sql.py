"""The parser's part for assignments and for what runs SQL: statements, PERFORM, EXECUTE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import not_supported
from ruvector_engine.plpgsql.names import Found
from ruvector_engine.plpgsql.nodes import Assign, Execute, Field, Index, Perform, Run, Sql, Target
from ruvector_engine.plpgsql.parse.tokens import checked, is_name

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.parse.parser import Parser


def assigned(parser: Parser) -> Found | None:
    """The variable that an assignment begins with; it is taken."""
    found = parser.variable_ahead()
    if found is not None:
        return found
    place = parser.tokens.place
    parts = parser.name_parts()
    assigns = bool(parts) and parser.tokens.is_next(":=", "=", "[", *("." if len(parts) == 1 else ""))
    parser.tokens.back(place)
    if assigns:
        raise parser.unknown_variable()
    return None


def assignment(parser: Parser, found: Found, start: int, line: int) -> Assign:
    """target := expression; the target's name is taken already."""
    tokens = parser.tokens
    parser.check_assignable(found, start)
    steps = list(Target.of(found).steps)
    while tokens.is_next("[", "."):
        if tokens.take("."):
            steps.append(Field(tokens.label()))
            continue
        subscripts = []
        while tokens.take("["):
            subscripts.append(tokens.sql(("]", ":"), parser.names))
            if tokens.is_next(":"):
                problem = "assigning to a slice of an array is not supported"
                raise not_supported(problem, hint="Assign its elements.", position=tokens.start + 1)
            tokens.expect("]")
        steps.append(Index(tuple(subscripts)))
    if not tokens.take(":=", "="):
        raise tokens.syntax_error()
    value = tokens.sql((";",), parser.names, "assignment", start=start)
    return Assign(line, Target(found.variable, tuple(steps)), value)


def run(parser: Parser, line: int) -> Run:
    """A SQL statement; INTO and its targets are taken out of it, and blanks stand in their place."""
    tokens, first = parser.tokens, parser.tokens.start
    token = tokens.peek
    if token is None or not (is_name(token) or token.kind == "("):
        raise tokens.syntax_error()
    if token.kind == "(":
        raise tokens.syntax_error()
    previous, depth, end = "", 0, first
    targets: list[Target] | None = None
    strict, cut = False, (0, 0)
    while not (tokens.is_next(";") and depth <= 0):
        token = tokens.peek
        if token is None:
            raise tokens.syntax_error("unexpected end of function definition")
        depth += (token.kind in "([") - (token.kind in ")]")
        word = token.text.lower()
        if word == "into" and previous not in ("insert", "merge"):
            if targets is not None:
                raise tokens.syntax_error("INTO specified more than once")
            tokens.next()
            targets, strict = parser.into()
            cut, previous = (token.start, tokens.start), ""
            continue
        previous, end = word, token.end
        tokens.next()
    text = tokens.text[first : max(end, first)]
    if targets is not None:
        kept_from = min(cut[1], end)
        before, after = tokens.text[first : cut[0]], tokens.text[kept_from:end]
        text = (before + " " * (kept_from - cut[0]) + after).rstrip() if after else before.rstrip()
    sql = checked("statement", text, text, 0, first, parser.names)
    called = {"call_stmt": "CALL", "do_stmt": "DO"}.get(sql.raw.kind, "SQL statement")
    return Run(line, sql, targets, strict, called)


def perform(parser: Parser, line: int) -> Perform:
    """PERFORM query: a SELECT of that name."""
    first = parser.tokens.start
    text = "SELECT " if parser.tokens.is_next(";") else f"SELECT {parser.tokens.sql((';',), parser.names).text}"
    return Perform(line, checked("statement", text, text, 0, first - 7, parser.names))


def execute(parser: Parser, line: int) -> Execute:
    """EXECUTE text [INTO [STRICT] targets] [USING values], the two in any order."""
    tokens = parser.tokens
    text = tokens.sql(("into", "using", ";"), parser.names)
    targets: list[Target] | None = None
    strict = False
    using: list[Sql] = []
    while not tokens.is_next(";"):
        if tokens.is_next("into"):
            if targets is not None:
                raise tokens.syntax_error()
            tokens.next()
            targets, strict = parser.into()
        elif tokens.is_next("using"):
            if using:
                raise tokens.syntax_error()
            tokens.next()
            using = parser.listed(("into", ";"))
        else:
            raise tokens.syntax_error()
    return Execute(line, text, targets, strict, using)
