"""What the synchronous façade needs from threads, under the names of ``_aio``."""

from __future__ import annotations

import threading
from _thread import RLock
from typing import TYPE_CHECKING, Any, TypeAlias

from engineio._shell.concurrency import Event
from engineio._sync import create_starter as create_starter
from engineio._sync import is_current as is_current

from ._locked import LockedAckTable as AckTable
from ._locked import LockedRegistry as Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "ASYNCIO",
    "PUBSUB_NAME",
    "AckTable",
    "Cancelled",
    "Event",
    "Registry",
    "Stopped",
    "call",
    "cancel",
    "create_event",
    "create_lock",
    "create_mutex",
    "current_loop",
    "create_starter",
    "current_value",
    "end",
    "is_cancelled",
    "is_current",
    "join",
    "start_daemon",
    "unless",
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


# for the managers of a cluster

PUBSUB_NAME = "pubsub"

create_lock = RLock
"""What guards a table that threads share; nothing waits under it."""

create_mutex = threading.Lock


def current_loop() -> None:
    """Return ``None``: connections belong to the process."""


def start_daemon(function: Callable[..., None]) -> None:
    """Run ``function()`` in the background, without a server."""
    threading.Thread(target=function, name=function.__name__, daemon=True).start()


def cancel(task: Task) -> None:
    """Do nothing: threads and greenlets look at what they are told."""


def end(iterator: Iterator[Any]) -> None:
    """End a generator; other iterators end by themselves."""
    close = getattr(iterator, "close", None)
    if close is not None:
        close()


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


ASYNCIO = False


class Stopped(Exception):
    """What ``unless`` was waiting for has been given up."""


def unless(stop: Event, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return ``function(*args, **kwargs)``; raise ``Stopped`` if ``stop`` is set by then.

    A thread cannot be interrupted: the function must end by itself before long.
    """
    result = function(*args, **kwargs)
    if stop.is_set():
        raise Stopped()
    return result
