"""Redis from the distribution's package, without anything on disk."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

from .process import Broker, Unavailable, accepts

if TYPE_CHECKING:
    from pathlib import Path


class Redis(Broker):
    """One Redis server."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            raise Unavailable("redis-server is missing (package redis-server)")
        super().__init__(folder)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.client_ports[0]}/0"

    def command(self) -> list[str]:
        options = {"bind": "127.0.0.1", "save": "", "appendonly": "no", "unixsocket": "socket"}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return ["redis-server", "--port", str(self.port), *words]

    def is_listening(self) -> bool:
        """Return True once it can be connected to."""
        return accepts(self.port)

    def is_ready(self) -> bool:
        """Return True once it answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                sock.sendall(b"PING\r\n")
                return sock.recv(5) == b"+PONG"
        except OSError:
            return False
