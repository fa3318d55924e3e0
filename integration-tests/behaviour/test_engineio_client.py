"""The Engine.IO clients of both colours against real servers: ours, upstream's and Node's."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import requests
from colours import COLOURS, engineio_client

from engineio.base_client import connected_clients
from engineio.exceptions import ConnectionError

from .leftovers import nothing_left, open_sockets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

ROOT = Path(__file__).parent.parent
UPSTREAM_PYTHON = os.environ.get(
    "UPSTREAM_PYTHON", str(ROOT.parent / ".cache" / "upstream-venv" / "bin" / "python")
)
PROGRAMS = {
    "ours": [sys.executable, str(ROOT / "peers" / "engine_app.py")],
    "upstream": [UPSTREAM_PYTHON, str(ROOT / "peers" / "engine_app.py")],
    "node": ["node", str(ROOT / "js" / "engine_peer.mjs")],
}
WAYS = {
    "polling": (["polling"], "polling"),
    "upgrade": (["polling", "websocket"], "websocket"),
    "websocket": (["websocket"], "websocket"),
}
PATIENCE = 10
"""Seconds that a test waits for what must happen."""


class Server:
    """A server process that can stop and come back on the same port."""

    def __init__(self, program: list[str], options: dict[str, Any]) -> None:
        self._program = program
        self._options = json.dumps(options)
        self._scheme = "https" if "certfile" in options else "http"
        self._port = "0"
        self.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [*self._program, self._port, self._options], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        word, self._port = self._process.stdout.readline().split()
        assert word == "PORT"

    def freeze(self) -> None:
        """Let it be silent, with its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Recorder:
    """A client whose handlers put what they get into a queue."""

    def __init__(self, colour: str, transports: list[str], **options: Any) -> None:
        self.client = engineio_client(colour, handle_sigint=False, **options)
        self.transports = transports
        self.seen: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.client.on("connect", lambda: self.seen.put_nowait(("connect", self.client.sid)))
        self.client.on("message", lambda data: self.seen.put_nowait(("message", data)))
        self.client.on(
            "disconnect",
            lambda reason: self.seen.put_nowait(("disconnect", (reason, self.client.state))),
        )

    async def connect(self, url: str, **options: Any) -> None:
        await self.client.connect(url, transports=self.transports, **options)
        assert (await self.next("connect")) == self.client.sid

    async def next(self, event: str, skip: str = "") -> Any:
        name = skip
        while name == skip:
            name, value = await asyncio.wait_for(self.seen.get(), PATIENCE)
        assert name == event
        return value


