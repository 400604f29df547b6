"""Whether a document matches a query: the operators, phrases by their positions.

Answers are of three values, for a document without positions cannot say whether a weight matches: None is "perhaps".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from ruvector_engine.text_search.documents import TsVector, quote
from ruvector_engine.text_search.queries import Both, Lexeme, Not, Query


@dataclass(frozen=True, slots=True)
class Places:
    """Where something ends in a document, and how many words before that it begins; `negated`: everywhere else."""

    positions: frozenset[int]
    negated: bool = False
    width: int = 0

    @property
    def any(self) -> bool:
        """Whether there is such a place."""
        return self.negated or bool(self.positions)


#: What a document says of one word: whether it is there (None: perhaps), and where.
Occurrences = tuple[bool | None, frozenset[int]]
Look = Callable[[Lexeme], Occurrences]


def matches(vector: TsVector, query: Query | None) -> bool:
    """Whether the document matches. An empty query matches nothing."""
    if query is None:
        return False
    return holds(query, lambda lexeme: occurrences(vector, lexeme)) is not False


def needle(query: Query | None) -> str:
    """A part of the text of every document that can match: a lexeme that must be there, or nothing."""
    required = _required(query) if query is not None else []
    if not required:
        return ""
    lexeme = max(required, key=lambda one: len(one.text))
    quoted = quote(lexeme.text)
    return quoted[:-1] if lexeme.prefix else quoted


def _required(query: Query) -> list[Lexeme]:
    if isinstance(query, Lexeme):
        return [query]
    if isinstance(query, Both) and query.operator != "|":
        return _required(query.left) + _required(query.right)
    return []


def holds(query: Query, look: Look) -> bool | None:
    """Whether a query holds of what `look` says of its words; None for perhaps."""
    if isinstance(query, Lexeme):
        return look(query)[0]
    if isinstance(query, Not):
        inner = holds(query.operand, look)
        return None if inner is None else not inner
    assert isinstance(query, Both)
    if query.operator == "<->":
        return places(query, look).any
    left, right = holds(query.left, look), holds(query.right, look)
    decisive = query.operator == "|"
    if decisive in (left, right):
        return decisive
    return None if None in (left, right) else not decisive


def places(query: Query, look: Look) -> Places:
    """Where a query holds, as phrases need it."""
    if isinstance(query, Lexeme):
        return Places(look(query)[1])
    if isinstance(query, Not):
        inner = places(query.operand, look)
        return Places(inner.positions, not inner.negated, inner.width)
    assert isinstance(query, Both)
    left, right = places(query.left, look), places(query.right, look)
    if query.operator == "<->":
        return _joined(left, right, query.distance + right.width, 0, left.width + query.distance + right.width)
    width = max(left.width, right.width)
    if query.operator == "&":
        return _joined(left, right, width - left.width, width - right.width, width)
    return _either(left, right, width)


def _joined(left: Places, right: Places, left_offset: int, right_offset: int, width: int) -> Places:
    """Where both hold, once their positions are brought together."""
    a = frozenset(position + left_offset for position in left.positions)
    b = frozenset(position + right_offset for position in right.positions)
    if left.negated and right.negated:
        return Places(a | b, True, width)
    if left.negated:
        return Places(b - a, False, width)
    return Places(a - b if right.negated else a & b, False, width)


def _either(left: Places, right: Places, width: int) -> Places:
    a = frozenset(position + width - left.width for position in left.positions)
    b = frozenset(position + width - right.width for position in right.positions)
    if left.negated and right.negated:
        return Places(a & b, True, width)
    if left.negated:
        return Places(a - b, True, width)
    return Places(b - a, True, width) if right.negated else Places(a | b, False, width)


def found_lexemes(vector: TsVector, lexeme: Lexeme) -> list[str]:
    """The document's lexemes that a query's word means: one, or all that begin with it."""
    if not lexeme.prefix:
        return [lexeme.text] if lexeme.text in vector else []
    keys, wanted = list(vector), lexeme.text.encode()
    start = bisect_left(keys, wanted, key=str.encode)
    end = start
    while end < len(keys) and keys[end].encode().startswith(wanted):
        end += 1
    return keys[start:end]


def occurrences(vector: TsVector, lexeme: Lexeme) -> Occurrences:
    """What a document says of one word."""
    answer: bool | None = False
    found: set[int] = set()
    for key in found_lexemes(vector, lexeme):
        entries = vector[key]
        if not lexeme.weights:
            answer = True
        elif not entries and answer is False:
            answer = None
        for position, weight in entries:
            if not lexeme.weights or lexeme.weights >> weight & 1:
                answer = True
                found.add(position)
    return answer, frozenset(found)
