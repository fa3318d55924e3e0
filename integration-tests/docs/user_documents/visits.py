"""What a visitor does at the servers of these programs, and how he knows that they work."""

from __future__ import annotations

import asyncio
import urllib.request
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import engineio
import socketio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOON = 15
"""Seconds in which everything must happen; only a failing test waits so long."""

TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]]


class Visitor(engineio.AsyncClient):
    """An Engine.IO client that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        self._reasons: asyncio.Queue[str] = asyncio.Queue()
        self.on("message", self._messages.put_nowait)
        self.on("disconnect", self._reasons.put_nowait)

    async def receive(self) -> Any:
        """The next message."""
        return await asyncio.wait_for(self._messages.get(), SOON)

    async def ended(self) -> str:
        """Wait for the end; the reason."""
        return await asyncio.wait_for(self._reasons.get(), SOON)


@asynccontextmanager
async def visiting(url: str, **options: Any) -> AsyncIterator[Visitor]:
    """A visitor who leaves at the end."""
    visitor = Visitor()
    await visitor.connect(url, **options)
    try:
        yield visitor
    finally:
        await visitor.disconnect()


async def visit_engineio(url: str, transports: list[str]) -> None:
    """Say something over the last of the transports, and get the answer of an echo."""
    async with visiting(url, transports=transports) as visitor:
        for data in ("text", b"\x00\xff", {"a": [1, None]}):
            await visitor.send(data)
            assert await visitor.receive() == data
        assert visitor.transport() == transports[-1]


async def visit_socketio(url: str, transports: list[str]) -> None:
    """Ask over the last of the transports, and be greeted."""
    async with socketio.AsyncSimpleClient() as visitor:
        await visitor.connect(url, transports=transports)
        assert await visitor.call("greet", "Ada", timeout=SOON) == "Hello Ada"
        await visitor.emit("picture", b"\x00\xff")
        assert await visitor.receive(timeout=SOON) == ["picture", b"\x00\xff"]
        assert visitor.transport == transports[-1]


VISIT = {"engineio": visit_engineio, "socketio": visit_socketio}


async def fetch(url: str, headers: dict[str, str] | None = None) -> tuple[dict[str, str], str]:
    """GET a page; its headers, whose names are in lower case, and its text."""

    def get() -> tuple[dict[str, str], str]:
        request = urllib.request.Request(url, headers=headers or {})
        with urllib.request.urlopen(request, timeout=SOON) as response:
            found = {name.lower(): value for name, value in response.headers.items()}
            return found, response.read().decode()

    return await asyncio.to_thread(get)
