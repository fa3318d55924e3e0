"""A broker as a process of the test: started on free loopback ports, stopped, killed, paused."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from .relay import Relays

if TYPE_CHECKING:
    from pathlib import Path

START_TIMEOUT = 60
"""Seconds until a broker must accept connections; Java and Erlang on a busy machine."""

STOP_TIMEOUT = 20
"""Seconds a broker may take to end when asked to."""

PORTS = range(20_000, 32_000)
"""Below the ports of outgoing connections: while a broker is away, a client that tries again and
again would else be given the broker's port as its own some day, and be connected to itself."""


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens now."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Unavailable(Exception):
    """This broker cannot be started on this machine, and why."""


class Broker(ABC):
    """One broker.  It keeps its port and its folder from one ``start()`` to the next.

    :param folder: an empty folder of its own, for its files and its log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._relays: Relays | None = None

    @property
    def ports(self) -> list[int]:
        """Where it listens for clients."""
        return [self.port]

    @property
    def client_ports(self) -> list[int]:
        """Where clients find it: its own ports, or those of the relays."""
        return self.ports if self._relays is None else self._relays.ports

    def interpose(self) -> Relays:
        """Put relays between it and its clients; before ``start()`` and before ``url`` is read."""
        self._relays = Relays({free_port(): port for port in self.ports})
        return self._relays

    @property
    @abstractmethod
    def url(self) -> str:
        """What a manager is given."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line that runs it in the foreground."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return True if a client would be served now."""

    def environment(self) -> dict[str, str]:
        """Return what its process finds in its environment besides ours."""
        return {}

    def start(self) -> None:
        """Start it and wait until it serves."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                env={**os.environ, **self.environment()},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        limit = time.monotonic() + START_TIMEOUT
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > limit:
                self.kill()
                raise RuntimeError(f"{self.command()[0]} did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it as an operator does."""
        if self.process is None:
            return
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it as a crash does."""
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
            self.process = None

    def close(self) -> None:
        """End it for good, with all that belongs to it."""
        self.kill()
        if self._relays is not None:
            self._relays.close()

    def restart(self) -> None:
        """Kill it and start it again on the same port."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Freeze it: its connections stay open, and nothing answers any more."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return self.folder / "log"

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)


def accepts(port: int) -> bool:
    """Return True if something listens on this port of 127.0.0.1."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0
