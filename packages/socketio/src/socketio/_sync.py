"""What the synchronous façade needs from threads, under the names of ``_aio``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ._locked import LockedAckTable as AckTable
from ._locked import LockedRegistry as Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from engineio._shell.concurrency import Event

__all__ = ["AckTable", "Registry", "Cancelled", "call", "is_cancelled", "wait_event"]

Task: TypeAlias = Any
"""A thread or a greenlet, with a ``join()`` method."""

Target: TypeAlias = "Callable[..., Any]"


class Cancelled(BaseException):
    """Threads and greenlets are not cancelled: nothing raises this."""


def is_cancelled() -> bool:
    """Return False: see ``Cancelled``."""
    return False


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the application and return its result."""
    return function(*args)


def wait_event(event: Event, timeout: float | None = None) -> bool:
    """Wait until ``event`` is set, for at most ``timeout`` seconds; return whether it is."""
    event.wait(timeout)
    return event.is_set()
