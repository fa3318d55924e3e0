"""Between the application and the wire: arguments, results, and what a ``call()`` waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def snapshot(event: Sequence[Any]) -> list[Any]:
    """Return a copy of an event, for later; of one that is nested too deep, only its name."""
    try:
        return [_copy(value) for value in event]
    except RecursionError:
        return list(event[:1])


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    return bytes(value) if isinstance(value, bytearray | memoryview) else value
