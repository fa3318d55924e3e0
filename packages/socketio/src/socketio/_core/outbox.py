"""Messages that wait for a broker: in order, and not without bounds."""

from __future__ import annotations

from collections import deque


class Outbox:
    """A queue that gives up its oldest messages rather than grow over its limits.

    :param max_count: messages.
    :param max_bytes: bytes; a single message may be larger.
    """

    __slots__ = ("_max_bytes", "_max_count", "_waiting", "bytes", "dropped")

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._waiting: deque[bytes] = deque()
        self.bytes = 0
        """Size of what waits."""
        self.dropped = 0
        """Messages given up."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: bytes) -> None:
        """Queue a message."""
        self._waiting.append(message)
        self.bytes += len(message)
        self._trim()

    def take(self, count: int, max_bytes: int) -> list[bytes]:
        """Remove and return the oldest messages.

        :param count: at most so many.
        :param max_bytes: at most so much, or one message that is larger.
        """
        waiting = self._waiting
        taken: list[bytes] = []
        size = 0
        while waiting and len(taken) < count:
            size += len(waiting[0])
            if size > max_bytes and taken:
                break
            taken.append(waiting.popleft())
            self.bytes -= len(taken[-1])
        return taken

    def put_back(self, messages: list[bytes]) -> None:
        """Queue messages again, in front of the others, that could not be sent."""
        self._waiting.extendleft(reversed(messages))
        self.bytes += sum(map(len, messages))
        self._trim()

    def clear(self) -> None:
        """Forget everything, without counting it."""
        self._waiting.clear()
        self.bytes = 0

    def drop(self) -> None:
        """Give everything up."""
        self.dropped += len(self._waiting)
        self.clear()

    def _trim(self) -> None:
        waiting = self._waiting
        while len(waiting) > 1 and (len(waiting) > self._max_count or self.bytes > self._max_bytes):
            self.bytes -= len(waiting.popleft())
            self.dropped += 1
