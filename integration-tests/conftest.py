"""Servers that the tests start as processes of their own, on free ports of 127.0.0.1."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
STOP_TIMEOUT = 10
"""Seconds a server may take to end after SIGTERM."""


class Peer:
    """A server process; ``url`` is where it listens, also after ``stop()`` and ``start()``."""

    def __init__(self, program: list[str], *options: str) -> None:
        self.program = program
        self.options = options
        self.port = "0"
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process and wait until it has printed its port."""
        self.process = subprocess.Popen(
            [*self.program, self.port, *self.options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().split()
        assert line[:1] == ["PORT"], f"{self.program} did not start"
        self.port = line[1]

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """End the process (SIGTERM: as an operator would; SIGKILL: as a crash) and wait."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


StartPeer = "Callable[..., Peer]"


@pytest.fixture
def start_peer() -> Iterator[Callable[..., Peer]]:
    """Start servers by name: ``"ours"``, ``"upstream"`` or ``"node"``; all end with the test."""
    app = str(HERE / "peers" / "app.py")
    upstream = HERE.parent / ".cache" / "upstream-venv" / "bin" / "python"
    programs = {
        "ours": [sys.executable, app],
        "upstream": [os.environ.get("UPSTREAM_PYTHON", str(upstream)), app],
        "node": ["node", str(HERE / "js" / "peer.mjs")],
    }
    peers: list[Peer] = []

    def start(name: str, serializer: str = "default", ping_interval: float = 25) -> Peer:
        peers.append(Peer(programs[name], serializer, str(ping_interval)))
        return peers[-1]

    yield start
    for peer in peers:
        peer.stop(signal.SIGKILL)
