"""What waits for the peers of a server: who has too much ahead, and for whom senders should wait.

hot path: ``eager``, ``mark`` and ``watched`` tell whether there is anything to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import Session

EAGER_FLUSH = 65_536
"""Bytes a session may queue within one turn before they are written at once."""

HIGH_WATER = 1_048_576
"""Bytes waiting for one session from which senders are asked to wait for it."""


class Backlogs:
    """All that is known of the sessions of one server that do not take what they are sent."""

    __slots__ = ("_lagging", "_large", "_limit", "congested", "eager", "mark", "watched")

    def __init__(self, limit: int | None) -> None:
        self.congested: set[Session] = set()
        """Sessions with more than ``HIGH_WATER`` bytes ahead of them, when last looked at, but for
        those that were given up."""
        self.watched: bool = False
        """True while ``is_too_much`` wants to know of sessions for which little waits, too."""
        self.eager: int = 0
        """What may be queued within one turn: ``EAGER_FLUSH``, or the limit if that is less."""
        self.mark: int = 0
        """What may wait before ``is_too_much`` wants to know."""
        self._lagging: set[Session] = set()
        self._large: dict[Session, int] = {}
        self._limit: int | None = None
        self._obey(limit)

    def set_limit(self, limit: int | None) -> None:
        """Take what ``max_send_buffer`` is now."""
        if limit != self._limit:
            self._obey(limit)

    def _obey(self, limit: int | None) -> None:
        self._limit = limit
        self.eager = EAGER_FLUSH if limit is None else min(EAGER_FLUSH, limit)
        self.mark = HIGH_WATER if limit is None else min(HIGH_WATER, limit)

    def is_too_much(self, session: Session, waiting: int, unit: int) -> bool:
        """Take note of what waits for a session; True if it is more than may wait.

        ``unit`` is the size of what was queued last, if that was much.  One unit that is larger
        than the limit may wait in addition: else a client could not be sent it that takes all
        there is.
        """
        limit = self._limit
        if limit is None or waiting <= limit:
            self._large.pop(session, None)
        else:
            if unit > limit and waiting - unit <= limit:
                self._large[session] = unit
            if waiting - self._large.get(session, 0) > limit:
                return True
        if waiting <= HIGH_WATER:
            self._lagging.discard(session)
        elif session not in self._lagging:
            self.congested.add(session)
        self.watched = bool(self._lagging or self._large)
        return False

    def still_congested(self) -> set[Session]:
        """Look again at the congested sessions and return those that still are."""
        self.congested = {
            session for session in self.congested if waiting_bytes(session) > HIGH_WATER
        }
        return self.congested

    def give_up(self) -> None:
        """Ask nobody to wait for those that are congested, until they have caught up."""
        self._lagging |= self.congested
        self.congested = set()
        self.watched = bool(self._lagging or self._large)

    def forget(self, session: Session) -> None:
        """A session has ended."""
        self.congested.discard(session)
        self._lagging.discard(session)
        self._large.pop(session, None)


def waiting_bytes(session: Session) -> int:
    """Return the bytes that the session's peer has not taken yet."""
    channel = session.channel
    return session.queued + (0 if channel is None else channel.buffered)
