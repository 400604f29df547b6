"""ts_rank and ts_rank_cd: how well a document answers a query.

ts_rank weighs how often, how close to each other and with which weights the words stand. ts_rank_cd is the cover
density of Clarke, Cormack and Tudhope, "Relevance Ranking for One to Three Term Queries" (1999), as PostgreSQL has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ruvector_engine.errors import SqlError
from ruvector_engine.text_search.documents import MAX_POSITION, Position, TsVector
from ruvector_engine.text_search.matching import Occurrences, found_lexemes, holds
from ruvector_engine.text_search.queries import Both, Lexeme, Query, lexemes_of

#: What a word of weight D, C, B, A counts, unless the caller says otherwise.
DEFAULT_WEIGHTS = (0.1, 0.2, 0.4, 1.0)
# The bits of the normalization argument.
_LOG_LENGTH, _LENGTH, _EXTENT_DISTANCE, _UNIQUE, _LOG_UNIQUE, _RATIO = 1, 2, 4, 8, 16, 32

_HALF_SUM = 1.64493406685  # the sum of 1/n^2
#: Where a word without a position is taken to stand.
_NOWHERE: tuple[Position, ...] = ((MAX_POSITION - 1, 0),)

_single = np.float32


def weights_of(given: Sequence[float | None] | None) -> tuple[float, ...]:
    """The four weights of an argument, a negative one standing for the default; errors as PostgreSQL's."""
    if given is None:
        return DEFAULT_WEIGHTS
    if len(given) < len(DEFAULT_WEIGHTS):
        raise SqlError("2202E", "array of weight is too short")
    if None in given:
        raise SqlError("22004", "array of weight must not contain nulls")
    chosen = tuple(
        default if weight is None or weight < 0 else float(_single(weight))
        for weight, default in zip(given, DEFAULT_WEIGHTS, strict=False)
    )
    if max(chosen) > 1:
        raise SqlError("22023", "weight out of range")
    return chosen


def rank(weights: Sequence[float], vector: TsVector, query: Query | None, method: int) -> float:
    """ts_rank's number, a float32."""
    if not vector or query is None:
        return 0.0
    terms = _terms(query)
    joined = isinstance(query, Both) and query.operator in ("&", "<->")
    result = _rank_and(weights, vector, terms) if joined and len(terms) > 1 else _rank_or(weights, vector, terms)
    return float(_normalized(_single(result if result >= 0 else 1e-20), vector, method))


def _normalized(result: np.float32, vector: TsVector, method: int) -> np.float32:
    if method & _LOG_LENGTH:
        result = _single(float(result) / (math.log(_length(vector) + 1) / math.log(2.0)))
    if method & _LENGTH and _length(vector) > 0:
        result = _single(result / _single(_length(vector)))
    if method & _UNIQUE:
        result = _single(result / _single(len(vector)))
    if method & _LOG_UNIQUE:
        result = _single(float(result) / (math.log(len(vector) + 1) / math.log(2.0)))
    if method & _RATIO:
        result = _single(result / (result + _single(1)))
    return result


def _terms(query: Query) -> list[Lexeme]:
    """The query's words in order of their bytes; of two alike in all but weights and prefix, the last."""
    found = {lexeme.text: lexeme for lexeme in lexemes_of(query)}
    return [found[text] for text in sorted(found, key=str.encode)]


def _length(vector: TsVector) -> int:
    return sum(len(positions) or 1 for positions in vector.values())


def _rank_or(weights: Sequence[float], vector: TsVector, terms: Sequence[Lexeme]) -> float:
    result, chosen = 0.0, tuple(weights)
    for term in terms:
        for key in found_lexemes(vector, term):
            share = _share(chosen, tuple([weight for _, weight in vector[key] or _NOWHERE]))
            result = float(_single(result + share))
    return float(_single(_single(result) / _single(len(terms))))


@lru_cache(maxsize=4096)
def _share(weights: tuple[float, ...], found: tuple[int, ...]) -> float:
    """What a lexeme adds that stands in places of these weights."""
    sum_, greatest, at = _single(0), _single(-1), 0
    for number, weight in enumerate(found):
        value = _single(weights[weight])
        sum_ = _single(sum_ + value / _single((number + 1) * (number + 1)))
        if value > greatest:
            greatest, at = value, number
    return float(greatest + sum_ - greatest / _single((at + 1) * (at + 1))) / _HALF_SUM


