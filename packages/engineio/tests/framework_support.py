"""Web servers with an Engine.IO server attached, and raw clients, all in the test's event loop."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp.web
import sanic
import sanic.response
import tornado.httpserver
import tornado.netutil
import tornado.web
import uvicorn
from websockets.frames import Frame, Opcode

import engineio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""

HELLO = "hello from the application"
TEXT, BINARY, CLOSE, PING, PONG = Opcode.TEXT, Opcode.BINARY, Opcode.CLOSE, Opcode.PING, Opcode.PONG

_numbers = itertools.count()

sanic.Sanic.test_mode = True  # several applications in one process


@asynccontextmanager
async def serve_aiohttp(eio: engineio.AsyncServer, path: str) -> AsyncIterator[int]:
    async def hello(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(text=HELLO)

    app = aiohttp.web.Application()
    app.router.add_get("/hello", hello)
    eio.attach(app, path)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    port: int = runner.addresses[0][1]
    yield port
    await runner.cleanup()


class Hello(tornado.web.RequestHandler):
    def get(self) -> None:
        self.write(HELLO)


@asynccontextmanager
async def serve_tornado(eio: engineio.AsyncServer, path: str) -> AsyncIterator[int]:
    handler = engineio.get_tornado_handler(eio)
    app = tornado.web.Application(
        [("/hello", Hello), (f"/{path}/", handler)],
        xsrf_cookies=True,
        cross_origin_protection=True,
        log_function=lambda handler: None,
    )
    server = tornado.httpserver.HTTPServer(app)
    (listener,) = tornado.netutil.bind_sockets(0, "127.0.0.1")
    server.add_socket(listener)
    yield listener.getsockname()[1]
    server.stop()
    await eio.stop()
    await server.close_all_connections()


@asynccontextmanager
async def serve_sanic(eio: engineio.AsyncServer, path: str) -> AsyncIterator[int]:
    app = make_sanic(eio, path)
    listener = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.before_start()
    await server.start_serving()
    yield listener.getsockname()[1]
    await server.before_stop()
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def serve_sanic_asgi(eio: engineio.AsyncServer, path: str) -> AsyncIterator[int]:
    config = uvicorn.Config(
        make_sanic(eio, path), port=0, ws="websockets-sansio", log_level="error", lifespan="on"
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server.servers[0].sockets[0].getsockname()[1]
    await eio.stop()
    await server.shutdown()


def make_sanic(eio: engineio.AsyncServer, path: str) -> Any:
    """An application with a name of its own, for Sanic keeps them all."""

    async def hello(request: sanic.Request) -> sanic.HTTPResponse:
        return sanic.response.text(HELLO, headers={"Content-Length": str(len(HELLO))})

    app: Any = sanic.Sanic(f"application{next(_numbers)}", configure_logging=False)
    app.add_route(hello, "/hello")
    eio.attach(app, path)
    return app


SERVE: dict[str, Callable[[engineio.AsyncServer, str], AbstractAsyncContextManager[int]]] = {
    "aiohttp": serve_aiohttp,
    "tornado": serve_tornado,
    "sanic": serve_sanic,
    "sanic under ASGI": serve_sanic_asgi,
}


class Reply:
    """An HTTP answer."""

    def __init__(self, head: bytes) -> None:
        first, *lines = head.decode().split("\r\n")[:-2]
        self.status = int(first.split()[1])
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        self.body = b""


class Raw:
    """A TCP connection that says exactly what it is told to; leaving it cuts it."""

    def __init__(self, port: int, path: str = "/engine.io/") -> None:
        self._port = port
        self._path = path

    async def __aenter__(self) -> Raw:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *args: object) -> None:
        self._writer.transport.abort()
        await asyncio.sleep(0)

    async def request(
        self, query: str, method: str = "GET", *lines: str, body: bytes = b""
    ) -> None:
        """Send a request; a body is announced by one of the lines."""
        first = f"{method} {self._path}?{query} HTTP/1.1"
        head = "\r\n".join([first, f"Host: 127.0.0.1:{self._port}", *lines, "", ""])
        await self.send(head.encode() + body)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def reply(self) -> Reply:
        return await asyncio.wait_for(self._reply(), SOON)

    async def _reply(self) -> Reply:
        reply = Reply(await self._reader.readuntil(b"\r\n\r\n"))
        reply.body = await self._reader.readexactly(int(reply.headers.get("content-length", 0)))
        return reply

    async def handshake(self, query: str = "EIO=4&transport=websocket", *lines: str) -> Reply:
        key = base64.b64encode(os.urandom(16)).decode()
        await self.request(
            query,
            "GET",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            *lines,
        )
        return await self.reply()

    async def open(self, query: str = "EIO=4&transport=websocket") -> None:
        """Complete a handshake."""
        assert (await self.handshake(query)).status == 101

    async def frame(
        self, data: str | bytes, opcode: Opcode | None = None, fin: bool = True
    ) -> None:
        if opcode is None:
            opcode = TEXT if isinstance(data, str) else BINARY
        payload = data.encode() if isinstance(data, str) else data
        await self.send(Frame(opcode, payload, fin).serialize(mask=True))

    async def receive(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        return await asyncio.wait_for(self._receive(), SOON)

    async def _receive(self) -> tuple[int, bytes]:
        first, size = await self._reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await self._reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self._reader.readexactly(8), "big")
        return first & 15, await self._reader.readexactly(size)

    async def text(self) -> str:
        opcode, payload = await self.receive()
        assert opcode == TEXT
        return payload.decode()

    async def close_code(self) -> int:
        """The code that the server closes with; what it sends before is passed over."""
        while (frame := await self.receive())[0] != CLOSE:
            pass
        return int.from_bytes(frame[1][:2], "big")

    def stop_reading(self) -> None:
        """Leave what comes to the operating system, which takes little of it."""
        transport: Any = self._writer.transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport.pause_reading()

    async def ended(self) -> bytes:
        """Read until the server ends the connection."""
        return await asyncio.wait_for(self._reader.read(), SOON)


async def fetch(
    port: int, query: str, method: str = "GET", *lines: str, body: bytes = b""
) -> Reply:
    """One request on a connection of its own."""
    if method == "POST":
        lines = (*lines, f"Content-Length: {len(body)}")
    async with Raw(port) as connection:
        await connection.request(query, method, *lines, body=body)
        return await connection.reply()


async def open_polling(port: int) -> str:
    """Open a session with long-polling; return the query of its requests."""
    reply = await fetch(port, "EIO=4&transport=polling")
    return f"EIO=4&transport=polling&sid={json.loads(reply.body[1:])['sid']}"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that others bring about."""
    deadline = asyncio.get_running_loop().time() + SOON
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.001)
