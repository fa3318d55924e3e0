"""Ending the wait for the body of a POST whose session has ended."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from ..exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable


class BodyReading:
    """The wait of the current task for a body; whatever it waits for is cancelled by ``cut``."""

    __slots__ = ("_is_cut", "_task")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._is_cut = False

    def cut(self) -> None:
        """Nobody wants the body any more."""
        self._is_cut = True
        if self._task is not None:
            self._task.cancel()

    async def finish(self, body: Awaitable[bytes]) -> bytes:
        """Return the body.  Raises ProtocolError if it was cut."""
        try:
            return await body
        except asyncio.CancelledError:
            if not self._is_cut:
                raise
            if self._task is not None and uncancel(self._task):
                raise  # by somebody else as well
            raise ProtocolError("the session has ended") from None


if sys.version_info >= (3, 11):

    def uncancel(task: asyncio.Task[object]) -> int:
        """Take a cancellation back that was meant for us; return how many others there are."""
        return task.uncancel()

else:

    def uncancel(task: asyncio.Task[object]) -> int:
        """Do nothing: a cancellation is not counted."""
        return 0
