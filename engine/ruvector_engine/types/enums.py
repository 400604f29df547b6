"""Enums: a value is its label."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.types.registry import EnumType
from ruvector_engine.types.textio import TextType, plain


def invalid_label(enum: EnumType, text: str) -> SqlError:
    """22P02, the answer to text that is none of the labels."""
    return SqlError("22P02", f'invalid input value for enum {enum.sql_name}: "{text}"')


def text_type(enum: EnumType) -> TextType:
    """The text functions of an enum."""
    labels = frozenset(enum.labels)

    def parse(text: str) -> str:
        if text not in labels:
            raise invalid_label(enum, text)
        return text

    return plain(parse, str)
