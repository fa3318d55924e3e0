"""Programs in an environment of their own: all from the registry but ours, from our wheels."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
APPS = HERE / "apps"
ROOT = HERE.parents[1]
PYTHON = os.environ.get("DEPENDENTS_PYTHON", str(ROOT / ".cache/dependents-venv/bin/python"))

SOON = 20
"""Seconds in which a server must start, and stop; only a failing test waits so long."""


class Server:
    """A server on a free port of 127.0.0.1, in a process of its own.

    ``command`` is what Python is called with; ``{port}`` in it is the port.
    """

    def __init__(self, command: tuple[str, ...], environ: dict[str, str], log: Path) -> None:
        self._log = log
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [PYTHON, *(part.format(port=self.port) for part in command)],
                cwd=APPS,
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + SOON
        while self._process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)  # nothing else tells when a server of others listens
        self._process.kill()
        pytest.fail(f"the server did not start\n{self._log.read_text()}")

    def stop(self) -> str:
        """Stop the server as an operator does and return what it printed."""
        self._process.terminate()
        try:
            self._process.wait(SOON)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            pytest.fail(f"the server did not stop\n{self._log.read_text()}")
        return self._log.read_text()


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Our packages as they are published."""
    dist = tmp_path_factory.mktemp("dist")
    for package in ("engineio", "socketio"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)],
            cwd=ROOT / "packages" / package,
            check=True,
            capture_output=True,
        )
    return sorted(dist.glob("*.whl"))


@pytest.fixture(scope="session")
def environ(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment variables with which ``PYTHON`` finds our packages."""
    site = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
        + ["--target", str(site), *map(str, wheels)],
        check=True,
    )
    # NiceGUI would take PYTEST_CURRENT_TEST for a test of its own
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {**outer, "PYTHONPATH": str(site), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def run(environ: dict[str, str]) -> Callable[..., str]:
    """Run a program to its end, which must be a success, and return what it printed."""

    def run(*command: str, **variables: str) -> str:
        done = subprocess.run(
            [PYTHON, *command],
            cwd=APPS,
            env={**environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@contextmanager
def servers(environ: dict[str, str], directory: Path) -> Iterator[Callable[..., Server]]:
    """Start servers in the block; at its end they are stopped, and must not have printed a
    traceback."""
    started: list[Server] = []

    def start(*command: str) -> Server:
        started.append(Server(command, environ, directory / f"log{len(started)}"))
        return started[-1]

    yield start
    logs = [server.stop() for server in started]
    assert not [log for log in logs if "Traceback" in log], "\n".join(logs)


@pytest.fixture
def start(environ: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers for one test."""
    with servers(environ, tmp_path) as start:
        yield start
