"""What the synchronous façade needs from threads, under the names of ``_aio``."""

from __future__ import annotations

import threading
from _thread import RLock
from typing import TYPE_CHECKING, Any, TypeAlias

from engineio._shell.concurrency import Event
from engineio._sync import ASYNCIO as ASYNCIO
from engineio._sync import create_starter as create_starter
from engineio._sync import is_current as is_current
from engineio.exceptions import ConnectionError as EngineConnectionError

from ._locked import LockedAckTable as AckTable
from ._locked import LockedRegistry as Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engineio import Client

__all__ = [
    "ASYNCIO",
    "CANCEL_TIMEOUT",
    "PUBSUB_NAME",
    "Abort",
    "AckTable",
    "Cancelled",
    "Event",
    "MessageSender",
    "Registry",
    "Stopped",
    "call",
    "cancel",
    "connect_unless",
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
    "start_in_order",
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

CANCEL_TIMEOUT = 0.0
"""Seconds that cancelled work gets to clean up: threads cannot be cancelled."""

create_lock = RLock
"""What guards a table that threads share; nothing waits under it."""

create_mutex = threading.Lock


def current_loop() -> None:
    """Return ``None``: connections belong to the process."""


def start_daemon(function: Callable[..., None], *args: Any) -> Task:
    """Run ``function(*args)`` in the background, without a server."""
    thread = threading.Thread(target=function, args=args, name=function.__name__, daemon=True)
    thread.start()
    return thread


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


class Stopped(Exception):
    """The connection attempt has been given up."""


class Abort(threading.Event):
    """An event that interrupts a connection attempt when it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.attempt: Client | None = None

    def set(self) -> None:
        """Set the event."""
        super().set()
        attempt = self.attempt
        if attempt is not None:
            attempt.interrupt()


def connect_unless(stop: Abort, engine: Client, *args: Any, **kwargs: Any) -> None:
    """Connect an Engine.IO client; raise ``Stopped``, with nothing open, once ``stop`` is set."""
    stop.attempt = engine
    try:
        if stop.is_set():
            raise Stopped()
        engine.connect(*args, **kwargs)
    except EngineConnectionError:
        if stop.is_set():
            raise Stopped() from None
        raise
    finally:
        stop.attempt = None


def start_in_order(function: Target, *args: Any) -> None:
    """Run a handler that never waits so that it has ended before the next one starts."""
    function(*args)


class MessageSender:
    """``send()`` of a client's namespace, whose parameters have always differed between colours."""

    namespace: str
    client: Any

    def send(
        self,
        data: Any,
        room: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> None:
        """Send a ``message`` event, as ``Client.send``.

        ``room`` is there for compatibility only: a client knows no rooms.
        """
        self.client.send(data, namespace=namespace or self.namespace, callback=callback)
