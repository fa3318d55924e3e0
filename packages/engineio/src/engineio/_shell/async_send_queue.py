"""What a client has to send, between those who send and the one who writes.

Sending waits while the queue is full: an application that sends faster than the network slows
down instead of growing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._aio import Condition, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._core.client_session import ClientSession
    from .._core.message import Message


class AsyncSendQueue:
    """Messages put in as units and taken as batches, over a ``ClientSession``."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self._changed = Condition()

    def qsize(self) -> int:
        """Return the number of packets that wait."""
        return self._session.pending

    def empty(self) -> bool:
        """Return True if no packet waits."""
        return not self._session.pending

    async def put(self, messages: Sequence[Message]) -> None:
        """Add messages as one unit, once there is room; dropped if the session is not open."""
        session = self._session
        async with self._changed:
            await wait_until(self._changed, lambda: session.has_room)
            session.send(messages)
            self._changed.notify_all()

    async def end(self) -> None:
        """Add CLOSE as the last packet; those who wait for room give up."""
        async with self._changed:
            self._session.end()
            self._changed.notify_all()

    async def wake(self) -> None:
        """Let everybody who waits look at the session again."""
        async with self._changed:
            self._changed.notify_all()

    async def wait(self) -> bool:
        """Wait until there is something to take; False when the session has closed."""
        session = self._session
        async with self._changed:
            await wait_until(
                self._changed, lambda: session.pending > 0 or session.reason is not None
            )
        return session.reason is None

    async def sent(self) -> None:
        """The batch that was taken has left."""
        async with self._changed:
            self._session.sent()
            self._changed.notify_all()

    async def join(self, timeout: float | None = None) -> bool:
        """Wait until everything has left or the session has closed; False after ``timeout``."""
        session = self._session
        async with self._changed:
            return await wait_until(
                self._changed, lambda: session.is_drained or session.reason is not None, timeout
            )
