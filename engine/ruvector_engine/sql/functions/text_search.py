"""Full-text search in SQL: documents and queries made, joined, matched and ranked.

DuckDB holds a tsvector and a tsquery as canonical text. Where a function may leave out the configuration, the analyzer
adds the session's: its template begins with `CONFIGURED`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, function, operator
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.text_search import dictionaries, documents, json_documents, queries, ranking, to_query
from ruvector_engine.text_search.documents import WEIGHTS, Position, TsVector
from ruvector_engine.text_search.headline import headline
from ruvector_engine.text_search.matching import matches, needle
from ruvector_engine.text_search.queries import Both, Not, Query
from ruvector_engine.text_search.tokens import KINDS, parse_all

#: What a template starts with when its first argument is a configuration that the call may leave out.
CONFIGURED = "rv_configured_"
#: The templates of functions that make a tsquery of a text.
TO_QUERY_TEMPLATES = frozenset(f"{CONFIGURED}{name}({{0}}, {{1}})" for name in to_query.MAKERS)


def _match(vector: str, query: str) -> str:
    """Documents without a lexeme that the query cannot do without are known to DuckDB, without a call into Python."""
    return (
        f"(CASE WHEN NOT contains({vector}, rv_ts_needle({query})) THEN FALSE ELSE rv_ts_match({vector}, {query}) END)"
    )


def _operators() -> Iterator[FunctionDef]:
    for symbol in ("@@", "@@@"):
        yield operator(symbol, "tsvector,tsquery", "bool", _match("{0}", "{1}"))
        yield operator(symbol, "tsquery,tsvector", "bool", _match("{1}", "{0}"))
    yield operator("@@", "text,tsquery", "bool", f"{CONFIGURED}text_match({{0}}, {{1}}, {{2}})")
    yield operator("@@", "text,text", "bool", f"{CONFIGURED}texts_match({{0}}, {{1}}, {{2}})")
    yield operator("||", "tsvector,tsvector", "tsvector", "rv_ts_concat({0}, {1})")
    yield operator("&&", "tsquery,tsquery", "tsquery", "rv_tsquery_join('&', 1, {0}, {1})")
    yield operator("||", "tsquery,tsquery", "tsquery", "rv_tsquery_join('|', 1, {0}, {1})")
    yield operator("<->", "tsquery,tsquery", "tsquery", "rv_tsquery_join('<->', 1, {0}, {1})")
    yield operator("!!", "tsquery", "tsquery", "rv_tsquery_not({0})")
    yield operator("@>", "tsquery,tsquery", "bool", "rv_tsquery_contains({0}, {1})")
    yield operator("<@", "tsquery,tsquery", "bool", "rv_tsquery_contains({1}, {0})")
    for name in ("tsvector", "tsquery"):
        for symbol in ("=", "<>"):
            yield operator(symbol, f"{name},{name}", "bool", f"({{0}} {symbol} {{1}})")


def _functions() -> Iterator[FunctionDef]:
    yield function("get_current_ts_config", "", "regconfig", "session", volatile=True, strict=False)
    yield from _configured("to_tsvector", "text", "tsvector")
    for name in to_query.MAKERS:
        yield from _configured(name, "text", "tsquery")
    yield from _configured("ts_headline", "text,tsquery,text", "text")
    yield from _configured("ts_headline", "text,tsquery", "text", "''")
    for name in ("ts_rank", "ts_rank_cd"):
        defaults = "CAST(NULL AS FLOAT[])"
        yield function(name, "float4[],tsvector,tsquery,int4", "float4", f"rv_{name}({{0}}, {{1}}, {{2}}, {{3}})")
        yield function(name, "float4[],tsvector,tsquery", "float4", f"rv_{name}({{0}}, {{1}}, {{2}}, 0)")
        yield function(name, "tsvector,tsquery,int4", "float4", f"rv_{name}({defaults}, {{0}}, {{1}}, {{2}})")
        yield function(name, "tsvector,tsquery", "float4", f"rv_{name}({defaults}, {{0}}, {{1}}, 0)")
    yield function("length", "tsvector", "int4", "rv_ts_length({0})")
    yield function("strip", "tsvector", "tsvector", "rv_ts_strip({0})")
    yield function("setweight", "tsvector,char", "tsvector", "rv_ts_setweight({0}, {1}, NULL)")
    yield function("setweight", "tsvector,char,text[]", "tsvector", "rv_ts_setweight({0}, {1}, {2})")
    yield function("ts_delete", "tsvector,text", "tsvector", "rv_ts_delete({0}, [{1}])")
    yield function("ts_delete", "tsvector,text[]", "tsvector", "rv_ts_delete({0}, {1})")
    yield function("ts_filter", "tsvector,char[]", "tsvector", "rv_ts_filter({0}, {1})")
    yield function("tsvector_to_array", "tsvector", "text[]", "rv_ts_lexemes({0})")
    yield function("array_to_tsvector", "text[]", "tsvector", "rv_ts_of_lexemes({0})")
    yield function("numnode", "tsquery", "int4", "rv_tsquery_nodes({0})")
    yield function("tsquery_phrase", "tsquery,tsquery", "tsquery", "rv_tsquery_join('<->', 1, {0}, {1})")
    yield function("tsquery_phrase", "tsquery,tsquery,int4", "tsquery", "rv_tsquery_join('<->', {2}, {0}, {1})")
    yield function("ts_lexize", "regdictionary,text", "text[]", "rv_ts_lexize({0}, {1})")
    tokens = [("tokid", "int4"), ("token", "text")]
    yield function("ts_parse", "text,text", "record", "rv_ts_parse({0}, {1})", returns_set=True, columns=tokens)
    kinds = [("tokid", "int4"), ("alias", "text"), ("description", "text")]
    yield function("ts_token_type", "text", "record", "rv_ts_token_type({0})", returns_set=True, columns=kinds)
    yield function("unnest", "tsvector", "record", "rv_ts_unnest({0})", returns_set=True, columns=_ENTRY_COLUMNS)
    for shown in ("regconfig,text", "text"):
        template = f"{CONFIGURED}ts_debug({{0}}, {{1}})"
        yield function("ts_debug", shown, "record", template, returns_set=True, columns=_DEBUG_COLUMNS)
    yield function("querytree", "tsquery", "text", "rv_ts_querytree({0})")
    for name in ("json", "jsonb"):
        yield from _configured("to_tsvector", name, "tsvector", "'[\"string\"]'", template="json_to_tsvector")
        yield from _configured(f"{name}_to_tsvector", f"{name},jsonb", "tsvector", template="json_to_tsvector")
    yield function("ts_match_vq", "tsvector,tsquery", "bool", _match("{0}", "{1}"))
    yield function("ts_match_qv", "tsquery,tsvector", "bool", _match("{1}", "{0}"))
    yield function("ts_match_tt", "text,text", "bool", f"{CONFIGURED}texts_match({{0}}, {{1}}, {{2}})")
    yield function("ts_match_tq", "text,tsquery", "bool", f"{CONFIGURED}text_match({{0}}, {{1}}, {{2}})")
    yield function("tsvector_concat", "tsvector,tsvector", "tsvector", "rv_ts_concat({0}, {1})")
    yield function("tsquery_and", "tsquery,tsquery", "tsquery", "rv_tsquery_join('&', 1, {0}, {1})")
    yield function("tsquery_or", "tsquery,tsquery", "tsquery", "rv_tsquery_join('|', 1, {0}, {1})")
    yield function("tsquery_not", "tsquery", "tsquery", "rv_tsquery_not({0})")
    yield function("tsq_mcontains", "tsquery,tsquery", "bool", "rv_tsquery_contains({0}, {1})")
    yield function("tsq_mcontained", "tsquery,tsquery", "bool", "rv_tsquery_contains({1}, {0})")
    for name in ("tsvector", "tsquery"):
        yield function(f"{name}_eq", f"{name},{name}", "bool", "({0} = {1})")
        yield function(f"{name}_ne", f"{name},{name}", "bool", "({0} <> {1})")


_DEBUG_COLUMNS = [
    ("alias", "text"), ("description", "text"), ("token", "text"), ("dictionaries", "regdictionary[]"),
    ("dictionary", "regdictionary"), ("lexemes", "text[]"),
]  # fmt: skip
_ENTRY_COLUMNS = [("lexeme", "text"), ("positions", "int2[]"), ("weights", "text[]")]


def _configured(name: str, args: str, result: str, *more: str, template: str = "") -> Iterator[FunctionDef]:
    """With a configuration first, and without one; the template's function has the same name unless it is given."""
    count = args.count(",") + 2
    places = ", ".join((*(f"{{{place}}}" for place in range(count)), *more))
    for shown in (f"regconfig,{args}", args):
        yield function(name, shown, result, f"{CONFIGURED}{template or name}({places})")


