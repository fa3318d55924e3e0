"""Programs of the documentation as processes: started in a folder, stopped at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from docs.blocks import EXECUTED, as_executed

BIN = Path(sys.executable).parent
START_TIMEOUT = 30
STOP_TIMEOUT = 10


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Return whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Program:
    """One command of the documentation, run as a reader would."""

    def __init__(self, command: str, folder: Path, **environment: str) -> None:
        EXECUTED.add(as_executed(command))
        self.command = command
        self.log: list[str] = []
        self._written = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec env {command}"],
            cwd=folder,
            env={
                **os.environ,
                "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin",
                "PYTHONUNBUFFERED": "1",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=command)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def wait_for_port(self, port: int) -> None:
        """Return when it listens."""
        deadline = time.monotonic() + START_TIMEOUT
        while not listens(port):
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.stop()
                raise AssertionError(f"{self.command} does not listen:\n{''.join(self.log)}")
            time.sleep(0.02)

    def wait_for_text(self, text: str) -> None:
        """Return when it has written a text."""
        with self._written:
            found = self._written.wait_for(
                lambda: text in "".join(self.log) or self._ended, START_TIMEOUT
            )
        assert found and text in "".join(self.log), f"{self.command}: {''.join(self.log)}"

    def finish(self, timeout: float = 60) -> str:
        """Wait until it ends by itself, without an error; return what it has written."""
        try:
            status = self._process.wait(timeout)
        finally:
            self.stop()
        output = "".join(self.log)
        assert status == 0, f"{self.command}: status {status}\n{output}"
        return output

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """End it, and what it has started."""
        self._send(with_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT)
        self._send(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._written:
                self.log.append(line)
                self._written.notify_all()
        with self._written:
            self._ended = True
            self._written.notify_all()
