"""What the user documents of Socket.IO tell of servers and clients, apart from deploying them.

user_documents.md says which blocks of which document each test stands for.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from docs.programs import Program, free_port
from docs.user_documents.visits import SOON, TRANSPORTS

import socketio
from socketio import exceptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

PROGRAMS = Path(__file__).parent / "user_documents"
COLOURS = ["threads", "asyncio"]


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], tuple[Program, str]]]:
    """Start the server of a colour when it is first asked for."""
    running: dict[str, tuple[Program, str]] = {}

    def started(colour: str) -> tuple[Program, str]:
        if colour not in running:
            port = free_port()
            command = f"python {PROGRAMS}/socketio_{colour}.py {port}"
            program = Program(command, tmp_path_factory.mktemp(colour))
            running[colour] = program, f"http://127.0.0.1:{port}"
            program.wait_for_port(port)
        return running[colour]

    yield started
    for program, _ in running.values():
        program.stop()


@asynccontextmanager
async def visiting(
    url: str, path: str, **options: Any
) -> AsyncIterator[socketio.AsyncSimpleClient]:
    async with socketio.AsyncSimpleClient() as visitor:
        await visitor.connect(url, socketio_path=path, wait_timeout=SOON, **options)
        yield visitor


async def says(program: Program, text: str) -> None:
    """Wait until a program has said something; fail if it does not."""
    await asyncio.to_thread(program.wait_for_text, text)


@pytest.mark.parametrize("colour", COLOURS)
async def test_socketio_events(colour: str, run: Callable[[str], tuple[Program, str]]) -> None:
    program, url = run(colour)
    for transports in TRANSPORTS:
        async with (
            visiting(url, "handlers", transports=transports, auth={"token": 1}) as ada,
            visiting(url, "handlers", transports=transports) as bob,
        ):
            await says(program, f"connect  {ada.sid} {{'token': 1}}")
            await says(program, f"connect  {bob.sid} None")
            assert await ada.call("my_event", {}, timeout=SOON) == ("OK", 123)
            assert await ada.call("nobody knows", {}, timeout=SOON) == "caught nobody knows"
            await ada.emit("just_me", {})
            assert await ada.receive(SOON) == ["my event", {"data": "foobar"}]
            await bob.emit("my custom event", {})
            for visitor in (ada, bob):
                assert await visitor.receive(SOON) == ["my event", {"data": "foobar"}]
            everything = ("text", b"\x00\xff", [1, None], {"a": [b"\x01"]})
            await ada.emit("several", everything)
            assert await ada.receive(SOON) == ["several", *everything]
            sid = ada.sid
        await says(program, f"disconnect  {sid}")


@pytest.mark.parametrize("colour", COLOURS)
async def test_socketio_refusals(colour: str, run: Callable[[str], tuple[Program, str]]) -> None:
    _, url = run(colour)

    with pytest.raises(exceptions.ConnectionError):
        async with visiting(url, "refusing"):
            pass
    with pytest.raises(exceptions.ConnectionError):
        async with visiting(url, "rejecting"):
            pass
    async with visiting(url, "rejecting", auth={"token": 1}) as visitor:
        assert visitor.client.connected


@pytest.mark.parametrize("colour", COLOURS)
async def test_socketio_namespaces(colour: str, run: Callable[[str], tuple[Program, str]]) -> None:
    program, url = run(colour)

    async with visiting(url, "namespaces", namespace="/chat") as visitor:
        assert await visitor.call("my custom event", "x", timeout=SOON) == "chat"
        await visitor.emit("my_custom_event", "hi")
        assert await visitor.receive(SOON) == ["said", "hi"]
    async with visiting(url, "namespaces", namespace="/test") as visitor:
        await says(program, f"welcome {visitor.sid}")
        await visitor.emit("my_event", "hi")
        assert await visitor.receive(SOON) == ["my_response", "hi"]
        sid = visitor.sid
    await says(program, f"goodbye {sid}")


@pytest.mark.parametrize("colour", COLOURS)
async def test_socketio_rooms(colour: str, run: Callable[[str], tuple[Program, str]]) -> None:
    _, url = run(colour)

    async with AsyncExitStack() as stack:
        ada, bob, carl = [await stack.enter_async_context(visiting(url, "rooms")) for _ in range(3)]
        for visitor in (ada, bob, carl):
            await visitor.call("begin_chat", timeout=SOON)
        await carl.call("exit_chat", timeout=SOON)
        await ada.emit("my_message", "hi")
        assert await bob.receive(SOON) == ["my reply", "hi"]

        await bob.emit("my_message", "hello")
        assert await ada.receive(SOON) == ["my reply", "hello"]  # not her own
        await carl.call("begin_chat", timeout=SOON)
        await ada.emit("my_message", "welcome")
        assert await carl.receive(SOON) == ["my reply", "welcome"]  # nothing before


@pytest.mark.parametrize("colour", COLOURS)
async def test_socketio_sessions(colour: str, run: Callable[[str], tuple[Program, str]]) -> None:
    _, url = run(colour)
    for path in ("sessions", "session_blocks"):
        async with (
            visiting(f"{url}?name=Ada", path) as ada,
            visiting(f"{url}?name=Bob", path) as bob,
        ):
            for visitor, name in ((ada, "Ada"), (bob, "Bob"), (ada, "Ada")):
                assert await visitor.call("message", "", timeout=SOON) == f"message from {name}"


@pytest.mark.parametrize(
    ("colour", "program"),
    [("threads", "client.py"), ("asyncio", "async_client.py")],
    ids=COLOURS,
)
async def test_socketio_clients(
    colour: str,
    program: str,
    run: Callable[[str], tuple[Program, str]],
    start: Callable[..., Program],
) -> None:
    server, url = run(colour)

    client = start(f"python {PROGRAMS}/socketio_{program} {url}")
    output = await asyncio.to_thread(client.finish)

    lines = output.splitlines()
    found = [lines.index(line) for line in [
        "I'm connected!",
        "answer ('OK', 123)",
        "several ('text', b'\\x00', [1], {'foo': 'bar'})",
        "I received my event {'data': 'foobar'}",
        "callback ('OK', 123)",
        "I'm disconnected!",
        "I'm connected to the /chat namespace!",
        "answer chat",
        "the class is disconnected",
        "The connection failed! {'message': 'authentication failed'}",
        "connection established",
        "message received with  {'hello': 'there'}",
        "disconnected from server",
    ]]  # fmt: skip
    assert found == sorted(found)
    assert {
        "background 123",
        "caught answered ['OK', 123]",
        "said {'foo': 'bar'}",
        "my_response from a class",
        "refused: One or more namespaces failed to connect: /",
    } <= set(lines)
    assert re.search(r"^my sid is \S+$", output, re.MULTILINE)
    # the logs of both layers
    assert "Attempting polling connection" in output
    assert "Emitting event" in output
    await says(server, "message  {'response': 'my response'}")