def _query_maker(name: str) -> Callable[[int, str], str]:
    return lambda oid, text: to_query.made(name, dictionaries.configuration(oid), text)


def _to_tsvector(oid: int, text: str) -> str:
    return documents.write(documents.to_tsvector(dictionaries.configuration(oid), text))


def _headline(oid: int, text: str, query: str, options: str) -> str:
    return headline(dictionaries.configuration(oid), text, queries.read(query), options)


def _matches(vector: str, query: str) -> bool:
    return matches(documents.read(vector), queries.read(query))


def _text_match(oid: int, text: str, query: str) -> bool:
    return matches(documents.to_tsvector(dictionaries.configuration(oid), text), queries.read(query))


def _texts_match(oid: int, text: str, wanted: str) -> bool:
    name = dictionaries.configuration(oid)
    return matches(documents.to_tsvector(name, text), to_query.plainto_tsquery(name, wanted))


def _concat(left: str, right: str) -> str:
    """The right document's positions follow the left one's last."""
    first, second = documents.read(left), documents.read(right)
    shift = max((position for positions in first.values() for position, _ in positions), default=0)
    entries: dict[str, list[Position]] = {lexeme: list(positions) for lexeme, positions in first.items()}
    for lexeme, positions in second.items():
        moved = [(min(position + shift, documents.MAX_POSITION), weight) for position, weight in positions]
        entries.setdefault(lexeme, []).extend(moved)
    return documents.write(documents.ordered(entries))


