"""Callbacks that wait for acknowledgements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Callback: TypeAlias = Callable[..., Any]

MAX_PENDING = 10_000
"""Callbacks that may wait for one client (or, in a client, in one namespace); about 2 MB."""


class AckTable:
    """Callbacks by key (a client's sid, or a client's namespace) and acknowledgement id."""

    __slots__ = ("_counters", "_max_pending", "callbacks", "dropped")

    def __init__(self, max_pending: int = MAX_PENDING) -> None:
        self._max_pending = max_pending
        self._counters: dict[str, int] = {}
        self.callbacks: dict[str, dict[int, Callback]] = {}
        """Public shape of python-socketio: key to id to callback."""
        self.dropped: int = 0
        """Callbacks given up because too many were waiting."""

    def add(self, key: str, callback: Callback) -> int:
        """Keep a callback and return its id: 1, 2, 3, ... per key.

        Over the limit the oldest callback of the key is dropped, and counted.
        """
        waiting = self.callbacks.setdefault(key, {})
        if len(waiting) >= self._max_pending:
            del waiting[next(iter(waiting))]
            self.dropped += 1
        id = self._counters[key] = self._counters.get(key, 0) + 1
        waiting[id] = callback
        return id

    def pop(self, key: str, id: int) -> Callback | None:
        """Remove and return a callback; ``None`` for one that is not (or no longer) known."""
        waiting = self.callbacks.get(key)
        return None if waiting is None else waiting.pop(id, None)

    def forget(self, key: str, callback: Callback) -> None:
        """Remove a callback whose id the caller does not know; it is among the newest."""
        waiting = self.callbacks.get(key, {})
        for id in reversed(waiting):
            if waiting[id] is callback:
                del waiting[id]
                return

    def drop(self, key: str | None = None) -> list[Callback]:
        """Forget a key, or all; return the callbacks that will never be called."""
        if key is None:
            waiting = [callback for table in self.callbacks.values() for callback in table.values()]
            self.callbacks.clear()
            self._counters.clear()
            return waiting
        self._counters.pop(key, None)
        return list(self.callbacks.pop(key, {}).values())
