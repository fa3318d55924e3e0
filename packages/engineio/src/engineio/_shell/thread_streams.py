"""Sockets for threads: one reads and waits, others send and do not wait."""

from __future__ import annotations

import contextlib
import logging
import select
import selectors
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

READ_SIZE = 65_536
"""Bytes read at once."""

_logger = logging.getLogger("engineio.workers")


def open_stream(sock: socket.socket, writables: Writables) -> ThreadStream:
    """Take over a connected socket."""
    if isinstance(sock, ssl.SSLSocket) or sys.platform == "win32":
        return SharedStream(sock, writables)
    return ThreadStream(sock, writables)


class ThreadStream:
    """A plain socket: blocking for the reader, while each send says that it will not wait."""

    def __init__(self, sock: socket.socket, writables: Writables) -> None:
        self._socket = sock
        self._writables = writables
        self._is_aborted = False
        self._prepare()

    def _prepare(self) -> None:
        self._socket.settimeout(None)

    def receive(self) -> bytes:
        """Wait for data; empty at the end."""
        try:
            return self._socket.recv(READ_SIZE)
        except OSError:
            return b""

    def send(self, data: bytes) -> int:
        """Send without waiting."""
        try:
            return self._socket.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError:
            return -1

    def when_writable(self, function: Callable[[], None]) -> None:
        """Call ``function`` from the thread that waits for slow clients."""
        fd = self._socket.fileno()
        self._writables.watch(fd, function)
        if self._is_aborted:  # by another thread, meanwhile
            self._writables.forget(fd)

    def abort(self) -> None:
        """Shut the connection down, which wakes the reader."""
        self._is_aborted = True
        self._writables.forget(self._socket.fileno())
        with contextlib.suppress(OSError):
            self._shut_down()

    def _shut_down(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)


class SharedStream(ThreadStream):
    """A TLS socket (or any, on Windows): never two threads in it at once, and nobody waits in it.

    OpenSSL's connections must not be used by two threads at the same time.
    """

    def _prepare(self) -> None:
        self._lock = threading.Lock()
        self._socket.settimeout(0)

    def receive(self) -> bytes:
        """Wait for data; empty at the end."""
        while (data := self._receive_now()) is None:
            pass
        return data

    def _receive_now(self) -> bytes | None:
        """Return what there is; ``None`` after having waited for it."""
        try:
            with self._lock:
                return self._socket.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            wait_for(self._socket, write=False)
        except ssl.SSLWantWriteError:
            wait_for(self._socket, write=True)
        except (OSError, ValueError):
            return b""
        return None

    def send(self, data: bytes) -> int:
        """Send without waiting."""
        try:
            with self._lock:
                return self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except (OSError, ValueError):
            return -1

    def _shut_down(self) -> None:
        # below TLS, which would wait for the peer
        socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


if hasattr(select, "poll"):

    def wait_for(sock: socket.socket, *, write: bool) -> None:
        """Wait until a socket can be read, or written; returns at once if it is closed."""
        poll = select.poll()
        try:
            poll.register(sock, select.POLLOUT if write else select.POLLIN)
        except ValueError:
            return
        poll.poll()

else:

    def wait_for(sock: socket.socket, *, write: bool) -> None:
        """Wait until a socket can be read, or written; returns at once if it is closed."""
        with contextlib.suppress(OSError, ValueError):
            select.select([] if write else [sock], [sock] if write else [], [sock])


class Writables:
    """One thread that waits for all sockets whose buffer is full, while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forgotten: set[int] = set()
        self._waiting: dict[int, Callable[[], None]] = {}
        self._wake: socket.socket | None = None
        self._is_woken = False
        """True until the thread has taken the news: it must never wait for itself to read."""

    def watch(self, fd: int, function: Callable[[], None]) -> None:
        """Call ``function`` once when the socket can be written to, or has ended.

        RuntimeError if there are too many threads for another one.
        """
        with self._lock:
            self._waiting[fd] = function
            if self._wake is None:
                self._start()
            else:
                self._tell(self._wake)

    def forget(self, fd: int) -> None:
        """A socket is about to be closed: whoever gets its number next is another one."""
        with self._lock:
            self._waiting.pop(fd, None)
            if self._wake is not None:
                self._forgotten.add(fd)
                self._tell(self._wake)

    def _tell(self, wake: socket.socket) -> None:
        if not self._is_woken:
            self._is_woken = True
            wake.send(b"x")

    def _start(self) -> None:
        reader, self._wake = socket.socketpair()
        try:
            threading.Thread(
                target=self._run, args=(reader,), name="engineio-slow-clients", daemon=True
            ).start()
        except RuntimeError:
            self._waiting.clear()
            self._end(reader)
            raise

    def _end(self, reader: socket.socket) -> None:
        assert self._wake is not None
        self._wake.close()
        self._wake = None
        reader.close()

    def _run(self, reader: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(reader, selectors.EVENT_READ)
            while self._take_news(selector, reader):
                for key, _ in selector.select():
                    if key.fileobj is reader:
                        reader.recv(READ_SIZE)
                    else:
                        selector.unregister(key.fd)
                        self._call(key.data)

    def _call(self, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception:
            _logger.exception("sending to a slow client failed")

    def _take_news(self, selector: selectors.BaseSelector, reader: socket.socket) -> bool:
        """Forget and register; False, with everything closed, if there is nothing at all."""
        with self._lock:
            self._is_woken = False
            forgotten, self._forgotten = self._forgotten, set()
            waiting, self._waiting = self._waiting, {}
            for fd in forgotten & selector.get_map().keys():
                selector.unregister(fd)
            if not waiting and len(selector.get_map()) == 1:
                self._end(reader)
                return False
        for fd, function in waiting.items():
            if fd in selector.get_map():
                selector.unregister(fd)
            try:
                selector.register(fd, selectors.EVENT_WRITE, function)
            except (OSError, ValueError):
                self._call(function)  # closed meanwhile: sending will tell
        return True
