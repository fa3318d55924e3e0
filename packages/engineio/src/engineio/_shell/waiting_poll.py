"""A long-poll GET whose thread or greenlet waits: a channel that is written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._core.message import Message
    from .concurrency import Event


class WaitingPoll:
    """The answer of one GET, to be waited for with ``wait``."""

    __slots__ = ("_answered", "_messages")

    def __init__(self, answered: Event) -> None:
        self._answered = answered
        self._messages: list[Message] | None = None

    def wait(self) -> list[Message] | None:
        """Return the messages, or ``None`` if the session ended without a last word.

        A session that is open is written to at its next PING at the latest.
        """
        self._answered.wait()
        return self._messages

    def write(self, messages: list[Message]) -> None:
        """Answer the GET."""
        if not self._answered.is_set():
            self._messages = messages
            self._answered.set()

    def close(self, code: int) -> None:
        """Answer the GET with an error, unless it was written."""
        self.abort()

    def abort(self) -> None:
        """Answer the GET with an error, unless it was written."""
        if not self._answered.is_set():
            self._answered.set()

    @property
    def buffered(self) -> int:
        """Zero: the answer is the HTTP server's from here on."""
        return 0

    @property
    def unsent(self) -> int:
        """Zero, likewise."""
        return 0
