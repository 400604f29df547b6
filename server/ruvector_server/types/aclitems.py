"""Binary aclitem: there is none, as in PostgreSQL."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_server.types.codec import BinaryCodec, Data


def _decode(_data: Data) -> str:
    raise SqlError("42883", "no binary input function available for type aclitem")


def _encode(_value: str) -> bytes:
    raise SqlError("42883", "no binary output function available for type aclitem")


CODECS: dict[int, BinaryCodec] = {registry.ACLITEM: BinaryCodec(_decode, _encode)}
