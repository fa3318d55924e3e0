"""What applications reach for inside of a client, or put in its place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import requests

import engineio
import socketio
from socketio.packet import CONNECT, DISCONNECT, EVENT, Packet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


@pytest.fixture
def url(shared_peer: Callable[..., Any]) -> str:
    url: str = shared_peer("ours").url
    return url


@pytest.fixture
async def client() -> AsyncIterator[socketio.AsyncClient]:
    client = socketio.AsyncClient(handle_sigint=False)
    yield client
    await client.disconnect()


@pytest.fixture
def threaded() -> Iterator[socketio.Client]:
    client = socketio.Client(handle_sigint=False)
    yield client
    client.disconnect()


# attributes


async def test_the_state_is_told(client: socketio.AsyncClient, url: str) -> None:
    assert client.eio.state == "disconnected"
    assert client.eio.write_loop_task is None
    assert client._reconnect_task is None

    await client.connect(url, wait_timeout=SOON)
    assert client.eio.state == "connected"
    assert client.eio.write_loop_task is not None
    assert client.eio.read_loop_task is not None
    assert not client.eio.ws.closed
    assert not client.eio.http.closed

    await client.disconnect()
    assert client.eio.state == "disconnected"
    assert client.eio.write_loop_task is None


def test_the_state_is_told_by_threads(threaded: socketio.Client, url: str) -> None:
    threaded.connect(url, wait_timeout=SOON)
    assert threaded.eio.state == "connected"
    assert threaded.eio.write_loop_task is not None
    assert threaded.eio.ws.connected

    threaded.disconnect()
    assert threaded.eio.state == "disconnected"
    assert threaded.eio.write_loop_task is None
    assert threaded._reconnect_task is None


async def test_a_session_that_is_assigned_is_used_and_left_open(
    client: socketio.AsyncClient, url: str
) -> None:
    async with aiohttp.ClientSession(headers={"X-Test": "mine"}) as http:
        client.eio.http = http
        await client.connect(url, wait_timeout=SOON)
        assert (await client.call("who"))["header"] == "mine"
        await client.disconnect()

        assert client.eio.http is http
        assert not http.closed


def test_a_session_that_is_assigned_is_used_by_threads(threaded: socketio.Client, url: str) -> None:
    with requests.Session() as http:
        http.headers["X-Test"] = "mine"
        threaded.eio.http = http
        threaded.connect(url, wait_timeout=SOON, transports=["polling"])
        assert threaded.call("who")["header"] == "mine"
        threaded.disconnect()

        assert threaded.eio.http is http


async def test_a_reconnection_can_be_stopped_from_outside(
    client: socketio.AsyncClient, url: str
) -> None:
    client.reconnection_delay = 1000
    lost = asyncio.Event()
    client.on("disconnect", lambda reason: lost.set())
    await client.connect(url, wait_timeout=SOON, transports=["websocket"])

    await client.eio.ws.close()
    await asyncio.wait_for(lost.wait(), SOON)
    while client._reconnect_task is None:  # noqa: ASYNC110 - nothing tells when
        await asyncio.sleep(0)
    task = client._reconnect_task
    client._reconnect_abort.set()

    await asyncio.wait_for(task, SOON)
    assert client._reconnect_task is None


# what goes through the engine


async def test_the_engines_handlers_can_be_wrapped(client: socketio.AsyncClient, url: str) -> None:
    assert list(client.eio.handlers) == ["connect", "message", "disconnect"]
    seen: list[Any] = []

    @client.eio.on("message")
    async def message(data: Any) -> None:
        seen.append(data)
        await client._handle_eio_message(data)
        raise LookupError("the application's own mistake")

    await client.connect(url, wait_timeout=SOON)

    assert await client.call("echo", (1, b"2")) == (1, b"2")
    assert seen[0].startswith('0{"sid":')
    assert seen[1:] == ['61-1[1,{"_placeholder":true,"num":0}]', b"2"]


def test_the_engines_handlers_can_be_wrapped_in_threads(
    threaded: socketio.Client, url: str
) -> None:
    seen: list[Any] = []
    behind = threaded.eio.handlers["message"]

    def message(data: Any) -> None:
        seen.append(data)
        behind(data)

    threaded.eio.handlers["message"] = message
    threaded.connect(url, wait_timeout=SOON)

    assert threaded.call("echo", 1) == 1
    assert seen[1:] == ["31[1]"]


async def test_what_the_engine_sends_can_be_counted(client: socketio.AsyncClient, url: str) -> None:
    behind = client.eio.send
    sent: list[Any] = []

    async def send(data: Any) -> None:
        sent.append(data)
        await behind(data)

    client.eio.send = send  # type: ignore[method-assign]
    await client.connect(url, wait_timeout=SOON)

    assert await client.call("echo", b"x") == b"x"
    assert sent == ["0{}", '51-1["echo",{"_placeholder":true,"num":0}]', b"x"]


def test_an_engine_of_ones_own() -> None:
    class Engine(engineio.Client):
        pass

    class Client(socketio.Client):
        def _engineio_client_class(self) -> type[engineio.Client]:
            return Engine

    assert type(Client().eio) is Engine


# packets and events


async def test_a_packet_can_be_sent_by_hand(client: socketio.AsyncClient, url: str) -> None:
    answers: asyncio.Queue[Any] = asyncio.Queue()
    client.on("answer", answers.put)
    await client.connect(url, wait_timeout=SOON)

    await client._send_packet(Packet(EVENT, ["bounce", "answer", 1]))

    assert await asyncio.wait_for(answers.get(), SOON) == 1


async def test_a_subclass_sees_all_packets(url: str) -> None:
    class Watching(socketio.AsyncClient):
        def __init__(self) -> None:
            super().__init__(handle_sigint=False)
            self.seen: list[tuple[int, Any]] = []

        async def _send_packet(self, pkt: Packet) -> None:
            self.seen.append((pkt.packet_type, pkt.data))
            await super()._send_packet(pkt)

    client = Watching()
    await client.connect(url, auth={"a": 1}, wait_timeout=SOON)
    assert await client.call("echo", b"x") == b"x"
    await client.disconnect()

    assert client.seen[0] == (CONNECT, {"a": 1})
    assert client.seen[1][1] == ["echo", b"x"]
    assert client.seen[2] == (DISCONNECT, None)


def test_a_replaced_method_sees_the_packets_of_threads(threaded: socketio.Client, url: str) -> None:
    threaded.connect(url, wait_timeout=SOON)
    behind = threaded._send_packet
    seen: list[Any] = []

    def send_packet(pkt: Packet) -> None:
        seen.append(pkt.data)
        behind(pkt)

    threaded._send_packet = send_packet  # type: ignore[method-assign]
    assert threaded.call("echo", 1) == 1
    del threaded._send_packet
    assert threaded.call("echo", 2) == 2

    assert seen == [["echo", 1]]


async def test_a_test_triggers_events(client: socketio.AsyncClient) -> None:
    client.on("e", lambda *args: args)
    client.on("disconnect", lambda: "older")

    assert await client._trigger_event("e", "/", 1) == (1,)
    assert await client._trigger_event("e", None, 1) == (1,)
    assert await client._trigger_event("disconnect", "/", "reason") == "older"


async def test_a_packet_class_assigned_later_is_that_of_the_next_connection(
    client: socketio.AsyncClient, url: str
) -> None:
    decoded: list[Any] = []

    class Watching(Packet):
        def decode(self, encoded_packet: Any) -> Any:
            decoded.append(encoded_packet)
            return super().decode(encoded_packet)

    client.packet_class = Watching
    await client.connect(url, wait_timeout=SOON)
    await client.call("echo", 1)

    assert decoded[-1] == "31[1]"


async def test_options_assigned_later_take_effect(client: socketio.AsyncClient) -> None:
    client.reconnection_attempts = 2
    client.reconnection_delay = client.reconnection_delay_max = 0.001
    failures: list[Any] = []
    client.on("connect_error", failures.append)

    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect("http://127.0.0.1:1", retry=True)

    assert len(failures) == 3
