"""A ZeroMQ forwarder, which the managers of a cluster connect to as to a broker."""

from __future__ import annotations

import sys
from pathlib import Path

from .process import Broker, accepts, free_port

FORWARDER = Path(__file__).with_name("forwarder.py")


class ZeroMQ(Broker):
    """``forwarder.py`` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.subscribe_port = free_port()

    @property
    def ports(self) -> list[int]:
        return [self.port, self.subscribe_port]

    @property
    def url(self) -> str:
        push_port, subscribe_port = self.client_ports
        return f"zmq+tcp://127.0.0.1:{push_port}+{subscribe_port}"

    def command(self) -> list[str]:
        return [sys.executable, str(FORWARDER), str(self.port), str(self.subscribe_port)]

    def is_ready(self) -> bool:
        """Return True once both ports are open."""
        return accepts(self.port) and accepts(self.subscribe_port)
