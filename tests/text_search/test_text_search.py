"""Full-text search by itself: what tests/congruence/text_search.test does not show against PostgreSQL."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruvector_engine.errors import SqlError
from ruvector_engine.text_search import documents, queries
from ruvector_engine.text_search.dictionaries import english_stem
from ruvector_engine.text_search.headline import headline
from ruvector_engine.text_search.matching import matches, needle
from ruvector_engine.text_search.queries import Both, Lexeme, Not, Query
from ruvector_engine.text_search.ranking import DEFAULT_WEIGHTS, rank, rank_cd
from ruvector_engine.text_search.to_query import plainto_tsquery, to_tsquery, websearch_to_tsquery
from ruvector_engine.text_search.tokens import KINDS, parse, parse_all

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
LEXEMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
POSITIONS = st.lists(st.tuples(st.integers(1, documents.MAX_POSITION), st.integers(0, 3)), max_size=5)
QUERIES: st.SearchStrategy[Query] = st.recursive(
    st.builds(Lexeme, LEXEMES, st.integers(0, 15), st.booleans()),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(Both, st.sampled_from(["&", "|"]), inner, inner)
        | st.builds(Both, st.just("<->"), inner, inner, st.integers(0, queries.MAX_DISTANCE))
    ),
    max_leaves=8,
)

QUERIES_OF_FEW: st.SearchStrategy[Query] = st.recursive(
    st.builds(Lexeme, st.sampled_from(["cat", "ca", "dog", "mat", "s"]), st.sampled_from([0, 1, 8]), st.booleans()),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(Both, st.sampled_from(["&", "|"]), inner, inner)
        | st.builds(Both, st.just("<->"), inner, inner, st.integers(1, 3))
    ),
    max_leaves=6,
)


def test_every_kind_of_token() -> None:
    text = "cat naïve 2nd a@b.org http://x.org/p <b> &amp; 1.2.3 1e5 1.5 -5 7 /usr/bin foo-bar foo-12bar über-cool"
    assert {KINDS[token.kind][0] for token in parse_all(text)} == {alias for alias, _ in KINDS.values()}


@given(TEXT)
def test_the_tokens_are_the_document(text: str) -> None:
    """No character is lost: wholes that come with their parts aside, the tokens are the text."""
    wholes = {"asciihword", "hword", "numhword", "url"}
    assert "".join(token.text for token in parse_all(text) if KINDS[token.kind][0] not in wholes) == text
    assert list(parse(text)) == [token for token in parse_all(text) if KINDS[token.kind][0] != "blank"]


@given(st.text(st.sampled_from("ab Z.,;:!?()\"'-/<>&@_1e\n\té"), max_size=30))
def test_plain_words_are_told_apart_as_all_are(text: str) -> None:
    assert list(parse(text)) == [token for token in parse_all(text) if KINDS[token.kind][0] != "blank"]


@given(TEXT)
def test_search_boxes_take_anything(text: str) -> None:
    for make in (websearch_to_tsquery, plainto_tsquery):
        query = make("english", text)
        assert queries.write(queries.parse_tsquery(queries.write(query))) == queries.write(query)


@given(st.dictionaries(LEXEMES, POSITIONS, max_size=6))
def test_documents_survive_their_text(entries: dict[str, list[documents.Position]]) -> None:
    vector = documents.ordered(entries)
    text = documents.write(vector)
    assert documents.read(text) == vector
    assert documents.parse_tsvector(text) == vector


@given(QUERIES)
def test_queries_survive_their_text(query: Query) -> None:
    text = queries.write(query)
    assert queries.write(queries.parse_tsquery(text)) == text


@given(TEXT)
def test_malformed_text_is_a_plain_error(text: str) -> None:
    for read in (documents.parse_tsvector, queries.parse_tsquery):
        try:
            read(text)
        except SqlError as error:
            assert error.sqlstate in ("42601", "22023")  # noqa: PT017 - whether it fails depends on the text


def test_limits() -> None:
    longest = "x" * documents.MAX_LEXEME_BYTES
    assert documents.parse_tsvector(longest) == {longest: ()}
    with pytest.raises(SqlError, match=r"word is too long \(2047 bytes, max 2046 bytes\)"):
        documents.parse_tsvector(longest + "x")
    many = documents.to_tsvector("simple", "a " * (documents.MAX_POSITION + 5) + "b")
    assert many["b"] == ((documents.MAX_POSITION, 0),)
    assert len(many["a"]) == documents.MAX_POSITIONS
    assert queries.parse_tsquery(f"a <{queries.MAX_DISTANCE}> b") is not None
    with pytest.raises(SqlError, match="distance in phrase operator"):
        queries.parse_tsquery(f"a <{queries.MAX_DISTANCE + 1}> b")


def test_a_position_keeps_its_greatest_weight() -> None:
    assert documents.write(documents.parse_tsvector("a:3,1,3B,1A")) == "'a':1A,3B"


@pytest.mark.parametrize(
    ("document", "query", "expected"),
    [
        ("cat sat mat", "cat <-> sat", True),
        ("cat sat mat", "cat <-> mat", False),
        ("cat sat mat", "cat <2> mat", True),
        ("cat sat mat", "!dog <-> sat", True),
        ("cat sat mat", "!cat <-> sat", False),
        ("cat sat mat", "(dog | cat) <-> sat", True),
        ("cat sat mat", "ca:* & !dog", True),
        ("cat sat mat", "cat:A", False),
    ],
)
def test_matching(document: str, query: str, expected: bool) -> None:
    assert matches(documents.to_tsvector("simple", document), to_tsquery("simple", query)) is expected


@given(st.lists(st.sampled_from(["cat", "cats", "dog", "mat", "it's"]), max_size=5), QUERIES_OF_FEW)
def test_a_document_without_the_needle_does_not_match(words: list[str], query: Query) -> None:
    vector = documents.to_tsvector("simple", " ".join(words))
    if needle(query) not in documents.write(vector):
        assert not matches(vector, query)


def test_needles() -> None:
    assert [needle(to_tsquery("simple", text)) for text in ("a & bird", "a | b", "!a & b", "ab:*", "a <-> !b")] == [
        "'bird'", "", "'b'", "'ab", "'a'",
    ]  # fmt: skip
    assert needle(None) == ""


def test_a_document_without_positions_cannot_deny_a_weight_nor_show_a_phrase() -> None:
    stripped = documents.parse_tsvector("cat sat")
    assert matches(stripped, to_tsquery("simple", "cat:A"))
    assert not matches(stripped, to_tsquery("simple", "cat <-> sat"))


def test_ranks_are_those_of_postgresql() -> None:
    """The figures come from PostgreSQL 18."""
    vector, query = documents.to_tsvector("english", "fat cats ate fat rats"), to_tsquery("english", "fat & rat")
    assert np.float32(rank(DEFAULT_WEIGHTS, vector, query, 0)) == np.float32(0.18490733)
    assert np.float32(rank_cd(DEFAULT_WEIGHTS, vector, query, 0)) == np.float32(0.1)
    assert rank(DEFAULT_WEIGHTS, vector, None, 0) == rank_cd(DEFAULT_WEIGHTS, {}, query, 0) == 0


def test_stems() -> None:
    assert [english_stem(word) for word in ("Organizations", "universal", "the", "skies")] == [
        ("organ",), ("univers",), (), ("sky",),
    ]  # fmt: skip


def test_a_headline_of_what_does_not_match_is_the_beginning() -> None:
    query = to_tsquery("english", "nothing & such")
    text = "One two three four five six seven"
    assert headline("english", text, query, "MaxWords=4, MinWords=3") == "One two three"
    assert headline("english", "A <b>fat</b> cat", to_tsquery("english", "cat"), "HighlightAll=true") == (
        "A <b>fat</b> <b>cat</b>"
    )