@pytest.fixture
def start_server() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(name: str, **options: Any) -> Server:
        servers.append(Server(PROGRAMS[name], options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(params=PROGRAMS)
def peer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def record(colour: str, way: str) -> AsyncIterator[Callable[..., Recorder]]:
    """Make clients for one way of transport; nothing of them may be left at the end."""
    before = open_sockets()
    recorders: list[Recorder] = []

    def make(**options: Any) -> Recorder:
        recorders.append(Recorder(colour, WAYS[way][0], **options))
        return recorders[-1]

    yield make
    for recorder in recorders:
        await recorder.client.disconnect()
        assert recorder.client.http is None or recorder.client.external_http
    assert connected_clients == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await asyncio.wait_for(nothing_left(before), PATIENCE)


async def test_messages_of_every_kind_come_back_in_order(peer, way, start_server, record):
    recorder = record()
    server = start_server(peer)

    await recorder.connect(server.url)
    assert recorder.client.transport() == WAYS[way][1]
    sent = ["text", "smörgås €", {"a": [1, None]}, b"\x00\xff", "12", b"", {"last": True}]
    for data in sent:
        await recorder.client.send(data)

    assert [await recorder.next("message") for _ in sent] == sent


async def test_hundreds_of_messages_at_once_arrive_in_order(peer, way, start_server, record):
    recorder = record()
    server = start_server(peer, max_payload=2000)
    await recorder.connect(server.url)
    sent = [f"{number} {'x' * (number % 200)}" for number in range(500)]

    for data in sent:
        await recorder.client.send(data)

    assert [await recorder.next("message") for _ in sent] == sent


async def test_a_server_may_send_any_number_of_messages_at_once(peer, way, start_server, record):
    recorder = record()
    server = start_server(peer)
    await recorder.connect(server.url)

    await recorder.client.send("burst 300")

    received = [await recorder.next("message") for _ in range(300)]
    assert received == [f"burst {number}" for number in range(300)]


async def test_a_connection_outlives_its_heartbeats(peer, way, start_server, record):
    recorder = record()
    server = start_server(peer, ping_interval=0.2, ping_timeout=0.4)
    await recorder.connect(server.url)

    await recorder.client.send("later 1.5")

    assert await recorder.next("message") == "here"
    assert recorder.client.state == "connected"


async def test_a_server_that_stops_pinging_is_given_up(peer, way, start_server, record):
    recorder = record()
    server = start_server(peer, ping_interval=0.2, ping_timeout=0.3)
    await recorder.connect(server.url)

    server.freeze()

    assert await recorder.next("disconnect") == ("transport error", "connected")
    await recorder.client.wait()


async def test_a_server_that_disconnects_is_reported_as_a_drop(peer, way, start_server, record):
    recorder = record()
    server = start_server(peer)
    await recorder.connect(server.url)

    await recorder.client.send("bye")

    reason, state = await recorder.next("disconnect")
    assert reason in ("transport close", "transport error")
    assert state == "connected"
    await recorder.client.wait()
    assert (recorder.client.state, recorder.client.sid) == ("disconnected", None)


async def test_a_client_connects_again_after_the_server_restarted(peer, way, start_server, record):
    recorder = record()
    server = start_server(peer)
    await recorder.connect(server.url)
    first = recorder.client.sid

    server.stop()

    assert await recorder.next("disconnect") == ("transport error", "connected")
    await recorder.client.wait()
    with pytest.raises(ConnectionError):
        await recorder.connect(server.url)
    server.start()
    await recorder.connect(server.url)
    assert recorder.client.sid != first
    await recorder.client.send("again")
    assert await recorder.next("message") == "again"


async def test_what_was_sent_before_a_disconnect_arrives(peer, way, start_server, record):
    recorder, witness = record(), record()
    server = start_server(peer)
    await recorder.connect(server.url)

    await recorder.client.send("reasons")
    await recorder.client.disconnect()

    ending = await recorder.next("disconnect", skip="message")
    assert ending == ("client disconnect", "disconnecting")
    assert recorder.client.state == "disconnected"
    await witness.connect(server.url)
    await witness.client.send("reasons")
    reasons = await witness.next("message")
    # the JavaScript server knows no CLOSE packet on a WebSocket
    expected = "transport close" if peer == "node" else "client disconnect"
    assert reasons == [expected]


async def test_a_client_can_leave_and_come_back_at_once(peer, way, start_server, record):
    recorder = record()
    server = start_server(peer)

    for _ in range(5):
        await recorder.connect(server.url)
        await recorder.client.disconnect()
        assert await recorder.next("disconnect") == ("client disconnect", "disconnecting")


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = {"certfile": str(folder / "cert.pem"), "keyfile": str(folder / "key.pem")}
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", files["keyfile"], "-out", files["certfile"]],
        check=True,
        capture_output=True,
    )
    return files


async def test_an_unknown_certificate_is_refused(peer, way, start_server, record, authority):
    recorder = record()
    server = start_server(peer, **authority)

    with pytest.raises(ConnectionError):
        await recorder.connect(server.url)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
async def test_any_certificate_is_accepted_without_verification(
    peer, way, start_server, record, authority
):
    recorder = record(ssl_verify=False)
    server = start_server(peer, **authority)

    await recorder.connect(server.url)
    await recorder.client.send("secret")

    assert recorder.client.transport() == WAYS[way][1]
    assert await recorder.next("message") == "secret"


@pytest.fixture
async def session_with_authority(colour: str, authority: dict[str, str]) -> AsyncIterator[Any]:
    """An HTTP session that trusts the certificate of the server."""
    if colour == "asyncio":
        context = ssl.create_default_context(cafile=authority["certfile"])
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            yield session
    else:
        with requests.Session() as session:
            session.verify = authority["certfile"]
            yield session


async def test_a_session_brings_its_own_authority(
    peer, way, start_server, record, authority, session_with_authority
):
    server = start_server(peer, **authority)
    recorder = record(http_session=session_with_authority)

    await recorder.connect(server.url.replace("https", "wss"))
    await recorder.client.send("secret")
    assert await recorder.next("message") == "secret"
    await recorder.client.disconnect()

    assert recorder.client.transport() == WAYS[way][1]
    assert recorder.client.http is session_with_authority
