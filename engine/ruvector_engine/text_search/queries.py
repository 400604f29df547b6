"""tsquery: a tree of lexemes under !, <->, & and |.

A value travels as its canonical text; `read` and `write` lead to and from the tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias

from ruvector_engine.errors import SqlError
from ruvector_engine.text_search.documents import WEIGHTS, LexemeReader, quote

#: How far apart the words of a phrase can be asked to be.
MAX_DISTANCE = 16_384


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A word to be found. `weights` is a bit for each weight that counts, D to A; 0 for any."""

    text: str
    weights: int = 0
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a stop word stood; `without_stops` takes them out of a tree."""


@dataclass(frozen=True, slots=True)
class Not:
    """What must not match."""

    operand: Query


@dataclass(frozen=True, slots=True)
class Both:
    """Two sides under an operator; `distance` is a phrase's."""

    operator: Literal["&", "|", "<->"]
    left: Query
    right: Query
    distance: int = 1


Query: TypeAlias = Lexeme | Stop | Not | Both

_PRIORITY = {"|": 1, "&": 2, "<->": 3, "!": 4}
_PHRASE = re.compile(r"<(?:-|([0-9]+))>")
_SUFFIX = re.compile(r":([*A-Da-d]*)")
_DELIMITERS = "!&|()<"


def write(query: Query | None) -> str:
    """The canonical text; that of an empty query is empty."""
    return "" if query is None else _written(query, 0, right_of_phrase=False)


def _written(query: Query, outer: int, *, right_of_phrase: bool) -> str:
    if isinstance(query, Lexeme):
        suffix = "*" if query.prefix else ""
        suffix += "".join(letter for letter in "ABCD" if query.weights >> WEIGHTS.index(letter) & 1)
        return quote(query.text) + (f":{suffix}" if suffix else "")
    if isinstance(query, Not):
        text, priority, enclosed = "!" + _written(query.operand, 4, right_of_phrase=False), 4, outer > 4
    else:
        assert isinstance(query, Both)
        priority = _PRIORITY[query.operator]
        is_phrase = query.operator == "<->"
        symbol = query.operator if not is_phrase or query.distance == 1 else f"<{query.distance}>"
        left = _written(query.left, priority, right_of_phrase=False)
        text = f"{left} {symbol} {_written(query.right, priority, right_of_phrase=is_phrase)}"
        # Phrases are not associative, so one on the right of another needs its parentheses.
        enclosed = priority < outer or (is_phrase and priority == outer and right_of_phrase)
    return f"( {text} )" if enclosed else text


@lru_cache(maxsize=1024)
def read(text: str) -> Query | None:
    """The tree of canonical text."""
    return parse_tsquery(text)


def parse_tsquery(text: str) -> Query | None:
    """A tsquery as a user writes it, its words taken as they are; 42601 where it is none. None when it is empty."""
    return QueryReader(text).query()


class QueryReader:
    """Reads a query with operators. `operand` may be overridden to make something else of a word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._error = SqlError("42601", f'syntax error in tsquery: "{text}"')
        self._reader = LexemeReader(text, self._error, _DELIMITERS)

    def operand(self, word: str, weights: int, prefix: bool) -> Query:
        """The tree of one word."""
        return Lexeme(word, weights, prefix)

    def query(self) -> Query | None:
        """The whole tree."""
        self._reader.skip_blanks()
        if not self._peek():
            return None
        found = self._binary(1)
        if self._peek():
            raise self._error
        return found

    def _peek(self) -> str:
        self._reader.skip_blanks()
        return self._text[self._reader.at : self._reader.at + 1]

    def _binary(self, least: int) -> Query:
        left = self._unary()
        while (operator := self._operator(least)) is not None:
            symbol, distance = operator
            left = Both(symbol, left, self._binary(_PRIORITY[symbol] + 1), distance)
        return left

    def _operator(self, least: int) -> tuple[Literal["&", "|", "<->"], int] | None:
        character = self._peek()
        if character in ("", ")"):
            return None
        if character in "&|":
            symbol: Literal["&", "|", "<->"] = "&" if character == "&" else "|"
            if _PRIORITY[symbol] < least:
                return None
            self._reader.at += 1
            return symbol, 1
        phrase = _PHRASE.match(self._text, self._reader.at)
        if phrase is None:
            raise self._error
        distance = int(phrase[1][:9]) if phrase[1] else 1
        if distance > MAX_DISTANCE:
            raise SqlError(
                "22023",
                f"distance in phrase operator must be an integer value between zero and {MAX_DISTANCE} inclusive",
            )
        if least > _PRIORITY["<->"]:
            return None
        self._reader.at = phrase.end()
        return "<->", distance

    def _unary(self) -> Query:
        character = self._peek()
        if character == "!":
            self._reader.at += 1
            return Not(self._unary())
        if character == "(":
            self._reader.at += 1
            inner = self._binary(1)
            if self._peek() != ")":
                raise self._error
            self._reader.at += 1
            return inner
        if not character:
            raise SqlError("42601", f'no operand in tsquery: "{self._text}"')
        if character in ":&|)<":
            raise self._error
        word = self._reader.lexeme()
        assert word is not None
        weights, prefix = self._suffix()
        return self.operand(word, weights, prefix)

    def _suffix(self) -> tuple[int, bool]:
        found = _SUFFIX.match(self._text, self._reader.at)
        if found is None:
            return 0, False
        self._reader.at = found.end()
        weights = 0
        for letter in found[1].upper():
            if letter != "*":
                weights |= 1 << WEIGHTS.index(letter)
        return weights, "*" in found[1]


def lexemes_of(query: Query | None) -> Iterator[Lexeme]:
    """The words of a query, from left to right."""
    if isinstance(query, Lexeme):
        yield query
    elif isinstance(query, Not):
        yield from lexemes_of(query.operand)
    elif isinstance(query, Both):
        yield from lexemes_of(query.left)
        yield from lexemes_of(query.right)


def without_negations(query: Query) -> Query | None:
    """What of a query an index can be searched for by its words; None where that is no less than everything."""
    if isinstance(query, Lexeme):
        return query
    if not isinstance(query, Both):
        return None
    left, right = without_negations(query.left), without_negations(query.right)
    if query.operator == "|":
        return None if left is None or right is None else replace(query, left=left, right=right)
    if left is None or right is None:
        return left or right
    return replace(query, left=left, right=right)


def without_stops(query: Query) -> Query | None:
    """The query without its stop words; phrases grow by the places that those took. None when nothing is left."""
    return _cleaned(query)[0]


def _cleaned(query: Query) -> tuple[Query | None, int, int]:
    """What is left, and the distances that stop words leave to the left and to the right of it."""
    if isinstance(query, Lexeme):
        return query, 0, 0
    if isinstance(query, Stop):
        return None, 0, 0
    if isinstance(query, Not):
        operand, to_left, to_right = _cleaned(query.operand)
        return (None if operand is None else Not(operand)), to_left, to_right
    left, left_left, left_right = _cleaned(query.left)
    right, right_left, right_right = _cleaned(query.right)
    is_phrase = query.operator == "<->"
    distance = query.distance if is_phrase else 0
    if left is None and right is None:
        gap = left_left + distance + right_left if is_phrase else max(left_left, right_left)
        return None, gap, gap
    if left is None:
        return right, (left_left + distance + right_left if is_phrase else right_left), right_right
    if right is None:
        return left, left_left, (left_right + distance + right_right if is_phrase else left_right)
    if not is_phrase:
        return replace(query, left=left, right=right), 0, 0
    longer = query.distance + left_right + right_left
    return replace(query, left=left, right=right, distance=longer), left_left, right_right
