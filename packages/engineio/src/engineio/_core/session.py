"""One Engine.IO connection as the server sees it: its state, nothing else.

The transitions are in ``engine.py``; drivers and façades only read the attributes here.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from .channel import Channel
    from .message import Message

Transport: TypeAlias = Literal["polling", "websocket"]


class State(Enum):
    """Where a session is in its life."""

    OPENING = "opening"  # the application has not accepted it yet
    OPEN = "open"
    CLOSING = "closing"  # closed, but its last payload waits for a GET to fetch it
    CLOSED = "closed"


OPENING = State.OPENING
OPEN = State.OPEN
CLOSING = State.CLOSING
CLOSED = State.CLOSED


class Session:
    """Server side of one connection.  Owner: the engine (in asyncio, the loop thread)."""

    __slots__ = (
        "app",
        "candidate",
        "channel",
        "dirty",
        "held",
        "held_since",
        "holds",
        "outbox",
        "posting",
        "queued",
        "reason",
        "sid",
        "state",
        "transport",
        "user_session",
    )

    def __init__(self, sid: str, transport: Transport) -> None:
        self.sid: str = sid
        self.transport: Transport = transport
        self.state: State = OPENING
        self.reason: str | None = None
        """Why it closed; ``None`` while it has not."""
        self.channel: Channel | None = None
        """The WebSocket, or the waiting GET; ``None`` between two GETs."""
        self.candidate: Channel | None = None
        """A WebSocket that is probing to take over from long-polling."""
        self.held: bool = False
        """True from the probe to the end of the upgrade: the outbox waits for the WebSocket."""
        self.outbox: list[Message] = []
        self.queued: int = 0
        """What the messages in the outbox weigh, in bytes."""
        self.dirty: bool = False
        """True while the engine has this session in its list of sessions to flush."""
        self.posting: Callable[[], None] | None = None
        """Ends the wait for the body of the POST that is being processed; ``None`` if none is."""
        self.holds: int = 0
        """How often the application holds back at this moment what the peer sends."""
        self.held_since: float = 0.0
        """Since when it does, in monotonic seconds."""
        self.app: Any = None
        """Reserved for the protocol layer above."""
        self.user_session: dict[str, Any] = {}

    @property
    def connected(self) -> bool:
        """True from the application's acceptance until the close (or the last GET after it)."""
        return self.state is OPEN or self.state is CLOSING

    @property
    def upgrading(self) -> bool:
        """True while a WebSocket is probing to take over."""
        return self.candidate is not None
