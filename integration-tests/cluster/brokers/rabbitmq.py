"""RabbitMQ from the distribution's package, as a node of its own with an epmd of its own."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from .process import START_TIMEOUT, Broker, Unavailable, accepts, free_port

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONTROL = PROGRAM.with_name("rabbitmqctl")
"""Behind Debian's wrappers, which want to become the user of the system's node."""

GREETING = b"AMQP\x00\x00\x09\x01"


class RabbitMQ(Broker):
    """One RabbitMQ node; guest may log in."""

    def __init__(self, folder: Path) -> None:
        if not PROGRAM.exists():
            raise Unavailable(f"{PROGRAM} is missing (package rabbitmq-server)")
        super().__init__(folder)
        self._epmd_port = free_port()
        self._distribution_port = free_port()
        self._epmd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.client_ports[0]}//"

    def command(self) -> list[str]:
        return [str(PROGRAM)]

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),  # the Erlang cookie
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # makes the script become the node instead of its parent
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": f"test-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            # one scheduler that sleeps when idle: the tests share a small machine
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def is_ready(self) -> bool:
        """Return True once it answers the greeting of AMQP."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                sock.sendall(GREETING)
                return sock.recv(1) == b"\x01"
        except OSError:
            return False

    def start(self) -> None:
        if self._epmd is None:
            self._epmd = subprocess.Popen(
                ["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while not accepts(self._epmd_port):
                if self._epmd.poll() is not None:
                    raise RuntimeError("epmd did not start")
        super().start()

    def control(self, *arguments: str) -> None:
        """Tell it something with ``rabbitmqctl``."""
        subprocess.run(
            [str(CONTROL), *arguments],
            env={**os.environ, **self.environment()},
            check=True,
            capture_output=True,
            timeout=2 * START_TIMEOUT,
        )

    def close(self) -> None:
        super().close()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
