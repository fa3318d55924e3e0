"""A channel over a framework whose ``send`` is a coroutine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .._core.message import MESSAGE_OVERHEAD
from .eager import start_eagerly

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

    from .._core.message import Message


class Outlet(Protocol):
    """The framework's side: what is returned is done when the framework has taken the data.

    It does not refer to its channel, nor to what does, so that nothing of an ended connection
    waits for the garbage collector.
    """

    def send(self, message: Message) -> Awaitable[None]: ...

    def close(self, code: int) -> Awaitable[None]: ...

    def abort(self) -> None: ...


class AwaitableChannel:
    """Queues messages and drains them in a task that exists only while there is something to do.

    hot path (benchmark "broadcast", plain ASGI): a framework that takes a message without
    waiting costs no task.
    """

    __slots__ = (
        "_closed",
        "_code",
        "_draining",
        "_outlet",
        "_queue",
        "_task",
        "buffered",
        "unsent",
    )

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._queue: list[Message] = []
        self._draining = False
        self._task: asyncio.Task[Any] | None = None
        self._closed = False
        self._code: int | None = None
        self.buffered: int = 0
        """Bytes that the framework has not taken yet, ``MESSAGE_OVERHEAD`` for each message."""
        self.unsent: int = 0
        """Messages that the framework has not taken, or that came after the close."""

    def write(self, messages: list[Message]) -> None:
        """Queue messages, unless the channel was closed."""
        self.unsent += len(messages)
        if self._closed:
            return
        self._queue += messages
        for message in messages:
            self.buffered += len(message.payload) + MESSAGE_OVERHEAD
        if not self._draining:
            self._start()

    def close(self, code: int) -> None:
        """Close the WebSocket after what is queued."""
        if not self._closed:
            self._closed = True
            self._code = code
            if not self._draining:
                self._start()

    def abort(self) -> None:
        """Drop what is queued and end the connection."""
        self._drop()
        if self._task is not None:
            self._task.cancel()
        self._outlet.abort()

    def _start(self) -> None:
        self._draining = True
        self._task = start_eagerly(self._drain())

    async def _drain(self) -> None:
        try:
            while self._queue:
                messages, self._queue = self._queue, []
                for message in messages:
                    await self._outlet.send(message)
                    self.buffered -= len(message.payload) + MESSAGE_OVERHEAD
                    self.unsent -= 1
            if self._code is not None:
                await self._outlet.close(self._code)
        except Exception:  # whatever the framework raises: the peer is gone, the reader will tell
            self._drop()
        finally:
            self._task = None
            self._draining = False

    def _drop(self) -> None:
        self._closed = True
        self._code = None
        self._queue = []
        self.buffered = 0
