"""Sockets for threads: one reads and waits, others send and do not wait."""

from __future__ import annotations

import contextlib
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


def open_stream(sock: socket.socket, writables: Writables) -> ThreadStream:
    """Take over a connected socket."""
    with contextlib.suppress(OSError):  # not TCP
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if isinstance(sock, ssl.SSLSocket) or sys.platform == "win32":
        return SharedStream(sock, writables)
    return ThreadStream(sock, writables)


class ThreadStream:
    """A plain socket: blocking for the reader, while each send says that it will not wait."""

    def __init__(self, sock: socket.socket, writables: Writables) -> None:
        self._socket = sock
        self._writables = writables
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
        self._writables.watch(self._socket.fileno(), function)

    def abort(self) -> None:
        """Shut the connection down, which wakes the reader."""
        with contextlib.suppress(OSError):
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

    def abort(self) -> None:
        """Shut the connection down below TLS, which wakes the reader."""
        with contextlib.suppress(OSError):
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
        self._waiting: dict[int, Callable[[], None]] = {}
        self._wake: socket.socket | None = None

    def watch(self, fd: int, function: Callable[[], None]) -> None:
        """Call ``function`` once when the socket can be written to, or has ended."""
        with self._lock:
            self._waiting[fd] = function
            if self._wake is None:
                reader, self._wake = socket.socketpair()
                threading.Thread(
                    target=self._run, args=(reader,), name="engineio-slow-clients", daemon=True
                ).start()
            else:
                self._wake.send(b"x")

    def _run(self, reader: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(reader, selectors.EVENT_READ)
            while self._register_new(selector, reader):
                for key, _ in selector.select():
                    if key.fileobj is reader:
                        reader.recv(READ_SIZE)
                    else:
                        selector.unregister(key.fd)
                        key.data()

    def _register_new(self, selector: selectors.BaseSelector, reader: socket.socket) -> bool:
        """Register what has come; False, with everything closed, if there is nothing at all."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            if not waiting and len(selector.get_map()) == 1:
                assert self._wake is not None
                self._wake.close()
                reader.close()
                self._wake = None
                return False
        for fd, function in waiting.items():
            if fd in selector.get_map():
                selector.unregister(fd)  # of a socket that is closed, whose number was given away
            try:
                selector.register(fd, selectors.EVENT_WRITE, function)
            except (OSError, ValueError):
                function()  # closed meanwhile: sending will tell
        return True
