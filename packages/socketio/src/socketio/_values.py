"""Between the application and the wire: arguments, results, and what a ``call()`` waits for."""

from __future__ import annotations

from typing import Any, Protocol


class Event(Protocol):
    """The event of any model: what waiting for it is like differs."""

    def set(self) -> Any: ...

    def is_set(self) -> bool: ...


class PendingCall:
    """What a ``call()`` waits for: the acknowledgement, or the end of the connection."""

    __slots__ = ("args", "done")

    def __init__(self, done: Event) -> None:
        self.done: Any = done
        self.args: tuple[Any, ...] | None = None

    def __call__(self, *args: Any) -> None:
        self.args = args
        self.done.set()

    @property
    def value(self) -> Any:
        """What ``call()`` returns: ``None``, the only value, or a tuple of the values."""
        if not self.args:
            return None
        return self.args[0] if len(self.args) == 1 else self.args


def arguments(event: str, data: Any) -> list[Any]:
    """Return the contents of an event: a tuple is several arguments, ``None`` is none."""
    if data is None:
        return [event]
    return [event, *data] if isinstance(data, tuple) else [event, data]


def acknowledgement(result: Any) -> list[Any]:
    """Return what a handler's result is acknowledged with, by the same rules."""
    if result is None:
        return []
    return list(result) if isinstance(result, tuple) else [result]