def _rank_and(weights: Sequence[float], vector: TsVector, terms: Sequence[Lexeme]) -> float:
    result = -1.0
    seen: list[tuple[Position, ...] | None] = [None] * len(terms)
    for number, term in enumerate(terms):
        for key in found_lexemes(vector, term):
            own = seen[number] = vector[key] or _NOWHERE
            for other in seen[:number]:
                if other is not None:
                    result = _near(weights, own, other, result)
    return result


def _near(weights: Sequence[float], own: Sequence[Position], other: Sequence[Position], result: float) -> float:
    for position, weight in own:
        for other_position, other_weight in other:
            distance = abs(position - other_position)
            if not distance:
                if own is not _NOWHERE and other is not _NOWHERE:
                    continue
                distance = MAX_POSITION + 1
            near = _nearness(weights[weight], weights[other_weight], distance)
            result = near if result < 0 else float(_single(1.0 - (1.0 - result) * (1.0 - near)))
    return result


@lru_cache(maxsize=16_384)
def _nearness(weight: float, other: float, distance: int) -> float:
    """How much two words count together, by their weights and how far apart they stand; a float32."""
    return float(_single(math.sqrt(_single(_single(weight) * _single(other)) * _word_distance(distance))))


def _word_distance(distance: int) -> np.float32:
    if distance > 100:
        return _single(1e-30)
    return _single(1.0 / (1.005 + 0.05 * math.exp(float(_single(distance)) / 1.5 - 2)))


@dataclass(slots=True)
class _Entry:
    """A place in the document where words of the query stand."""

    position: int
    weight: int
    terms: list[Lexeme] = field(default_factory=list)


def rank_cd(weights: Sequence[float], vector: TsVector, query: Query | None, method: int) -> float:
    """ts_rank_cd's number, a float32."""
    if not vector or query is None:
        return 0.0
    entries = _entries(vector, query)
    if not entries:
        return 0.0
    result = distances = 0.0
    previous, extents = 0.0, 0
    for begin, end in _covers(entries, query):
        inverse = sum(1.0 / float(_single(weights[entry.weight])) for entry in entries[begin : end + 1])
        density = (end - begin + 1) / inverse
        noise = (entries[end].position - entries[begin].position) - (end - begin)
        result += density / (1 + (noise if noise >= 0 else (end - begin) // 2))
        middle = (entries[end].position + entries[begin].position) / 2.0
        if extents and middle > previous:
            distances += 1.0 / (middle - previous)
        previous, extents = middle, extents + 1
    return float(_single(_normalized_cd(result, vector, method, extents, distances)))


def _normalized_cd(result: float, vector: TsVector, method: int, extents: int, distances: float) -> float:
    if method & _LOG_LENGTH:
        result /= math.log(_length(vector) + 1)
    if method & _LENGTH:
        result /= _length(vector)
    if method & _EXTENT_DISTANCE and extents and distances > 0:
        result /= extents / distances
    if method & _UNIQUE:
        result /= len(vector)
    if method & _LOG_UNIQUE:
        result /= math.log(len(vector) + 1) / math.log(2.0)
    if method & _RATIO:
        result /= result + 1
    return result


def _entries(vector: TsVector, query: Query) -> list[_Entry]:
    """The places of the query's words, in order."""
    found: dict[tuple[int, int, str], _Entry] = {}
    for term in dict.fromkeys(lexemes_of(query)):
        for key in found_lexemes(vector, term):
            for position, weight in vector[key]:
                if not term.weights or term.weights >> weight & 1:
                    entry = found.setdefault((position, weight, key), _Entry(position, weight))
                    entry.terms.append(term)
    return [found[key] for key in sorted(found)]


def _covers(entries: Sequence[_Entry], query: Query) -> Iterator[tuple[int, int]]:
    """The shortest runs of entries, none within another, of which the query holds: first and last."""
    start, reached = 0, 0
    while start < len(entries):
        end = _first_holding(entries, query, range(start, len(entries)))
        if end is None:
            return
        begin = _first_holding(entries, query, range(end, start - 1, -1))
        if begin is None or (entries[end].position <= reached and reached):
            start += 1
            continue
        reached = entries[end].position
        yield begin, end
        start = begin + 1


def _first_holding(entries: Sequence[_Entry], query: Query, order: range) -> int | None:
    """The first entry with which, and those before it in that order, the query holds."""
    seen: dict[Lexeme, set[int]] = {}

    def look(term: Lexeme) -> Occurrences:
        positions = seen.get(term)
        return positions is not None, frozenset(positions or ())

    for number in order:
        for term in entries[number].terms:
            seen.setdefault(term, set()).add(entries[number].position)
        if holds(query, look):
            return number
    return None
