"""Backend messages, byte for byte, and as a client reads them."""

from __future__ import annotations

import pytest
from tests.wire.client import Backend, decode

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column
from ruvector_engine.types.registry import INT4, VECTOR, TypeRef
from ruvector_server.wire import backend

FULL_ERROR = SqlError(
    "23505",
    "duplicate",
    detail="d",
    hint="h",
    position=7,
    context="c",
    schema="s",
    table="t",
    column="col",
    datatype="dt",
    constraint="con",
)
EXAMPLES = [
    (backend.PARSE_COMPLETE, b"1\0\0\0\4", Backend("ParseComplete")),
    (backend.BIND_COMPLETE, b"2\0\0\0\4", Backend("BindComplete")),
    (backend.CLOSE_COMPLETE, b"3\0\0\0\4", Backend("CloseComplete")),
    (backend.NO_DATA, b"n\0\0\0\4", Backend("NoData")),
    (backend.PORTAL_SUSPENDED, b"s\0\0\0\4", Backend("PortalSuspended")),
    (backend.EMPTY_QUERY_RESPONSE, b"I\0\0\0\4", Backend("EmptyQueryResponse")),
    (backend.COPY_DONE, b"c\0\0\0\4", Backend("CopyDone")),
    (backend.AUTHENTICATION_OK, b"R\0\0\0\x08\0\0\0\0", Backend("Authentication", (0, b""))),
    (
        backend.authentication_sasl(["A", "B"]),
        b"R\0\0\0\x0d\0\0\0\x0aA\0B\0\0",
        Backend("Authentication", (10, b"A\0B\0\0")),
    ),
    (backend.authentication_sasl_continue(b"x"), b"R\0\0\0\x09\0\0\0\x0bx", Backend("Authentication", (11, b"x"))),
    (backend.authentication_sasl_final(b"x"), b"R\0\0\0\x09\0\0\0\x0cx", Backend("Authentication", (12, b"x"))),
    (backend.READY_FOR_QUERY["I"], b"Z\0\0\0\5I", Backend("ReadyForQuery", "I")),
    (backend.READY_FOR_QUERY["T"], b"Z\0\0\0\5T", Backend("ReadyForQuery", "T")),
    (backend.READY_FOR_QUERY["E"], b"Z\0\0\0\5E", Backend("ReadyForQuery", "E")),
    (
        backend.negotiate_protocol_version(3, 2, ["_pq_.x"]),
        b"v\0\0\0\x13\0\3\0\2\0\0\0\1_pq_.x\0",
        Backend("NegotiateProtocolVersion", ((3, 2), ["_pq_.x"])),
    ),
    (backend.backend_key_data(1, b"abcd"), b"K\0\0\0\x0c\0\0\0\1abcd", Backend("BackendKeyData", b"\0\0\0\1abcd")),
    (backend.parameter_status("a", "b"), b"S\0\0\0\x08a\0b\0", Backend("ParameterStatus", ("a", "b"))),
    (backend.parameter_description([23]), b"t\0\0\0\x0a\0\1\0\0\0\x17", Backend("ParameterDescription", [23])),
    (backend.command_complete("SELECT 1"), b"C\0\0\0\x0dSELECT 1\0", Backend("CommandComplete", "SELECT 1")),
    (backend.copy_in_response(1, 2), b"G\0\0\0\x0b\1\0\2\0\1\0\1", Backend("CopyInResponse", (1, [1, 1]))),
    (backend.copy_out_response(0, 0), b"H\0\0\0\7\0\0\0", Backend("CopyOutResponse", (0, []))),
    (backend.copy_data([b"ab"]), b"d\0\0\0\6ab", Backend("CopyData", b"ab")),
    (
        backend.row_description([Column("v", TypeRef(VECTOR, 3), 5, 1)], (1,)),
        b"T\0\0\0\x1a\0\1v\0\0\0\0\5\0\1\0\0\x40\x04\xff\xff\0\0\0\3\0\1",
        Backend("RowDescription", [("v", 5, 1, VECTOR, -1, 3, 1)]),
    ),
    (
        backend.error_response(SqlError("42601", "m", position=3)),
        b"E\0\0\0\x20SERROR\0VERROR\0C42601\0Mm\0P3\0\0",
        Backend("ErrorResponse", {"S": "ERROR", "V": "ERROR", "C": "42601", "M": "m", "P": "3"}),
    ),
]


@pytest.mark.parametrize(("encoded", "data", "message"), EXAMPLES)
def test_message(encoded: bytes, data: bytes, message: Backend) -> None:
    assert encoded == data
    assert decode(data) == [message]


def test_error_has_every_field() -> None:
    (message,) = decode(backend.error_response(FULL_ERROR))
    assert message.content == {
        "S": "ERROR", "V": "ERROR", "C": "23505", "M": "duplicate", "D": "d", "H": "h", "P": "7", "W": "c",
        "s": "s", "t": "t", "c": "col", "d": "dt", "n": "con",
    }  # fmt: skip


def test_error_text_with_zero_bytes_and_surrogates_is_still_sent() -> None:
    (message,) = decode(backend.error_response(SqlError("XX000", "a\0b\udc80")))
    assert message.content == {"S": "ERROR", "V": "ERROR", "C": "XX000", "M": "ab?"}


def test_notice() -> None:
    (message,) = decode(backend.notice_response(SqlError("42P07", "skipping", severity="NOTICE")))
    assert message.name == "NoticeResponse"
    assert message.content == {"S": "NOTICE", "V": "NOTICE", "C": "42P07", "M": "skipping"}


def test_row_description_of_several_columns() -> None:
    columns = [Column("a", TypeRef(INT4)), Column("b", TypeRef(INT4))]
    (message,) = decode(backend.row_description(columns, (0, 1)))
    assert message.content == [("a", 0, 0, 23, 4, -1, 0), ("b", 0, 0, 23, 4, -1, 1)]


def test_copy_data_frames_each_payload() -> None:
    assert decode(backend.copy_data([b"1\n", b""])) == [Backend("CopyData", b"1\n"), Backend("CopyData")]
