"""A client that stops reading is closed; the server's memory and the other clients do not care."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import socketio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER = Path(__file__).parents[1] / "soak" / "server.py"
LISTENING = re.compile(r"http://127\.0\.0\.1:\d+")
READERS = 2
MESSAGES = 1_600
SIZE = 65_536  # READERS * MESSAGES * SIZE is a little more than 200 MB
SEND_BUFFER_KB = 16 * 1024  # the default of max_send_buffer
OTHER_MEMORY_KB = 24 * 1024  # for everything else that a broadcast of this size needs


@pytest.fixture
def server_url() -> Iterator[str]:
    command = [sys.executable, str(SERVER), "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        listening = (LISTENING.search(line) for line in process.stderr)
        yield next(found[0] for found in listening if found)
        process.terminate()
        log = process.communicate(timeout=10)[1]
    assert "Traceback" not in log, log


def status(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/debug", timeout=10) as response:
        return json.load(response)


def stall_websocket(url: str) -> socket.socket:
    """Connect by WebSocket, join the default namespace, and never read again."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(4096)
    connection.sendall(b"\x81\x82\0\0\0\0" + b"40")  # a text frame with an empty mask
    while b"40{" not in received:
        received += connection.recv(4096)
    return connection


def stall_polling(url: str) -> str:
    """Connect by long-polling, join the default namespace, and never poll again."""
    endpoint = f"{url}/socket.io/?EIO=4&transport=polling"
    with urllib.request.urlopen(endpoint, timeout=10) as response:
        endpoint += "&sid=" + json.loads(response.read()[1:])["sid"]
    urllib.request.urlopen(endpoint, b"40", timeout=10).close()
    with urllib.request.urlopen(endpoint, timeout=10) as response:
        assert response.read().startswith(b"40{")
    return endpoint


def wait_closed_websocket(connection: socket.socket) -> None:
    with connection:
        try:
            while connection.recv(1 << 20):
                pass
        except ConnectionResetError:
            pass


def wait_closed_polling(endpoint: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        urllib.request.urlopen(endpoint, timeout=10)
    refused.value.close()


@pytest.mark.parametrize(
    ("stall", "wait_closed"),
    [(stall_websocket, wait_closed_websocket), (stall_polling, wait_closed_polling)],
    ids=["websocket", "polling"],
)
async def test_a_client_that_stops_reading_is_closed_and_the_others_miss_nothing(
    server_url: str, stall: Callable[[str], Any], wait_closed: Callable[[Any], None]
):
    received: list[list[int]] = []
    complete: list[asyncio.Event] = []
    readers = []
    for _ in range(READERS):
        reader, numbers, all_there = socketio.AsyncClient(), [], asyncio.Event()

        def news(data: bytes, numbers: list[int] = numbers, done: asyncio.Event = all_there):
            numbers.append(int.from_bytes(data[:8], "big"))
            if len(numbers) == MESSAGES:
                done.set()

        reader.on("news", news)
        await reader.connect(server_url, transports=["websocket"])
        readers.append(reader)
        received.append(numbers)
        complete.append(all_there)
    stalled = await asyncio.to_thread(stall, server_url)
    before = await asyncio.to_thread(status, server_url)

    await readers[0].call("broadcast", ("everybody", MESSAGES, SIZE), timeout=50)
    await asyncio.wait_for(asyncio.gather(*[event.wait() for event in complete]), 20)

    after = await asyncio.to_thread(status, server_url)
    assert received == [list(range(MESSAGES))] * READERS
    assert after["peak_kb"] - before["rss_kb"] < SEND_BUFFER_KB + OTHER_MEMORY_KB
    assert (before["sessions"], after["sessions"]) == (READERS + 1, READERS)
    assert after["reasons"] == {"transport error": 1}
    assert after["counters"]["slow_clients_closed"] == 1
    await asyncio.to_thread(wait_closed, stalled)
    for reader in readers:
        await reader.disconnect()
