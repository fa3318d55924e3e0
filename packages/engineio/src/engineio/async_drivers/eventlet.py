"""Driver for eventlet: its WSGI server, and gunicorn ``-k eventlet``.

Nothing needs to be monkey patched.
"""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import ssl
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    # who has it installed for another package need not read that it is deprecated
    warnings.simplefilter("ignore")
    import eventlet
    import eventlet.event
    import eventlet.hubs
    import eventlet.patcher
    import eventlet.queue
    import eventlet.wsgi

from .._shell.greenlet_workers import GreenletWorkers
from .._shell.wsgi import WsgiDriver
from .._shell.wsgi_websocket import WebSocketWSGI

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._shell.concurrency import Event
    from ..typing import Environ

READ_SIZE = 65_536
"""Bytes read at once."""

_logger = logging.getLogger("engineio.workers")
_threading: Any = eventlet.patcher.original("threading")
_socket: Any = eventlet.patcher.original("socket")


class EventletHub:
    """Implements ``Hub`` for the hub of the thread that makes it.

    Keeps its greenlets, and takes calls of other threads, for which eventlet has no way.
    """

    def __init__(self) -> None:
        self._hub: Any = eventlet.hubs.get_hub()
        self._thread = _threading.get_ident()
        self._workers: GreenletWorkers = GreenletWorkers(self)
        self._calls: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._reader, self._writer = _socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        eventlet.spawn_n(self._take_calls)

    @property
    def is_here(self) -> bool:
        """True in the thread of the hub."""
        return bool(_threading.get_ident() == self._thread)

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function that does not wait, at once or, for another thread, before long."""
        if self.is_here:
            function(*args)
            return
        self._calls.append((function, args))
        with contextlib.suppress(BlockingIOError):  # enough has been said
            self._writer.send(b"x")

    def _take_calls(self) -> None:
        while True:
            eventlet.hubs.trampoline(self._reader, read=True)
            self._reader.recv(READ_SIZE)
            while self._calls:
                function, args = self._calls.popleft()
                try:
                    function(*args)
                except Exception:
                    _logger.exception("a call of another thread failed")

    def start(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a function in a green thread before long; may be called by any thread."""
        self.call(self._workers.start, function, *args)

    def create(self, function: Callable[[], None]) -> Any:
        """Return a new greenlet that will run a function before long."""
        return eventlet.spawn(function)

    def resume(self, greenlet: Any) -> None:
        """Let a paused green thread go on before long."""
        self._hub.schedule_call_global(0, greenlet.switch)

    def pause(self) -> None:
        """Pause the green thread that runs now."""
        self._hub.switch()


_hubs: Any = _threading.local()


def hub_of_this_thread() -> EventletHub:
    """Return the hub of the thread that calls."""
    try:
        hub: EventletHub = _hubs.hub
    except AttributeError:
        hub = _hubs.hub = EventletHub()
    return hub


