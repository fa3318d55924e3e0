"""The page of known differences is complete, its tests exist, and here are those it has alone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from docs.blocks import DOCS, ROOT

import engineio
import socketio
from socketio.exceptions import ConnectionRefusedError, TimeoutError
from socketio.testing import AsyncTestServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

TEXT = (DOCS / "differences.md").read_text()
ROW = re.compile(r"^\| ([ESA])(\d\d) \| (.*) \| (.*) \| ?(.*?) ?\|$", re.MULTILINE)
ROWS = ROW.findall(TEXT)
EXTRAS = {
    "socketio.AsyncSimpleClient": "asyncio-client",
    "socketio.SimpleClient": "client",
}


def test_every_number_has_its_row() -> None:
    numbers = [f"{letter}{number}" for letter, number, *_ in ROWS]

    expected = [f"E{number:02}" for number in range(1, 81)]
    expected += [f"S{number:02}" for number in range(1, 58)]
    expected += [f"A{number:02}" for number in range(1, 17)]
    assert numbers == expected


def names_in(file: Path) -> Iterator[str]:
    """The names of the tests that pytest collects from a file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.parse(file.read_text()).body:
        inner = node.body if isinstance(node, ast.ClassDef) and node.name[:4] == "Test" else [node]
        for each in inner:
            if isinstance(each, functions) and each.name.startswith("test_"):
                yield each.name


def test_every_row_has_tests_that_are_run_or_says_why_it_stays(scenarios: ModuleType) -> None:
    folders = [*ROOT.glob("packages/*/tests"), ROOT / "integration-tests"]
    run = {scenario.__name__ for scenario in scenarios.SCENARIOS}
    for file in (file for folder in folders for file in folder.rglob("test_*.py")):
        run.update(names_in(file))

    for letter, number, _, here, shown in ROWS:
        names = set(re.findall(r"`(\w+)`", shown))
        assert names <= run, f"{letter}{number}: {names - run}"
        assert names or "**Stays**" in here, f"{letter}{number}"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def test_a(): ...", ["test_a"]),
        ("async def test_a(): ...", ["test_a"]),
        ("class TestB:\n    def test_a(self): ...", ["test_a"]),
        ("class B:\n    def test_a(self): ...", []),
        ("def helper():\n    def test_a(): ...", []),
        ("def emit(): ...", []),
    ],
)
def test_what_is_not_run_does_not_count(source: str, names: list[str], tmp_path: Path) -> None:
    file = tmp_path / "test_file.py"
    file.write_text(source)

    assert list(names_in(file)) == names


# requests of ASGI


