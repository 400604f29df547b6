"""What the server sends, to bytes: one function (or constant) a message, bearing PostgreSQL's names.

Functions and not classes, because the answer to a query is put together many thousand times a second. DataRow is
not here: `ruvector_server.types.row_encoder` makes whole batches of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column

_HEADER = Struct("!ci").pack
_INT32 = Struct("!i").pack
_UINT32 = Struct("!I").pack
_UINT16 = Struct("!H").pack
_FIELD = Struct("!IhIhih").pack

PARSE_COMPLETE = b"1\0\0\0\4"
BIND_COMPLETE = b"2\0\0\0\4"
CLOSE_COMPLETE = b"3\0\0\0\4"
NO_DATA = b"n\0\0\0\4"
PORTAL_SUSPENDED = b"s\0\0\0\4"
EMPTY_QUERY_RESPONSE = b"I\0\0\0\4"
COPY_DONE = b"c\0\0\0\4"
AUTHENTICATION_OK = b"R\0\0\0\x08\0\0\0\0"
AUTHENTICATION_CLEARTEXT_PASSWORD = b"R\0\0\0\x08\0\0\0\3"
#: The answers to SSLRequest and GSSENCRequest: single bytes without a length.
ENCRYPTION_ACCEPTED = b"S"
ENCRYPTION_REFUSED = b"N"
#: By transaction status: idle, in a transaction, in a failed one.
READY_FOR_QUERY = {"I": b"Z\0\0\0\5I", "T": b"Z\0\0\0\5T", "E": b"Z\0\0\0\5E"}

#: The value NULL of a FunctionCallResponse.
FUNCTION_CALL_NULL = b"\xff\xff\xff\xff"

_AUTHENTICATION_MD5 = 5
_AUTHENTICATION_SASL = 10
_AUTHENTICATION_SASL_CONTINUE = 11
_AUTHENTICATION_SASL_FINAL = 12


def _message(kind: bytes, body: bytes) -> bytes:
    return _HEADER(kind, len(body) + 4) + body


def utf8(text: str) -> bytes:
    """Text for a client that reads UTF-8: what is not Unicode must not stop an error report."""
    return text.encode("utf-8", "replace")


def _string(text: str, encode: Callable[[str], bytes] = utf8) -> bytes:
    """A C string: a zero byte inside would end it early."""
    return encode(text.replace("\0", "")) + b"\0"


def authentication_md5_password(salt: bytes) -> bytes:
    """AuthenticationMD5Password: the password is wanted hashed with four bytes."""
    return _message(b"R", _INT32(_AUTHENTICATION_MD5) + salt)


def authentication_sasl(mechanisms: Sequence[str]) -> bytes:
    """AuthenticationSASL: choose one of these."""
    names = b"".join(map(_string, mechanisms))
    return _message(b"R", _INT32(_AUTHENTICATION_SASL) + names + b"\0")


def authentication_sasl_continue(data: bytes) -> bytes:
    """AuthenticationSASLContinue: the server's challenge."""
    return _message(b"R", _INT32(_AUTHENTICATION_SASL_CONTINUE) + data)


def authentication_sasl_final(data: bytes) -> bytes:
    """AuthenticationSASLFinal: the server's proof."""
    return _message(b"R", _INT32(_AUTHENTICATION_SASL_FINAL) + data)


def negotiate_protocol_version(major: int, minor: int, unknown_options: Sequence[str]) -> bytes:
    """NegotiateProtocolVersion: the version spoken, and the protocol options not known here."""
    names = b"".join(map(_string, unknown_options))
    return _message(b"v", _UINT16(major) + _UINT16(minor) + _INT32(len(unknown_options)) + names)


def backend_key_data(pid: int, secret: bytes) -> bytes:
    """BackendKeyData: what a CancelRequest must show."""
    return _message(b"K", _INT32(pid) + secret)


def parameter_status(name: str, value: str, encode: Callable[[str], bytes] = utf8) -> bytes:
    """ParameterStatus: a setting's value, at the start and when it changes."""
    return _message(b"S", _string(name) + _string(value, encode))


def notification_response(pid: int, channel: str, payload: str, encode: Callable[[str], bytes] = utf8) -> bytes:
    """NotificationResponse: a NOTIFY of the session `pid` on a channel that this one listens to."""
    return _message(b"A", _INT32(pid) + _string(channel, encode) + _string(payload, encode))


def parameter_description(oids: Sequence[int]) -> bytes:
    """ParameterDescription: the types of a statement's parameters."""
    return _message(b"t", _UINT16(len(oids)) + b"".join(map(_UINT32, oids)))


def row_description(columns: Sequence[Column], formats: Sequence[int], encode: Callable[[str], bytes] = utf8) -> bytes:
    """RowDescription, with a format (0 text, 1 binary) a column."""
    parts = [_UINT16(len(columns))]
    for column, code in zip(columns, formats, strict=True):
        parts.append(_string(column.name, encode))
        kind = column.type
        parts.append(_FIELD(column.table_oid, column.attnum, kind.oid, kind.pg.length, kind.typmod, code))
    return _message(b"T", b"".join(parts))


def command_complete(tag: str) -> bytes:
    """CommandComplete."""
    body = tag.encode() + b"\0"
    return _HEADER(b"C", len(body) + 4) + body


def function_call_response(value: bytes) -> bytes:
    """FunctionCallResponse: a value with its length before it."""
    return _message(b"V", value)


def copy_in_response(format_code: int, columns: int) -> bytes:
    """CopyInResponse: send the data of so many columns, in text (0) or binary (1)."""
    return _copy_response(b"G", format_code, columns)


def copy_out_response(format_code: int, columns: int) -> bytes:
    """CopyOutResponse: here is the data."""
    return _copy_response(b"H", format_code, columns)


def _copy_response(kind: bytes, format_code: int, columns: int) -> bytes:
    return _message(kind, bytes([format_code]) + _UINT16(columns) + _UINT16(format_code) * columns)


def copy_data(payloads: Sequence[bytes]) -> bytes:
    """Return one CopyData a payload, all together."""
    return b"".join([part for payload in payloads for part in (_HEADER(b"d", len(payload) + 4), payload)])


def error_response(error: SqlError, encode: Callable[[str], bytes] = utf8) -> bytes:
    """ErrorResponse."""
    return _message(b"E", _fields(error, encode))


def error_response_2(error: SqlError) -> bytes:
    """ErrorResponse as protocol 2 had it: a text without a length."""
    return b"E" + _string(f"{error.severity}:  {error.message}\n")


def notice_response(notice: SqlError, encode: Callable[[str], bytes] = utf8) -> bytes:
    """NoticeResponse."""
    return _message(b"N", _fields(notice, encode))


def _fields(error: SqlError, encode: Callable[[str], bytes]) -> bytes:
    values = (
        (b"S", error.severity),
        (b"V", error.severity),
        (b"C", error.sqlstate),
        (b"M", error.message),
        (b"D", error.detail),
        (b"H", error.hint),
        (b"P", None if error.position is None else str(error.position)),
        (b"p", None if error.internal_position is None else str(error.internal_position)),
        (b"q", error.internal_query),
        (b"W", error.context),
        (b"s", error.schema),
        (b"t", error.table),
        (b"c", error.column),
        (b"d", error.datatype),
        (b"n", error.constraint),
    )
    return b"".join(code + _string(value, encode) for code, value in values if value is not None) + b"\0"
