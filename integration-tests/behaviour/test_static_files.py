"""Static files, another application and the endpoint behind real web servers of every kind."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import socketio

from .servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SITE = Path(__file__).parent / "static_site.py"
SOON = 20
"""Seconds in which everything must happen; only a failing test waits so long."""

TYPES = {
    "index.html": "text/html",
    "css/styles.css": "text/css",
    "a.js": "application/javascript",
    "a.json": "application/json",
    "a.jpg": "image/jpeg",
    "a.png": "image/png",
    "image.gif": "image/gif",
    "a.txt": "text/plain",
    "a.bin": "application/octet-stream",
    "README": "application/octet-stream",
}


@dataclass(frozen=True)
class Reply:
    status: int
    content_type: str
    body: str


class Site:
    """A running static_site.py."""

    def __init__(self, model: str, folder: Path) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [sys.executable, str(SITE), model, str(self.port)],
            cwd=folder,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + SOON
        while not listens(self.port):
            assert self._process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)

    async def get(self, target: str) -> Reply:
        """GET exactly what is given: no client makes the path a better one."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await asyncio.wait_for(reader.read(), SOON)).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        first, *lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(body.split(b"\r\n")[1::2])
        return Reply(
            int(first.split()[1]), headers["content-type"].partition(";")[0], body.decode()
        )

    def stop(self) -> str:
        """End it; return what it has complained of."""
        self._process.terminate()
        _, complaints = self._process.communicate(timeout=SOON)
        return complaints.decode()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write_files(folder: Path) -> Path:
    """Write files whose text is their name, and secrets around them."""
    root = folder / "site"
    names = ["latency.html", "static/socket.io.js", "static/style.css", "secret.txt"]
    for name in [*names, *(f"public/{name}" for name in TYPES), "public/css/index.html"]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("secret" if name == "secret.txt" else name)
    (root / "public" / "link.txt").symlink_to(root / "secret.txt")
    return root


MODELS = ["werkzeug", "pywsgi", "eventlet", "uvicorn"]


@pytest.fixture(scope="module", params=MODELS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = write_files(tmp_path_factory.mktemp(request.param))
    running = Site(request.param, folder)
    yield running
    complaints = running.stop()
    assert "Traceback" not in complaints, complaints


async def test_files_are_found_by_their_rules(site: Site) -> None:
    assert await site.get("/") == Reply(200, "text/html", "latency.html")
    assert await site.get("/static/style.css") == Reply(200, "text/css", "static/style.css")
    assert (await site.get("/static/socket.io.js")).content_type == "application/javascript"
    assert await site.get("/plain") == Reply(200, "text/plain", "latency.html")
    assert (await site.get("/?a=b")).body == "latency.html"


async def test_directories_serve_each_type_of_file(site: Site) -> None:
    for name, content_type in TYPES.items():
        assert await site.get(f"/public/{name}") == Reply(200, content_type, f"public/{name}")


async def test_a_slash_at_the_end_stands_for_the_default_file(site: Site) -> None:
    assert await site.get("/public/") == Reply(200, "text/html", "public/index.html")
    assert await site.get("/public/css/") == Reply(200, "text/html", "public/css/index.html")
    assert await site.get("/default/static/") == Reply(200, "image/gif", "public/image.gif")
    assert await site.get("/typed/static/") == Reply(200, "text/plain", "public/image.gif")


@pytest.mark.parametrize(
    "target",
    [
        "/public/../secret.txt",
        "/public/css/../../secret.txt",
        "/public/%2e%2e/secret.txt",
        "/public/..%2fsecret.txt",
        "/public/..%5csecret.txt",
        "/public//etc/passwd",
        "/public/link.txt",
        "/public/index.html%00",
        "/public",
        "/public/css",
        "/publicity",
        "/missing",
    ],
)
async def test_everything_else_goes_to_the_other_application(site: Site, target: str) -> None:
    assert await site.get(target) == Reply(200, "text/plain", "other")


@pytest.mark.parametrize("target", ["/default/", "/default/static/none.css", "/default/x"])
async def test_without_another_application_it_is_not_found(site: Site, target: str) -> None:
    assert (await site.get(target)).status == 404


async def test_the_endpoint_comes_before_the_files(site: Site) -> None:
    reply = await site.get("/socket.io/secret?EIO=4&transport=polling")

    assert json.loads(reply.body[1:])["upgrades"] == ["websocket"]


async def test_the_older_name_serves_the_endpoint_and_the_other_application(site: Site) -> None:
    assert (await site.get("/middleware/")).body == "other"
    assert (await site.get("/other-path/socket.io/?EIO=4&transport=polling")).body == "other"
    reply = await site.get("/other-path/a/path/?EIO=4&transport=polling")
    assert reply.body.startswith("0{")


@pytest.mark.parametrize("path", ["socket.io", "middleware/socket.io", "other-path/a/path"])
@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_clients_are_served_beside_the_files(site: Site, path: str, transport: str) -> None:
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(
            f"http://127.0.0.1:{site.port}", transports=[transport], socketio_path=path
        )
        assert await client.call("greet", "Ada", timeout=SOON) == "Hello Ada"
        assert client.transport == transport
