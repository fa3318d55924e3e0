from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest
from shell_support import text
from socket_support import SOON, Connection
from websockets.frames import Frame, Opcode

from engineio._core.message import Message
from engineio._core.reason import Reason
from engineio._shell.socket_channel import SocketChannel, SocketWebSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engineio.exceptions import ProtocolError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = Connection()
    yield connection
    connection.close()


def test_messages_travel_both_ways(connection: Connection) -> None:
    connection.send(TEXT, b"4hello")
    connection.send(BINARY, b"\x00\x01")
    connection.send(PING, b"are you there")
    assert connection.frame() == (PONG, b"are you there")

    connection.engine.send(connection.session, [text("4hi"), Message(b"\x02", binary=True)])

    assert connection.received == ["hello", b"\x00\x01"]
    assert connection.frame() == (TEXT, b"4hi")
    assert connection.frame() == (BINARY, b"\x02")


def test_fragments_are_put_together(connection: Connection) -> None:
    connection.send(TEXT, "4h\u00e9".encode()[:3], fin=False)
    connection.send(PING, b"")
    connection.send(CONTINUATION, "4h\u00e9".encode()[3:], fin=False)
    connection.send(CONTINUATION, b"!")
    connection.send(BINARY, b"\x00", fin=False)
    connection.send(CONTINUATION, b"\x01")
    connection.send(PING, b"done")
    assert connection.frame() == (PONG, b"")
    assert connection.frame() == (PONG, b"done")

    assert connection.received == ["h\u00e9!", b"\x00\x01"]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(TEXT, b"4" + b"x" * 1000, True)], 1009),
        ([(TEXT, b"4" + b"x" * 600, False), (CONTINUATION, b"x" * 600, True)], 1009),
        ([(TEXT, b"4\xff", True)], 1002),
        ([(TEXT, b"no packet", True)], 1002),
        ([(CONTINUATION, b"of nothing", True)], 1002),
        ([(TEXT, b"4a", False), (TEXT, b"4b", True)], 1002),
    ],
)
def test_what_breaks_the_protocol_is_answered_with_a_close(
    connection: Connection, frames: list[tuple[int, bytes, bool]], code: int
) -> None:
    for opcode, data, fin in frames:
        connection.send(opcode, data, fin=fin)

    opcode, payload = connection.frame()
    assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)
    connection.client.close()
    connection.join()  # the application is told after the client
    assert [session.reason for session in connection.ended] == [Reason.TRANSPORT_ERROR]
    assert connection.received == []


def test_the_close_of_a_client_is_answered(connection: Connection) -> None:
    connection.send(CLOSE, b"\x03\xe8")

    assert connection.frame() == (CLOSE, b"\x03\xe8")
    connection.join()
    assert [session.reason for session in connection.ended] == [Reason.TRANSPORT_CLOSE]


class Recorded:
    """A stream that receives what was given, in these pieces; its reader counts them."""

    def __init__(self, *pieces: bytes) -> None:
        self.left = [*pieces, b""]
        self.aborted = False

    def receive(self) -> bytes:
        return self.left.pop(0)

    def send(self, data: bytes) -> int:
        return len(data)

    def when_writable(self, function: Callable[[], None]) -> None:
        raise AssertionError("it always is")

    def abort(self) -> None:
        self.aborted = True


class Ignorant:
    """Takes what a WebSocket hands on."""

    def frame(self, data: str | bytes) -> None: ...

    def failed(self, error: ProtocolError) -> None: ...

    def lost(self) -> None: ...


@pytest.mark.parametrize(
    "frame", [Frame(Opcode.CLOSE, b""), Frame(Opcode.TEXT, b"x" * 2000)], ids=["close", "large"]
)
def test_nothing_is_left_for_the_web_server_to_take_for_a_request(frame: Frame) -> None:
    stream = Recorded(frame.serialize(mask=True), b"GET / HTTP/1.1", b"\r\n\r\n")

    SocketWebSocket(stream, lambda channel: None, 1000).serve(Ignorant())  # type: ignore[arg-type]

    assert stream.left == []
    assert stream.aborted


def test_a_client_that_vanishes_is_told(connection: Connection) -> None:
    connection.client.close()
    connection.join()

    assert [session.reason for session in connection.ended] == [Reason.TRANSPORT_CLOSE]


