"""A server's WebSocket over a real pair of sockets, and the raw client at its other end."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from engine_support import Options
from websockets.frames import Frame, Opcode

from engineio._shell.locked_engine import LockedEngine
from engineio._shell.receiver import Receiver
from engineio._shell.socket_channel import SocketWebSocket
from engineio._shell.thread_streams import Writables, open_stream

if TYPE_CHECKING:
    from engineio._core.session import Session

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Connection:
    """One open session on a socket; what it receives is in ``received``."""

    def __init__(self, max_size: int = 1000, **options: object) -> None:
        self.ended: list[Session] = []
        self.received: list[str | bytes] = []
        self.engine = LockedEngine(
            Options(**options),  # type: ignore[arg-type]
            lambda: 0.0,
            self.ended.extend,
            self.ended.extend,
            lambda: None,
        )
        ours, self.client = socket.socketpair()
        self.client.settimeout(SOON)
        self.server = ours
        ready = self.engine.ready.append
        self.websocket = SocketWebSocket(open_stream(ours, Writables()), ready, max_size)
        self.session = self.engine.create("sid", "websocket")
        self.engine.attach(self.session, self.websocket.channel)
        self.engine.accept(self.session, 0)
        receiver = Receiver(
            self.engine,
            self.session,
            self.websocket.channel,
            self._take,
            lambda: 0.0,
            probing=False,
        )
        self._thread = threading.Thread(target=self.websocket.serve, args=(receiver,))
        self._thread.start()
        self._buffer = b""
        assert self.frame()[1].startswith(b"0{")

    def _take(self, session: Session, data: str | bytes) -> None:
        self.received.append(data)

    def send(self, opcode: int, data: bytes, *, fin: bool = True) -> None:
        self.client.sendall(Frame(Opcode(opcode), data, fin).serialize(mask=True))

    def frame(self) -> tuple[int, bytes]:
        """The next frame from the server: opcode and payload."""
        head = self._read(2)
        size = head[1]
        if size == 126:
            size = int.from_bytes(self._read(2), "big")
        elif size == 127:
            size = int.from_bytes(self._read(8), "big")
        return head[0] & 15, self._read(size)

    def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self.client.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def join(self) -> None:
        """Wait until the server has left the connection."""
        self._thread.join(SOON)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self.client.close()
        self.join()
        self.server.close()
