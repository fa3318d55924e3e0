"""Servers that the tests start as processes of their own, on free ports of 127.0.0.1."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

HERE = Path(__file__).parent
STOP_TIMEOUT = 10
"""Seconds a server may take to end after SIGTERM."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full",
        action="store_true",
        help="behaviour: all servers x clients x transports, not a pairwise selection",
    )
    parser.addoption(
        "--table", type=Path, help="behaviour: write what has passed as a page, with --full"
    )


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
        if line[:1] != ["PORT"]:
            self.stop()
            raise RuntimeError(f"{self.program} did not start")
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


@pytest.fixture(scope="session")
def programs() -> dict[str, list[str]]:
    """The servers that can be started, by name, as command lines without their options."""
    app = str(HERE / "peers" / "app.py")
    upstream = HERE.parent / ".cache" / "upstream-venv" / "bin" / "python"
    return {
        "ours": [sys.executable, app],
        "upstream": [os.environ.get("UPSTREAM_PYTHON", str(upstream)), app],
        "node": ["node", str(HERE / "js" / "peer.mjs")],
    }


@pytest.fixture
def start_peer(programs: dict[str, list[str]]) -> Iterator[Callable[..., Peer]]:
    """Start servers by name; all end with the test."""
    peers: list[Peer] = []

    def start(name: str, serializer: str = "default", ping_interval: float = 25) -> Peer:
        peers.append(Peer(programs[name], serializer, str(ping_interval)))
        return peers[-1]

    yield start
    for peer in peers:
        peer.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def shared_peer(programs: dict[str, list[str]]) -> Iterator[Callable[..., Peer]]:
    """Return a running server that several tests use, started when first asked for."""
    peers: dict[tuple[str, str], Peer] = {}

    def get(name: str, serializer: str = "default") -> Peer:
        peer = peers.get((name, serializer))
        if peer is None:
            peer = peers[name, serializer] = Peer(programs[name], serializer)
        elif peer.process.poll() is not None:
            peer.start()
        return peer

    yield get
    for peer in peers.values():
        peer.stop(signal.SIGKILL)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a ``scenario`` with each of those in peers/scenarios.py."""
    if "scenario" in metafunc.fixturenames:
        module = load_scenarios()
        metafunc.parametrize("scenario", module.SCENARIOS, ids=lambda scenario: scenario.__name__)


@pytest.fixture
def scenarios() -> ModuleType:
    """The module peers/scenarios.py with its helpers."""
    return load_scenarios()


@cache
def load_scenarios() -> ModuleType:
    spec = spec_from_file_location("scenarios", HERE / "peers" / "scenarios.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
