"""Programs in an environment of their own: all from the registry but ours, from our wheels.

`make setup` installs what is from the registry once; each run puts our wheels into a copy of it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from environments import build_wheels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
APPS = HERE / "apps"
ROOT = HERE.parents[1]
PYTHON = os.environ.get("DEPENDENTS_PYTHON", str(ROOT / ".cache/dependents-venv/bin/python"))

STRICT = {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error::RuntimeWarning"}
"""An option that we do not know, for example, is an error."""

SOON = 20
"""Seconds in which a server must start, and stop; only a failing test waits so long."""


class Server:
    """A server on a free port of 127.0.0.1, in a process of its own.

    ``command`` is what Python is called with; ``{port}`` in it is the port.
    """

    def __init__(self, command: tuple[str, ...], environ: dict[str, str], log: Path) -> None:
        self.log = log
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        with log.open("w") as output:
            self._process = subprocess.Popen(
                ["env", "python", *(part.format(port=self.port) for part in command)],
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
        pytest.fail(f"the server did not start\n{self.log.read_text()}")

    def stop(self) -> str:
        """Stop the server as an operator does and return what it printed."""
        self._process.terminate()
        self.wait()
        return self.log.read_text()

    def wait(self) -> int:
        """Wait until the server has ended and return its status."""
        try:
            return self._process.wait(SOON)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            pytest.fail(f"the server did not stop\n{self.log.read_text()}")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Our packages as they are published."""
    return build_wheels(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def environ(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment variables with which ``python`` is that of the environment."""
    home = tmp_path_factory.mktemp("dependents") / "venv"
    shutil.copytree(Path(PYTHON).parents[1], home, symlinks=True, copy_function=link)
    pip = [str(home / "bin/python"), "-m", "pip"]
    subprocess.run([*pip, "install", "-q", "--no-index", "--no-deps", *wheels], check=True)
    # NiceGUI would take PYTEST_CURRENT_TEST for a test of its own
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    path = f"{home / 'bin'}:{os.environ['PATH']}"
    return {**outer, "PATH": path, "PYTHONPATH": "", **STRICT}


def link(source: str, target: str) -> None:
    """Give a file a second name, which takes no time, or copy it to another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def run(environ: dict[str, str]) -> Callable[..., str]:
    """Run a program to its end, which must be a success, and return what it printed."""

    def run(*command: str, **variables: str) -> str:
        done = subprocess.run(
            ["env", "python", *command],
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
