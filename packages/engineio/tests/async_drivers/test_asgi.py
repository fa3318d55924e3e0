"""The ASGI driver, called as a server calls it."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from asgi_support import Server, WebSocket, fetch, open_polling, websocket_scope
from garbage_support import CollectedByHand

import engineio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_SIZE = 1000


@pytest.fixture
async def eio() -> engineio.AsyncServer:
    """A server that echoes, and leaves when it is told to."""
    eio = engineio.AsyncServer(async_mode="asgi", max_http_buffer_size=MAX_SIZE, cookie="io")

    async def message(sid: str, data: Any) -> None:
        if data == "leave":
            await eio.disconnect(sid)
        else:
            await eio.send(sid, data)

    eio.on("message", message)
    return eio


@pytest.fixture
def app(eio: engineio.AsyncServer) -> engineio.ASGIApp:
    return engineio.ASGIApp(eio)


async def test_frames_come_and_go(app: engineio.ASGIApp) -> None:
    async with WebSocket(app) as websocket:
        websocket.put("4text")
        websocket.put(b"\x00")
        await websocket.until(lambda: len(websocket.sent) == 4)

    assert websocket.texts()[1:] == ["4text"]
    assert websocket.sent[-1] == {"type": "websocket.send", "bytes": b"\x00", "text": None}


@pytest.mark.parametrize("large", ["4" + "x" * MAX_SIZE, "4" + "ä" * (MAX_SIZE // 2), bytes(1001)])
async def test_a_frame_over_the_limit_ends_the_session(
    app: engineio.ASGIApp, large: str | bytes
) -> None:
    async with WebSocket(app) as websocket:
        websocket.put(large)
        await websocket.until(lambda: websocket.sent[-1]["type"] == "websocket.close")

    assert websocket.sent[-1]["code"] == 1009


@pytest.mark.parametrize("largest", ["4" + "x" * (MAX_SIZE - 1), "4ä" + "ä" * (MAX_SIZE // 2 - 2)])
async def test_a_frame_within_the_limit_is_taken(app: engineio.ASGIApp, largest: str) -> None:
    async with WebSocket(app) as websocket:
        websocket.put(largest)
        await websocket.until(lambda: len(websocket.sent) == 3)

    assert websocket.texts()[1:] == [largest]


async def test_a_long_refusal_of_a_websocket_fits_into_a_close_frame(
    eio: engineio.AsyncServer, app: engineio.ASGIApp
) -> None:
    eio.on("connect", lambda sid, environ: "é" * 1000)

    (event,) = await Server("websocket.connect").serve(app, websocket_scope())

    assert event["type"] == "websocket.close"
    assert len(event["reason"].encode()) <= 123


async def test_what_the_web_server_refuses_is_counted(
    eio: engineio.AsyncServer, app: engineio.ASGIApp
) -> None:
    async with WebSocket(app) as websocket:
        websocket.gone = True
        websocket.put("4a")
        await websocket.until(lambda: bool(websocket.refused))
        websocket.put("4b")
        websocket.put("4c")

    assert eio.counters.messages_dropped == 3


# handlers that take longer than a heartbeat


class Slow:
    """A server whose handlers wait for a gate, one after the other."""

    def __init__(self) -> None:
        self.eio = engineio.AsyncServer(async_mode="asgi", async_handlers=False)
        self.app = engineio.ASGIApp(self.eio)
        self.gate = asyncio.Event()
        self.running = asyncio.Event()
        self.eio.on("message", self._message)

    async def _message(self, sid: str, data: Any) -> None:
        self.running.set()
        await self.gate.wait()
        await self.eio.send(sid, data)

    def pass_a_heartbeat(self) -> None:
        """Let the time of a PING and of its PONG pass."""
        now = self.eio.clock()
        self.eio.engine.tick(now + 25.1)
        self.eio.engine.tick(now + 45.2)


async def test_a_websocket_outlives_a_handler_that_takes_longer_than_a_heartbeat() -> None:
    slow = Slow()
    async with WebSocket(slow.app) as websocket:
        websocket.put("4a")
        websocket.put("3")
        await slow.running.wait()

        slow.pass_a_heartbeat()
        slow.gate.set()
        await websocket.until(lambda: "4a" in websocket.texts())

        assert len(slow.eio.sockets) == 1


async def test_a_poll_outlives_a_handler_that_takes_longer_than_a_heartbeat() -> None:
    slow = Slow()
    sid = await open_polling(slow.app)
    posting = asyncio.create_task(fetch(slow.app, f"&sid={sid}", "POST", b"4a"))
    await slow.running.wait()

    slow.pass_a_heartbeat()
    slow.gate.set()

    assert await posting == b"ok"
    assert await fetch(slow.app, f"&sid={sid}") == b"2\x1e2\x1e4a"
    await fetch(slow.app, f"&sid={sid}", "POST", b"3\x1e1")


# what connections leave behind


async def test_an_idle_connection_keeps_nothing_of_its_last_frame(app: engineio.ASGIApp) -> None:
    class Event(dict[str, Any]):
        pass

    async with WebSocket(app) as websocket:
        event = Event(type="websocket.receive", text="4hello")
        websocket.push(event)
        kept = weakref.ref(event)
        del event
        await websocket.until(lambda: len(websocket.sent) == 3)
        assert kept() is None


async def _end_by_the_client(app: Any) -> None:
    async with WebSocket(app) as websocket:
        websocket.put("4hello")
        await websocket.until(lambda: len(websocket.sent) == 3)


async def _end_by_the_server(app: Any) -> None:
    async with WebSocket(app) as websocket:
        websocket.put("4leave")
        await websocket.until(lambda: websocket.sent[-1]["type"] == "websocket.close")


async def _end_by_a_frame_over_the_limit(app: Any) -> None:
    async with WebSocket(app) as websocket:
        websocket.put(bytes(MAX_SIZE + 1))
        await websocket.until(lambda: websocket.sent[-1]["type"] == "websocket.close")


async def _end_with_the_peer(app: Any) -> None:
    async with WebSocket(app) as websocket:
        websocket.gone = True
        websocket.put("4hello")


async def _poll(app: Any) -> None:
    sid = await open_polling(app)
    waiting = asyncio.create_task(fetch(app, f"&sid={sid}"))
    await fetch(app, f"&sid={sid}", "POST", b"4hello")
    assert await waiting == b"4hello"
    await fetch(app, f"&sid={sid}", "POST", b"1")


async def _upgrade(app: Any) -> None:
    sid = await open_polling(app)
    waiting = asyncio.create_task(fetch(app, f"&sid={sid}"))
    async with WebSocket(app, sid, "2probe") as websocket:
        websocket.put("5")
        websocket.put("4hello")
        await websocket.until(lambda: "4hello" in websocket.texts())
    assert await waiting == b"6"


@pytest.mark.parametrize(
    "connection",
    [
        _end_by_the_client,
        _end_by_the_server,
        _end_by_a_frame_over_the_limit,
        _end_with_the_peer,
        _poll,
        _upgrade,
    ],
)
async def test_nothing_of_an_ended_connection_waits_for_the_garbage_collector(
    app: engineio.ASGIApp, connection: Callable[[Any], Awaitable[None]]
) -> None:
    await connection(app)
    with CollectedByHand() as left:
        for _ in range(20):
            await connection(app)
        await asyncio.sleep(0)
        left.collect()

    assert left.ours == []
