from __future__ import annotations

import pytest
from websockets.frames import Close, Frame, Opcode

from engineio._shell.frame_reader import FrameReader, close_frame

TEXT, BINARY, CONTINUATION = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
MAX_SIZE = 100


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """A frame as a client sends it."""
    return Frame(opcode, data, fin).serialize(mask=True)


@pytest.fixture
def reader() -> FrameReader:
    return FrameReader(MAX_SIZE)


def test_several_messages_may_come_at_once(reader: FrameReader) -> None:
    data = masked(TEXT, "4ä".encode()) + masked(BINARY, b"\x00") + masked(TEXT, b"")

    assert reader.feed(data) == ["4ä", b"\x00", ""]
    assert (reader.error, reader.closed, reader.replies()) == (None, False, b"")


def test_a_message_may_come_byte_by_byte(reader: FrameReader) -> None:
    data = masked(TEXT, b"4hello")

    messages = [message for byte in data for message in reader.feed(bytes([byte]))]

    assert messages == ["4hello"]


@pytest.mark.parametrize(("opcode", "whole"), [(TEXT, "4ää"), (BINARY, "4ää".encode())])
def test_fragments_are_joined(reader: FrameReader, opcode: Opcode, whole: str | bytes) -> None:
    data = "4ää".encode()

    assert reader.feed(masked(opcode, data[:2], fin=False)) == []
    assert reader.feed(masked(CONTINUATION, data[2:4], fin=False)) == []
    assert reader.feed(masked(CONTINUATION, data[4:])) == [whole]
    assert reader.feed(masked(opcode, data)) == [whole]


def test_a_ping_between_fragments_is_answered(reader: FrameReader) -> None:
    reader.feed(masked(TEXT, b"4a", fin=False))

    assert reader.feed(masked(Opcode.PING, b"?")) == []
    assert reader.replies() == Frame(Opcode.PONG, b"?").serialize(mask=False)
    assert reader.feed(masked(CONTINUATION, b"b")) == ["4ab"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (masked(TEXT, bytes(MAX_SIZE + 1)), 413),
        (b"\x82\xff" + (2**62).to_bytes(8, "big"), 413),
        (masked(TEXT, bytes(60), fin=False) + masked(CONTINUATION, bytes(60)), 413),
        (masked(TEXT, b"4\xff"), 400),
        (masked(TEXT, b"4\xc3", fin=False) + masked(CONTINUATION, b"("), 400),
        (masked(CONTINUATION, b"of nothing"), 400),
        (masked(TEXT, b"4a", fin=False) + masked(TEXT, b"4b"), 400),
        (b"\x81\x024a", 400),
        (b"\xc1\x80\0\0\0\0", 400),
        (b"\x83\x80\0\0\0\0", 400),
    ],
    ids=[
        "too large", "announced", "fragments too large", "UTF-8", "UTF-8 in fragments",
        "continuation", "interrupted", "unmasked", "reserved bit", "reserved opcode",
    ],
)  # fmt: skip
def test_what_the_peer_does_wrong_is_an_error(
    reader: FrameReader, data: bytes, status: int
) -> None:
    messages = reader.feed(masked(TEXT, b"4before") + data + masked(TEXT, b"4after"))

    assert messages == ["4before"]
    assert reader.error is not None
    assert reader.error.status == status
    assert reader.feed(masked(TEXT, b"4later")) == []


def test_a_close_is_answered_and_ends_the_connection(reader: FrameReader) -> None:
    payload = Close(1000, "").serialize()

    assert reader.feed(masked(TEXT, b"4last") + masked(Opcode.CLOSE, payload)) == ["4last"]
    assert reader.closed
    assert reader.replies() == close_frame(1000)


def test_a_close_frame_holds_its_code() -> None:
    assert close_frame(1009) == b"\x88\x02" + (1009).to_bytes(2, "big")
