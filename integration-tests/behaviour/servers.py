"""Servers as processes of their own: every web server that the documents name, with one small app.

Each listens on a free port of 127.0.0.1, and answers ``/status`` with what its process holds.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import tornado

HERE = Path(__file__).parent
SIGNS_OF_TROUBLE = re.compile("Traceback|never retrieved|never awaited|was destroyed")
CANCELLED = re.compile(
    "^(asyncio.exceptions.CancelledError|eventlet.timeout.Timeout: )", re.MULTILINE
)
"""How a server reports what it cuts when it stops: uvicorn and hypercorn a waiting long-poll, older
versions of Tornado a WebSocket as well, gunicorn with eventlet a thread of its own."""

START_TIMEOUT = 30
STOP_TIMEOUT = 15
"""Seconds a server may take to end after SIGTERM, with clients connected."""

SETTLE_TIMEOUT = 20
"""Seconds in which what a client has left behind must be gone."""

PORTS = range(10_000, 32_000)
"""Below those of outgoing connections: a client that tries again must not be given the port of the
server that it tries to reach."""


@dataclass(frozen=True)
class Mode:
    """How a server is started, and what it is known for.

    ``title`` is its name in the documents, and ``note`` what these say of what it cannot do.
    """

    title: str
    command: str
    async_mode: str = "asgi"
    has_websocket: bool = True
    accepts_first: bool = False
    """It completes the handshake of a WebSocket before it asks the application."""

    reports_cuts: bool = False
    """It logs what it cuts when it stops."""

    waits_for_clients: bool = False
    """It does not stop while a WebSocket is open, whatever it is told."""

    note: str = ""

    @property
    def is_sync(self) -> bool:
        return self.async_mode in ("threading", "gevent", "eventlet", "gevent_uwsgi")

    @property
    def is_green(self) -> bool:
        return self.is_sync and self.async_mode != "threading"

    def arguments(self, port: int) -> list[str]:
        program, *words = self.command.format(port=port).split()
        # it must not outlive tests that are killed
        guard = ["setpriv", "--pdeathsig", "TERM"]
        return [*guard, str(Path(sys.executable).parent / program), *words]


GUNICORN = "gunicorn -w 1 --bind 127.0.0.1:{port} --graceful-timeout 1 app_sync:app"
UVICORN = "uvicorn --timeout-graceful-shutdown 1 --no-access-log --port {port}"
AFTER_THE_HANDSHAKE = (
    "it completes the handshake of a WebSocket before the application is asked, so what is refused "
    "is closed at once, with code 1008."
)
MODES = {
    "fast": Mode("`socketio.run`", "python launch.py fast {port}"),
    "uvicorn": Mode("uvicorn", f"{UVICORN} --ws websockets-sansio app:app", reports_cuts=True),
    "hypercorn": Mode(
        "hypercorn",
        "hypercorn app:app --bind 127.0.0.1:{port} --graceful-timeout 1 --workers 0",
        reports_cuts=True,
        waits_for_clients=sys.version_info >= (3, 12, 1),  # pgjones/hypercorn#308
    ),
    "daphne": Mode(
        "daphne",
        "daphne app:app --bind 127.0.0.1 --port {port}",
        note='it drops empty frames, so `b""` does not arrive over WebSocket.',
    ),
    "granian": Mode(
        "granian",
        "granian app:app --interface asgi --host 127.0.0.1 --port {port} --workers-kill-timeout 1",
    ),
    "sanic-asgi": Mode(
        "uvicorn, with Sanic behind", f"{UVICORN} --factory app:behind_sanic", reports_cuts=True
    ),
    "aiohttp": Mode("aiohttp", "python launch.py aiohttp {port}", "aiohttp"),
    "tornado": Mode(
        "Tornado",
        "python launch.py tornado {port}",
        "tornado",
        reports_cuts=tornado.version_info < (6, 6),
    ),
    "sanic": Mode("Sanic", "python launch.py sanic {port}", "sanic"),
    "werkzeug": Mode("Flask's `app.run`", "python launch.py werkzeug {port}", "threading"),
    "gunicorn-threads": Mode("gunicorn `--threads`", f"{GUNICORN} --threads 100", "threading"),
    "wsgiref": Mode(
        "wsgiref",
        "python launch.py wsgiref {port}",
        "threading",
        has_websocket=False,
        note="as any server that does not give an application its socket, it has long-polling "
        "only, and clients are not told to upgrade.",
    ),
    "pywsgi": Mode("gevent's pywsgi", "python launch.py pywsgi {port}", "gevent"),
    "gunicorn-gevent": Mode("gunicorn `-k gevent`", f"{GUNICORN} -k gevent", "gevent"),
    "gevent-websocket": Mode(
        "gevent-websocket",
        "python launch.py gevent_websocket {port}",
        "gevent",
        accepts_first=True,
        note=AFTER_THE_HANDSHAKE,
    ),
    "gunicorn-gevent-websocket": Mode(
        "gunicorn with its worker",
        f"{GUNICORN} -k geventwebsocket.gunicorn.workers.GeventWebSocketWorker",
        "gevent",
        accepts_first=True,
        note=AFTER_THE_HANDSHAKE,
    ),
    "eventlet": Mode("eventlet's server", "python launch.py eventlet {port}", "eventlet"),
    "gunicorn-eventlet": Mode(
        "gunicorn `-k eventlet`",
        f"{GUNICORN} -k eventlet",
        "eventlet",
        reports_cuts=sys.version_info >= (3, 13),
    ),
    "uwsgi": Mode(
        "uWSGI",
        "uwsgi --http 127.0.0.1:{port} --gevent 1000 --http-websockets --master --die-on-term "
        "--wsgi-file app_sync.py --callable app",
        "gevent_uwsgi",
    ),
}


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    """One server process; ``stop()`` and ``start()`` restart it on the same port."""

    def __init__(self, mode: str, options: dict[str, Any], kind: Mode | None = None) -> None:
        self.mode = mode
        self.kind = kind or MODES[mode]
        self.port = free_port()
        self._options = options
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process and wait until it serves."""
        self.log: list[str] = []
        self._told = False
        self.process = subprocess.Popen(
            self.kind.arguments(self.port),
            cwd=HERE,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONUNBUFFERED": "1",
                "ASYNC_MODE": self.kind.async_mode,
                "SERVER_OPTIONS": json.dumps(self._options),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"log of {self.mode}")
        self._reader.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self._fail()
            time.sleep(0.02)
        self._visit()

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/status", timeout=START_TIMEOUT).close()
        except urllib.error.HTTPError as error:
            error.close()
            self._fail()
        except OSError:
            return False
        return True

    def _fail(self) -> NoReturn:
        self.kill()
        raise RuntimeError(f"{self.mode} did not start:\n{''.join(self.log)}")

    def _visit(self) -> None:
        """Come and go once: what a server keeps from its first client on is not a leak."""
        endpoint = f"{self.url}/socket.io/?EIO=4&transport=polling"
        with urllib.request.urlopen(endpoint, timeout=START_TIMEOUT) as response:
            sid = json.loads(response.read()[1:])["sid"]
        urllib.request.urlopen(f"{endpoint}&sid={sid}", b"1", timeout=START_TIMEOUT).close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.log.extend(self.process.stdout)

    async def logs(self, text: str) -> None:
        """Wait until it has logged a text: a thread may do so after others have answered."""
        deadline = asyncio.get_running_loop().time() + SETTLE_TIMEOUT
        while text not in "".join(self.log):
            assert asyncio.get_running_loop().time() < deadline, self.log
            await asyncio.sleep(0.01)

    def stop(self) -> None:
        """End it as an operator does; it must obey in seconds and without complaint."""
        self.tell_to_stop()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            if not self.kind.waits_for_clients:
                raise
        finally:
            self.kill()
        text = "".join(self.log)
        cut = len(CANCELLED.findall(text)) if self.kind.reports_cuts else 0
        assert len(SIGNS_OF_TROUBLE.findall(text)) == cut, text

    def tell_to_stop(self) -> None:
        """Send the signal; ``stop()`` waits for its effect."""
        if not self._told:
            self.process.send_signal(signal.SIGTERM)
            self._told = True

    def kill(self) -> None:
        """End it as a crash does, with the processes that it has started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
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
        status: dict[str, int] = json.loads(re.findall(rb"\{.*\}", answer, re.DOTALL)[0])
        return status

    async def held(self) -> dict[str, int]:
        """What must go with its client at once; sockets may stay open for a while."""
        status = await self.status()
        return {name: status[name] for name in ("sessions", "environs", "rooms", "tasks")}

    async def settled(self, expected: dict[str, int]) -> dict[str, int]:
        """Wait until the process holds no more than ``expected``; fail if it goes on to.

        Returns its status.
        """
        deadline = asyncio.get_running_loop().time() + SETTLE_TIMEOUT
        status = await self.status()
        while any(status[name] > expected[name] for name in expected):
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"left behind: {status}, expected {expected}")
            await asyncio.sleep(0.01)
            status = await self.status()
        return status


class Servers:
    """The servers of one mode at a time, each started when first asked for."""

    def __init__(self) -> None:
        self._mode = ""
        self._servers: dict[str, Server] = {}

    def get(self, mode: str, **options: Any) -> Server:
        """The running server of a mode with these options; those of other modes are stopped."""
        if mode != self._mode:
            self.stop()
            self._mode = mode
        key = json.dumps(options, sort_keys=True)
        if key not in self._servers:
            self._servers[key] = Server(mode, options)
        return self._servers[key]

    def stop(self) -> None:
        running, self._servers = self._servers, {}
        with ExitStack() as stack:
            for server in running.values():
                server.tell_to_stop()
                stack.callback(server.stop)
