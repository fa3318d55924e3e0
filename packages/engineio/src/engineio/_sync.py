"""What the synchronous façade needs from threads, under the names of ``_aio``.

Where gevent or eventlet have patched the standard library, all of this is green.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from ._shell.handler_threads import HandlerThreads
from ._shell.locked_client_session import LockedClientSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._shell.http_requests import HTTPPort

__all__ = [
    "Condition",
    "Event",
    "ASYNCIO",
    "Lock",
    "Queue",
    "QueueEmpty",
    "Sleep",
    "Target",
    "Task",
    "call",
    "create_queue",
    "create_session",
    "create_starter",
    "is_current",
    "join",
    "load_port",
    "sleep",
    "start_later",
    "stop",
    "wait_until",
]

Condition: TypeAlias = threading.Condition
Event: TypeAlias = threading.Event
Lock: TypeAlias = threading.Lock
Queue: TypeAlias = "queue.Queue[Any]"
Task: TypeAlias = threading.Thread
Target: TypeAlias = "Callable[..., Any]"
Sleep: TypeAlias = "Callable[[float], None]"

ASYNCIO = False

create_queue = queue.Queue
create_session = LockedClientSession
QueueEmpty = queue.Empty

LAST_STEPS = 0.5
"""Seconds that a thread gets to notice that it has nothing to do any more."""


def sleep(seconds: float) -> None:
    """Pause the caller."""
    time.sleep(seconds)


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the application and return its result."""
    return function(*args)


def create_starter() -> Callable[..., None]:
    """Return what starts the handlers of one connection."""
    return HandlerThreads().start


def start_later(target: Target, *args: Any, **kwargs: Any) -> Task:
    """Run ``target(*args, **kwargs)`` in a daemon thread of its own."""
    name = f"engineio-{getattr(target, '__name__', 'task').strip('_').replace('_', '-')}"
    thread = threading.Thread(target=target, args=args, kwargs=kwargs, name=name, daemon=True)
    thread.start()
    return thread


def is_current(task: Task | None) -> bool:
    """Return True if ``task`` is the one that runs now."""
    return task is threading.current_thread()


def join(task: Task, timeout: float | None = None) -> None:
    """Wait until ``task`` is done, whatever its result, for at most ``timeout`` seconds."""
    task.join(timeout)


def stop(task: Task) -> None:
    """Wait a moment until ``task``, which only does I/O that has been ended, is done."""
    task.join(LAST_STEPS)


def wait_until(
    condition: Condition, predicate: Callable[[], bool], timeout: float | None = None
) -> bool:
    """Wait on a condition that the caller holds until ``predicate()``; False after ``timeout``."""
    return condition.wait_for(predicate, timeout)


def load_port() -> type[HTTPPort]:
    """Return the class that speaks HTTP and WebSocket.

    ``ModuleNotFoundError`` names what to install where requests or websocket-client is missing.
    """
    try:
        from ._shell.http_requests import HTTPPort
    except ModuleNotFoundError as error:
        if error.name not in ("requests", "websocket"):
            raise
        raise ModuleNotFoundError(
            "Client needs requests and websocket-client: pip install 'python-engineio[client]'",
            name=error.name,
        ) from None
    return HTTPPort
