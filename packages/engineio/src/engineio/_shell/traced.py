"""A channel that logs what is written to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..packet import packet_names
from .logs import LOGGED_DATA, one_line

if TYPE_CHECKING:
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
        for message in messages:
            if message.binary:
                self._logger.info(
                    "%s: Sending packet MESSAGE data <%d bytes>", self._sid, len(message.payload)
                )
            else:
                name = packet_names[int(message.text[0])]
                data = one_line(message.text[1 : LOGGED_DATA + 1])
                self._logger.info("%s: Sending packet %s data %s", self._sid, name, data)
        self._channel.write(messages)

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
