"""The other side of the wire, for tests: frontend messages to bytes, backend bytes to readable messages."""

from __future__ import annotations

from struct import pack, unpack_from
from typing import NamedTuple

from ruvector_server.wire import messages as m


def _string(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape") + b"\0"


def _formats(codes: tuple[int, ...]) -> bytes:
    return pack(f"!H{len(codes)}h", len(codes), *codes)


def _typed(kind: bytes, body: bytes = b"") -> bytes:
    return kind + pack("!i", len(body) + 4) + body


def _packet(body: bytes) -> bytes:
    return pack("!i", len(body) + 4) + body


def encode(message: m.Frontend) -> bytes:
    """The bytes of a message."""
    match message:
        case m.SSLRequest():
            return _packet(pack("!HH", 1234, 5679))
        case m.GSSENCRequest():
            return _packet(pack("!HH", 1234, 5680))
        case m.CancelRequest(pid, secret):
            return _packet(pack("!HHi", 1234, 5678, pid) + secret)
        case m.StartupMessage(major, minor, parameters):
            words = b"".join(_string(word) for pair in parameters.items() for word in pair)
            return _packet(pack("!HH", major, minor) + words + b"\0")
        case m.PasswordMessage(password):
            return _typed(b"p", _string(password))
        case m.SASLInitialResponse(mechanism, data):
            sent = pack("!i", -1) if data is None else pack("!i", len(data)) + data
            return _typed(b"p", _string(mechanism) + sent)
        case m.SASLResponse(data):
            return _typed(b"p", data)
        case m.Query(query):
            return _typed(b"Q", _string(query))
        case m.Parse(name, query, oids):
            return _typed(b"P", _string(name) + _string(query) + pack(f"!H{len(oids)}I", len(oids), *oids))
        case m.Bind(portal, statement, formats, parameters, result_formats):
            values = b"".join(pack("!i", -1) if v is None else pack("!i", len(v)) + v for v in parameters)
            head = _string(portal) + _string(statement) + _formats(formats) + pack("!H", len(parameters))
            return _typed(b"B", head + values + _formats(result_formats))
        case m.Describe(kind, name):
            return _typed(b"D", kind.encode() + _string(name))
        case m.Close(kind, name):
            return _typed(b"C", kind.encode() + _string(name))
        case m.Execute(portal, max_rows):
            return _typed(b"E", _string(portal) + pack("!i", max_rows))
        case m.Flush():
            return _typed(b"H")
        case m.Sync():
            return _typed(b"S")
        case m.Terminate():
            return _typed(b"X")
        case m.FunctionCall(function, formats, arguments, result_format):
            values = b"".join(pack("!i", -1) if v is None else pack("!i", len(v)) + v for v in arguments)
            head = pack("!I", function) + _formats(formats) + pack("!H", len(arguments))
            return _typed(b"F", head + values + pack("!h", result_format))
        case m.CopyData(data):
            return _typed(b"d", data)
        case m.CopyDone():
            return _typed(b"c")
        case m.CopyFail(reason):
            return _typed(b"f", _string(reason))


_NAMES = {
    "1": "ParseComplete",
    "2": "BindComplete",
    "3": "CloseComplete",
    "A": "NotificationResponse",
    "C": "CommandComplete",
    "D": "DataRow",
    "E": "ErrorResponse",
    "G": "CopyInResponse",
    "H": "CopyOutResponse",
    "I": "EmptyQueryResponse",
    "K": "BackendKeyData",
    "N": "NoticeResponse",
    "R": "Authentication",
    "S": "ParameterStatus",
    "T": "RowDescription",
    "V": "FunctionCallResponse",
    "Z": "ReadyForQuery",
    "c": "CopyDone",
    "d": "CopyData",
    "n": "NoData",
    "s": "PortalSuspended",
    "t": "ParameterDescription",
    "v": "NegotiateProtocolVersion",
}


class Backend(NamedTuple):
    """A message from the server: its name, and its content in a readable form that depends on the name."""

    name: str
    content: object = None


def split(data: bytes) -> tuple[list[Backend], bytes]:
    """The whole messages in `data`, and the bytes that are left."""
    found = []
    while len(data) >= 5:
        (length,) = unpack_from("!i", data, 1)
        if len(data) <= length:
            break
        name = _NAMES[chr(data[0])]
        found.append(Backend(name, _content(name, data[5 : length + 1])))
        data = data[length + 1 :]
    return found, data


def decode(data: bytes) -> list[Backend]:
    """The messages in `data`, which must be whole."""
    found, rest = split(data)
    assert not rest, rest
    return found


def _content(name: str, body: bytes) -> object:
    if name == "DataRow":
        return _data_row(body)
    if name in ("ErrorResponse", "NoticeResponse"):
        return {field[:1].decode(): field[1:].decode() for field in body.split(b"\0") if field}
    if name in ("CommandComplete", "ReadyForQuery"):
        return body.rstrip(b"\0").decode()
    if name == "ParameterStatus":
        return tuple(body.decode().split("\0")[:2])
    if name == "RowDescription":
        return _row_description(body)
    if name == "ParameterDescription":
        return list(unpack_from(f"!{len(body) // 4}I", body, 2))
    if name == "Authentication":
        return unpack_from("!i", body)[0], body[4:]
    if name in ("CopyInResponse", "CopyOutResponse"):
        return body[0], list(unpack_from(f"!{(len(body) - 3) // 2}H", body, 3))
    if name == "NegotiateProtocolVersion":
        major, minor, count = unpack_from("!HHi", body)
        return (major, minor), body[8:].decode().split("\0")[:count]
    return body or None


def _data_row(body: bytes) -> list[bytes | None]:
    position, values = 2, list[bytes | None]()
    for _ in range(unpack_from("!H", body)[0]):
        (length,) = unpack_from("!i", body, position)
        position += 4
        if length < 0:
            values.append(None)
            continue
        values.append(body[position : position + length])
        position += length
    return values


def _row_description(body: bytes) -> list[tuple[object, ...]]:
    """(name, table oid, attribute number, type oid, type length, type modifier, format) a column."""
    position, columns = 2, []
    for _ in range(unpack_from("!H", body)[0]):
        end = body.index(0, position)
        columns.append((body[position:end].decode(), *unpack_from("!IhIhih", body, end + 1)))
        position = end + 19
    return columns
