"""What each message of the protocol consists of, once for reading and writing: one function a message.

A layout walks over a message by means of a `Cursor`, which either takes bytes apart into words or puts words together
to bytes. The words are those of libpq's trace (`PQtrace`): a string in double quotes, bytes in single ones, numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Cursor(Protocol):
    """A place in a message; every method moves over one element and returns it."""

    def byte(self) -> str:
        """A character."""

    def int16(self) -> int:
        """A number of two bytes."""

    def int32(self) -> int:
        """A number of four bytes."""

    def oid(self) -> int:
        """The OID of a type or table, which are other ones on every server when a user has made them."""

    def string(self) -> str:
        """A text that ends with a zero byte."""

    def chars(self, count: int | None = None) -> None:
        """So many bytes; all that are left if the number is None."""

    def more(self) -> bool:
        """Whether something is left before the zero byte that ends the message."""


Layout = Callable[[Cursor], object]


def _nothing(_cursor: Cursor) -> None:
    pass


def _string(cursor: Cursor) -> None:
    cursor.string()


def _data(cursor: Cursor) -> None:
    cursor.chars()


def _values(cursor: Cursor) -> None:
    for _ in range(cursor.int16()):
        length = cursor.int32()
        if length >= 0:
            cursor.chars(length)


def _formats(cursor: Cursor) -> None:
    for _ in range(cursor.int16()):
        cursor.int16()


def _oids(cursor: Cursor) -> None:
    for _ in range(cursor.int16()):
        cursor.oid()


def _startup(cursor: Cursor) -> None:
    cursor.int16()
    cursor.int16()
    while cursor.more():
        cursor.string()
        cursor.string()


def _cancel(cursor: Cursor) -> None:
    cursor.int32()
    cursor.chars()


def _sasl_initial(cursor: Cursor) -> None:
    cursor.string()
    length = cursor.int32()
    if length >= 0:
        cursor.chars(length)


def _parse(cursor: Cursor) -> None:
    cursor.string()
    cursor.string()
    _oids(cursor)


def _bind(cursor: Cursor) -> None:
    cursor.string()
    cursor.string()
    _formats(cursor)
    _values(cursor)
    _formats(cursor)


def _kind_and_name(cursor: Cursor) -> None:
    cursor.byte()
    cursor.string()


def _execute(cursor: Cursor) -> None:
    cursor.string()
    cursor.int32()


def _function_call(cursor: Cursor) -> None:
    cursor.oid()
    _formats(cursor)
    _values(cursor)
    cursor.int16()


#: What a client sends, by name: the type byte (none before there is a session) and the layout.
FRONTEND: dict[str, tuple[bytes, Layout]] = {
    "StartupMessage": (b"", _startup),
    "CancelRequest": (b"", _cancel),
    "SSLRequest": (b"", _nothing),
    "GSSENCRequest": (b"", _nothing),
    "PasswordMessage": (b"p", _string),
    "SASLInitialResponse": (b"p", _sasl_initial),
    "SASLResponse": (b"p", _data),
    "Query": (b"Q", _string),
    "Parse": (b"P", _parse),
    "Bind": (b"B", _bind),
    "Describe": (b"D", _kind_and_name),
    "Close": (b"C", _kind_and_name),
    "Execute": (b"E", _execute),
    "Flush": (b"H", _nothing),
    "Sync": (b"S", _nothing),
    "Terminate": (b"X", _nothing),
    "FunctionCall": (b"F", _function_call),
    "CopyData": (b"d", _data),
    "CopyDone": (b"c", _nothing),
    "CopyFail": (b"f", _string),
}
#: The code that stands in the place of a version.
CODES = {"CancelRequest": (1234, 5678), "SSLRequest": (1234, 5679), "GSSENCRequest": (1234, 5680)}


def _fields(cursor: Cursor) -> None:
    while cursor.more():
        cursor.byte()
        cursor.string()


def _parameter_status(cursor: Cursor) -> None:
    cursor.string()
    cursor.string()


def _key_data(cursor: Cursor) -> None:
    cursor.int32()
    cursor.chars()


def _notification(cursor: Cursor) -> None:
    cursor.int32()
    cursor.string()
    cursor.string()


def _row_description(cursor: Cursor) -> None:
    for _ in range(cursor.int16()):
        cursor.string()
        cursor.oid()
        cursor.int16()
        cursor.oid()
        cursor.int16()
        cursor.int32()
        cursor.int16()


def _copy_response(cursor: Cursor) -> None:
    cursor.byte()
    _formats(cursor)


def _function_value(cursor: Cursor) -> None:
    length = cursor.int32()
    if length >= 0:
        cursor.chars(length)


def _negotiate(cursor: Cursor) -> None:
    cursor.int16()
    cursor.int16()
    for _ in range(cursor.int32()):
        cursor.string()


def _authentication(cursor: Cursor) -> None:
    kind = cursor.int32()
    if kind == 10:
        while cursor.more():
            cursor.string()
    elif kind:
        cursor.chars()


#: What the server sends, by type byte.
BACKEND: dict[str, tuple[str, Layout]] = {
    "1": ("ParseComplete", _nothing),
    "2": ("BindComplete", _nothing),
    "3": ("CloseComplete", _nothing),
    "A": ("NotificationResponse", _notification),
    "C": ("CommandComplete", _string),
    "D": ("DataRow", _values),
    "E": ("ErrorResponse", _fields),
    "G": ("CopyInResponse", _copy_response),
    "H": ("CopyOutResponse", _copy_response),
    "I": ("EmptyQueryResponse", _nothing),
    "K": ("BackendKeyData", _key_data),
    "N": ("NoticeResponse", _fields),
    "R": ("Authentication", _authentication),
    "S": ("ParameterStatus", _parameter_status),
    "T": ("RowDescription", _row_description),
    "V": ("FunctionCallResponse", _function_value),
    "Z": ("ReadyForQuery", lambda cursor: cursor.byte()),
    "c": ("CopyDone", _nothing),
    "d": ("CopyData", _data),
    "n": ("NoData", _nothing),
    "s": ("PortalSuspended", _nothing),
    "t": ("ParameterDescription", _oids),
    "v": ("NegotiateProtocolVersion", _negotiate),
}
