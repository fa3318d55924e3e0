"""The guides: their code runs, and does what the text around it says."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from docs.blocks import read_page
from docs.programs import free_port

import socketio
from socketio.exceptions import ConnectionRefusedError
from socketio.testing import AsyncTestServer, TestServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


async def test_servers(capsys: pytest.CaptureFixture[str]) -> None:
    page = read_page("docs/guide/servers.md")
    variables = await page.run()
    assert variables["sio"].eio.counters.opened == 0

    # the handlers are those of the server before the last block
    first = await page_without_last_block(page)
    async with AsyncTestServer(first["sio"]) as server:
        ada = await server.connect()
        bob = await server.connect()
        assert await ada.call("chat message", "hi") == ("delivered", 2)
        await ada.emit("move", (1, 2))
        await ada.emit("unknown", "x")
        sid = ada.sid
        await first["sio"].enter_room(bob.sid, "room")
        await first["examples"](sid)
        assert [event[0] for event in await ada.received()] == [
            "news", "news", "point", "ping me", "picture", "message",
        ]  # fmt: skip
        assert [event[0] for event in await bob.received()] == [
            "news", "news", "news", "point", "ping me", "picture",
        ]  # fmt: skip
        await ada.disconnect()
        await first["start_ticker"]()
        await server.advance(10)
        assert await bob.received() == [["tick"]]
    said = capsys.readouterr().out
    assert f"{sid} comes from 127.0.0.1" in said
    assert f"{sid} moves to 1 2" in said
    assert f"{sid} emits unknown with ('x',)" in said
    assert f"{sid} has gone: client disconnect" in said


async def page_without_last_block(page: Any) -> dict[str, Any]:
    """Run a page up to its last block of Python."""
    shorter = type(page)(
        page.name, [block for block in page.blocks if block != page.of("python")[-1]]
    )
    return await shorter.run()


async def test_servers_beside_other_applications(start: Any) -> None:
    page = read_page("docs/guide/servers.md")
    site = (await page.run("fastapi"))["site"]
    flask_app = (await page.run("flask"))["app"]

    assert any(route.path == "/ws" for route in site.routes)
    assert isinstance(flask_app.wsgi_app, socketio.WSGIApp)


async def test_namespaces_and_rooms(capsys: pytest.CaptureFixture[str]) -> None:
    variables = await read_page("docs/guide/namespaces-and-rooms.md").run()
    sio = variables["sio"]

    async with AsyncTestServer(sio) as server:
        ada = await server.connect("/chat")
        bob = await server.connect("/chat")
        await ada.emit("say", "hi")
        assert await bob.receive() == ["said", "hi"]
        with pytest.raises(ConnectionRefusedError, match="Invalid namespace"):
            await ada.join("/nowhere")

        await variables["rooms_of_a_client"](ada.sid)
        assert str(ada.sid) in capsys.readouterr().out
        assert set(sio.rooms(ada.sid, "/chat")) == {ada.sid, "lobby"}

        carl = await server.connect("/rooms/chat")
        await carl.emit("say", "hello")
        assert await carl.receive() == ["said", "hello"]

        dora = await server.connect(auth={"user": "dora"})
        tab = await server.connect(auth={"user": "dora"})
        await variables["notify"]("dora", "news")
        assert await dora.received() == await tab.received() == [["notice", "news"]]
        with pytest.raises(ValueError):
            await sio.enter_room(dora.sid, tab.sid)
        with pytest.raises(KeyError):
            await sio.enter_room("nobody", "room")


@pytest.mark.parametrize("step", range(6))
async def test_which_handler(step: int) -> None:
    """The six rows of the table, in this order."""
    sio = socketio.AsyncServer()
    got: list[tuple[int, Any]] = []

    class OfNamespace(socketio.AsyncNamespace):
        def on_say(self, *args: Any) -> None:
            got.append((5, args))

    class OfAll(socketio.AsyncNamespace):
        def on_say(self, *args: Any) -> None:
            got.append((6, args))

    registrations: list[Callable[[], Any]] = [
        lambda: sio.on("say", lambda *args: got.append((1, args)), namespace="/chat"),
        lambda: sio.on("*", lambda *args: got.append((2, args)), namespace="/chat"),
        lambda: sio.on("say", lambda *args: got.append((3, args)), namespace="*"),
        lambda: sio.on("*", lambda *args: got.append((4, args)), namespace="*"),
        lambda: sio.register_namespace(OfNamespace("/chat")),
        lambda: sio.register_namespace(OfAll("*")),
    ]
    sio.namespaces = ["/chat"]
    for register in registrations[step:]:
        register()

    async with AsyncTestServer(sio) as server:
        ada = await server.connect("/chat")
        sid = ada.sid
        await ada.emit("say", "x")

    expected = [
        (sid, "x"), ("say", sid, "x"), ("/chat", sid, "x"), ("say", "/chat", sid, "x"),
        (sid, "x"), ("/chat", sid, "x"),
    ]  # fmt: skip
    assert got == [(step + 1, expected[step])]


async def test_acknowledgements(capsys: pytest.CaptureFixture[str]) -> None:
    variables = await read_page("docs/guide/acknowledgements.md").run()

    async with AsyncTestServer(variables["sio"]) as server:
        ada = await server.connect()
        ada.on("confirm", lambda question: question == "Delete it?")
        assert await ada.call("add", (1, 2)) == 3
        assert await ada.call("save", {}) == ("OK", 17)
        assert await ada.call("rename", "") == {"error": "a name, please"}
        assert await variables["confirm"](ada.sid) is True
        await variables["tell"](ada.sid, "hi")
        await server.settle()
        assert "has seen it: ()" in capsys.readouterr().out

        ada.silent = True
        asking = asyncio.create_task(variables["confirm"](ada.sid))
        await server.advance(30)
        assert await asking is False


async def test_a_client_asks_as_documented(start: Any, tmp_path: Path) -> None:
    variables = await read_page("docs/guide/acknowledgements.md").run("client")
    port = free_port()
    (tmp_path / "server.py").write_text(
        "import socketio\n"
        "sio = socketio.AsyncServer()\n"
        "sio.on('add', lambda sid, a, b: a + b)\n"
        f"socketio.run(sio, port={port})\n"
    )
    start("python server.py", port)

    assert await variables["ask"](f"http://127.0.0.1:{port}") == 3


async def test_sessions(capsys: pytest.CaptureFixture[str]) -> None:
    variables = await read_page("docs/guide/sessions.md").run()

    async with AsyncTestServer(variables["sio"]) as server:
        ada = await server.connect(auth={"name": "Ada"})
        await ada.emit("rename", "Grace")
        await ada.emit("message", "hi")
        assert await ada.received() == [["message", "Grace: hi"]]
        await ada.disconnect()
        with pytest.raises(KeyError):
            await variables["sio"].get_session("nobody")
    assert "Grace has gone" in capsys.readouterr().out


async def test_sessions_of_web_frameworks() -> None:
    sio = (await read_page("docs/guide/sessions.md").run("cookie"))["sio"]

    async with AsyncTestServer(sio) as server:
        with pytest.raises(ConnectionRefusedError):
            await server.connect()
        ada = await server.connect(headers={"Cookie": "session=abc"})
        assert await sio.get_session(ada.sid) == {"user": {"id": "abc"}}


async def test_authentication() -> None:
    variables = await read_page("docs/guide/authentication.md").run()
    sio = variables["sio"]

    async with AsyncTestServer(sio) as server:
        ada = await server.connect(auth={"user": "ada", "token": "correct horse"})
        await sio.enter_room(ada.sid, "user:ada")
        for auth in (None, {"user": "ada"}, {"user": "ada", "token": "x"}, {"user": "eve"}):
            with pytest.raises(ConnectionRefusedError, match="wrong user or token"):
                await server.connect(auth=auth)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await server.connect(headers={"Origin": "https://evil.example.com"})
        await variables["log_out"]("ada")
        await server.settle()
        assert ada.sid is None


async def test_a_token_is_renewed_with_each_connection(start: Any, tmp_path: Path) -> None:
    variables = await read_page("docs/guide/authentication.md").run()
    port = free_port()
    (tmp_path / "server.py").write_text(
        "import socketio\n"
        "sio = socketio.AsyncServer()\n"
        "sio.on('connect', lambda sid, environ, auth: auth['token'] == 'correct horse')\n"
        f"socketio.run(sio, port={port})\n"
    )
    start("python server.py", port)

    client = await variables["come_in"](f"http://127.0.0.1:{port}")

    assert client.connected
    await client.disconnect()


@pytest.mark.parametrize("scene", ["", "threads"])
async def test_clients(
    start: Any, tmp_path: Path, scene: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = read_page("docs/guide/clients.md")
    page.write(tmp_path)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = tmp_path / "server.py"
    program.write_text(program.read_text().replace("run(sio)", f"run(sio, port={port})"))
    start("python server.py", port)

    variables = await page.run(scene)

    if scene == "threads":
        visited = await asyncio.to_thread(variables["visit"], url)
        await asyncio.to_thread(variables["main"], url)
        assert variables["names"] == ["Grace"]
    else:
        visited = await variables["visit"](url)
        await variables["main"](url)
        said = capsys.readouterr().out
        assert "connected as" in said
        assert "Ada has joined" in said
        assert "42" in said
        assert "disconnected: client disconnect" in said
    assert visited == ("Hello Ada", ["joined", "Ada"])


def test_clients_from_a_terminal(start: Any, tmp_path: Path) -> None:
    page = read_page("docs/guide/clients.md")
    page.write(tmp_path)
    port = free_port()
    program = tmp_path / "server.py"
    program.write_text(program.read_text().replace("run(sio)", f"run(sio, port={port})"))
    start("python server.py", port)
    type_, call, listen, help_ = (command.replace("5000", str(port)) for command in page.commands())

    listener = start(f"{listen} --count 1")
    listener.wait_for_text("Connected")
    assert "Hello Ada" in start(call).finish()
    assert '["joined", "Ada"]' in listener.finish()
    assert "exit codes" in start(help_).finish()
    start(f"{type_} < /dev/null").finish()


def test_testing(start: Any, tmp_path: Path) -> None:
    page = read_page("docs/guide/testing.md")
    page.write(tmp_path)

    output = start(f"{sys.executable} -m pytest -p no:cacheprovider -W default .").finish()

    assert "7 passed" in output


def test_testing_without_asyncio() -> None:
    """What the table says of both kits holds for that of threads."""
    sio = socketio.Server(async_mode="threading")
    with TestServer(sio) as server:
        assert server.connect().connected
