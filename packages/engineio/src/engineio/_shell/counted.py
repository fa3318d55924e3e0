"""Counts what travels over the connections of a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._core.channel import Channel
    from .._core.layer import Pending
    from .._core.message import Message
    from .._core.session import Session


@dataclass(slots=True)
class Traffic:
    """Packets and bytes since somebody began to count; approximate where threads count at once."""

    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


def counted(
    received: Callable[[Session, str | bytes], Pending], traffic: Traffic
) -> Callable[[Session, str | bytes], Pending]:
    """Return what counts each message that arrives, and then does what ``received`` does."""

    def count(session: Session, data: str | bytes) -> Pending:
        traffic.packets_in += 1
        traffic.bytes_in += len(data.encode()) + 1 if isinstance(data, str) else len(data)
        return received(session, data)

    return count


class CountedChannel:
    """Counts each message, then hands it on."""

    __slots__ = ("_channel", "_traffic")

    def __init__(self, channel: Channel, traffic: Traffic) -> None:
        self._channel = channel
        self._traffic = traffic

    def write(self, messages: list[Message]) -> None:
        """Count and hand on."""
        self._traffic.packets_out += len(messages)
        self._traffic.bytes_out += sum([len(message.payload) for message in messages])
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
