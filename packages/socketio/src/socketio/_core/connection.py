"""What a server remembers of one Engine.IO connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engineio._core.message import Message
    from engineio._core.session import Session

    from .decoder import Decoder


class Connection:
    """One Engine.IO connection and its namespaces.  Kept in ``session.app``."""

    __slots__ = (
        "closed",
        "connected",
        "decoder",
        "held",
        "held_bytes",
        "joined",
        "running",
        "session",
        "sids",
        "slot_is_free",
        "warned",
    )

    def __init__(self, session: Session, decoder: Decoder) -> None:
        self.session = session
        self.decoder = decoder
        self.sids: dict[str, str] = {}
        """Namespace to sid, in the order of joining; pending ones included."""
        self.connected: dict[str, str] = {}
        """Those of ``sids`` that are neither pending nor leaving."""
        self.joined = False
        """True once a namespace was asked for: before that nothing else may arrive."""
        self.held: dict[str, list[tuple[list[Message], Sequence[Any]]]] = {}
        """Events for each pending namespace, until it is connected: the messages, and for observers
        the name and arguments."""
        self.held_bytes = 0
        """Size of what is held; one namespace is pending at a time."""
        self.running = 0
        """Event handlers that run at this moment."""
        self.slot_is_free: Any = None
        """The façade's event for the end of a handler; ``None`` if nobody waits for one."""
        self.warned = False
        """True once a packet for a namespace that the client is not in was logged."""
        self.closed: str | None = None
        """Why the connection ended; ``None`` while it has not."""
