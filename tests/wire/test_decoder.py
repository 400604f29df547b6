"""Every message, decoded whole, byte by byte and with bytes behind it; and garbage, which never raises anything odd."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.client import encode

from ruvector_server.wire import limits
from ruvector_server.wire import messages as m
from ruvector_server.wire.decoder import FrontendDecoder
from ruvector_server.wire.errors import ProtocolError
from ruvector_server.wire.phases import LEGAL, Phase

STARTUP: list[tuple[m.Frontend, bytes]] = [
    (m.SSLRequest(), b"\0\0\0\x08\x04\xd2\x16\x2f"),
    (m.GSSENCRequest(), b"\0\0\0\x08\x04\xd2\x16\x30"),
    (m.CancelRequest(7, b"abcd"), b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07abcd"),
    (m.CancelRequest(7, b"x" * 256), b"\0\0\1\x0c\x04\xd2\x16\x2e\0\0\0\x07" + b"x" * 256),
    (m.StartupMessage(3, 0, {}), b"\0\0\0\x09\0\3\0\0\0"),
    (m.StartupMessage(3, 2, {"user": "u", "database": ""}), b"\0\0\0\x1a\0\3\0\2user\0u\0database\0\0\0"),
]
PASSWORD: list[tuple[m.Frontend, bytes]] = [(m.PasswordMessage("é"), b"p\0\0\0\7\xc3\xa9\0")]
SASL_INITIAL: list[tuple[m.Frontend, bytes]] = [
    (m.SASLInitialResponse("SCRAM", b"n,,"), b"p\0\0\0\x11SCRAM\0\0\0\0\x03n,,"),
    (m.SASLInitialResponse("SCRAM", None), b"p\0\0\0\x0eSCRAM\0\xff\xff\xff\xff"),
]
SASL_RESPONSE: list[tuple[m.Frontend, bytes]] = [(m.SASLResponse(b"c=biws"), b"p\0\0\0\x0ac=biws")]
COPY_IN: list[tuple[m.Frontend, bytes]] = [
    (m.CopyData(b""), b"d\0\0\0\4"),
    (m.CopyData(b"1\t\0\n"), b"d\0\0\0\x081\t\0\n"),
    (m.CopyDone(), b"c\0\0\0\4"),
    (m.CopyFail("why"), b"f\0\0\0\x08why\0"),
    (m.Flush(), b"H\0\0\0\4"),
    (m.Sync(), b"S\0\0\0\4"),
]
READY: list[tuple[m.Frontend, bytes]] = [
    (m.Flush(), b"H\0\0\0\4"),
    (m.Sync(), b"S\0\0\0\4"),
    (m.Query(""), b"Q\0\0\0\5\0"),
    (m.Query("é"), b"Q\0\0\0\7\xc3\xa9\0"),
    (m.Parse("", "x"), b"P\0\0\0\x09\0x\0\0\0"),
    (m.Parse("s", "x", (23, 2**32 - 1)), b"P\0\0\0\x12s\0x\0\0\2\0\0\0\x17\xff\xff\xff\xff"),
    (m.Bind("", ""), b"B\0\0\0\x0c\0\0\0\0\0\0\0\0"),
    (
        m.Bind("p", "s", (0, 1), (None, b"", b"ab"), (1,)),
        b"B\0\0\0\x22p\0s\0\0\2\0\0\0\1\0\3\xff\xff\xff\xff\0\0\0\0\0\0\0\2ab\0\1\0\1",
    ),
    (m.Describe("S", "s"), b"D\0\0\0\7Ss\0"),
    (m.Describe("P", ""), b"D\0\0\0\6P\0"),
    (m.Execute("", 0), b"E\0\0\0\x09\0\0\0\0\0"),
    (m.Execute("p", -1), b"E\0\0\0\x0ap\0\xff\xff\xff\xff"),
    (m.Close("S", "s"), b"C\0\0\0\7Ss\0"),
    (m.Close("P", ""), b"C\0\0\0\6P\0"),
    (
        m.FunctionCall(7, (1,), (b"ab", None), 1),
        b"F\0\0\0\x1a\0\0\0\7\0\1\0\1\0\2\0\0\0\2ab\xff\xff\xff\xff\0\1",
    ),
    (m.Terminate(), b"X\0\0\0\4"),
]
BY_PHASE: dict[Phase, list[tuple[m.Frontend, bytes]]] = {
    Phase.STARTUP: STARTUP,
    Phase.PASSWORD: PASSWORD,
    Phase.SASL_INITIAL: SASL_INITIAL,
    Phase.SASL_RESPONSE: SASL_RESPONSE,
    Phase.COPY_IN: COPY_IN,
    Phase.READY: READY,
}
EXAMPLES = [(phase, message, data) for phase, rows in BY_PHASE.items() for message, data in rows]


def outcome(decoder: FrontendDecoder) -> m.Frontend | ProtocolError | None:
    """The next message or what is wrong with it."""
    try:
        return decoder.next_message()
    except ProtocolError as error:
        return error


every_example = pytest.mark.parametrize(("phase", "message", "data"), EXAMPLES)


@every_example
def test_encode(phase: Phase, message: m.Frontend, data: bytes) -> None:
    assert encode(message) == data


@every_example
def test_decode_whole(phase: Phase, message: m.Frontend, data: bytes) -> None:
    decoder = FrontendDecoder(phase)
    decoder.feed(data)
    assert decoder.next_message() == message
    assert decoder.next_message() is None
    assert decoder.buffered == 0


@pytest.mark.parametrize("data", [b"d\0\0\0\x081\tx\n", b"c\0\0\0\4", b"c\0\0\0\5x", b"f\0\0\0\7why"])
def test_copy_messages_out_of_place_are_not_looked_into(data: bytes) -> None:
    decoder = FrontendDecoder(Phase.READY)
    decoder.feed(data + b"S\0\0\0\4")
    assert decoder.next_message() == m.CopyDone()
    assert decoder.next_message() == m.Sync()


@every_example
def test_decode_byte_by_byte(phase: Phase, message: m.Frontend, data: bytes) -> None:
    decoder = FrontendDecoder(phase)
    for byte in data[:-1]:
        decoder.feed(bytes([byte]))
        assert decoder.next_message() is None
    decoder.feed(data[-1:])
    assert decoder.next_message() == message
    assert decoder.next_message() is None


@every_example
def test_decode_with_bytes_behind(phase: Phase, message: m.Frontend, data: bytes) -> None:
    decoder = FrontendDecoder(phase)
    decoder.feed(data + data + data[:2])
    assert decoder.next_message() == message
    assert decoder.next_message() == message
    assert decoder.next_message() is None
    assert decoder.buffered == 2
    decoder.feed(data[2:])
    assert decoder.next_message() == message


@every_example
def test_cut_short(phase: Phase, message: m.Frontend, data: bytes) -> None:
    """A body that ends early, with a length that says so, is an error that names no Python exception."""
    if phase is Phase.STARTUP:
        return
    for end in range(5, len(data)):
        decoder = FrontendDecoder(phase)
        decoder.feed(data[:1] + pack("!i", end - 1) + data[5:end] + b"S\0\0\0\4")
        found = outcome(decoder)
        assert found is not None
        if isinstance(found, ProtocolError):
            assert (found.fatal, found.sqlstate, found.message_type) == (False, "08P01", data[0])


@given(
    st.lists(st.sampled_from([row for row in EXAMPLES if row[0] is Phase.READY])),
    st.lists(st.integers(1, 20)),
)
@settings(deadline=None)
def test_any_cutting_gives_the_same_messages(rows: list[tuple[Phase, m.Frontend, bytes]], cuts: list[int]) -> None:
    stream = b"".join(data for _, _, data in rows)
    decoder = FrontendDecoder(Phase.READY)
    found = []
    for length in [*cuts, len(stream) + 1]:
        decoder.feed(stream[:length])
        stream = stream[length:]
        while (message := decoder.next_message()) is not None:
            found.append(message)
    assert found == [message for _, message, _ in rows]


@given(st.sampled_from(list(Phase)), st.lists(st.binary(max_size=60)))
@settings(deadline=None)
def test_garbage(phase: Phase, pieces: list[bytes]) -> None:
    decoder = FrontendDecoder(phase)
    for piece in pieces:
        decoder.feed(piece)
        while (found := outcome(decoder)) is not None:
            if isinstance(found, ProtocolError) and found.fatal:
                assert decoder.phase is Phase.CLOSED
                assert decoder.buffered == 0
                return


@given(
    st.sampled_from([Phase.READY, Phase.COPY_IN, Phase.PASSWORD, Phase.SASL_INITIAL, Phase.SASL_RESPONSE]),
    st.data(),
    st.binary(max_size=40),
)
@settings(deadline=None)
def test_framed_garbage_leaves_the_next_message_readable(phase: Phase, data: st.DataObject, body: bytes) -> None:
    kind = data.draw(st.sampled_from(sorted(LEGAL[phase])))
    decoder = FrontendDecoder(phase)
    decoder.feed(bytes([kind]) + pack("!i", len(body) + 4) + body)
    found = outcome(decoder)
    assert found is not None
    assert not (isinstance(found, ProtocolError) and found.fatal)
    assert decoder.next_message() is None
    assert decoder.buffered == 0
    decoder.phase = Phase.READY
    decoder.feed(encode(m.Sync()))
    assert decoder.next_message() == m.Sync()


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_startup_garbage(body: bytes) -> None:
    decoder = FrontendDecoder()
    decoder.feed(pack("!i", len(body) + 4) + body)
    found = outcome(decoder)
    assert found is not None
    assert not isinstance(found, ProtocolError) or found.fatal


@pytest.mark.parametrize(
    ("phase", "header"),
    [
        (Phase.READY, b"Q" + pack("!i", limits.MAX_LARGE_MESSAGE + 1)),
        (Phase.READY, b"S" + pack("!i", limits.MAX_SMALL_MESSAGE + 1)),
        (Phase.READY, b"Q" + pack("!i", 3)),
        (Phase.READY, b"Q" + pack("!i", -1)),
        (Phase.SASL_RESPONSE, b"p" + pack("!i", limits.MAX_AUTHENTICATION_MESSAGE + 1)),
        (Phase.STARTUP, pack("!i", limits.MAX_STARTUP_PACKET + 1)),
        (Phase.STARTUP, pack("!i", 7)),
        (Phase.STARTUP, b"GET / HTTP/1.1\r\n\r\n"),
    ],
)
def test_bad_length_is_refused_from_the_header_alone(phase: Phase, header: bytes) -> None:
    decoder = FrontendDecoder(phase)
    decoder.feed(header)
    with pytest.raises(ProtocolError, match="length") as caught:
        decoder.next_message()
    assert caught.value.fatal
    decoder.feed(b"x" * 1000)
    assert decoder.buffered == 0


@pytest.mark.parametrize(
    ("phase", "data", "message"),
    [
        (Phase.READY, b"~\0\0\0\4", "invalid frontend message type 126"),
        (Phase.READY, b"p\0\0\0\4", "invalid frontend message type 112"),
        (Phase.COPY_IN, b"Q\0\0\0\5\0", "unexpected message type 0x51 during COPY from stdin"),
        (Phase.PASSWORD, b"Q\0\0\0\5\0", "expected password response, got message type 81"),
        (Phase.SASL_INITIAL, b"Q\0\0\0\5\0", "expected SASL response, got message type 81"),
    ],
)
def test_message_of_another_phase(phase: Phase, data: bytes, message: str) -> None:
    decoder = FrontendDecoder(phase)
    decoder.feed(data)
    with pytest.raises(ProtocolError) as caught:
        decoder.next_message()
    assert (caught.value.message, caught.value.sqlstate, caught.value.severity) == (message, "08P01", "FATAL")


@pytest.mark.parametrize(
    ("data", "sqlstate", "message"),
    [
        (b"Q\0\0\0\x08ab\xff\0", "22021", 'invalid byte sequence for encoding "UTF8": 0xff'),
        (b"Q\0\0\0\x08a\xe2\x28\0", "22021", 'invalid byte sequence for encoding "UTF8": 0xe2 0x28'),
        (b"Q\0\0\0\x07abc", "08P01", "invalid string in message"),
        (b"Q\0\0\0\x08a\0b\0", "08P01", "invalid message format"),
        (b"S\0\0\0\5a", "08P01", "invalid message format"),
        (b"D\0\0\0\6X\0", "08P01", "invalid DESCRIBE message subtype 88"),
        (b"C\0\0\0\6X\0", "08P01", "invalid CLOSE message subtype 88"),
        (b"B\0\0\0\x0f\0\0\0\0\0\1\0\0\0\x09a", "08P01", "insufficient data left in message"),
        (b"B\0\0\0\x0e\0\0\0\0\0\1\xff\xff\xff\xfe", "08P01", "insufficient data left in message"),
    ],
)
def test_bad_body(data: bytes, sqlstate: str, message: str) -> None:
    decoder = FrontendDecoder(Phase.READY)
    decoder.feed(data)
    with pytest.raises(ProtocolError) as caught:
        decoder.next_message()
    assert (caught.value.sqlstate, caught.value.message, caught.value.fatal) == (sqlstate, message, False)


@pytest.mark.parametrize(
    ("packet", "sqlstate", "message"),
    [
        (b"\0\2\0\0user\0u\0\0", "0A000", "unsupported frontend protocol 2.0: server supports 3.0 to 3.2"),
        (b"\0\4\0\0user\0u\0\0", "0A000", "unsupported frontend protocol 4.0: server supports 3.0 to 3.2"),
        (b"\0\3\0\0user\0u\0", "08P01", "invalid startup packet layout: expected terminator as last byte"),
        (b"\0\3\0\0user\0\0", "08P01", "invalid startup packet layout: expected terminator as last byte"),
        (b"\0\3\0\0\0u\0\0", "08P01", "invalid startup packet layout: expected terminator as last byte"),
        (b"\0\3\0\0", "08P01", "invalid startup packet layout: expected terminator as last byte"),
        (b"\x04\xd2\x16\x2e\0\0\0\1", "08P01", "invalid length of query cancel packet"),
    ],
)
def test_bad_startup_packet(packet: bytes, sqlstate: str, message: str) -> None:
    decoder = FrontendDecoder()
    decoder.feed(pack("!i", len(packet) + 4) + packet)
    with pytest.raises(ProtocolError) as caught:
        decoder.next_message()
    assert (caught.value.sqlstate, caught.value.message, caught.value.fatal) == (sqlstate, message, True)
    assert decoder.phase is Phase.CLOSED


def test_long_message_in_small_pieces() -> None:
    decoder = FrontendDecoder(Phase.COPY_IN)
    data = encode(m.CopyData(bytes(1_000_000)))
    for start in range(0, len(data), 1000):
        assert decoder.next_message() is None
        decoder.feed(data[start : start + 1000])
    assert decoder.next_message() == m.CopyData(bytes(1_000_000))
    assert decoder.next_message() is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"S\0\0\0\4", True), (b"S\0\0\0", False), (b"", False), (b"H\0\0\0\4S\0\0\0\4", False)],
)
def test_next_is_sync(data: bytes, expected: bool) -> None:
    decoder = FrontendDecoder(Phase.READY)
    decoder.feed(encode(m.Flush()) + data)
    assert decoder.next_message() == m.Flush()
    assert decoder.next_is_sync() is expected
