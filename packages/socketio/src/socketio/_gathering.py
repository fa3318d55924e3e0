"""Letting the other processes of a cluster subscribe again before they are sent anything."""

from __future__ import annotations

from time import monotonic

from .base_pubsub_manager import GATHERING, NotSent

SPREAD = 3.0
"""How much longer than ours the pause of another process may be that lost the broker with us: half
of a doubled delay, half as much again."""

MARGIN = 0.5
"""Seconds that it may have noticed the loss later, and takes to subscribe."""


class Gathering:
    """Holds a publisher back for a while when a broker that was away is back.

    What is published while a process is not subscribed yet would be lost for it.  The publisher
    and the listener of a process may both say what they know, from different threads.

    :param seconds: within which all of them try again, however long the broker was away.
    """

    def __init__(self, seconds: float = GATHERING) -> None:
        self._seconds = seconds
        self.was_reached = False
        """Whether the broker has ever been there."""
        self._away_since: float | None = None
        self._back_since: float | None = None

    def note_absence(self) -> None:
        """Note that the broker could not be reached."""
        if self._away_since is None:
            self._away_since = monotonic()
        self._back_since = None

    def note_return(self) -> None:
        """Note that the broker has been reached again, although not for publishing."""
        if self._back_since is None:
            self._back_since = monotonic()

    def wait(self) -> None:
        """Raise ``NotSent`` until they have had their time; the broker is reached now."""
        self.note_return()
        away_since, back_since = self._away_since, self._back_since
        if away_since is not None and back_since is not None:
            seconds = self._seconds
            if self.was_reached:
                seconds = min(seconds, SPREAD * (back_since - away_since) + MARGIN)
            remaining = back_since + seconds - monotonic()
            if remaining > 0:
                raise NotSent("others may not be subscribed again", retry_after=remaining)
            self._away_since = None
        self.was_reached = True
