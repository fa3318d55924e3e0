"""Callbacks that wait for the first acknowledgement from anywhere in a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from .acks import MAX_PENDING

Callback: TypeAlias = Callable[..., Any]


class PendingAck(NamedTuple):
    """A callback, and what clients of this process have been given in its place."""

    recipient: str
    callback: Callback
    local: Callback


class ClusterAcks:
    """Callbacks by id.  Ids are used once, so a second acknowledgement finds nothing.

    The oldest is given up, and counted, when there are too many: nobody tells if the clients that
    were to acknowledge are still there.
    """

    __slots__ = ("_by_recipient", "_last_id", "_max_pending", "_pending", "dropped")

    def __init__(self, max_pending: int = MAX_PENDING) -> None:
        self.dropped = 0
        """Callbacks given up because too many were waiting."""
        self._max_pending = max_pending
        self._last_id = 0
        self._pending: dict[int, PendingAck] = {}
        self._by_recipient: dict[str, dict[int, None]] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def add(
        self, recipient: str, callback: Callback, make_local: Callable[[int], Callback]
    ) -> tuple[int, Callback]:
        """Keep a callback; return its id and what ``make_local(id)`` gave."""
        if len(self._pending) >= self._max_pending:
            self.pop(next(iter(self._pending)))
            self.dropped += 1
        self._last_id = id = self._last_id + 1
        local = make_local(id)
        self._pending[id] = PendingAck(recipient, callback, local)
        self._by_recipient.setdefault(recipient, {})[id] = None
        return id, local

    def pop(self, id: int) -> PendingAck | None:
        """Remove and return a callback; ``None`` for one that is not (or no longer) known."""
        pending = self._pending.pop(id, None)
        if pending is not None:
            ids = self._by_recipient[pending.recipient]
            del ids[id]
            if not ids:
                del self._by_recipient[pending.recipient]
        return pending

    def forget(self, callback: Callback) -> Callback | None:
        """Remove a callback whose id the caller does not know; return what stood in its place."""
        for id, pending in reversed(self._pending.items()):
            if pending.callback is callback:
                self.pop(id)
                return pending.local
        return None

    def give_up(self, recipient: str) -> list[Callback]:
        """Remove and return the callbacks of which this was the recipient."""
        ids = list(self._by_recipient.get(recipient, ()))
        callbacks = [self._pending[id].callback for id in ids]
        for id in ids:
            self.pop(id)
        return callbacks
