"""The test kit's asyncio side: how frames are handed on, and when all is done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engineio._shell.async_pace import AsyncPace
from engineio._shell.mailbox import Mailbox
from engineio._shell.turn import Turn

from .._aio import create_event as create_event
from .._aio import wait_event as wait_event
from .loop_clock import LoopClock, running_clock
from .memory import Link, MemoryRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engineio._core.request import Reply
    from engineio._shell.receiver import Receiver

    from .._aio import Event as Event
    from ..async_server import AsyncServer


class MemoryLink(Link):
    """A connection in memory; frames of the client go the way of a framework that pushes them."""

    channel: MemoryLink

    def __init__(self) -> None:
        super().__init__()
        self.channel = self
        self._mailbox: Mailbox

    async def serve(self, receiver: Receiver) -> None:
        """Take note of where the frames of the client go."""
        self._mailbox = Mailbox(receiver, self)

    def deliver(self, frames: list[str | bytes]) -> None:
        """Give the server frames of the client."""
        for frame in frames:
            self._mailbox.deliver(frame)

    def pause_reading(self) -> None:
        """Nothing to do: what a test sends is in memory anyway."""

    def resume_reading(self) -> None:
        """Nothing to do either."""

    def _lost(self) -> None:
        self._mailbox.lost()

    def _wake(self) -> None:
        asyncio.get_running_loop().call_soon(self.drain)


class MemoryDriver:
    """Implements the part of ``AsyncDriver`` that a WebSocket needs."""

    def request(self, request: MemoryRequest) -> MemoryRequest:
        """Return the request."""
        return request

    async def websocket(self, request: MemoryRequest, max_size: int) -> Link:
        """Open the connection."""
        return request.link

    async def respond(self, request: MemoryRequest, reply: Reply) -> None:
        """Keep the refusal."""
        request.reply = reply


class Rig:
    """Puts a server on a driver in memory and the loop's clock, and takes it off again."""

    def __init__(self, sio: AsyncServer) -> None:
        self._sio = sio
        self._saved: dict[str, Any] = {}
        self._clock: LoopClock

    def install(self) -> None:
        """Take the server over."""
        eio: Any = self._sio.eio
        clock = self._clock = running_clock()
        self._saved = {name: getattr(eio, name) for name in ("_driver", "clock", "_turn", "_pace")}
        eio.clock = clock.time
        eio._driver = MemoryDriver()
        eio._turn = Turn(eio.engine, clock.time, eio._end_closed)
        eio._pace = AsyncPace(eio.engine, clock.time, asyncio.sleep)
        clock.add(eio.engine)

    def remove(self) -> None:
        """Give the server back."""
        eio: Any = self._sio.eio
        eio._turn.stop()
        for name, value in self._saved.items():
            setattr(eio, name, value)
        self._clock.remove(eio.engine)

    def make_request(
        self, link: Link, query: str, headers: Mapping[str, str], extra: Mapping[str, Any]
    ) -> MemoryRequest:
        """Return the handshake of a client."""
        return MemoryRequest(link, query, headers, extra, asyncio=True)

    def make_link(self) -> MemoryLink:
        """Return a new connection."""
        return MemoryLink()

    async def handle(self, request: MemoryRequest) -> None:
        """Let the server take a connection, or refuse it."""
        await self._sio.eio.handle_request(request)

    async def settle(self) -> None:
        """Return when nothing happens any more without a timer, a thread or the outside world."""
        await self._clock.settle()

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        await self._clock.advance(seconds)