def _strip(vector: str) -> str:
    return documents.write(dict.fromkeys(documents.read(vector), ()))


def _weight(letter: str) -> int:
    if letter.upper() not in WEIGHTS or not letter:
        raise SqlError("XX000", f"unrecognized weight: {ord(letter[:1] or chr(0))}")
    return WEIGHTS.index(letter.upper())


def _setweight(vector: str, letter: str, only: Sequence[str | None] | None) -> str:
    weight = _weight(letter)
    changed: TsVector = {
        lexeme: tuple((position, weight) for position, _ in positions) if only is None or lexeme in only else positions
        for lexeme, positions in documents.read(vector).items()
    }
    return documents.write(changed)


def _delete(vector: str, gone: Sequence[str | None]) -> str:
    if None in gone:
        raise SqlError("22004", "lexeme array may not contain nulls")
    return documents.write({lexeme: p for lexeme, p in documents.read(vector).items() if lexeme not in gone})


def _filter(vector: str, letters: Sequence[str | None]) -> str:
    if None in letters:
        raise SqlError("22004", "weight array may not contain nulls")
    kept = {_weight(letter or "") for letter in letters}
    filtered = {
        lexeme: tuple(entry for entry in positions if entry[1] in kept)
        for lexeme, positions in documents.read(vector).items()
    }
    return documents.write({lexeme: positions for lexeme, positions in filtered.items() if positions})


def _of_lexemes(lexemes: Sequence[str | None]) -> str:
    if None in lexemes:
        raise SqlError("22004", "lexeme array may not contain nulls")
    if "" in lexemes:
        raise SqlError("2200F", "lexeme array may not contain empty strings")
    return documents.write(documents.ordered(dict.fromkeys((lexeme for lexeme in lexemes if lexeme), ())))


def _join(operator_name: Any, distance: int, left: str, right: str) -> str:
    if not 0 <= distance <= queries.MAX_DISTANCE:
        raise SqlError(
            "22023",
            f"distance in phrase operator must be an integer value between zero and {queries.MAX_DISTANCE} inclusive",
        )
    first, second = queries.read(left), queries.read(right)
    if first is None or second is None:
        return left or right
    return queries.write(Both(operator_name, first, second, distance))


