"""What the user documents of Engine.IO tell of servers and clients, apart from deploying them.

user_documents.md says which blocks of which document each test stands for.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docs.programs import Program, free_port
from docs.user_documents.visits import TRANSPORTS, visiting

import engineio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAMS = Path(__file__).parent / "user_documents"
COLOURS = ["threads", "asyncio"]


class Running:
    """The server of one colour, with what it says."""

    def __init__(self, program: Program, url: str) -> None:
        self.url = url
        self._program = program

    async def says(self, text: str) -> None:
        """Wait until it has said something; fail if it does not."""
        await asyncio.to_thread(self._program.wait_for_text, text)

    def has_said(self, text: str) -> bool:
        return text in "".join(self._program.log)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Running]]:
    """Start the server of a colour when it is first asked for."""
    programs: list[Program] = []
    running: dict[str, Running] = {}

    def started(colour: str) -> Running:
        if colour not in running:
            port = free_port()
            command = f"python {PROGRAMS}/engineio_{colour}.py {port}"
            programs.append(Program(command, tmp_path_factory.mktemp(colour)))
            programs[-1].wait_for_port(port)
            running[colour] = Running(programs[-1], f"http://127.0.0.1:{port}")
        return running[colour]

    yield started
    for program in programs:
        program.stop()


@pytest.mark.parametrize("colour", COLOURS)
async def test_engineio_handlers(colour: str, run: Callable[[str], Running]) -> None:
    server = run(colour)

    for transports in TRANSPORTS:
        async with visiting(server.url, transports=transports, engineio_path="handlers") as visitor:
            await visitor.send("send")
            assert await visitor.receive() == {"foo": "bar"}
    await server.says("the client went away")
    assert server.has_said("A client connected!") and server.has_said("I received a message!")

    async with visiting(server.url, engineio_path="handlers") as visitor:
        await visitor.send("kick")
        await visitor.ended()
    await server.says("the client was kicked out")

    async with visiting(server.url, transports=["websocket"], engineio_path="handlers") as visitor:
        await visitor.disconnect(abort=True)
    await server.says("disconnect reason: transport ")


@pytest.mark.parametrize("colour", COLOURS)
async def test_engineio_background_tasks(colour: str, run: Callable[[str], Running]) -> None:
    async with visiting(run(colour).url, engineio_path="tasks") as visitor:
        await visitor.send("go")

        assert await visitor.receive() == "started"
        assert [await visitor.receive() for _ in range(2)] == ["123", "123"]


@pytest.mark.parametrize("colour", COLOURS)
async def test_engineio_sessions(colour: str, run: Callable[[str], Running]) -> None:
    server = run(colour)
    for path in ("sessions", "session_blocks"):
        async with (
            visiting(f"{server.url}?name=Ada", engineio_path=path) as ada,
            visiting(f"{server.url}?name=Bob", engineio_path=path) as bob,
        ):
            for visitor, name in ((ada, "Ada"), (bob, "Bob"), (ada, "Ada")):
                await visitor.send("hi")
                assert await visitor.receive() == f"message from {name}"

    for transports in TRANSPORTS[:2]:
        with pytest.raises(engineio.exceptions.ConnectionError):
            async with visiting(server.url, transports=transports, engineio_path="session_blocks"):
                pass


@pytest.mark.parametrize("colour", COLOURS)
async def test_engineio_blacklist(colour: str, run: Callable[[str], Running]) -> None:
    server = run(colour)
    for transports in TRANSPORTS[:2]:
        with pytest.raises(engineio.exceptions.ConnectionError):
            async with visiting(server.url, transports=transports, engineio_path="blacklist"):
                pass
    assert server.has_said("Connection request")

    async with visiting(server.url, engineio_path="other_blacklist") as visitor:
        await visitor.send("hi")
        assert await visitor.receive() == "response"

    await server.says("Received message:  hi")
    await server.says("Client disconnected!")


@pytest.mark.parametrize(
    ("colour", "program"),
    [("threads", "client.py"), ("asyncio", "async_client.py")],
    ids=COLOURS,
)
async def test_engineio_clients(
    colour: str, program: str, run: Callable[[str], Running], start: Callable[..., Program]
) -> None:
    server = run(colour)

    client = start(f"python {PROGRAMS}/engineio_{program} {server.url}")
    output = await asyncio.to_thread(client.finish)

    beginnings = ("connection", "message", "disconnected", "I'm", "Received message:")
    lines = [line for line in output.splitlines() if line.startswith(beginnings)]
    assert lines == [
        "I'm connected!",
        "Received message:  {'foo': 'bar'}",
        "Received message:  {'foo': 123}",
        "I'm disconnected! client disconnect",
        "connection established",
        "message received with  hello",
        "disconnected from server",
    ]
    assert re.search("^my sid is [^ ]+ over websocket$", output, re.MULTILINE)
    assert "Attempting polling connection" in output  # its log
    assert server.has_said("message  {'response': 'my response'}")


async def test_engineio_client_of_javascript(
    run: Callable[[str], Running], start: Callable[..., Program], tmp_path: Path
) -> None:
    modules = Path(__file__).parents[1] / "js" / "node_modules"
    (tmp_path / "node_modules").symlink_to(modules)
    shutil.copy(PROGRAMS / "engineio_client.mjs", tmp_path)
    server = run("threads")

    client = start(f"node engineio_client.mjs {server.url}")
    output = await asyncio.to_thread(client.finish)

    assert output.splitlines() == [
        "connection established",
        "message received with hello",
        "disconnected from server",
    ]