def test_the_server_closes_after_what_waits(connection: Connection) -> None:
    connection.engine.send(connection.session, [text("4last")])
    connection.engine.close(connection.session, Reason.SERVER_DISCONNECT)

    assert connection.frame() == (TEXT, b"4last")
    assert connection.frame() == (TEXT, b"1")
    assert connection.frame() == (CLOSE, b"\x03\xe8")
    connection.engine.send(connection.session, [text("4too late")])
    connection.send(CLOSE, b"\x03\xe8")
    with pytest.raises(EOFError):
        connection.frame()
    connection.join()


def test_a_slow_client_gets_everything_in_order_and_nobody_waits_for_it() -> None:
    connection = Connection(max_send_buffer=None)
    sent = [b"4%d" % number + b"x" * 50_000 for number in range(100)]

    for payload in sent:  # 5 MB into nobody's hands: this returns at once
        connection.engine.send(connection.session, [Message(payload)])
    channel = connection.websocket.channel

    assert channel.buffered > 1_000_000
    assert [connection.frame()[1] for _ in sent] == sent
    assert channel.buffered == 0
    connection.close()


def test_a_client_that_does_not_read_is_closed() -> None:
    connection = Connection(max_send_buffer=1_000_000)
    message = Message(b"4" + b"x" * 100_000)

    for _ in range(30):
        connection.engine.send(connection.session, [message])

    assert [session.reason for session in connection.ended] == [Reason.TRANSPORT_ERROR]
    assert connection.engine.counters.slow_clients_closed == 1
    connection.join()
    connection.close()


def test_units_of_many_threads_are_not_interleaved() -> None:
    connection = Connection(max_send_buffer=None)
    threads, units = 8, 200

    def send(name: bytes) -> None:
        for number in range(units):
            unit = [Message(b"4%s %d" % (name, number)), Message(b"%s %d" % (name, number), True)]
            connection.engine.send(connection.session, unit)

    senders = [threading.Thread(target=send, args=(b"t%d" % n,)) for n in range(threads)]
    for sender in senders:
        sender.start()
    frames = [connection.frame() for _ in range(threads * units * 2)]
    for sender in senders:
        sender.join(SOON)

    last: dict[bytes, int] = {}
    for (_, head), (_, attachment) in zip(frames[::2], frames[1::2], strict=True):
        assert head == b"4" + attachment
        name, number = attachment.split()
        assert int(number) == last.get(name, -1) + 1
        last[name] = int(number)
    assert set(last.values()) == {units - 1}
    connection.close()


class Sink:
    """A peer that takes everything, or nothing once ``is_full``."""

    is_full = False

    def receive(self) -> bytes:
        return b""

    def send(self, data: bytes) -> int:
        return 0 if self.is_full else len(data)

    def when_writable(self, function: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    def abort(self) -> None:
        pass


@pytest.fixture
def impatient_threads() -> Iterator[None]:
    """Let threads take turns all the time."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


class Sender(threading.Thread):
    """Pumps a channel once, and remembers what that raised."""

    def __init__(self, channel: SocketChannel) -> None:
        super().__init__()
        self.channel = channel
        self.has_begun = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        self.has_begun.set()
        try:
            self.channel.pump()
        except BaseException as error:
            self.error = error


def test_a_connection_may_be_cut_while_another_thread_sends(impatient_threads: None) -> None:
    messages = [Message(b"4x")] * 10_000
    for _ in range(30):
        channel = SocketChannel(Sink(), lambda channel: None)
        channel.write(messages)
        sender = Sender(channel)
        sender.start()
        sender.has_begun.wait(SOON)

        channel.abort()
        sender.join(SOON)

        assert sender.error is None
        assert channel.buffered == 0


def test_what_a_cut_connection_has_not_sent_is_counted() -> None:
    channel = SocketChannel(Sink(), lambda channel: None)
    channel.write([Message(b"4a"), Message(b"4b")])

    channel.abort()
    channel.write([Message(b"4c")])
    channel.pump()

    assert (channel.unsent, channel.buffered) == (3, 0)


def test_a_client_that_nobody_can_wait_for_is_cut() -> None:
    sink = Sink()
    sink.is_full = True
    channel = SocketChannel(sink, lambda channel: None)
    channel.write([Message(b"4a")])

    channel.pump()

    assert channel.closed
    assert channel.buffered == 0
