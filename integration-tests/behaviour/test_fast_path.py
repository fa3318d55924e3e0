"""The WebSocket driver for uvicorn: what it does besides serving an Engine.IO client."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import os
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed

import socketio
from socketio.serve import FAST_WEBSOCKET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SOON = 30
"""Seconds in which everything must happen; only a failing test waits so long."""

MEGABYTE = 1_000_000


class Running:
    """A uvicorn in this event loop."""

    def __init__(self, server: uvicorn.Server) -> None:
        self.state = server.server_state
        self.port: int = server.servers[0].sockets[0].getsockname()[1]

    async def ask(self, path: str, headers: str = "") -> tuple[Any, Any]:
        """Ask for a WebSocket; return the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        request += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        writer.write(f"{request}Sec-WebSocket-Key: {key}\r\n{headers}\r\n".encode())
        return reader, writer

    async def handshake(self, path: str, headers: str = "") -> tuple[Any, Any, bytes]:
        """Ask for a WebSocket; return the connection and the head of the answer."""
        reader, writer = await self.ask(path, headers)
        return reader, writer, await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)

    async def idle(self) -> None:
        """Wait until no application runs and no connection is open."""
        await until(lambda: not self.state.tasks and not self.state.connections)


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def start(app: Any) -> Running:
        config = uvicorn.Config(
            app,
            port=0,
            ws=FAST_WEBSOCKET,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        running.append((server, asyncio.ensure_future(server.main_loop())))
        return Running(server)

    yield start
    for server, task in running:
        server.should_exit = True
        await task
        await server.shutdown()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """A WebSocket route of an application's own."""
    await receive()
    await send({"type": "websocket.accept"})
    event = await receive()
    await send({"type": "websocket.send", "text": event["text"]})
    await receive()


async def test_other_routes_get_the_websocket_of_uvicorn(serve: Callable[..., Any]) -> None:
    server = await serve(socketio.ASGIApp(socketio.AsyncServer(async_mode="asgi"), echo))

    async with connect_websocket(f"ws://127.0.0.1:{server.port}/other") as websocket:
        await websocket.send("hello")
        answer = await asyncio.wait_for(websocket.recv(), SOON)

    assert answer == "hello"


async def test_an_application_ends_with_a_handshake_that_uvicorn_refuses(
    serve: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(echo)

    with caplog.at_level(logging.WARNING):
        _, writer, head = await server.handshake("/", "Sec-WebSocket-Extensions: ;\r\n")
        await server.idle()

    assert head.startswith(b"HTTP/1.1 400 ")
    assert caplog.records == []
    writer.close()


async def test_who_leaves_during_the_handshake_leaves_nothing_in_the_log(
    serve: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()
    sio = socketio.AsyncServer(async_mode="asgi")
    engine = socketio.ASGIApp(sio)

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await gone.wait()
        await engine(scope, receive, send)

    server = await serve(slow)
    path = "/socket.io/?EIO=4&transport=websocket"

    with caplog.at_level(logging.WARNING):
        _, writer = await server.ask(path)
        await asked.wait()
        writer.transport.abort()
        await until(lambda: not server.state.connections)
        gone.set()
        await server.idle()

    assert caplog.records == []
    assert sio.eio.sockets == {}


async def test_pings_are_answered_but_not_to_a_client_that_reads_nothing(
    serve: Callable[..., Any],
) -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    server = await serve(socketio.ASGIApp(sio))
    async with connect_websocket(
        f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket"
    ) as websocket:
        await asyncio.wait_for(await websocket.ping(), SOON)
    await server.idle()

    reader, writer, _ = await server.handshake("/socket.io/?EIO=4&transport=websocket")
    reader._transport.pause_reading()
    ping = bytes([0x89, 0x80 | 125]) + bytes(4 + 125)
    for _ in range(20):
        writer.write(ping * (MEGABYTE // len(ping)))
        await writer.drain()

    (session,) = sio.eio.sockets.values()
    assert session.channel is not None
    assert session.channel.buffered < 2 * MEGABYTE
    writer.transport.abort()


async def test_fragments_take_no_more_memory_than_their_content(
    serve: Callable[..., Any],
) -> None:
    server = await serve(socketio.ASGIApp(socketio.AsyncServer(async_mode="asgi")))
    reader, writer, _ = await server.handshake("/socket.io/?EIO=4&transport=websocket")
    await reader.readuntil(b"}")

    tracemalloc.start()
    try:
        writer.write(bytes([0x01, 0x80]) + bytes(4))
        for _ in range(5):
            writer.write((bytes([0x00, 0x80]) + bytes(4)) * 100_000)
            await writer.drain()
        writer.write(bytes([0x89, 0x80]) + bytes(4))
        await asyncio.wait_for(reader.readexactly(2), SOON)  # the pong: all has been read
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size < 2 * MEGABYTE
    writer.transport.abort()


async def test_a_failure_of_the_server_ends_the_connection(serve: Callable[..., Any]) -> None:
    class Failing(socketio.AsyncManager):
        async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
            raise ZeroDivisionError

    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    sio = socketio.AsyncServer(Failing(), async_mode="asgi")
    server = await serve(socketio.ASGIApp(sio))
    url = f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket"

    async with connect_websocket(url) as websocket:
        await websocket.recv()
        await websocket.send("40")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(websocket.recv(), SOON)
    await until(lambda: not sio.eio.sockets and not sio.environ)

    gc.collect()  # a task tells what it failed with when it is collected
    assert [type(context["exception"]) for context in unhandled] == [ZeroDivisionError]
