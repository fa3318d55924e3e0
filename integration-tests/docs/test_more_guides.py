"""The guides that are mostly text, and what their tables claim."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import TYPE_CHECKING

import pytest
from docs.blocks import DOCS, read_page
from docs.programs import free_port

import engineio
import socketio
from engineio.base_server import BaseServer as EngineServer
from socketio import exceptions
from socketio.base_server import BaseServer
from socketio.testing import AsyncTestServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docs.programs import Program

ROW = re.compile(r"^\| [^|]+ \| `(\w+)` \| ([\d,]+) \|", re.MULTILINE)


async def test_limits_and_security() -> None:
    sio = (await read_page("docs/guide/limits-and-security.md").run())["sio"]

    assert sio.eio.cookie["Secure"] is True


@pytest.mark.parametrize(("trusted", "address"), [("127.0.0.1", "203.0.113.9"), ("", "127.0.0.1")])
async def test_the_address_behind_a_proxy(
    start: Callable[..., Program], tmp_path: Path, trusted: str, address: str
) -> None:
    port = free_port()
    (tmp_path / "server.py").write_text(
        "import socketio\n"
        "sio = socketio.AsyncServer()\n"
        "sio.on('who', lambda sid: sio.get_environ(sid)['REMOTE_ADDR'])\n"
        f"socketio.run(sio, port={port}, forwarded_allow_ips={trusted!r})\n"
    )
    start("python server.py", port)

    for transport in ("polling", "websocket"):
        async with socketio.AsyncSimpleClient() as client:
            await client.connect(
                f"http://127.0.0.1:{port}",
                headers={"X-Forwarded-For": "203.0.113.9"},
                transports=[transport],
            )
            assert await client.call("who") == address


def test_the_table_of_limits_has_the_real_defaults() -> None:
    text = (DOCS / "guide/limits-and-security.md").read_text()
    defaults = {
        parameter.name: parameter.default
        for server in (EngineServer, BaseServer)
        for parameter in inspect.signature(server).parameters.values()
    }

    rows = dict(ROW.findall(text))

    assert len(rows) >= 12
    assert {name: int(value.replace(",", "")) for name, value in rows.items()} == {
        name: defaults[name] for name in rows
    }
    named = {name for name in defaults if name.startswith("max_") or name.endswith("_timeout")}
    assert named <= set(rows) | {"max_attachment_bytes"}


async def test_troubleshooting() -> None:
    variables = await read_page("docs/guide/troubleshooting.md").run()
    sio = socketio.AsyncServer()

    async with AsyncTestServer(sio) as server:
        ada = await server.connect()
        ada.on("question", lambda: 42)
        # the kit's client has the method of the clients that is asked here
        sio.on("question", lambda sid: 42)
        assert await variables["careful"](ada) == 42
        await ada.drop()
        with pytest.raises(exceptions.BadNamespaceError):
            await ada.call("question")


@pytest.mark.parametrize(
    ("headers", "query", "namespace", "message"),
    [
        ({"Origin": "http://x"}, "", "/", "Forbidden: origin not allowed"),
        ({}, "sid=unknown", "/", "Session ID unknown"),
        ({}, "", "/nowhere", "Invalid namespace"),
    ],
)
async def test_the_errors_read_as_the_table_says(
    headers: dict[str, str], query: str, namespace: str, message: str
) -> None:
    text = (DOCS / "guide/troubleshooting.md").read_text()
    async with AsyncTestServer(socketio.AsyncServer()) as server:
        with pytest.raises(exceptions.ConnectionError, match=message):
            await server.connect(namespace, headers=headers, query=query)

    assert f"`{message}`" in text or f"{message}`" in text


def test_the_exceptions_of_the_table_exist() -> None:
    text = (DOCS / "guide/troubleshooting.md").read_text()
    names = re.findall(r"^\| `socketio\.exceptions\.(\w+)`", text, re.MULTILINE)

    classes = [getattr(exceptions, name) for name in names]

    assert len(classes) == 6
    assert all(issubclass(cls, exceptions.SocketIOError) for cls in classes)


async def test_performance() -> None:
    sio = (await read_page("docs/guide/performance.md").run())["sio"]

    async with AsyncTestServer(sio) as server:
        ada = await server.connect()
        assert await ada.call("report", "sales") == "report on sales"


async def test_admin() -> None:
    sio = (await read_page("docs/guide/admin.md").run())["sio"]

    async with AsyncTestServer(sio) as server:
        with pytest.raises(exceptions.ConnectionRefusedError, match="invalid credentials"):
            await server.connect("/admin", auth={"username": "admin", "password": "?"})
        await server.connect(
            "/admin", auth={"username": "admin", "password": "correct horse battery staple"}
        )


async def test_engineio(start: Callable[..., Program], tmp_path: Path) -> None:
    page = read_page("docs/guide/engineio.md")
    page.write(tmp_path)
    port = free_port()
    (command,) = page.commands()
    server = start(command.replace("8000", str(port)), port)
    variables = await page.run()

    assert await variables["talk"](f"http://127.0.0.1:{port}") == [{"hello": "world"}]
    await asyncio.to_thread(server.wait_for_text, "has gone: client disconnect")


async def test_engineio_refuses_as_documented(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "refuse.py").write_text(
        "import engineio\n"
        "eio = engineio.AsyncServer(async_mode='asgi')\n"
        "app = engineio.ASGIApp(eio)\n"
        "eio.on('connect', lambda sid, environ: {'not': 'you'})\n"
    )
    start(f"uvicorn refuse:app --port {port}", port)

    with pytest.raises(engineio.exceptions.ConnectionError) as refusal:
        await engineio.AsyncClient().connect(f"http://127.0.0.1:{port}")

    assert refusal.value.args[1] == {"not": "you"}


async def test_the_first_page(start: Callable[..., Program], tmp_path: Path) -> None:
    port = free_port()
    (block,) = read_page("docs/index.md").of("python")
    (tmp_path / "server.py").write_text(block.take().replace("run(app)", f"run(app, port={port})"))
    start("python server.py", port)

    async with socketio.AsyncSimpleClient() as client:
        await client.connect(f"http://127.0.0.1:{port}")
        assert await client.call("message", "hi") == "delivered"


async def test_the_readme_of_engineio(start: Callable[..., Program], tmp_path: Path) -> None:
    port = free_port()
    (block,) = read_page("packages/engineio/README.md").of("python")
    (tmp_path / "echo.py").write_text(block.take())
    start(f"uvicorn echo:app --port {port}", port)
    answers = []
    client = engineio.AsyncClient()

    @client.on("message")
    async def message(data: str) -> None:
        answers.append(data)
        await client.disconnect()

    await client.connect(f"http://127.0.0.1:{port}")
    await client.send("hello")
    await client.wait()

    assert answers == ["hello"]
