"""TCP relays in front of a broker, through which a test cuts or holds its connections."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

CHUNK = 65_536
"""Bytes moved at once."""

RESET = struct.pack("ii", 1, 0)
"""``SO_LINGER`` that makes ``close()`` send a reset: the peer learns of it as of a crash."""


class Relay:
    """Listens on ``port`` of 127.0.0.1 and connects each client with ``target``.

    :param port: where to listen.
    :param target: the broker's port.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.listen()

    def listen(self) -> None:
        """Accept clients, if they were refused."""
        if self._listener is not None:
            return
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        name = f"relay {self.port}"
        threading.Thread(
            target=self._accept, args=(self._listener,), name=name, daemon=True
        ).start()

    def refuse(self) -> None:
        """Refuse clients until ``listen()``, as the machine of a broker does that has ended."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        with self._lock:
            return len(self._sockets) // 2

    def cut(self) -> int:
        """Reset every connection, on both sides; return how many there were."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        return len(sockets) // 2

    def hold(self) -> None:
        """Move nothing any more, in either direction, and close nothing: a cable is out."""
        self._flowing.clear()

    def release(self) -> None:
        """Move everything again, also what has come meanwhile."""
        self._flowing.set()

    def close(self) -> None:
        """Stop listening, and cut what is connected."""
        self.refuse()
        self.release()
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            broker.settimeout(None)
            with self._lock:
                self._sockets |= {client, broker}
            for source, sink in ((client, broker), (broker, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self._flowing.wait()
                sink.sendall(data)
        with self._lock:
            self._sockets -= {source, sink}
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class Relays:
    """One relay for each port of a broker.

    :param ports: where each listens, and the port of the broker behind it.
    """

    def __init__(self, ports: dict[int, int]) -> None:
        self.ports = list(ports)
        self._relays = [Relay(port, target) for port, target in ports.items()]

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return sum([relay.connections for relay in self._relays])

    def cut(self) -> int:
        """Reset every connection; return how many there were."""
        return sum([relay.cut() for relay in self._relays])

    def listen(self) -> None:
        """Accept clients, if they were refused."""
        for relay in self._relays:
            relay.listen()

    def refuse(self) -> None:
        """Refuse clients until ``listen()``."""
        for relay in self._relays:
            relay.refuse()

    def hold(self) -> None:
        """Move nothing any more, and close nothing."""
        for relay in self._relays:
            relay.hold()

    def release(self) -> None:
        """Move everything again."""
        for relay in self._relays:
            relay.release()

    def close(self) -> None:
        """Stop listening, and cut what is connected."""
        for relay in self._relays:
            relay.close()
