"""What is left of connections that have been closed.

A WebSocket waits for its last bytes to leave and for the peer's close frame; a session of
long-polling keeps its last payload for the next GET.  Neither waits longer than
``CLOSE_TIMEOUT``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .deadlines import Deadlines
from .message import CLOSE, NOOP, weight
from .outbox import drop_outbox, take_poll
from .reason import Reason
from .session import CLOSED, CLOSING

if TYPE_CHECKING:
    from .channel import Channel
    from .counters import Counters
    from .session import Session

CLOSE_TIMEOUT = 10.0
"""Seconds that a closed connection gets to take its last bytes before it is cut."""


class Farewells:
    """The last words to peers, and how long they may take."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self.leaving: dict[str, Session] = {}
        """Closed sessions whose last payload waits for a GET, by sid."""
        self.shut: list[Channel] = []
        """Channels that have been closed since the last ``arm``."""
        self._last_poll: Deadlines[Session] = Deadlines()
        self._closing: Deadlines[Channel] = Deadlines()
        self.deadlines = (self._last_poll, self._closing)

    def say(self, session: Session, code: int) -> None:
        """Tell the peer of a session that has just been closed, unless it knows.

        ``code`` is the close code of a WebSocket.
        """
        channel, session.channel = session.channel, None
        if session.transport == "websocket":
            self._say_on_websocket(session, channel, code)
        else:
            self._say_on_polling(session, channel)

    def _say_on_websocket(self, session: Session, channel: Channel | None, code: int) -> None:
        if channel is not None:
            if session.reason in (Reason.SERVER_DISCONNECT, Reason.PING_TIMEOUT):
                channel.write([*session.outbox, CLOSE])
                session.outbox = []
            self.shut_channel(channel, code)
        self._counters.messages_dropped += drop_outbox(session)

    def _say_on_polling(self, session: Session, channel: Channel | None) -> None:
        reason = session.reason
        if reason == Reason.SERVER_DISCONNECT:
            session.outbox.append(CLOSE)
            session.queued += weight([CLOSE])
            session.state = CLOSING
            if channel is not None:
                self.hand_over(session, channel)
            return
        self._counters.messages_dropped += drop_outbox(session)
        if channel is None:
            return
        if reason == Reason.PING_TIMEOUT:
            channel.abort()
        else:
            # v4: the peer that sends CLOSE gets a NOOP in its pending GET
            channel.write([NOOP if reason == Reason.CLIENT_DISCONNECT else CLOSE])

    def hand_over(self, session: Session, channel: Channel) -> None:
        """Answer a GET with the last payload, or with the next part of it."""
        channel.write(take_poll(session))
        if not session.outbox:
            self._end(session)
            self._last_poll.disarm(session)

    def linger(self, session: Session, now: float) -> bool:
        """Keep the last payload of a session for its next GET; False if there is none."""
        if session.state is not CLOSING:
            return False
        self.leaving[session.sid] = session
        self._last_poll.arm(session, now + CLOSE_TIMEOUT)
        return True

    def shut_channel(self, channel: Channel, code: int) -> None:
        """Close a channel; ``arm`` then begins the wait for its end."""
        channel.close(code)
        self.shut.append(channel)

    def arm(self, now: float) -> None:
        """Cut the channels that have been closed if they do not end in time."""
        for channel in self.shut:
            self._closing.arm(channel, now + CLOSE_TIMEOUT)
        self.shut = []

    def ended(self, channel: Channel) -> bool:
        """A channel has ended by itself; False if it had not been closed."""
        if channel in self.shut:
            self.shut.remove(channel)
            return True
        return self._closing.disarm(channel)

    def tick(self, now: float) -> None:
        """Act on the deadlines that have come."""
        for session in self._last_poll.expire(now):
            self._end(session)
            self._counters.messages_dropped += drop_outbox(session)
        for channel in self._closing.expire(now):
            channel.abort()

    def _end(self, session: Session) -> None:
        session.state = CLOSED
        self.leaving.pop(session.sid, None)
