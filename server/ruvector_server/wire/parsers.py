"""The bodies of typed frontend messages: `parse(buffer, start, end) -> message`, without copying the body first.

A parser may stumble over short or odd bytes with IndexError, ValueError, UnicodeDecodeError or struct.error; the
decoder turns these into PostgreSQL's errors. It must notice when it did not end at `end`.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, unpack_from
from typing import Literal, TypeAlias

from ruvector_server.wire.errors import ProtocolError
from ruvector_server.wire.messages import (
    Bind,
    Close,
    CopyData,
    CopyDone,
    CopyFail,
    Describe,
    Execute,
    Flush,
    Frontend,
    FunctionCall,
    Parse,
    PasswordMessage,
    Query,
    SASLInitialResponse,
    SASLResponse,
    Sync,
    Terminate,
)

Parser: TypeAlias = Callable[[bytes, int, int], Frontend]

_INT32 = Struct("!i").unpack_from
_UINT16 = Struct("!H").unpack_from
_UINT32 = Struct("!I").unpack_from
_INT16 = Struct("!h").unpack_from

INSUFFICIENT = "insufficient data left in message"


def _check_end(position: int, end: int) -> None:
    if position < end:
        raise ProtocolError("invalid message format")
    if position > end:
        raise ProtocolError(INSUFFICIENT)


def parse_query(buffer: bytes, position: int, end: int) -> Query:
    """Q: text."""
    stop = buffer.index(0, position, end)
    _check_end(stop + 1, end)
    return Query(buffer[position:stop].decode())


def parse_parse(buffer: bytes, position: int, end: int) -> Parse:
    """P: name, text, parameter types."""
    stop = buffer.index(0, position, end)
    name = buffer[position:stop].decode()
    position = stop + 1
    stop = buffer.index(0, position, end)
    query = buffer[position:stop].decode()
    (count,) = _UINT16(buffer, stop + 1)
    position = stop + 3
    _check_end(position + 4 * count, end)
    return Parse(name, query, unpack_from(f"!{count}I", buffer, position))


def _formats(buffer: bytes, position: int) -> tuple[tuple[int, ...], int]:
    (count,) = _UINT16(buffer, position)
    if count == 0:
        return (), position + 2
    if count == 1:
        return _INT16(buffer, position + 2), position + 4
    return unpack_from(f"!{count}h", buffer, position + 2), position + 2 + 2 * count


def parse_bind(buffer: bytes, position: int, end: int) -> Bind:
    """B: portal, statement, parameter formats, parameters, result formats."""
    stop = buffer.index(0, position, end)
    portal = buffer[position:stop].decode()
    position = stop + 1
    stop = buffer.index(0, position, end)
    statement = buffer[position:stop].decode()
    parameter_formats, position = _formats(buffer, stop + 1)
    (count,) = _UINT16(buffer, position)
    position += 2
    parameters: list[bytes | None] = []
    for number in range(1, count + 1):
        if position + 4 > end:
            raise _cut_short(portal, number)
        (length,) = _INT32(buffer, position)
        position += 4
        if length < 0:
            if length != -1:
                raise _cut_short(portal, number)
            parameters.append(None)
            continue
        if position + length > end:
            raise _cut_short(portal, number)
        parameters.append(buffer[position : position + length])
        position += length
    result_formats, position = _formats(buffer, position)
    if position != end:
        _check_end(position, end)
    return Bind(portal, statement, parameter_formats, tuple(parameters), result_formats)


def _cut_short(portal: str, number: int) -> ProtocolError:
    error = ProtocolError(INSUFFICIENT)
    error.context = f"{parameter_owner(portal)} parameter ${number}"
    return error


def parameter_owner(portal: str) -> str:
    """How errors name the portal whose parameter they are about."""
    return f'portal "{portal}"' if portal else "unnamed portal"


def _kind_and_name(buffer: bytes, position: int, end: int, message: str) -> tuple[Literal["S", "P"], str]:
    if position >= end:
        raise ProtocolError("no data left in message")
    kind = buffer[position]
    stop = buffer.index(0, position + 1, end)
    if stop + 1 != end:
        raise ProtocolError("invalid message format")
    if kind == 0x53:
        return "S", buffer[position + 1 : stop].decode()
    if kind == 0x50:
        return "P", buffer[position + 1 : stop].decode()
    raise ProtocolError(f"invalid {message} message subtype {kind}")


def parse_describe(buffer: bytes, position: int, end: int) -> Describe:
    """D: S or P, name."""
    return Describe(*_kind_and_name(buffer, position, end, "DESCRIBE"))


def parse_close(buffer: bytes, position: int, end: int) -> Close:
    """C: S or P, name."""
    return Close(*_kind_and_name(buffer, position, end, "CLOSE"))


def parse_execute(buffer: bytes, position: int, end: int) -> Execute:
    """E: portal, row limit."""
    stop = buffer.index(0, position, end)
    if stop + 5 != end:
        _check_end(stop + 5, end)
    return Execute(buffer[position:stop].decode(), _INT32(buffer, stop + 1)[0])


def parse_flush(_buffer: bytes, position: int, end: int) -> Flush:
    """H: nothing."""
    _check_end(position, end)
    return Flush()


def parse_sync(_buffer: bytes, position: int, end: int) -> Sync:
    """S: nothing."""
    _check_end(position, end)
    return Sync()


def parse_terminate(_buffer: bytes, _position: int, _end: int) -> Terminate:
    """X: whatever else it holds, it means goodbye."""
    return Terminate()


def parse_function_call(buffer: bytes, position: int, end: int) -> FunctionCall:
    """F: function, argument formats, arguments, result format."""
    (function,) = _UINT32(buffer, position)
    formats, position = _formats(buffer, position + 4)
    (count,) = _UINT16(buffer, position)
    position += 2
    arguments: list[bytes | None] = []
    for _ in range(count):
        (length,) = _INT32(buffer, position)
        position += 4
        if length < 0:
            if length != -1:
                raise ProtocolError(f"invalid argument size {length} in function call message")
            arguments.append(None)
            continue
        if position + length > end:
            raise ProtocolError(INSUFFICIENT)
        arguments.append(buffer[position : position + length])
        position += length
    (result_format,) = _INT16(buffer, position)
    _check_end(position + 2, end)
    return FunctionCall(function, formats, tuple(arguments), result_format)


def parse_copy_data(buffer: bytes, position: int, end: int) -> CopyData:
    """d: bytes."""
    return CopyData(buffer[position:end])


def parse_copy_done(_buffer: bytes, position: int, end: int) -> CopyDone:
    """c: nothing."""
    _check_end(position, end)
    return CopyDone()


def parse_stray_copy(_buffer: bytes, _position: int, _end: int) -> CopyDone:
    """d, c and f where there is no COPY: whatever they hold, they mean nothing any more."""
    return CopyDone()


def parse_copy_fail(buffer: bytes, position: int, end: int) -> CopyFail:
    """f: the reason."""
    stop = buffer.index(0, position, end)
    _check_end(stop + 1, end)
    return CopyFail(buffer[position:stop].decode())


def parse_password(buffer: bytes, position: int, end: int) -> PasswordMessage:
    """p, when a password was asked for: text."""
    stop = buffer.index(0, position, end)
    _check_end(stop + 1, end)
    return PasswordMessage(buffer[position:stop].decode())


def parse_sasl_initial_response(buffer: bytes, position: int, end: int) -> SASLInitialResponse:
    """p, first: mechanism, length or -1, data."""
    stop = buffer.index(0, position, end)
    mechanism = buffer[position:stop].decode()
    (length,) = _INT32(buffer, stop + 1)
    position = stop + 5
    if length == -1:
        _check_end(position, end)
        return SASLInitialResponse(mechanism, None)
    if length < 0:
        raise ProtocolError(INSUFFICIENT)
    _check_end(position + length, end)
    return SASLInitialResponse(mechanism, buffer[position:end])


def parse_sasl_response(buffer: bytes, position: int, end: int) -> SASLResponse:
    """p, later: data."""
    return SASLResponse(buffer[position:end])
