"""HTTP and WebSocket byte by byte, for what no client library would send."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .clients import SOON

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from .servers import Server

PATH = "/socket.io/"
POLLING = "EIO=4&transport=polling"
WEBSOCKET = "EIO=4&transport=websocket"

CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9
FIN = 0x80


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> tuple[int, int]:
        """The status, and the code in the JSON body of an error."""
        return self.status, json.loads(self.body)["code"]


class Connection:
    """A TCP connection; leaving it cuts it."""

    def __init__(self, server: Server) -> None:
        self._port = server.port

    async def __aenter__(self) -> Any:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def request(
        self,
        query: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Iterable[tuple[str, str]] = (),
        length: int | None = None,
    ) -> None:
        """Send a request, announcing ``length`` bytes of body if that is given."""
        lines = [f"{method} {PATH}?{query} HTTP/1.1", f"Host: 127.0.0.1:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None and length != -1:
            lines.append(f"Content-Length: {len(body) if length is None else length}")
        await self.send("\r\n".join([*lines, "", ""]).encode() + (body or b""))

    async def reply(self) -> Reply:
        return await asyncio.wait_for(self._reply(), SOON)

    async def _reply(self) -> Reply:
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        fields = [line.partition(":") for line in lines]
        headers = {name.lower(): value.strip() for name, _, value in fields}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Reply(int(first.split()[1]), headers, body)

    async def ended(self) -> None:
        """Wait until the server has ended the connection."""
        try:
            while await asyncio.wait_for(self._reader.read(65536), SOON):
                pass
        except ConnectionError:
            pass


class WebSocket(Connection):
    """A WebSocket that checks nothing and answers nothing by itself."""

    async def handshake(
        self, query: str = WEBSOCKET, headers: Iterable[tuple[str, str]] = ()
    ) -> Reply:
        await self.request(query, headers=[*upgrade_headers(), *headers])
        return await self.reply()

    async def open(self, query: str = WEBSOCKET) -> None:
        reply = await self.handshake(query)
        assert reply.status == 101, reply

    async def frame(self, payload: str | bytes, kind: int | None = None, **options: Any) -> None:
        if kind is None:
            kind = TEXT if isinstance(payload, str) else BINARY
        data = payload.encode() if isinstance(payload, str) else payload
        await self.send(make_frame(data, kind, **options))

    async def receive(self) -> tuple[int, bytes]:
        """The next frame: its kind and payload."""
        return await asyncio.wait_for(self._receive(), SOON)

    async def _receive(self) -> tuple[int, bytes]:
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)

    async def text(self) -> str:
        kind, payload = await self.receive()
        assert kind == TEXT, (kind, payload)
        return payload.decode()

    async def close_code(self) -> int:
        """The code with which the server closes; what it sends before is passed over."""
        kind, payload = await self.receive()
        while kind != CLOSE:
            kind, payload = await self.receive()
        code: int = struct.unpack("!H", payload[:2])[0]
        return code

    async def join(self) -> None:
        """Take the OPEN packet and join the namespace ``/``."""
        assert (await self.text()).startswith("0{")
        await self.frame("40")
        assert (await self.text()).startswith('40{"sid"')


def upgrade_headers() -> list[tuple[str, str]]:
    return [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
    ]


def make_frame(
    data: bytes, kind: int = TEXT, *, fin: bool = True, mask: bool = True, length: int | None = None
) -> bytes:
    """A frame (RFC 6455 5.2) that announces ``length`` bytes if that is given."""
    length = len(data) if length is None else length
    masked = 0x80 if mask else 0
    head = bytes([kind | (FIN if fin else 0)])
    if length < 126:
        head += bytes([masked | length])
    elif length < 65536:
        head += bytes([masked | 126]) + struct.pack("!H", length)
    else:
        head += bytes([masked | 127]) + struct.pack("!Q", length)
    return head + (bytes(4) if mask else b"") + data


async def fetch(server: Server, query: str, method: str = "GET", **request: Any) -> Reply:
    """One request on a connection of its own."""
    async with Connection(server) as connection:
        await connection.request(query, method, **request)
        reply: Reply = await connection.reply()
        return reply


async def open_polling(server: Server, *, join: bool = False, **request: Any) -> str:
    """Open a session with long-polling; return the query of its requests."""
    reply = await fetch(server, POLLING, **request)
    query = f"{POLLING}&sid={json.loads(reply.body[1:])['sid']}"
    if join:
        assert (await fetch(server, query, "POST", body=b"40")).body == b"ok"
        assert (await fetch(server, query)).body.startswith(b'40{"sid"')
    return query
