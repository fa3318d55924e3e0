"""WebSockets that take over from long-polling, as the section "Upgrade" of the protocol has it.

From ``2probe`` to ``5`` the session's outbox is held: a message must not leave by both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exceptions import ProtocolError
from .deadlines import Deadlines
from .message import NOOP, PROBE_REPLY
from .outbox import take_poll
from .session import OPEN

if TYPE_CHECKING:
    from .channel import Channel
    from .session import Session


class Upgrades:
    """The sessions that are probing, and until when they may."""

    def __init__(self) -> None:
        self.deadlines: Deadlines[Session] = Deadlines()

    def start(self, session: Session, channel: Channel, due: float) -> bool:
        """Let a WebSocket probe; False if the session has ended or has another WebSocket."""
        if session.state is not OPEN or session.transport != "polling" or session.upgrading:
            return False
        session.candidate = channel
        self.deadlines.arm(session, due)
        return True

    def step(self, session: Session, channel: Channel, data: str | bytes) -> bool:
        """Take one frame of a probing WebSocket; True once it is the session's transport.

        Raises ProtocolError for a frame that is not the next step.
        """
        if channel is not session.candidate or session.state is not OPEN:
            raise ProtocolError("the session is not upgrading")
        if data == "2probe":
            channel.write([PROBE_REPLY])
            session.held = True
            # v4: the server releases the pending GET, so that the client can stop polling
            if session.channel is not None:
                waiting, session.channel = session.channel, None
                waiting.write(take_poll(session) or [NOOP])
            return False
        if data != "5" or not session.held:
            raise ProtocolError("expected an upgrade packet")
        self.end(session)
        session.transport = "websocket"
        session.channel = channel
        return True

    def end(self, session: Session) -> Channel | None:
        """Let polling, or the WebSocket, go on; return the WebSocket that was probing."""
        candidate, session.candidate = session.candidate, None
        session.held = False
        self.deadlines.disarm(session)
        return candidate
