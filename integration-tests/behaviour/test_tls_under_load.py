"""TLS: threaded clients that read and write at once, and each kind of synchronous server.

OpenSSL's connections must not be used by two threads at the same time; upstream's client does, and
loses some (integration-tests/upstream/tls_load.py counts them).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

import socketio

from .leftovers import nothing_left, open_sockets
from .servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SOON = 30
"""Seconds in which everything must happen; only a failing test waits so long."""

LARGE = bytes(range(256)) * 2000
"""Many TLS records, more than the system buffers of a socket that is not read."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-out", files[0], "-keyout", files[1]],
        check=True,
        capture_output=True,
    )
    return files


class TlsServer:
    """A running tls_server.py."""

    def __init__(self, model: str, certificate: tuple[str, str]) -> None:
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        program = [sys.executable, str(HERE / "tls_server.py"), model, str(self.port)]
        self._process = subprocess.Popen([*program, *certificate], stderr=subprocess.PIPE)
        deadline = time.monotonic() + SOON
        while not self._listens():
            assert self._process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> str:
        """End it; return what it has complained of."""
        self._process.terminate()
        _, complaints = self._process.communicate(timeout=SOON)
        return complaints.decode()


@pytest.fixture(scope="module", params=["uvicorn", "werkzeug", "pywsgi", "eventlet"])
def server(request: pytest.FixtureRequest, certificate: tuple[str, str]) -> Iterator[TlsServer]:
    running = TlsServer(request.param, certificate)
    yield running
    complaints = running.stop()
    # a probe of the port that says nothing is none of the server's business
    assert "Traceback" not in complaints or "SSLEOFError" in complaints, complaints


@pytest.mark.parametrize(
    ("clients", "at_once", "events", "size"),
    [(8, 4, 300, 10), (8, 8, 40, 50_000)],
    ids=["many small events", "large events"],
)
def test_threaded_clients_read_and_write_at_once(
    server: TlsServer, clients: int, at_once: int, events: int, size: int
) -> None:
    script = HERE.parent / "upstream" / "tls_client.py"
    numbers = map(str, (clients, at_once, events, size, SOON))

    done = subprocess.run(
        [sys.executable, str(script), server.url, *numbers],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == {"clients": clients, "failed": 0, "why": {}}, done.stderr


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]])
async def test_a_round_trip_on_each_transport(
    server: TlsServer, transports: list[str], certificate: tuple[str, str]
) -> None:
    before = open_sockets()
    context = ssl.create_default_context(cafile=certificate[0])
    connector = aiohttp.TCPConnector(ssl=context)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        socketio.AsyncSimpleClient(http_session=session) as client,
    ):
        await client.connect(server.url, transports=transports)
        for data in (b"", b"\x00\xff", LARGE):
            assert await client.call("echo", ("text", data), timeout=SOON) == ("text", data)
        assert client.transport == transports[-1]
    await asyncio.wait_for(nothing_left(before), SOON)


async def drip(source: asyncio.StreamReader, sink: asyncio.StreamWriter, size: int) -> None:
    """Pass on what comes in pieces of a size, each a packet of its own."""
    with contextlib.suppress(ConnectionError):  # one of the two has gone
        while data := await source.read(65_536):
            for start in range(0, len(data), size):
                sink.write(data[start : start + size])
                await sink.drain()
    sink.close()
    with contextlib.suppress(ConnectionError):
        await sink.wait_closed()


async def test_records_arrive_in_pieces(server: TlsServer, certificate: tuple[str, str]) -> None:
    passed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(drip(reader, to_server, 1), drip(from_server, writer, 65_536))
        passed.set()

    context = ssl.create_default_context(cafile=certificate[0])
    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    async with (
        proxy,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        socketio.AsyncSimpleClient(http_session=session) as client,
    ):
        await client.connect(f"https://127.0.0.1:{port}", transports=["websocket"])
        for data in (b"", bytes(100), bytes(3000)):
            assert await client.call("echo", data, timeout=SOON) == data
        await client.disconnect()
        await asyncio.wait_for(passed.wait(), SOON)
