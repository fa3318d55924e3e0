"""A connected socket that one thread reads while another writes, with TLS or without.

OpenSSL's connections must not be used by two threads at the same time, one to read and one to
write included: every call is made under one lock, and none of them waits.  What there is to wait
for is waited for outside of the lock, on the file descriptor.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import ssl
import threading
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

A = TypeVar("A")
R = TypeVar("R")

READ_SIZE = 65_536
"""Bytes read at once."""

LONGEST_BLOCK = 0.1
"""Seconds that a sender waits for a full network before it looks at ``send_by`` again."""


class SharedSocket:
    """Stands in for a socket, with the methods that websocket-client needs.

    ``receive_by`` and ``send_by`` are when waiting ends with ``TimeoutError``, in monotonic
    seconds; ``receive_by`` is looked at when a wait begins, ``send_by`` also during it.
    ``allowance`` is how many more bytes may be received before ``OSError`` is raised.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self.receive_by = math.inf
        self.send_by = math.inf
        self.allowance = math.inf
        self._socket = sock
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._users = 0
        self._is_finished = False
        self._ended = False
        self._received = b""
        self._taken = 0

    def recv(self, size: int) -> bytes:
        """Wait for data and return up to ``size`` bytes of it; empty when the peer has gone."""
        if self._taken == len(self._received):
            with self._in_use():
                self._received = self._do(self._socket.recv, READ_SIZE, is_sender=False)
            self._taken = 0
        data = self._received[self._taken : self._taken + size]
        self._taken += len(data)
        self.allowance -= len(data)
        if self.allowance < 0:
            raise OSError("the message is too large")
        return data

    def send(self, data: bytes) -> int:
        """Send all of ``data``, waiting while the network is full; return its length."""
        rest = memoryview(data)
        with self._sending, self._in_use():
            if self._is_finished:
                raise ConnectionAbortedError("the connection is being closed")
            while rest:
                rest = rest[self._do(self._socket.send, rest, is_sender=True) :]
        return len(data)

    def finish_sending(self) -> None:
        """Let every later ``send()`` fail."""
        self._is_finished = True

    def close(self) -> None:
        """End the connection; who reads or writes stops at once.  May be called by anybody."""
        with self._in_use(), contextlib.suppress(OSError):
            self._ended = True
            shut_down(self._socket)

    def gettimeout(self) -> float | None:
        """Return ``None``: waiting ends by ``receive_by`` and ``send_by``."""
        return None

    def settimeout(self, timeout: float | None) -> None:
        """Do nothing; see ``gettimeout``."""

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._socket.fileno()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """Keep the file descriptor open meanwhile; the last one to leave closes it."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._ended and not self._users:
                    self._socket.close()

    def _do(self, operation: Callable[[A], R], argument: A, *, is_sender: bool) -> R:
        while True:
            with self._lock:
                if self._ended:
                    raise ConnectionAbortedError("the connection was closed")
                try:
                    return operation(argument)
                except ssl.SSLWantReadError:
                    write = False
                except ssl.SSLWantWriteError:
                    write = True
                except BlockingIOError:
                    write = is_sender
            left = (self.send_by if is_sender else self.receive_by) - monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            wait_for(self._socket, min(left, LONGEST_BLOCK) if is_sender else left, write=write)


def shut_down(sock: socket.socket) -> None:
    """End a connection below TLS, which wakes those who wait for it."""
    if isinstance(sock, socket.socket):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    else:  # a socket of eventlet
        sock.shutdown(socket.SHUT_RDWR)


def wait_for(sock: socket.socket, timeout: float, *, write: bool) -> None:
    """Wait until a socket can be read, or written, or until ``timeout`` seconds have passed."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLOUT if write else select.POLLIN)
        poll.poll(None if timeout == math.inf else math.ceil(timeout * 1000))
    else:  # Windows, or patched by eventlet
        readers, writers = ([], [sock]) if write else ([sock], [])
        select.select(readers, writers, [], None if timeout == math.inf else timeout)
