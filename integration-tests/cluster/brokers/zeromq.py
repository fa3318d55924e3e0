"""A ZeroMQ forwarder, which the managers of a cluster connect to as to a broker."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from docs.blocks import read_page

from .process import Broker, accepts, free_port

if TYPE_CHECKING:
    from pathlib import Path


class ZeroMQ(Broker):
    """The documented ``forwarder.py`` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.subscribe_port = free_port()
        read_page("docs/guide/scaling.md").write(folder)

    @property
    def ports(self) -> list[int]:
        return [self.port, self.subscribe_port]

    @property
    def url(self) -> str:
        push_port, subscribe_port = self.client_ports
        return f"zmq+tcp://127.0.0.1:{push_port}+{subscribe_port}"

    def command(self) -> list[str]:
        ports = [str(self.port), str(self.subscribe_port)]
        return [sys.executable, str(self.folder / "forwarder.py"), *ports]

    def is_ready(self) -> bool:
        """Return True once both ports are open."""
        return accepts(self.port) and accepts(self.subscribe_port)
