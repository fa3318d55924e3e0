"""What a server remembers of one Engine.IO connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engineio._core.session import Session

    from .decoder import Decoder


class Connection:
    """One Engine.IO connection and its namespaces.  Kept in ``session.app``."""

    __slots__ = ("closed", "connected", "decoder", "joined", "running", "session", "sids")

    def __init__(self, session: Session, decoder: Decoder) -> None:
        self.session = session
        self.decoder = decoder
        self.sids: dict[str, str] = {}
        """Namespace to sid, in the order of joining; pending ones included."""
        self.connected: dict[str, str] = {}
        """Those of ``sids`` that are neither pending nor leaving."""
        self.joined = False
        """True once a namespace was asked for: before that nothing else may arrive."""
        self.running = 0
        """Event handlers that run at this moment."""
        self.closed: str | None = None
        """Why the connection ended; ``None`` while it has not."""
