"""A waiting long-poll GET: a channel that is written once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._core.message import Message


class PollChannel:
    """The answer of one GET, to be awaited as ``answer``.

    ``answer`` gives the messages, or ``None`` if the session ended without a last word.
    """

    __slots__ = ("answer",)

    def __init__(self) -> None:
        self.answer: asyncio.Future[list[Message] | None] = (
            asyncio.get_running_loop().create_future()
        )

    def write(self, messages: list[Message]) -> None:
        """Answer the GET."""
        if not self.answer.done():
            self.answer.set_result(messages)

    def close(self, code: int) -> None:
        """Answer the GET with an error, unless it was written."""
        self.abort()

    def abort(self) -> None:
        """Answer the GET with an error, unless it was written."""
        if not self.answer.done():
            self.answer.set_result(None)

    @property
    def buffered(self) -> int:
        """Zero: the answer is the HTTP server's from here on."""
        return 0

    @property
    def unsent(self) -> int:
        """Zero, likewise."""
        return 0