def _not(query: str) -> str:
    inner = queries.read(query)
    return "" if inner is None else queries.write(Not(inner))


def _contains(whole: str, part: str) -> bool:
    present = {lexeme.text for lexeme in queries.lexemes_of(queries.read(whole))}
    return all(lexeme.text in present for lexeme in queries.lexemes_of(queries.read(part)))


def _nodes(query: str) -> int:
    def count(node: Query | None) -> int:
        if isinstance(node, Both):
            return 1 + count(node.left) + count(node.right)
        return 1 + count(node.operand) if isinstance(node, Not) else int(node is not None)

    return count(queries.read(query))


def _lexize(dictionary: int, word: str) -> list[str]:
    return list(dictionaries.DICTIONARIES[dictionaries.DICTIONARY_NAMES[dictionary]](word))


def _parse(parser: str, text: str) -> list[dict[str, Any]]:
    _require_parser(parser)
    return [{"tokid": token.kind, "token": token.text} for token in parse_all(text)]


def _require_parser(parser: str) -> None:
    if parser != "default":
        raise SqlError("42704", f'text search parser "{parser}" does not exist')


def _debug(oid: int, text: str) -> list[dict[str, Any]]:
    name = dictionaries.configuration(oid)
    rows = []
    for token in parse_all(text):
        alias, description = KINDS[token.kind]
        dictionary = dictionaries.dictionary_of(name, token.kind)
        number = None if dictionary is None else dictionaries.dictionary_oid(dictionary)
        rows.append(
            {
                "alias": alias,
                "description": description,
                "token": token.text,
                "dictionaries": [] if number is None else [number],
                "dictionary": number,
                "lexemes": None if dictionary is None else list(dictionaries.DICTIONARIES[dictionary](token.text)),
            }
        )
    return rows


def _token_types(parser: str) -> list[dict[str, Any]]:
    _require_parser(parser)
    return [{"tokid": kind, "alias": alias, "description": text} for kind, (alias, text) in KINDS.items()]


def _unnest(vector: str) -> list[dict[str, Any]]:
    return [
        {
            "lexeme": lexeme,
            "positions": [position for position, _ in entries] or None,
            "weights": [WEIGHTS[weight] for _, weight in entries] or None,
        }
        for lexeme, entries in documents.read(vector).items()
    ]


def _querytree(query: str) -> str:
    tree = queries.read(query)
    if tree is None:
        return ""
    known = queries.without_negations(tree)
    return "T" if known is None else queries.write(known)


def _json_to_tsvector(oid: int, value: str, kinds: str) -> str:
    vector = json_documents.to_tsvector(dictionaries.configuration(oid), value, json_documents.read_kinds(kinds))
    return documents.write(vector)


def _ranker(rank: Callable[..., float]) -> Callable[..., float | None]:
    """ts_rank or ts_rank_cd. Without a normalization only the query's own words are read from a document."""

    @lru_cache(maxsize=65_536)
    def of_words(weights: tuple[float | None, ...] | None, query: str, found: tuple[str | None, ...]) -> float:
        words = zip(_words(query) or (), found, strict=True)
        vector = {word: documents.read_positions(written) for word, written in words if written is not None}
        return rank(ranking.weights_of(weights), vector, queries.read(query), 0)

    def call(
        weights: Sequence[float | None] | None, vector: str | None, query: str | None, method: int
    ) -> float | None:
        if vector is None or query is None or method is None:
            return None
        words = None if method else _words(query)
        found = documents.written_positions(vector, words) if words else None
        if found and any(found):
            return of_words(None if weights is None else tuple(weights), query, found)
        return rank(ranking.weights_of(weights), documents.read(vector), queries.read(query), method)

    return call


@lru_cache(maxsize=1024)
def _words(query: str) -> tuple[str, ...] | None:
    """The words of a query in order; None when one stands for all that begin with it."""
    lexemes = list(queries.lexemes_of(queries.read(query)))
    return None if any(word.prefix for word in lexemes) else tuple(sorted({word.text for word in lexemes}))


