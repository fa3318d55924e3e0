"""Servers as processes of their own: {uvicorn, the fast path, hypercorn} with app.py."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LISTENING = re.compile(r"[Rr]unning on (http://127\.0\.0\.1:(\d+))")
SIGNS_OF_TROUBLE = re.compile("Traceback|never retrieved|never awaited|was destroyed")
CANCELLED = re.compile("^asyncio.exceptions.CancelledError", re.MULTILINE)
"""How uvicorn and hypercorn report what they cut when they stop: a waiting long-poll."""

START_TIMEOUT = 30
STOP_TIMEOUT = 8
"""Seconds a server may take to end after SIGTERM, with clients connected."""

SETTLE_TIMEOUT = 10
"""Seconds in which what a client has left behind must be gone."""

MODES = {
    "uvicorn": [
        "-m", "uvicorn", "app:app", "--ws", "websockets-sansio", "--host", "127.0.0.1",
        "--timeout-graceful-shutdown", "1", "--no-access-log", "--port", "{port}",
    ],
    "fast": ["app.py", "{port}"],
    "hypercorn": [
        "-m", "hypercorn", "app:app", "--bind", "127.0.0.1:{port}", "--graceful-timeout", "1",
        "--workers", "0",
    ],
}  # fmt: skip


class Server:
    """One server process; ``stop()`` and ``start()`` restart it on the same port."""

    def __init__(self, mode: str, options: dict[str, Any]) -> None:
        self.mode = mode
        self.port = 0
        self._options = options
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process and wait until it says where it listens."""
        self.log: list[str] = []
        self._listening = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, *(word.format(port=self.port) for word in MODES[self.mode])],
            cwd=HERE,
            env={**os.environ, "SERVER_OPTIONS": json.dumps(self._options)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"log of {self.mode}")
        self._reader.start()
        if not self._listening.wait(START_TIMEOUT) or not self.port:
            self.kill()
            raise RuntimeError(f"{self.mode} did not start:\n{''.join(self.log)}")
        self._visit()

    def _visit(self) -> None:
        """Come and go once: what a server keeps from its first client on is not a leak."""
        endpoint = f"{self.url}/socket.io/?EIO=4&transport=polling"
        with urllib.request.urlopen(endpoint, timeout=START_TIMEOUT) as response:
            sid = json.loads(response.read()[1:])["sid"]
        urllib.request.urlopen(f"{endpoint}&sid={sid}", b"1", timeout=START_TIMEOUT).close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.append(line)
            if found := LISTENING.search(line):
                self.port = int(found[2])
                self._listening.set()
        self._listening.set()

    def stop(self) -> None:
        """End it as an operator does; it must obey in seconds and without complaint."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT)
        finally:
            self.kill()
        text = "".join(self.log)
        cut = 0 if self.mode == "fast" else len(CANCELLED.findall(text))
        assert len(SIGNS_OF_TROUBLE.findall(text)) == cut, text

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    async def status(self) -> dict[str, int]:
        """What the process holds, over a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        status: dict[str, int] = json.loads(re.findall(rb"\{.*\}", answer)[0])
        return status

    async def held(self) -> dict[str, int]:
        """What must go with its client at once; sockets may stay open for a while."""
        status = await self.status()
        return {name: status[name] for name in ("sessions", "environs", "rooms", "tasks")}

    async def settled(self, expected: dict[str, int]) -> None:
        """Wait until the process holds no more than ``expected``; fail if it goes on to."""
        deadline = asyncio.get_running_loop().time() + SETTLE_TIMEOUT
        status = await self.status()
        while any(status[name] > expected[name] for name in expected):
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"left behind: {status}, expected {expected}")
            await asyncio.sleep(0.01)
            status = await self.status()


class Servers:
    """The servers of one test run, each started when first asked for."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}

    def get(self, mode: str, **options: Any) -> Server:
        """The running server of a mode with these options of ``AsyncServer``."""
        key = f"{mode} {json.dumps(options, sort_keys=True)}"
        if key not in self._servers:
            self._servers[key] = Server(mode, options)
        return self._servers[key]

    def stop(self) -> None:
        with ExitStack() as stack:
            for server in self._servers.values():
                stack.callback(server.stop)
