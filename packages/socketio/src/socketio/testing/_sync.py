"""The test kit's side of threads: how frames are handed on, when all is done, what time it is."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from engineio._shell.alarm import Alarm
from engineio._shell.pace import Pace

from .._sync import create_event as create_event
from .._sync import wait_event as wait_event
from .memory import Link, MemoryRequest
from .threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engineio._core.request import Reply
    from engineio._shell.concurrency import Event as Event
    from engineio._shell.receiver import Receiver

    from ..server import Server


class MemoryLink(Link):
    """A connection in memory; a thread at a time hands the client's frames to the server."""

    channel: MemoryLink

    def __init__(self, threads: Threads) -> None:
        super().__init__()
        self.channel = self
        self.ready: Callable[[Any], None]
        self._threads = threads
        self._receiver: Receiver
        self._outbox: deque[str | bytes | None] = deque()
        """Frames for the server; ``None`` is the end of the connection."""
        self._lock = threading.Lock()
        self._reading = False
        self._draining = threading.Lock()

    def serve(self, receiver: Receiver) -> None:
        """Take note of where the frames of the client go."""
        self._receiver = receiver

    def deliver(self, frames: Iterable[str | bytes | None]) -> None:
        """Give the server frames of the client."""
        with self._lock:
            self._outbox.extend(frames)
            start, self._reading = not self._reading, True
        if start:
            self._threads.spawn(self._read)

    def pump(self) -> None:
        """Give the client what has been written; called without the engine's lock."""
        while self._inbox and self._draining.acquire(blocking=False):
            try:
                self.drain()
            finally:
                self._draining.release()

    def _lost(self) -> None:
        self.deliver([None])

    def _wake(self) -> None:
        self.ready(self)

    def _read(self) -> None:
        while True:
            with self._lock:
                if not self._outbox:
                    self._reading = False
                    return
                frame = self._outbox.popleft()
            if frame is None:
                self._receiver.lost()
            else:
                self._receiver.frame(frame)


class MemoryDriver:
    """Implements the part of a driver that a WebSocket needs."""

    def request(self, request: MemoryRequest, start_response: Any) -> MemoryRequest:
        """Return the request."""
        return request

    def websocket(
        self, request: MemoryRequest, ready: Callable[[Any], None], max_size: int
    ) -> MemoryLink:
        """Open the connection."""
        link = request.link
        assert isinstance(link, MemoryLink)
        link.ready = ready
        return link

    def respond(self, request: MemoryRequest, reply: Reply) -> list[bytes]:
        """Keep the refusal."""
        request.reply = reply
        return []

    def end(self, request: MemoryRequest) -> list[bytes]:
        """Return nothing: the connection goes on by itself."""
        return []


class Rig:
    """Puts a server on threads with a clock of their own, and takes it off again.

    The clock stands still but for ``advance``.
    """

    def __init__(self, sio: Server) -> None:
        self._sio = sio
        self._threads = Threads()
        self._saved: dict[str, Any] = {}
        self._engine_clock: Any = None

    def install(self) -> None:
        """Take the server over."""
        eio: Any = self._sio.eio
        threads = self._threads
        clock = threads.clock
        names = ("_driver", "clock", "_model", "_async", "_alarm", "_pace")
        self._saved = {name: getattr(eio, name) for name in names}
        self._engine_clock = eio.engine._clock
        eio._alarm.stop()
        eio.clock = eio.engine._clock = clock
        eio._driver = MemoryDriver()
        eio._model = threads
        eio._async = eio._async | {
            "thread": threads.task,
            "event": threads.event,
            "sleep": threads.sleep,
        }
        eio._alarm = Alarm(eio.engine, clock, threads)
        eio._pace = Pace(eio.engine, clock, threads.sleep)

    def remove(self) -> None:
        """Give the server back."""
        eio: Any = self._sio.eio
        eio._alarm.stop()
        eio.engine._clock = self._engine_clock
        for name, value in self._saved.items():
            setattr(eio, name, value)
        self._threads.settle()
        self._threads.stop()

    def make_request(
        self, link: Link, query: str, headers: Mapping[str, str], extra: Mapping[str, Any]
    ) -> MemoryRequest:
        """Return the handshake of a client."""
        return MemoryRequest(link, query, headers, extra, asyncio=False)

    def make_link(self) -> MemoryLink:
        """Return a new connection."""
        return MemoryLink(self._threads)

    def handle(self, request: MemoryRequest) -> None:
        """Let the server take a connection, or refuse it."""
        eio: Any = self._sio.eio
        eio.handle_request(request, None)

    def settle(self) -> None:
        """Return when every handler is done or waits; background tasks likewise."""
        self._threads.settle()

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping wherever somebody waits for it."""
        self._threads.advance(seconds)
