"""How a protocol above Engine.IO (Socket.IO) plugs into a server or a client.

The text of messages is handed to a layer as it arrived, without being parsed as JSON.  A layer of
a server registers public handlers too: as soon as an application has replaced one of them, the
server calls those instead.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from ..typing import Environ
    from .session import Session

Pending: TypeAlias = Coroutine[Any, Any, None] | None
"""``None``: done.  A coroutine: the caller awaits it before the next frame of this session."""


@dataclass(slots=True)
class Layer:
    """What an Engine.IO server calls; set with ``eio.attach_layer(layer)``."""

    opened: Callable[[Session, Environ], None]
    """Take note of a new connection that the engine has accepted."""

    received: Callable[[Session, str | bytes], Pending]
    """Take one message, in order; called for the next only after ``Pending`` has finished.

    ``ProtocolError`` closes the session (its ``status`` answers a POST)."""

    closed: Callable[[Session, str], Pending]
    """Take note that a session ended and why; exactly once per ``opened`` session."""

    upgraded: Callable[[Session], None] = lambda session: None
    """Take note that a session has moved from long-polling to WebSocket."""

    handlers: dict[str, Callable[..., Any]] = field(default_factory=dict)
    """The same three under the names of the events, called as the handlers of an application."""


class ClientLayer(Protocol):
    """What an Engine.IO client calls; set with ``eio.attach_layer(layer)``.

    An ``AsyncClient`` awaits what these return: its layer has coroutine functions.
    """

    def opened(self) -> Any:
        """Take note that the handshake is done; an exception refuses the connection."""
        ...

    def received(self, data: str | bytes) -> Any:
        """Take one message, in order; the reader waits for it.

        ``ProtocolError`` closes the connection with "transport error".
        """
        ...

    def closed(self, reason: str) -> Any:
        """Take note that the connection ended; exactly once per ``opened`` connection.

        ``eio.state`` is still "connected" for a drop that nobody asked for (reconnect then), and
        "disconnecting" after ``disconnect()``.
        """
        ...
