"""Ctrl-C while a synchronous client waits: it says goodbye, and the program goes on as it would."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server

import socketio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 40
"""Seconds in which everything must happen; only a failing test waits so long."""

START = """
import signal, sys, threading
import {package}

def say(text):
    sys.stdout.write(text + "\\n")
    sys.stdout.flush()

url, transport = sys.argv[1:]
"""
ENGINEIO = """
client = engineio.Client({options})
client.on("disconnect", say)
client.connect(url, transports=[transport], engineio_path="socket.io")
"""
SOCKETIO = """
client = socketio.Client({options})
client.on("disconnect", say)
client.connect(url, transports=[transport])
"""
WAIT = """
try:
    say("connected")
    client.wait()
except KeyboardInterrupt:
    say("interrupted")
"""
OWN_HANDLER = """
def handle(number, frame):
    say("handled")
    sys.exit(7)

signal.signal(signal.SIGINT, handle)
"""
CLIENTS = {"engineio": ENGINEIO, "socketio": SOCKETIO}


class Waiting:
    """A program with a client, which has connected."""

    def __init__(self, url: str, transport: str, *parts: str, **names: str) -> None:
        code = "".join(part.format(options="", **names) for part in (START, *parts))
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, url, transport],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.expect("connected")

    def expect(self, line: str) -> None:
        """Read the next line."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == line

    def interrupt(self) -> tuple[list[str], int]:
        """Press Ctrl-C; what the program then says, and how it ends."""
        self._process.send_signal(signal.SIGINT)
        output, _ = self._process.communicate(timeout=SOON)
        return output.splitlines(), self._process.returncode

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def wait_at(start_peer: Callable[..., Any]) -> Iterator[Callable[..., Waiting]]:
    """Start a program that connects to a server of ours and waits."""
    programs: list[Waiting] = []
    peer = start_peer("ours")

    def started(transport: str, *parts: str, **names: str) -> Waiting:
        programs.append(Waiting(peer.url, transport, *parts, **names))
        return programs[-1]

    started.peer = peer  # type: ignore[attr-defined]
    yield started
    for program in programs:
        program.kill()


@pytest.mark.parametrize("package", CLIENTS)
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_waiting_ends_with_a_goodbye(
    wait_at: Callable[..., Waiting], package: str, transport: str
) -> None:
    waiting = wait_at(transport, CLIENTS[package], WAIT, package=package)

    assert waiting.interrupt() == (["client disconnect", "interrupted"], 0)


@pytest.mark.parametrize("package", CLIENTS)
def test_the_applications_own_handler_runs_after_the_goodbye(
    wait_at: Callable[..., Waiting], package: str
) -> None:
    waiting = wait_at("websocket", OWN_HANDLER, CLIENTS[package], WAIT, package=package)

    assert waiting.interrupt() == (["client disconnect", "handled"], 7)


@pytest.mark.parametrize("package", CLIENTS)
def test_who_does_not_want_it_is_only_interrupted(
    wait_at: Callable[..., Waiting], package: str
) -> None:
    client = CLIENTS[package].replace("{options}", "handle_sigint=False")
    waiting = wait_at("websocket", client, WAIT, package=package)

    output, status = waiting.interrupt()

    assert (output, status) == (["interrupted"], 0)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_the_server_is_told(transport: str) -> None:
    sio = socketio.Server(async_mode="threading")
    reasons: SimpleQueue[str] = SimpleQueue()
    sio.on("disconnect", lambda sid, reason: reasons.put(reason))
    server = make_server("127.0.0.1", 0, socketio.WSGIApp(sio), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.port}"
    waiting = Waiting(url, transport, SOCKETIO, WAIT, package="socketio")
    try:
        waiting.interrupt()
        assert reasons.get(timeout=SOON) == "client disconnect"
    finally:
        waiting.kill()
        server.shutdown()
        thread.join()
        server.server_close()


def test_waiting_for_a_reconnection_ends_too(wait_at: Callable[..., Waiting]) -> None:
    waiting = wait_at("websocket", SOCKETIO, WAIT, package="socketio")
    wait_at.peer.stop(signal.SIGKILL)  # type: ignore[attr-defined]
    waiting.expect("transport error")

    assert waiting.interrupt() == (["interrupted"], 0)
