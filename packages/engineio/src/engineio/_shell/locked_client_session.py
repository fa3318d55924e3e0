"""The client side of a connection where threads share it: one lock around each change."""

from __future__ import annotations

from _thread import RLock
from typing import TYPE_CHECKING

from .._core.client_session import ClientSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._core.client_session import Transport
    from .._core.message import Message


class LockedClientSession(ClientSession):
    """A client session for one reader, one writer and any number of senders."""

    __slots__ = ("_lock",)

    def __init__(self, transport: Transport, max_buffered: int | None) -> None:
        super().__init__(transport, max_buffered)
        self._lock = RLock()

    def receive(self, data: str | bytes, now: float) -> str | bytes | None:
        """Take one packet."""
        with self._lock:
            return super().receive(data, now)

    def send(self, messages: Sequence[Message]) -> bool:
        """Queue messages as one unit."""
        with self._lock:
            return super().send(messages)

    def end(self) -> None:
        """Queue CLOSE behind what waits."""
        with self._lock:
            super().end()

    def close(self, reason: str) -> bool:
        """End the session; True for one caller only."""
        with self._lock:
            return super().close(reason)

    def take(self) -> list[Message]:
        """Remove the next batch."""
        with self._lock:
            return super().take()

    def sent(self) -> None:
        """The batch that ``take`` returned has left."""
        with self._lock:
            super().sent()
