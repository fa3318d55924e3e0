"""Driver for threads: Werkzeug's server (Flask), gunicorn's threads, and any threaded WSGI server.

WebSocket needs the socket of the request, which Werkzeug and gunicorn give; elsewhere there is
long-polling only.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from .._shell.thread_streams import Writables, open_stream
from .._shell.workers import MAX_WORKERS, Workers
from .._shell.wsgi import WsgiDriver
from .._shell.wsgi_websocket import WebSocketWSGI

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._shell.concurrency import Event
    from .._shell.thread_streams import ThreadStream
    from ..typing import Environ

MAX_ENDS = 100
"""Threads that may tell the application of clients which the server has ended by itself: they have
missed a heartbeat, or do not read.  The ends of further ones are told when a thread is free."""

writables: Writables = Writables()
"""The thread that waits for the slow clients of all servers of this process."""


class ThreadConcurrency:
    """Implements ``Concurrency`` with threads.

    :param max_handlers: threads that may run handlers at once.
    """

    def __init__(self, max_handlers: int = MAX_WORKERS) -> None:
        self._own: Workers = Workers(math.inf)
        self._handlers: Workers = Workers(max_handlers)
        self._ends: Workers = Workers(MAX_ENDS)

    def enter(self) -> None:
        """Do nothing: all threads are alike."""

    def spawn(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a function of the server in the background, from now on."""
        self._own.start(function, *args)

    def run_handler(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a handler in the background; waits while as many run as may."""
        self._handlers.start(function, *args)

    def run_later(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a handler in the background as soon as a thread is free for it."""
        self._ends.put(function, *args)

    def free_handlers(self) -> float:
        """Return how many more handlers may begin at this moment."""
        return self._handlers.free

    def event(self) -> Event:
        """Return a new event."""
        event: Event = threading.Event()
        return event

    def sleep(self, seconds: float) -> None:
        """Pause the caller."""
        time.sleep(seconds)

    def stream(self, socket: Any) -> ThreadStream:
        """Take over a connected socket."""
        return open_stream(socket, writables)


class ThreadHost:
    """Implements ``Host`` for Werkzeug and gunicorn."""

    def find_socket(self, environ: Environ) -> Any:
        """Return the socket, ``None`` under other servers."""
        return environ.get("werkzeug.socket") or environ.get("gunicorn.socket")

    def shake_hands(self, environ: Environ) -> None:
        """Do nothing: neither server knows of WebSocket."""

    def is_upgraded(self, environ: Environ) -> bool:
        """Return False: neither server knows of WebSocket."""
        return False

    def end(self, environ: Environ) -> Iterable[bytes]:
        """Raise what each of them takes for a client that has gone."""
        if "werkzeug.socket" in environ:
            raise ConnectionError("the WebSocket has ended")
        raise StopIteration


class DaemonThread(threading.Thread):
    """A thread that does not keep the process alive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, daemon=True, **kwargs)


_async: dict[str, Any] = {
    "driver": WsgiDriver(ThreadConcurrency(), ThreadHost()),
    "thread": DaemonThread,
    "queue": queue.Queue,
    "queue_empty": queue.Empty,
    "event": threading.Event,
    "websocket": WebSocketWSGI,
    "sleep": time.sleep,
}
