"""Clients that keep what they receive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import socketio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PATIENCE = 10
"""Seconds in which everything must arrive; only a failing test waits so long."""


class Client:
    """A client in one namespace."""

    def __init__(self, namespace: str = "/") -> None:
        self.namespace = namespace
        self.events: asyncio.Queue[list[Any]] = asyncio.Queue()
        self.answer: Any = None
        self.asked = asyncio.Event()
        self.ended = asyncio.Event()
        self.client = socketio.AsyncClient(handle_sigint=False, reconnection=False)
        self.client.on("*", self._received, namespace=namespace)
        self.client.on("ask", self._asked, namespace=namespace)
        self.client.on("disconnect", self._disconnected, namespace=namespace)

    async def connect(self, url: str) -> None:
        """Connect and join the namespace."""
        await self.client.connect(
            url, transports=["websocket"], namespaces=[self.namespace], wait_timeout=PATIENCE
        )

    @property
    def sid(self) -> str:
        """What the servers know it by."""
        sid = self.client.get_sid(self.namespace)
        assert sid is not None
        return sid

    async def next(self) -> list[Any]:
        """Return the next event, its name and its arguments."""
        return await asyncio.wait_for(self.events.get(), PATIENCE)

    async def until(self, name: str) -> list[list[Any]]:
        """Return what comes before the next event of this name."""
        before = []
        while (event := await self.next())[0] != name:
            before.append(event)
        return before

    async def ping(self) -> float:
        """Return the seconds that a question to the server takes, and its answer."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        await self.client.call("echo", 1, namespace=self.namespace, timeout=PATIENCE)
        return loop.time() - before

    async def close(self) -> None:
        """Disconnect."""
        await self.client.disconnect()

    async def _received(self, event: str, *args: Any) -> None:
        self.events.put_nowait([event, *args])

    async def _asked(self, *args: Any) -> Any:
        self.asked.set()
        if self.answer is NEVER:
            await asyncio.Event().wait()
        return self.answer if self.answer is not ECHO else args

    async def _disconnected(self, reason: str) -> None:
        self.ended.set()


async def eventually(is_so: Callable[[], Awaitable[bool]], timeout: float = PATIENCE) -> None:
    """Ask again and again until it is so."""

    async def ask() -> None:
        while True:
            if await is_so():
                return
            await asyncio.sleep(0.02)

    await asyncio.wait_for(ask(), timeout)


NEVER = object()
"""The answer of a client that does not answer."""

ECHO = object()
"""The answer of a client that returns what it was sent."""
