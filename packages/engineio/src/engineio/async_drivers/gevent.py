"""Driver for gevent: pywsgi, gunicorn ``-k gevent``, and gevent-websocket's handler and worker.

Nothing needs to be monkey patched.
"""

from __future__ import annotations

import contextlib
import math
import socket
from typing import TYPE_CHECKING, Any

import gevent
import gevent.event
import gevent.queue
import gevent.socket
import gevent.ssl
from gevent.monkey import get_original

from .._shell.greenlet_workers import GreenletWorkers
from .._shell.wsgi import WsgiDriver
from .._shell.wsgi_websocket import WebSocketWSGI

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._shell.concurrency import Event
    from ..typing import Environ

    Greenlet = gevent.Greenlet[..., Any]
else:
    Greenlet = gevent.Greenlet

READ_SIZE = 65_536
"""Bytes read at once."""

READ, WRITE = 1, 2

thread_ident: Callable[[], int] = get_original("_thread", "get_ident")


class GeventStream:
    """A gevent socket; the reader waits on the hub, senders do not wait.

    Only the thread of the hub touches the socket: others have it do so.
    """

    def __init__(self, sock: Any) -> None:
        sock.settimeout(0)
        self._socket = sock
        self._pending = getattr(sock, "pending", _nothing)
        """Bytes that TLS has read already."""
        hub = gevent.get_hub()
        self._thread = thread_ident()
        self._in_hub = hub.loop.run_callback_threadsafe
        self._wait = hub.wait
        self._readable = hub.loop.io(sock.fileno(), READ)

    def receive(self) -> bytes:
        """Wait for data; empty at the end."""
        while (data := self._receive_now()) is None:
            pass
        return data

    def _receive_now(self) -> bytes | None:
        """Return what there is after a wait; ``None`` if it was not enough for a TLS record."""
        try:
            if not self._pending():
                self._wait(self._readable)
            data: bytes = self._socket.recv(READ_SIZE)
        except (BlockingIOError, gevent.ssl.SSLWantReadError):
            return None
        except gevent.ssl.SSLWantWriteError:
            gevent.socket.wait_write(self._socket.fileno())
            return None
        except OSError:
            data = b""
        return data or self._ended()

    def _ended(self) -> bytes:
        self._readable.close()
        return b""

    def send(self, data: bytes) -> int:
        """Send without waiting."""
        if thread_ident() != self._thread:
            return 0  # ``when_writable`` continues in the right thread
        try:
            count: int = self._socket.send(data)
        except (BlockingIOError, gevent.ssl.SSLWantReadError, gevent.ssl.SSLWantWriteError):
            return 0
        except OSError:
            return -1
        return count

    def when_writable(self, function: Callable[[], None]) -> None:
        """Call ``function`` from a greenlet that waits for this client."""
        self._in_hub(gevent.spawn, self._call_when_writable, function)

    def _call_when_writable(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(OSError):
            gevent.socket.wait_write(self._socket.fileno())
        function()

    def abort(self) -> None:
        """Shut the connection down, which wakes the reader."""
        if thread_ident() != self._thread:
            self._in_hub(self.abort)
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def _nothing() -> int:
    return 0


class GeventHub:
    """Implements ``Hub`` for the hub of the thread that makes it, and keeps its greenlets."""

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._thread = thread_ident()
        self._workers: GreenletWorkers = GreenletWorkers(self)

    def start(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a function in a greenlet before long; may be called by any thread."""
        if thread_ident() == self._thread:
            self._workers.start(function, *args)
        else:
            self._hub.loop.run_callback_threadsafe(self._workers.start, function, *args)

    def create(self, function: Callable[[], None]) -> Any:
        """Return a new greenlet that will run a function before long."""
        return gevent.spawn(function)

    def resume(self, greenlet: Any) -> None:
        """Let a paused greenlet go on before long."""
        self._hub.loop.run_callback(greenlet.switch)

    def pause(self) -> None:
        """Pause the greenlet that runs now."""
        self._hub.switch()


class GeventConcurrency:
    """Implements ``Concurrency`` with greenlets."""

    def __init__(self) -> None:
        self._hubs: Any = get_original("threading", "local")()
        self._hub: GeventHub | None = None
        """That of the requests."""

    def enter(self) -> None:
        """Take note that a request is handled by this thread: what is run belongs into it."""
        try:
            self._hub = self._hubs.hub
        except AttributeError:
            self._hub = self._hubs.hub = GeventHub()

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
        event: Any = gevent.event.Event()
        return event  # type: ignore[no-any-return]

    def sleep(self, seconds: float) -> None:
        """Pause the caller."""
        gevent.sleep(seconds)

    def stream(self, socket: Any) -> GeventStream:
        """Take over a connected socket."""
        return GeventStream(socket)


class GeventHost:
    """Implements ``Host``; which server it is, each request tells."""

    def find_socket(self, environ: Environ) -> Any:
        """Return the socket, ``None`` under an unknown server."""
        websocket = environ.get("wsgi.websocket")
        if websocket is not None:
            return websocket.handler.socket
        if "gunicorn.socket" in environ:
            return environ["gunicorn.socket"]
        # pywsgi: its buffered reader (itself for an upgrade), the raw file under it, its socket
        reader = environ.get("wsgi.input")
        reader = getattr(reader, "rfile", reader)
        return getattr(getattr(reader, "raw", None), "_sock", None)

    def shake_hands(self, environ: Environ) -> None:
        """Do nothing: gevent-websocket has done it already, the others leave it to us."""

    def is_upgraded(self, environ: Environ) -> bool:
        """Return True behind gevent-websocket, which completes the handshake first."""
        return environ.get("wsgi.websocket") is not None

    def end(self, environ: Environ) -> Iterable[bytes]:
        """Return an empty answer, or raise what gunicorn takes for a client that has gone."""
        if "gunicorn.socket" in environ and not self.is_upgraded(environ):
            raise StopIteration
        return []


class Thread(Greenlet):  # type: ignore[valid-type,misc]
    """A greenlet with the arguments of ``threading.Thread``."""

    def __init__(
        self,
        target: Callable[..., Any],
        args: Iterable[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(target, *args, **(kwargs or {}))


_async: dict[str, Any] = {
    "driver": WsgiDriver(GeventConcurrency(), GeventHost()),
    "thread": Thread,
    "queue": gevent.queue.JoinableQueue,
    "queue_empty": gevent.queue.Empty,
    "event": gevent.event.Event,
    "websocket": WebSocketWSGI,
    "sleep": gevent.sleep,
}
