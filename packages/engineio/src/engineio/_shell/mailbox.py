"""Keeps the frames of one connection in order where a push driver meets an async handler."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from ..exceptions import ProtocolError

if TYPE_CHECKING:
    from .._core.layer import Pending
    from .receiver import Receiver

MAX_WAITING = 64
"""Frames held back for a handler that still runs; reading stops there until it is done."""


class Reader(Protocol):
    """The side of a transport that reading can be stopped at."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Mailbox:
    """Hands frames to a receiver one at a time.

    As long as the receiver finishes at once nothing is queued and no task exists.
    """

    __slots__ = ("_lost", "_reader", "_receiver", "_task", "_waiting")

    def __init__(self, receiver: Receiver, reader: Reader) -> None:
        self._receiver = receiver
        self._reader = reader
        self._waiting: deque[str | bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        self._lost = False

    def deliver(self, data: str | bytes) -> None:
        """Take one frame."""
        if self._waiting is None:
            pending = self._receiver.frame(data)
            if pending is not None:
                self._waiting = deque()
                self._task = asyncio.get_running_loop().create_task(self._work(pending))
            return
        self._waiting.append(data)
        if len(self._waiting) == MAX_WAITING:
            self._reader.pause_reading()

    def lost(self) -> None:
        """Take note that the connection has ended; what arrived before is still handed on."""
        self._lost = True
        if self._waiting is None:
            self._receiver.lost()

    async def _work(self, pending: Pending) -> None:
        try:
            await self._hand_on(pending)
        except BaseException:
            # what follows would build on what has not happened
            self._receiver.failed(ProtocolError("the server failed", 500))
            raise
        finally:
            self._waiting = self._task = None
            if self._lost:
                self._receiver.lost()

    async def _hand_on(self, pending: Pending) -> None:
        waiting = self._waiting
        assert waiting is not None
        while True:
            if pending is not None:
                await self._receiver.finish(pending)
            if not waiting:
                break
            if len(waiting) == MAX_WAITING and not self._lost:
                self._reader.resume_reading()
            pending = self._receiver.frame(waiting.popleft())