class EventletStream:
    """A green socket; the reader waits on the hub, senders do not wait.

    Only the thread of the hub touches the socket: others have it do so.
    """

    def __init__(self, sock: Any) -> None:
        # not settimeout(0), with which a TLS socket of eventlet still waits, and then takes half a
        # record for an error
        sock.setblocking(False)
        self._socket = sock
        self._hub = hub_of_this_thread()
        self._pending = getattr(sock, "pending", _nothing)
        """Bytes that TLS has read already."""

    def receive(self) -> bytes:
        """Wait for data; empty at the end."""
        while (data := self._receive_now()) is None:
            pass
        return data

    def _receive_now(self) -> bytes | None:
        """Return what there is after a wait; ``None`` if it was not enough for a TLS record."""
        try:
            if not self._pending():
                eventlet.hubs.trampoline(self._socket, read=True)
            data: bytes = self._socket.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except ssl.SSLWantWriteError:
            eventlet.hubs.trampoline(self._socket, write=True)
            return None
        except (OSError, ValueError, eventlet.hubs.IOClosed):
            return b""
        return data

    def send(self, data: bytes) -> int:
        """Send without waiting."""
        if not self._hub.is_here:
            return 0  # ``when_writable`` continues in the right thread
        try:
            count: int = self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except (OSError, ValueError):
            return -1
        return count

    def when_writable(self, function: Callable[[], None]) -> None:
        """Call ``function`` from a green thread that waits for this client."""
        self._hub.call(eventlet.spawn_n, self._call_when_writable, function)

    def _call_when_writable(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(OSError, ValueError, eventlet.hubs.IOClosed):
            eventlet.hubs.trampoline(self._socket, write=True)
        function()

    def abort(self) -> None:
        """Shut the connection down, which wakes the reader."""
        self._hub.call(self._shut_down)

    def _shut_down(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def _nothing() -> int:
    return 0


class EventletEvent:
    """An event with the methods of ``threading.Event``, which eventlet's own does not have.

    It may be set by any thread; those who wait must be green threads of one.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._hub: EventletHub | None = None
        """That of those who wait."""
        self._event = eventlet.event.Event()

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._is_set

    def set(self) -> None:
        """Let everybody go on who waits, now and later."""
        self._is_set = True
        if self._hub is not None:
            self._hub.call(self._wake)

    def _wake(self) -> None:
        if self._is_set and not self._event.ready():
            self._event.send(True)

    def clear(self) -> None:
        """Let those wait who come from now on."""
        self._is_set = False
        if self._event.ready():
            self._event = eventlet.event.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, for at most ``timeout`` seconds; return whether it is."""
        self._hub = hub_of_this_thread()
        if not self._is_set:  # after the line before: who sets it now, sees who waits
            event = self._event
            with eventlet.Timeout(timeout, False):
                event.wait()
        return self._is_set


class EventletConcurrency:
    """Implements ``Concurrency`` with green threads."""

    def __init__(self) -> None:
        self._hub: EventletHub | None = None
        """That of the requests."""

    def enter(self) -> None:
        """Take note that a request is handled by this thread: what is run belongs into it."""
        self._hub = hub_of_this_thread()

    def spawn(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a function in the background, before long."""
        if self._hub is None:
            self.enter()
        assert self._hub is not None
        self._hub.start(function, *args)

    run_handler = spawn
    run_later = spawn

    def free_handlers(self) -> float:
        """Return infinity: one more takes next to nothing."""
        return math.inf

    def event(self) -> Event:
        """Return a new event."""
        event: Event = EventletEvent()
        return event

    def sleep(self, seconds: float) -> None:
        """Pause the caller."""
        eventlet.sleep(seconds)  # pyright: ignore[reportArgumentType] - a float is fine

    def stream(self, socket: Any) -> EventletStream:
        """Take over a connected socket."""
        return EventletStream(socket)


class EventletHost:
    """Implements ``Host``; which server it is, each request tells."""

    def find_socket(self, environ: Environ) -> Any:
        """Return the socket, ``None`` under an unknown server."""
        if "gunicorn.socket" in environ:
            return environ["gunicorn.socket"]
        reader = environ.get("eventlet.input") or environ.get("wsgi.input")
        get_socket = getattr(reader, "get_socket", None)
        return None if get_socket is None else get_socket()

    def shake_hands(self, environ: Environ) -> None:
        """Do nothing: the server leaves it to us."""

    def is_upgraded(self, environ: Environ) -> bool:
        """Return False: the server knows nothing of WebSocket."""
        return False

    def end(self, environ: Environ) -> Iterable[bytes]:
        """Tell the server that the request has been handled, and gunicorn that its client left."""
        if "gunicorn.socket" in environ:
            raise StopIteration
        eventlet.wsgi.WSGI_LOCAL.already_handled = True
        return []


class EventletThread:
    """A green thread with the interface of ``threading.Thread``."""

    def __init__(
        self,
        target: Callable[..., Any],
        args: Iterable[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        self._call = (target, tuple(args or ()), dict(kwargs or {}))
        self._thread: Any = None

    def start(self) -> None:
        """Start it."""
        target, args, kwargs = self._call
        self._thread = eventlet.spawn(target, *args, **kwargs)

    def join(self) -> None:
        """Wait until it has ended."""
        if self._thread is not None:
            self._thread.wait()


_async: dict[str, Any] = {
    "driver": WsgiDriver(EventletConcurrency(), EventletHost()),
    "thread": EventletThread,
    "queue": eventlet.queue.Queue,
    "queue_empty": eventlet.queue.Empty,
    "event": EventletEvent,
    "websocket": WebSocketWSGI,
    "sleep": eventlet.sleep,
}
