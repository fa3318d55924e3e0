from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("picows")

from engineio._core.message import Message
from engineio.async_drivers.picows_websocket import FastChannel, Fragments
from engineio.exceptions import ProtocolError


class Transport:
    """The transport under a WebSocket, and what picows makes of it."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.lost = False

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def is_closing(self) -> bool:
        return self.lost

    def get_write_buffer_size(self) -> int:
        return 7

    def send(self, kind: Any, payload: bytes) -> None:
        self.calls.append((kind.name, payload))

    def send_close(self, code: Any) -> None:
        self.calls.append(int(code))

    def disconnect(self, graceful: bool = True) -> None:
        self.calls.append("graceful" if graceful else "cut")


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
def channel(transport: Transport) -> FastChannel:
    return FastChannel(transport, transport)  # type: ignore[arg-type]


A, B = Message(b"4a"), Message(b"\x00", binary=True)


def test_one_message_is_framed_by_picows(channel: FastChannel, transport: Transport) -> None:
    channel.write([A])
    channel.write([B])

    assert transport.calls == [("TEXT", b"4a"), ("BINARY", b"\x00")]
    assert (channel.buffered, channel.unsent) == (7, 0)


def test_several_messages_leave_in_one_write(channel: FastChannel, transport: Transport) -> None:
    channel.write([A, B])

    assert transport.calls == [b"\x81\x024a\x82\x01\x00"]
    assert channel.unsent == 0


@pytest.mark.parametrize("end", ["close", "abort", "lost"])
def test_what_comes_after_the_end_is_not_sent_and_counted(
    channel: FastChannel, transport: Transport, end: str
) -> None:
    if end == "close":
        channel.close(1000)
        channel.close(1002)
    elif end == "abort":
        channel.abort()
    else:
        transport.lost = True

    channel.write([A])
    channel.write([A, B])

    assert transport.calls == {"close": [1000], "abort": ["cut"], "lost": []}[end]
    assert channel.unsent == 3


def test_fragments_make_a_message() -> None:
    text, binary = Fragments(True, 4), Fragments(False, 4)
    for part in (b"a", "é".encode()[:1], "é".encode()[1:]):
        text.add(part)
        binary.add(part)

    assert text.join() == "aé"
    assert binary.join() == "aé".encode()


def test_fragments_are_limited_together() -> None:
    fragments = Fragments(False, 4)
    fragments.add(b"abc")

    with pytest.raises(ProtocolError) as error:
        fragments.add(b"de")

    assert error.value.status == 413
