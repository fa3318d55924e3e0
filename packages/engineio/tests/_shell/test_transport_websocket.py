"""A WebSocket over a transport that another protocol had before."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from shell_support import make_engine, text
from websockets.frames import Close, Frame, Opcode

from engineio._core.backlogs import HIGH_WATER
from engineio._core.reason import Reason
from engineio._shell.frame_reader import close_frame
from engineio._shell.mailbox import MAX_WAITING
from engineio._shell.receiver import Receiver
from engineio._shell.transport_websocket import TransportWebSocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engineio._core.layer import Pending
    from engineio._core.session import Session

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""

MAX_SIZE = 100_000


class WebServer(asyncio.Protocol):
    """What had the connection before; remembers what it is told of it."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.is_connected = False

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport
        self.is_connected = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append("after the handler" if self.handler.done() else "before it")

    def take_over(self, websocket: TransportWebSocket, receiver: Receiver) -> None:
        self.handler = asyncio.ensure_future(websocket.serve(receiver))


class Connection:
    """A WebSocket and its client; messages that begin with ``w`` wait for the gate."""

    async def open(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.web_server = WebServer()
        listener = await self.loop.create_server(lambda: self.web_server, "127.0.0.1", 0)
        self.client = socket.create_connection(listener.sockets[0].getsockname())
        self.client.setblocking(False)
        await self.until(lambda: self.web_server.is_connected)
        listener.close()
        self.websocket = TransportWebSocket(self.web_server.transport, MAX_SIZE, "response")
        self.received: list[str | bytes] = []
        self.gate = asyncio.Event()
        engine = make_engine()
        channel = self.websocket.channel
        self.session = engine.create("sid", "websocket")
        engine.attach(self.session, channel)
        engine.accept(self.session, 0)
        receiver = Receiver(engine, self.session, channel, self._take, lambda: 0.0, probing=False)
        self.web_server.take_over(self.websocket, receiver)
        await asyncio.sleep(0)

    def _take(self, session: Session, data: str | bytes) -> Pending:
        self.received.append(data)
        return self._wait() if str(data).startswith("w") else None

    async def _wait(self) -> None:
        await self.gate.wait()

    async def send(self, *frames: Frame) -> None:
        data = b"".join([frame.serialize(mask=True) for frame in frames])
        await self.loop.sock_sendall(self.client, data)

    async def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = await asyncio.wait_for(self.loop.sock_recv(self.client, size), SOON)
            if not more:
                break
            data += more
        return data

    async def until(self, condition: Any) -> None:
        deadline = self.loop.time() + SOON
        while not condition():
            assert self.loop.time() < deadline
            await asyncio.sleep(0.001)


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    connection = Connection()
    await connection.open()
    yield connection
    connection.gate.set()
    connection.client.close()
    await connection.until(lambda: connection.web_server.lost)


def message(data: str) -> Frame:
    return Frame(Opcode.TEXT, f"4{data}".encode())


async def test_messages_come_and_go(connection: Connection) -> None:
    await connection.send(message("a"), Frame(Opcode.BINARY, b"\x00"))
    await connection.until(lambda: len(connection.received) == 2)
    connection.websocket.channel.write([text("4b")])
    connection.websocket.channel.write([text("4c"), text("4d")])

    assert connection.received == ["a", b"\x00"]
    assert await connection.read(12) == b"\x81\x024b\x81\x024c\x81\x024d"


async def test_the_web_server_learns_of_the_end_after_its_handler_has_returned(
    connection: Connection,
) -> None:
    connection.client.close()
    await connection.until(lambda: connection.web_server.lost)

    assert connection.web_server.lost == ["after the handler"]
    assert connection.web_server.handler.result() == "response"
    assert connection.session.reason == Reason.TRANSPORT_CLOSE


async def test_frames_wait_for_a_handler_and_then_reading_pauses(connection: Connection) -> None:
    names = [str(number) for number in range(MAX_WAITING)]
    await connection.send(message("wait"), *[message(name) for name in names])
    await connection.until(lambda: not connection.web_server.transport.is_reading())
    assert connection.received == ["wait"]

    connection.gate.set()
    await connection.until(lambda: len(connection.received) == 1 + MAX_WAITING)

    assert connection.received == ["wait", *names]
    assert connection.web_server.transport.is_reading()


async def test_a_close_by_us_ends_the_connection_when_it_is_answered(
    connection: Connection,
) -> None:
    connection.websocket.channel.close(1000)
    connection.websocket.channel.write([text("4late")])
    assert await connection.read(4) == close_frame(1000)

    await connection.send(Frame(Opcode.CLOSE, Close(1000, "").serialize()))

    assert await connection.read(1) == b""
    assert connection.websocket.channel.unsent == 1


async def test_a_close_by_the_client_is_answered(connection: Connection) -> None:
    await connection.send(message("last"), Frame(Opcode.CLOSE, Close(1001, "").serialize()))

    assert await connection.read(5) == close_frame(1001)
    assert connection.received == ["last"]


async def test_what_is_wrong_ends_our_side_and_the_rest_is_read(connection: Connection) -> None:
    await connection.send(message("x" * MAX_SIZE))

    assert await connection.read(5) == close_frame(1009)
    await connection.send(message("dropped"))
    connection.client.close()
    await connection.until(lambda: connection.web_server.lost)
    assert connection.received == []


async def test_who_reads_no_pongs_gets_no_more_of_them(connection: Connection) -> None:
    channel = connection.websocket.channel
    while channel.buffered <= HIGH_WATER:
        channel.write([text("4" + "x" * 90_000)])
        await asyncio.sleep(0)
    waiting = channel.buffered

    await connection.send(*[Frame(Opcode.PING, b"x" * 100)] * 100, message("done"))
    await connection.until(lambda: connection.received == ["done"])

    assert channel.buffered <= waiting


async def test_a_handler_that_is_cancelled_cuts_the_connection(connection: Connection) -> None:
    connection.web_server.handler.cancel()
    await connection.until(lambda: connection.web_server.lost)

    assert connection.web_server.handler.cancelled()
    assert await connection.read(1) == b""
