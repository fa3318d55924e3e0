"""The test kit's asyncio side: how frames are handed on, when all is done, and what time it is."""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import TYPE_CHECKING, Any

from engineio._shell.async_pace import AsyncPace
from engineio._shell.mailbox import Mailbox
from engineio._shell.turn import Turn

from .._aio import create_event as create_event
from .._aio import wait_event as wait_event
from .memory import Link, MemoryRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engineio._core.request import Reply
    from engineio._shell.receiver import Receiver

    from .._aio import Event as Event
    from ..async_server import AsyncServer

MAX_TURNS = 10_000
"""Turns of the event loop after which a test is told that it does not come to rest."""

TURNS_IN_THE_DARK = 100
"""Turns that are taken of an event loop that does not show what it has to do (uvloop)."""

SLACK = 0.001
"""Seconds by which a moment may be missed and still counts: sums of floats are not exact."""

TINY = 0.000_001
"""Seconds by which a moment has passed when it is acted on, for the same reason."""


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
    """Puts a server on a driver in memory and a clock of its own, and takes it off again.

    The clock stands still but for ``advance``.  The event loop's own time goes on, and is moved
    along, so that what the application sleeps for comes true as well.
    """

    def __init__(self, sio: AsyncServer) -> None:
        self._sio = sio
        self._now = time.monotonic()
        self._saved: dict[str, Any] = {}
        self._loop: asyncio.AbstractEventLoop
        self._shift = 0.0

    def clock(self) -> float:
        """Return the server's time."""
        return self._now

    def install(self) -> None:
        """Take the server over."""
        eio: Any = self._sio.eio
        self._saved = {name: getattr(eio, name) for name in ("_driver", "clock", "_turn", "_pace")}
        eio.clock = self.clock
        eio._driver = MemoryDriver()
        eio._turn = Turn(eio.engine, self.clock, eio._end_closed)
        eio._pace = AsyncPace(eio.engine, self.clock, asyncio.sleep)
        self._loop = asyncio.get_running_loop()
        real_time = self._loop.time
        self._loop.time = lambda: real_time() + self._shift  # type: ignore[method-assign]

    def remove(self) -> None:
        """Give the server back."""
        eio: Any = self._sio.eio
        eio._turn.stop()
        for name, value in self._saved.items():
            setattr(eio, name, value)
        vars(self._loop).pop("time", None)

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
        ready = getattr(self._loop, "_ready", None)
        for turn in range(MAX_TURNS):
            await asyncio.sleep(0)
            if not ready and (ready is not None or turn >= TURNS_IN_THE_DARK):
                return
        raise TimeoutError(f"the event loop has not come to rest within {MAX_TURNS} turns")

    async def advance(self, seconds: float) -> None:
        """Let time pass, stopping wherever something is due."""
        end = self._now + seconds
        await self.settle()
        while (due := self._next_due()) <= end + SLACK:
            self._pass(max(due - self._now, 0) + TINY)
            self._sio.eio.engine.tick(self._now)
            await self.settle()
        self._pass(max(end - self._now, 0))

    def _pass(self, seconds: float) -> None:
        self._now += seconds
        self._shift += seconds

    def _next_due(self) -> float:
        """When the server or the event loop next has something to do, in the server's time."""
        due: float | None = self._sio.eio.engine.next_deadline()
        now = self._loop.time()
        timers = getattr(self._loop, "_scheduled", ())
        waits: list[float] = [timer.when() - now for timer in timers if not timer.cancelled()]
        return min(inf if due is None else due, self._now + min(waits, default=inf))
