"""Letting the other processes of a cluster subscribe again before they are sent anything."""

from __future__ import annotations

from time import monotonic

from .base_pubsub_manager import GATHERING, NotSent


class Gathering:
    """Holds a publisher back for a while when a broker that was away is back.

    What is published while a process is not subscribed yet would be lost for it.

    :param seconds: within which all of them subscribe.
    """

    def __init__(self, seconds: float = GATHERING) -> None:
        self._seconds = seconds
        self._was_away = False
        self._back_since: float | None = None

    def note_absence(self) -> None:
        """Note that the broker could not be reached."""
        self._was_away = True
        self._back_since = None

    def wait(self) -> None:
        """Raise ``NotSent`` until they have had their time; the broker is reached now."""
        if not self._was_away:
            return
        now = monotonic()
        if self._back_since is None:
            self._back_since = now
        remaining = self._back_since + self._seconds - now
        if remaining > 0:
            raise NotSent("others may not be subscribed again", retry_after=remaining)
        self._was_away = False
