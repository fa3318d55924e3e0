"""A channel that logs what is written to it."""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from typing import TYPE_CHECKING

from ..packet import packet_names
from .logs import LOGGED_DATA, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._core.channel import Channel
    from .._core.message import Message
    from ..typing import LoggerLike


class TracedChannel:
    """Logs each message at INFO, then hands it on; binary shows as its size."""

    __slots__ = ("_channel", "_logger", "_sid")

    def __init__(self, channel: Channel, sid: str, logger: LoggerLike) -> None:
        self._channel = channel
        self._sid = sid
        self._logger = logger

    def write(self, messages: list[Message]) -> None:
        """Log and hand on."""
        self._log(messages)
        self._channel.write(messages)

    def _log(self, messages: list[Message]) -> None:
        for message in messages:
            if message.binary:
                self._logger.info(
                    "%s: Sending packet MESSAGE data <%d bytes>", self._sid, len(message.payload)
                )
            else:
                name = packet_names[int(message.text[0])]
                data = one_line(message.text[1 : LOGGED_DATA + 1])
                self._logger.info("%s: Sending packet %s data %s", self._sid, name, data)

    def close(self, code: int) -> None:
        """Hand on."""
        self._channel.close(code)

    def abort(self) -> None:
        """Hand on."""
        self._channel.abort()

    @property
    def buffered(self) -> int:
        """The bytes that wait in the channel behind."""
        return self._channel.buffered

    @property
    def unsent(self) -> int:
        """The messages that have not left the channel behind."""
        return self._channel.unsent


class DeferredTrace(TracedChannel):
    """The same where a lock is held during ``write``: ``pump`` logs, without it.

    :param ready: called in ``write``; arranges for ``pump``.
    """

    __slots__ = ("_pumping", "_ready", "_written")

    def __init__(
        self,
        channel: Channel,
        sid: str,
        logger: LoggerLike,
        ready: Callable[[DeferredTrace], None],
    ) -> None:
        super().__init__(channel, sid, logger)
        self._ready = ready
        self._written: deque[list[Message]] = deque()
        self._pumping = allocate_lock()

    def write(self, messages: list[Message]) -> None:
        """Hand on, to be logged before it is sent."""
        self._written.append(messages)
        self._ready(self)
        self._channel.write(messages)

    def pump(self) -> None:
        """Log what has been written, in order; another thread may be doing it already."""
        while self._written and self._pumping.acquire(blocking=False):
            try:
                self._log(self._written.popleft())
            finally:
                self._pumping.release()
