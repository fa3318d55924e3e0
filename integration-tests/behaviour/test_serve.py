"""``socketio.run`` as a program: what it serves, how it stops, what it says when it cannot run."""

from __future__ import annotations

import gc
import http.client
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect as connect_websocket

from socketio.serve import YOUNG_OBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

STOP_TIMEOUT = 10
"""Seconds after which a server that has not ended is a failure."""

AT_ONCE = 2.5
"""Seconds for a server to end with clients connected: less than what uvicorn gives to those that
do not leave."""

APP = """
import asyncio
import gc
import sys

import socketio

sio = socketio.AsyncServer(async_mode="asgi")

@sio.event
async def echo(sid, data):
    return data

@sio.event
async def young_objects(sid):
    return gc.get_threshold()[0]

@sio.event
async def disconnect(sid, reason):
    print("disconnected", reason, flush=True)
    if sys.argv[1] == "hanging":
        await asyncio.Event().wait()

async def other(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"other"})

wrapped = socketio.ASGIApp(sio, other)

async def foreign(scope, receive, send):
    await wrapped(scope, receive, send)

hanging = without_collector = foreign

if __name__ == "__main__":
    what = sys.argv[1]
    if what == "without_collector":
        gc.set_threshold(0)
    socketio.run(what if ":" in what else globals()[what], port=0, **eval(sys.argv[2]))
    print("young objects afterwards:", gc.get_threshold()[0])
"""


class Program:
    """A program that calls ``socketio.run``."""

    def __init__(self, folder: Path, what: str, options: str) -> None:
        (folder / "app.py").write_text(APP)
        self.clients = ExitStack()
        self.process = subprocess.Popen(
            [sys.executable, "app.py", what, options],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        raise RuntimeError("the program did not start")

    def websocket(self) -> ClientConnection:
        """A Socket.IO client over WebSocket, joined to the main namespace."""
        url = f"ws://127.0.0.1:{self.port}/socket.io/?EIO=4&transport=websocket"
        websocket = self.clients.enter_context(connect_websocket(url))
        websocket.recv()
        websocket.send("40")
        websocket.recv()
        return websocket

    def waiting_poll(self) -> http.client.HTTPConnection:
        """A client with a GET that the server has not answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.clients.callback(connection.close)
        path = "/socket.io/?EIO=4&transport=polling"
        connection.request("GET", path)
        sid = re.findall(rb'"sid":"(.+?)"', connection.getresponse().read())[0].decode()
        connection.request("POST", f"{path}&sid={sid}", "40")
        connection.getresponse().read()
        connection.request("GET", f"{path}&sid={sid}")
        connection.getresponse().read()
        connection.request("GET", f"{path}&sid={sid}")
        return connection

    def stop(self, how: signal.Signals) -> tuple[str, float]:
        """Send a signal and wait; return the output and how long it took, in seconds."""
        started = time.monotonic()
        self.process.send_signal(how)
        output, _ = self.process.communicate(timeout=STOP_TIMEOUT)
        return output, time.monotonic() - started


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    programs: list[Program] = []

    def start(what: str, options: str = "{}") -> Program:
        programs.append(Program(tmp_path, what, options))
        return programs[-1]

    yield start
    for running in programs:
        running.process.kill()
        running.process.communicate()
        running.clients.close()


WHAT = ["sio", "wrapped", "foreign", "app:wrapped"]


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_it_serves_and_stops_with_clients_connected(
    program: Callable[..., Program], what: str, how: signal.Signals
) -> None:
    server = program(what)
    websocket = server.websocket()
    server.waiting_poll()
    websocket.send('420["echo",1]')
    assert websocket.recv() == "430[1]"

    output, _ = server.stop(how)

    assert "Traceback" not in output
    assert output.count("disconnected") == 2


@pytest.mark.parametrize("what", WHAT)
def test_it_tells_its_clients_and_stops_at_once(program: Callable[..., Program], what: str) -> None:
    server = program(what)
    server.websocket()
    poll = server.waiting_poll()

    output, seconds = server.stop(signal.SIGTERM)

    assert output.count("disconnected server disconnect") == 2
    assert seconds < AT_ONCE
    assert poll.getresponse().read() == b"1"


def test_it_stops_although_a_disconnect_handler_does_not_end(
    program: Callable[..., Program],
) -> None:
    server = program("hanging", "{'timeout_graceful_shutdown': 1}")
    server.websocket()

    output, _ = server.stop(signal.SIGTERM)

    assert "disconnected server disconnect" in output


@pytest.mark.parametrize("what", ["wrapped", "app:wrapped"])
def test_the_other_application_is_served_too(program: Callable[..., Program], what: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", program(what).port, timeout=30)
    connection.request("GET", "/")

    assert connection.getresponse().read() == b"other"
    connection.close()


def test_options_go_to_uvicorn(program: Callable[..., Program]) -> None:
    server = program("sio", "{'ws': 'wsproto', 'server_header': False}")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/")
    response = connection.getresponse()

    assert response.status == 404
    assert response.getheader("server") is None
    connection.close()


def test_a_message_over_the_limit_is_refused_before_it_has_come(
    program: Callable[..., Program],
) -> None:
    """Also where uvicorn reads the WebSocket by itself: without picows."""
    websocket = program("sio", "{'ws': 'websockets-sansio'}").websocket()

    websocket.socket.sendall(b"\x81\xff" + (1_000_001).to_bytes(8, "big") + bytes(4))

    with pytest.raises(ConnectionClosedError) as caught:
        websocket.recv(timeout=10)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("what", "meanwhile", "afterwards"),
    [("sio", YOUNG_OBJECTS, gc.get_threshold()[0]), ("without_collector", 0, 0)],
)
def test_the_garbage_collector_comes_less_often(
    program: Callable[..., Program], what: str, meanwhile: int, afterwards: int
) -> None:
    server = program(what)
    websocket = server.websocket()
    websocket.send('420["young_objects"]')

    assert websocket.recv() == f"430[{meanwhile}]"
    output, _ = server.stop(signal.SIGINT)
    assert f"young objects afterwards: {afterwards}\n" in output


def without(*modules: str) -> Any:
    """Run ``socketio.run`` where modules cannot be imported."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({modules!r}));"
        "import socketio; socketio.run(socketio.AsyncServer(async_mode='asgi'))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)


def test_without_uvicorn_the_error_names_the_extra() -> None:
    result = without("uvicorn")

    assert result.returncode == 1
    assert "python-socketio[fast]" in result.stderr.splitlines()[-1]
