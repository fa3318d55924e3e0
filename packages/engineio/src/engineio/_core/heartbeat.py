"""PING and PONG: who is to be pinged, and who owes an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .deadlines import Deadlines

if TYPE_CHECKING:
    from .options import Options
    from .session import Session

MAX_HOLD = 600.0
"""Seconds for which an application may hold a client's packets back at the expense of noticing
that it is dead."""


class Heartbeat:
    """The heartbeats of all open sessions."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._ping: Deadlines[Session] = Deadlines()
        self._pong: Deadlines[Session] = Deadlines()
        self.deadlines = (self._ping, self._pong)

    def start(self, session: Session, now: float) -> None:
        """Ping a session from now on, until ``stop``."""
        self._ping.arm(session, now + self._options.ping_interval)

    def stop(self, session: Session) -> None:
        """Neither ping a session nor wait for its answer any more."""
        self._ping.disarm(session)
        self._pong.disarm(session)

    def answered(self, session: Session, now: float) -> bool:
        """Take a PONG; False if none was owed."""
        if not self._pong.disarm(session):
            return False
        self.start(session, now)
        return True

    def hold(self, session: Session, now: float) -> None:
        """Do not miss a PONG, because what the peer sends is held back; then ``release``."""
        if not session.holds:
            session.held_since = now
        session.holds += 1

    def release(self, session: Session, now: float) -> None:
        """End what ``hold`` began: a PONG that is owed is due within ``ping_timeout``."""
        session.holds -= 1
        if not session.holds and session in self._pong:
            self._pong.arm(session, now + self._options.ping_timeout)

    def pong_due(self, session: Session) -> float | None:
        """When the PONG of a session must be here; ``None`` if none is owed."""
        return self._pong.due(session)

    def due(self, now: float) -> tuple[list[Session], list[Session]]:
        """Return the sessions that are to be pinged now, and those whose PONG is overdue.

        Who cannot be heard is pinged again: clients expect a PING at least every ``ping_interval``
        and ``ping_timeout`` together.
        """
        to_ping = self._ping.expire(now)
        missed = []
        for session in self._pong.expire(now):
            if session.holds and now - session.held_since < MAX_HOLD:
                to_ping.append(session)
            else:
                missed.append(session)
        for session in to_ping:
            self._pong.arm(session, now + self._options.ping_timeout)
        return to_ping, missed