def _weighing(vector: str | None, letter: str | None, only: Sequence[str | None] | None) -> str | None:
    return None if vector is None or letter is None else _setweight(vector, letter, only)


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())

_TEXT, _OID, _TEXTS = "VARCHAR", "BIGINT", "VARCHAR[]"
_RANK_ARGUMENTS = ("FLOAT[]", _TEXT, _TEXT, "INTEGER")
UDFS: tuple[Udf, ...] = (
    Udf(f"{CONFIGURED}to_tsvector", _to_tsvector, (_OID, _TEXT), _TEXT),
    *(Udf(f"{CONFIGURED}{name}", _query_maker(name), (_OID, _TEXT), _TEXT) for name in to_query.MAKERS),
    Udf(f"{CONFIGURED}ts_headline", _headline, (_OID, _TEXT, _TEXT, _TEXT), _TEXT),
    Udf(f"{CONFIGURED}text_match", _text_match, (_OID, _TEXT, _TEXT), "BOOLEAN"),
    Udf(f"{CONFIGURED}texts_match", _texts_match, (_OID, _TEXT, _TEXT), "BOOLEAN"),
    Udf("rv_ts_needle", lambda query: needle(queries.read(query)), (_TEXT,), _TEXT),
    Udf("rv_ts_match", _matches, (_TEXT, _TEXT), "BOOLEAN"),
    Udf("rv_ts_concat", _concat, (_TEXT, _TEXT), _TEXT),
    Udf("rv_ts_rank", _ranker(ranking.rank), _RANK_ARGUMENTS, "FLOAT", "special"),
    Udf("rv_ts_rank_cd", _ranker(ranking.rank_cd), _RANK_ARGUMENTS, "FLOAT", "special"),
    Udf("rv_ts_length", lambda vector: len(documents.read(vector)), (_TEXT,), "INTEGER"),
    Udf("rv_ts_strip", _strip, (_TEXT,), _TEXT),
    Udf("rv_ts_setweight", _weighing, (_TEXT, _TEXT, _TEXTS), _TEXT, "special"),
    Udf("rv_ts_delete", _delete, (_TEXT, _TEXTS), _TEXT),
    Udf("rv_ts_filter", _filter, (_TEXT, _TEXTS), _TEXT),
    Udf("rv_ts_lexemes", lambda vector: list(documents.read(vector)), (_TEXT,), _TEXTS),
    Udf("rv_ts_of_lexemes", _of_lexemes, (_TEXTS,), _TEXT),
    Udf("rv_ts_lexize", _lexize, (_OID, _TEXT), _TEXTS),
    Udf("rv_ts_parse", _parse, (_TEXT, _TEXT), "STRUCT(tokid INTEGER, token VARCHAR)[]"),
    Udf("rv_ts_token_type", _token_types, (_TEXT,), "STRUCT(tokid INTEGER, alias VARCHAR, description VARCHAR)[]"),
    Udf(
        f"{CONFIGURED}ts_debug",
        _debug,
        (_OID, _TEXT),
        "STRUCT(alias VARCHAR, description VARCHAR, token VARCHAR, dictionaries BIGINT[], dictionary BIGINT, "
        "lexemes VARCHAR[])[]",
    ),
    Udf("rv_ts_unnest", _unnest, (_TEXT,), "STRUCT(lexeme VARCHAR, positions SMALLINT[], weights VARCHAR[])[]"),
    Udf("rv_ts_querytree", _querytree, (_TEXT,), _TEXT),
    Udf(f"{CONFIGURED}json_to_tsvector", _json_to_tsvector, (_OID, _TEXT, _TEXT), _TEXT),
    Udf("rv_tsquery_join", _join, (_TEXT, "INTEGER", _TEXT, _TEXT), _TEXT),
    Udf("rv_tsquery_not", _not, (_TEXT,), _TEXT),
    Udf("rv_tsquery_contains", _contains, (_TEXT, _TEXT), "BOOLEAN"),
    Udf("rv_tsquery_nodes", _nodes, (_TEXT,), "INTEGER"),
)
