"""Timers as data: who is due when.  Knows no clock; the time is always an argument."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Items that all wait about the same delay, in the order in which they are due.

    Because the delays are equal, arming is moving to the end of an ordered dict: O(1), no heap.
    When a delay option is lowered at run time the order breaks; the items are then sorted once.
    """

    __slots__ = ("_due", "_last", "_ordered")

    def __init__(self) -> None:
        self._due: dict[T, float] = {}
        self._last = float("-inf")
        self._ordered = True

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, item: T) -> bool:
        return item in self._due

    def due(self, item: T) -> float | None:
        """When an item is due (monotonic seconds), ``None`` if it is not waiting."""
        return self._due.get(item)

    def arm(self, item: T, due: float) -> None:
        """Start (or restart) the wait of an item; ``due`` is monotonic seconds."""
        self._due.pop(item, None)
        self._due[item] = due
        if due < self._last:
            self._ordered = False
        self._last = due

    def disarm(self, item: T) -> bool:
        """Stop the wait of an item; False if it was not waiting."""
        return self._due.pop(item, None) is not None

    def expire(self, now: float) -> list[T]:
        """Remove and return the items that are due, earliest first."""
        self._sort()
        expired = []
        for item, due in self._due.items():
            if due > now:
                break
            expired.append(item)
        for item in expired:
            del self._due[item]
        return expired

    def next(self) -> float | None:
        """When the earliest item is due, or ``None`` if nothing waits."""
        self._sort()
        for due in self._due.values():
            return due
        return None

    def _sort(self) -> None:
        if not self._ordered:
            self._due = dict(sorted(self._due.items(), key=lambda entry: entry[1]))
            self._last = next(reversed(self._due.values()), float("-inf"))
            self._ordered = True
