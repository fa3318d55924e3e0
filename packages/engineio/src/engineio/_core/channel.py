"""The engine's only outgoing port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .message import Message


class Channel(Protocol):
    """Where a session's messages go.  Never blocks, never raises.

    A WebSocket is a channel that can be written many times; a waiting long-poll GET is a channel
    that can be written once.
    """

    def write(self, messages: list[Message]) -> None:
        """Send messages in order, as one unit."""
        ...

    def close(self, code: int) -> None:
        """End the connection once everything written has left; ``code`` is a WebSocket close code.

        A waiting GET that was not written is answered with an error.
        """
        ...

    def abort(self) -> None:
        """End the connection now and drop what has not left."""
        ...

    @property
    def buffered(self) -> int:
        """Bytes accepted by ``write`` that the operating system has not taken yet."""
        ...

    @property
    def unsent(self) -> int:
        """Messages given to ``write`` that, as far as is known, have not left.

        Read when the connection has ended.
        """
        ...
