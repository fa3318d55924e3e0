"""What the synchronous façade needs from threads, under the names of ``_aio``."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeAlias

from engineio._sync import is_current as is_current
from engineio._sync import start as start_handler

from ._locked import LockedAckTable as AckTable
from ._locked import LockedRegistry as Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from engineio._shell.concurrency import Event

__all__ = [
    "AckTable",
    "Cancelled",
    "Registry",
    "call",
    "create_event",
    "current_value",
    "is_cancelled",
    "is_current",
    "join",
    "start_handler",
    "wait_event",
    "wait_set",
]

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


# for the clients, which are threads' own: where the standard library is patched, all is green


def create_event() -> Event:
    """Return a new event, not set."""
    return threading.Event()


wait_set = wait_event


def current_value(value: Any) -> Any:
    """Return ``value``, or what it returns if it is a function of the application."""
    return value() if callable(value) else value


def join(task: Task) -> None:
    """Wait until ``task`` has ended, however it ends; return at once if it is the caller."""
    if not is_current(task):
        task.join()
