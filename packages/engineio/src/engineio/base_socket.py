"""The connections of a server as applications see them in ``eio.sockets``.

What a connection does is in ``_core/engine.py``; here are the names by which applications ask, and
what makes the mapping safe to look at and to change.
"""

from __future__ import annotations

import time
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, ClassVar

from ._core.session import CLOSED, CLOSING, OPEN, Session
from ._shell.eager import start_eagerly
from .packet import Packet

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_keys, dict_values
    from collections.abc import Awaitable, Iterable, Iterator

    from ._core.message import Message
    from ._core.session import Transport

QUEUED_BYTES = 16_384
"""Bytes in the buffer of a connection that ``queue.qsize()`` counts as one packet."""


class SendQueue:
    """What waits to be sent to one client; for asking only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def qsize(self) -> int:
        """Return how many packets wait.

        Those that the connection has taken and the network has not are known in bytes only:
        ``QUEUED_BYTES`` of them count as one packet.
        """
        channel = self._session.channel
        buffered = 0 if channel is None else channel.buffered
        return len(self._session.outbox) + -(-buffered // QUEUED_BYTES)

    def empty(self) -> bool:
        """Return True if nothing waits."""
        return self.qsize() == 0


class BaseSocket(Session):
    """One connection: ``sid``, ``transport``, ``connected`` and ``upgrading`` of the session, and
    the older names of the rest."""

    upgrade_protocols: ClassVar[list[str]] = ["websocket"]

    def __init__(self, server: Any, sid: str, transport: Transport = "polling") -> None:
        super().__init__(sid, transport)
        self.server = server

    @property
    def upgraded(self) -> bool:
        """True if the connection is a WebSocket, from the start or by an upgrade."""
        return self.transport == "websocket"

    @property
    def closing(self) -> bool:
        """True from the beginning of the end, whoever ended it."""
        return self.state is CLOSED or self.state is CLOSING

    @property
    def closed(self) -> bool:
        """True once the application has been told of the end."""
        return self.closing and self.server.sockets.get(self.sid) is not self

    @property
    def session(self) -> dict[str, Any]:
        """The user session."""
        return self.user_session

    @session.setter
    def session(self, session: dict[str, Any]) -> None:
        self.user_session = session

    @property
    def queue(self) -> SendQueue:
        """What waits to be sent."""
        return SendQueue(self)

    @property
    def last_ping(self) -> float | None:
        """When the PING was sent that the client has not answered (``time.time()``), or None."""
        due: float | None = self.server.engine.pong_due(self)
        if due is None:
            return None
        ago: float = self.server.clock() - (due - self.server.ping_timeout)
        return time.time() - ago


class StandIn(BaseSocket):
    """An object that a test has put in the place of a connection: it gets the packets."""

    def __init__(self, server: Any, sid: str, stand_in: Any) -> None:
        super().__init__(server, sid)
        self._stand_in = stand_in
        self.outbox: list[Message] = _HandOn(stand_in)
        self.state = CLOSED if getattr(stand_in, "closed", False) is True else OPEN

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_stand_in"], name)


class _HandOn(list["Message"]):
    """An outbox that keeps nothing."""

    def __init__(self, stand_in: Any) -> None:
        super().__init__()
        self._send = getattr(stand_in, "send", None)

    def __iadd__(self, messages: Iterable[Message]) -> _HandOn:  # type: ignore[misc,override]
        for message in messages:
            encoded = message.payload if message.binary else message.text
            sent = self._send and self._send(Packet(encoded_packet=encoded))
            if isawaitable(sent):
                start_eagerly(_finish(sent))
        return self


async def _finish(sent: Awaitable[Any]) -> None:
    await sent


class Sockets(dict[str, Session]):
    """The connections of a server by session id.

    They may come and go, in other threads too, while somebody iterates.
    """

    def __init__(self, server: Any) -> None:
        super().__init__()
        self._server = server

    def __setitem__(self, sid: str, socket: Any) -> None:
        """Insert a connection, or in a test what takes the place of one: its ``send(pkt)`` gets the
        packets, its other attributes can be read."""
        if not isinstance(socket, Session):
            socket = StandIn(self._server, sid, socket)
        super().__setitem__(sid, socket)

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().keys()))

    def keys(self) -> dict_keys[str, Session]:
        """Return the session ids of this moment."""
        return dict(list(super().items())).keys()

    def values(self) -> dict_values[str, Session]:
        """Return the connections of this moment."""
        return dict(list(super().items())).values()

    def items(self) -> dict_items[str, Session]:
        """Return the session ids and connections of this moment."""
        return dict(list(super().items())).items()
