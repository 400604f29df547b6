"""tsvector and tsquery: values are their canonical text; the work is done in `text_search`."""

from __future__ import annotations

from ruvector_engine.text_search import documents, queries
from ruvector_engine.types import registry
from ruvector_engine.types.textio import TextType, plain


def _tsvector(text: str) -> str:
    return documents.write(documents.parse_tsvector(text))


def _tsquery(text: str) -> str:
    return queries.write(queries.parse_tsquery(text))


TEXT_TYPES: dict[int, TextType] = {
    registry.TSVECTOR: plain(_tsvector, str),
    registry.TSQUERY: plain(_tsquery, str),
}