class Answer:
    """What an ASGI application answers to one request."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def send(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    @property
    def status(self) -> int:
        return int(self.events[0]["status"])


async def ask(app: Any, path: str = "/engine.io/", root: str = "", **scope: Any) -> Answer:
    answer = Answer()
    events = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return events.pop() if events else {"type": "http.disconnect"}

    await app(
        {
            "type": "http",
            "method": "GET",
            "path": path,
            "root_path": root,
            "query_string": b"EIO=4&transport=polling",
            "headers": [],
            **scope,
        },
        receive,
        answer.send,
    )
    return answer


def make_engine() -> engineio.AsyncServer:
    return engineio.AsyncServer(async_mode="asgi")


def test_attach_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="ASGIApp"):
        make_engine().attach(object())


async def test_a_connect_handler_with_one_argument() -> None:
    eio = make_engine()
    came = []
    eio.on("connect", lambda sid: came.append(sid))

    answer = await ask(engineio.ASGIApp(eio))

    assert answer.status == 200
    assert len(came) == 1
    await eio.disconnect()


async def test_a_failing_hook_says_why() -> None:
    async def fail() -> None:
        raise LookupError("no database")

    app = engineio.ASGIApp(make_engine(), on_startup=lambda: fail())
    answer = Answer()

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    await app({"type": "lifespan"}, receive, answer.send)

    assert answer.events == [{"type": "lifespan.startup.failed", "message": "no database"}]


@pytest.mark.parametrize("path", ["/ws/engine.io/", "/engine.io/"])
async def test_an_application_under_a_prefix(path: str) -> None:
    eio = make_engine()

    answer = await ask(engineio.ASGIApp(eio), path, root="/ws")

    assert answer.status == 200
    await eio.disconnect()


async def test_header_names_of_asgi_are_lower_case() -> None:
    eio = make_engine()

    answer = await ask(engineio.ASGIApp(eio))

    names = [name for name, _ in answer.events[0]["headers"]]
    assert names == [name.lower() for name in names] != []
    await eio.disconnect()


async def test_headers_may_be_latin_1() -> None:
    eio = make_engine()
    seen = []
    eio.on("connect", lambda sid, environ: seen.append(environ["HTTP_X_NAME"]))

    await ask(engineio.ASGIApp(eio), headers=[(b"x-name", "Zoë".encode("latin-1"))])

    assert seen == ["Zoë"]
    await eio.disconnect()


def test_heartbeats_follow_a_clock_that_nobody_sets() -> None:
    assert make_engine().clock is time.monotonic
    assert engineio.Server(async_mode="threading").clock is time.monotonic


async def test_disconnecting_nobody() -> None:
    await make_engine().disconnect()
    engineio.Server(async_mode="threading").disconnect()


@pytest.mark.parametrize("name", EXTRAS)
def test_a_missing_extra_is_named(name: str) -> None:
    connect = f"{name}().connect('http://127.0.0.1:1')"
    if "Async" in name:
        connect = f"import asyncio; asyncio.run({connect})"
    hide = "import sys; sys.modules.update(aiohttp=None, requests=None, websocket=None)"
    code = f"{hide}\nimport socketio\n{connect}"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert f"[{EXTRAS[name]}]" in done.stderr
    assert "ModuleNotFoundError" in done.stderr


# Socket.IO


async def test_the_call_of_a_namespace_class_ends() -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    namespace = socketio.AsyncNamespace("/")
    sio.register_namespace(namespace)
    async with AsyncTestServer(sio) as server:
        ada = await server.connect()
        ada.silent = True
        ended = []

        async def call() -> None:
            try:
                await namespace.call("question", to=ada.sid)
            except TimeoutError:
                ended.append(True)

        sio.start_background_task(call)
        sio.eio.ping_timeout = 1000  # that it is silent is not the point
        await server.advance(59)
        assert not ended
        await server.advance(1)
        assert ended


async def test_the_disconnect_of_a_namespace_class_has_ignore_queue() -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    namespace = socketio.AsyncNamespace("/")
    sio.register_namespace(namespace)
    async with AsyncTestServer(sio) as server:
        ada = await server.connect()
        assert ada.sid is not None

        await namespace.disconnect(ada.sid, ignore_queue=True)
        await server.settle()

        assert ada.sid is None


async def test_a_client_finds_its_handlers_as_a_server_does() -> None:
    client = socketio.AsyncClient()
    client.on("connect", lambda: None, namespace="/chat")
    client.on("say", lambda namespace, text: (namespace, text), namespace="*")

    assert await client._trigger_event("say", "/chat", "hi") == ("/chat", "hi")


async def test_who_has_left_everything_is_closed() -> None:
    async with AsyncTestServer(socketio.AsyncServer(async_mode="asgi")) as server:
        ada = await server.connect()
        await ada.leave()

        await server.advance(44)
        assert ada.connected
        await server.advance(1)
        assert not ada.connected


# the Admin UI


async def reports(admin: Any, server: AsyncTestServer) -> list[str]:
    await server.advance(10)
    return [name for name, *_ in await admin.received("/admin") if name != "server_stats"]


async def test_refused_clients_are_not_reported() -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    sio.on("connect", lambda sid, environ: False)
    instrumented = sio.instrument(auth=False)
    async with AsyncTestServer(sio) as server:
        admin = await server.connect("/admin")
        await reports(admin, server)

        with pytest.raises(ConnectionRefusedError):
            await server.connect()

        assert await reports(admin, server) == []
        await instrumented.shutdown()


async def test_what_admins_do_is_not_reported() -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    instrumented = sio.instrument(auth=False)
    async with AsyncTestServer(sio) as server:
        admin = await server.connect("/admin")
        await reports(admin, server)

        await admin.emit("join", ("/", "room"), namespace="/admin")
        await server.connect("/admin")

        assert await reports(admin, server) == []
        await instrumented.shutdown()
