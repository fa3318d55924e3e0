"""How long to wait before the next attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Backoff:
    """Delays that double up to a limit, each made longer or shorter at random.

    :param first: the first delay, seconds.
    :param limit: the longest delay before the random part, seconds.
    :param jitter: the random part as a fraction of the delay, 0 to 1; as the official client.
    :param random: returns numbers from 0 to 1.
    """

    __slots__ = ("_attempts", "_first", "_jitter", "_limit", "_random")

    def __init__(
        self, first: float, limit: float, jitter: float, random: Callable[[], float]
    ) -> None:
        self._first = first
        self._limit = limit
        self._jitter = jitter
        self._random = random
        self._attempts = 0

    def next(self) -> float:
        """Return the next delay in seconds."""
        delay = min(self._first * 2.0 ** min(self._attempts, 64), self._limit)
        self._attempts += 1
        return max(0.0, delay * (1 + self._jitter * (2 * self._random() - 1)))

    def reset(self) -> None:
        """Begin again with the first delay."""
        self._attempts = 0
