"""The page on deployment: each of its commands serves, on both transports."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from docs.blocks import read_page
from docs.programs import BIN, Program, free_port

import socketio

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGE = read_page("docs/guide/deployment.md")
PORT = "8000"
SETTINGS = "ALLOWED_HOSTS = ['*']\nROOT_URLCONF = 'settings'\nurlpatterns = []\nSECRET_KEY = 'x'\n"


def write(folder: Path, port: int) -> None:
    """Write the files of the page, with a free port in place of theirs."""
    PAGE.write(folder)
    (folder / "settings.py").write_text(SETTINGS)
    for path in folder.iterdir():
        path.write_text(path.read_text().replace(PORT, str(port)))


async def visit(url: str, transport: str) -> None:
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(url, transports=[transport])
        assert await client.call("greet", "Ada") == "Hello Ada"
        assert client.transport == transport


@pytest.mark.parametrize(
    "command", [command for command in PAGE.commands() if not command.startswith("pip ")]
)
async def test_command(command: str, start: Callable[..., Program], tmp_path: Path) -> None:
    port = free_port()
    write(tmp_path, port)

    start(command.replace(PORT, str(port)), port)

    for transport in ("polling", "websocket"):
        await visit(f"http://127.0.0.1:{port}", transport)


async def test_nginx(start: Callable[..., Program], tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    write(tmp_path, port)
    settings = (tmp_path / "nginx.conf").read_text()
    assert settings.count("listen 80;") == 1
    settings = settings.replace("listen 80;", f"listen 127.0.0.1:{own};")
    start(f"uvicorn app:app --port {port}", port)
    start_nginx(start, tmp_path, settings, own)

    for transport in ("polling", "websocket"):
        await visit(f"http://127.0.0.1:{own}", transport)


async def test_nginx_with_two_processes(start: Callable[..., Program], tmp_path: Path) -> None:
    ports, own = (free_port(), free_port()), free_port()
    write(tmp_path, ports[0])
    upstream = (tmp_path / "cluster.conf").read_text()
    for number, port in zip(("8001", "8002"), ports, strict=True):
        upstream = upstream.replace(number, str(port))
        start(f"uvicorn app:app --port {port}", port)
    settings = (tmp_path / "nginx.conf").read_text()
    settings = settings.replace("listen 80;", f"listen 127.0.0.1:{own};")
    settings = settings.replace("http {", "http {\n" + upstream, 1)
    settings = settings.replace(
        f"proxy_pass http://127.0.0.1:{ports[0]};", "proxy_pass http://chat;"
    )
    assert "http://chat" in settings
    start_nginx(start, tmp_path, settings, own)

    for transport in ("polling", "websocket"):
        await visit(f"http://127.0.0.1:{own}", transport)


def start_nginx(start: Callable[..., Program], folder: Path, settings: str, port: int) -> None:
    folders = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
    )
    settings = settings.replace("http {", f"http {{\naccess_log off;\n{folders}", 1)
    (folder / "nginx.conf").write_text(f"daemon off;\npid nginx.pid;\n{settings}")
    start(f"nginx -p {folder} -c nginx.conf -e stderr", port)


def test_the_service_starts_what_the_page_says(tmp_path: Path) -> None:
    (unit,) = PAGE.of("ini")
    (line,) = [line for line in unit.take().splitlines() if line.startswith("ExecStart=")]
    program, *words = line.partition("=")[2].split()

    assert program == "/srv/chat/.venv/bin/uvicorn"
    (command,) = [command for command in PAGE.commands() if "--ws engineio" in command]
    assert ["uvicorn", *words] == command.replace(PORT, "%i").split()


def test_eventlet_is_on_the_way_out() -> None:
    """What the page says of it is what it says of itself."""
    code = "import warnings, eventlet; print('ok')"
    done = subprocess.run(
        [BIN / "python", "-W", "default", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )

    assert "eventlet" in done.stderr.lower()
