"""The examples that need more than a server, started as their READMEs say."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser.conftest import Chromium
from cluster.brokers.process import free_port
from docs.blocks import ROOT, read_page
from docs.programs import Program, listens

import socketio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

EXAMPLES = ROOT / "docs" / "examples"
SOON = 20
"""Seconds in which everything must happen; only a failing test waits so long."""

START_TIMEOUT = 60
"""Seconds in which a worker must have started."""

pytestmark = pytest.mark.timeout(180)


def command(example: str, begin: str) -> str:
    """Return the command of an example's README that begins like this."""
    page = read_page(f"docs/examples/{example}/README.md")
    (found,) = [line for line in page.commands() if line.startswith(begin)]
    return found.removesuffix(" &")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    browser = Chromium()
    yield browser
    browser.close()


class Client:
    """A client that keeps what it receives."""

    def __init__(self, client: socketio.AsyncClient, events: asyncio.Queue[list[Any]]) -> None:
        self.client = client
        self.events = events

    async def next(self) -> list[Any]:
        """Return the next event and its argument."""
        return await asyncio.wait_for(self.events.get(), SOON)

    async def call(self, event: str, *args: Any) -> Any:
        """Return the answer to an event."""
        return await self.client.call(event, args, timeout=SOON)


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Any]]:
    """Connect clients; they leave with the test."""
    async with AsyncExitStack() as stack:

        async def connected(url: str, *transports: str) -> Client:
            client = socketio.AsyncClient(reconnection=False)
            events: asyncio.Queue[list[Any]] = asyncio.Queue()

            async def receive(*event: Any) -> None:
                events.put_nowait(list(event))

            client.on("*", receive)
            await client.connect(url, transports=list(transports) or None, wait_timeout=SOON)
            stack.push_async_callback(client.disconnect)
            return Client(client, events)

        yield connected


# the bakery


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Redis, a Celery worker and the server; its URL."""
    folder = EXAMPLES / "celery"
    redis_port, port = free_port(), free_port()
    environment = {"REDIS_URL": f"redis://127.0.0.1:{redis_port}/0"}
    programs: list[Program] = []
    try:
        redis = f"{command('celery', 'redis-server')} --port {redis_port} --save ''"
        programs.append(Program(redis, tmp_path_factory.mktemp("redis")))
        programs[-1].wait_for_port(redis_port)
        programs.append(Program(command("celery", "celery"), folder, **environment))
        server = f"{command('celery', 'python')} {port}"
        programs.append(Program(server, folder, **environment))
        programs[-1].wait_for_port(port)
        url = f"http://127.0.0.1:{port}"
        with socketio.SimpleClient() as client:
            client.connect(url)
            client.call("start", (1, 0))
            client.receive(START_TIMEOUT)
        yield url
    finally:
        for program in reversed(programs):
            program.stop()
    for program in programs:
        log = "".join(program.log)
        assert "Traceback" not in log, log


def progress(job: str, total: int) -> list[list[Any]]:
    """Return all that a worker tells of a job."""
    return [["progress", {"job": job, "done": done, "total": total}] for done in range(total + 1)]


async def test_a_worker_tells_each_step_in_order(bakery: str, connect: Callable[..., Any]) -> None:
    client, other = await connect(bakery), await connect(bakery)

    job = await client.call("start", 30, 0)
    another = await other.call("start", 20, 0.01)

    assert [await client.next() for _ in range(31)] == progress(job, 30)
    assert [await other.next() for _ in range(21)] == progress(another, 20)
    assert client.events.empty()
    assert other.events.empty()


async def test_jobs_share_the_workers(bakery: str, connect: Callable[..., Any]) -> None:
    client = await connect(bakery)

    jobs = [await client.call("start", 5, 0.05) for _ in range(4)]

    events = [await client.next() for _ in range(24)]
    for job in jobs:
        assert [event for event in events if event[1]["job"] == job] == progress(job, 5)


async def test_a_job_is_followed(bakery: str, connect: Callable[..., Any]) -> None:
    client, other = await connect(bakery), await connect(bakery)
    job = await client.call("start", 40, 0.1)
    await client.next()

    for nonsense in (None, 1, "", "x" * 33):
        await other.call("follow", nonsense)
    assert other.events.empty()
    await other.call("follow", job)

    first = (await other.next())[1]["done"]
    rest = [await other.next() for _ in range(40 - first)]
    assert rest == progress(job, 40)[first + 1 :]


@pytest.mark.parametrize(
    "arguments",
    [
        (0,), (101,), (-1,), ("10",), (None,), (True,), (1.5,),
        (1, -0.1), (1, 1.1), (1, "0.5"), (1, "slow"), (1, None), (1, [1]), (1, True),
    ],
)  # fmt: skip
async def test_nonsense_starts_no_job(
    bakery: str, connect: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    client = await connect(bakery)

    assert await client.call("start", *arguments) is None


def test_the_page_shows_the_progress(bakery: str, chromium: Chromium) -> None:
    page = chromium.open("bakery", bakery)
    page.wait_for("#start:enabled")

    page.call("click", "#start")

    page.wait_for("label:has-text('of 10 cakes')")
    page.wait_for("label:has-text('All 10 cakes are ready')")
    assert page.call("evaluate", "document.querySelector('progress').position") == 1
    assert page.problems() == []
    chromium.close_pages()


# the cluster


def four_free_ports() -> int:
    """Return the first of four ports on which nothing listens."""
    while True:
        port = free_port()
        if not any(listens(port + number) for number in range(4)):
            return port


def descendants(parent: int) -> dict[int, str]:
    """Return the processes below one, with what tells them from later ones of the same number."""
    found: dict[int, str] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                pid = int(stat.parent.name)
                found |= {pid: fields[19], **descendants(pid)}
    return found


def start_time(pid: int) -> str | None:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return None


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The whole cluster; the URL of its nginx."""
    program, url = start_cluster()
    try:
        hear_each_other(url)
        yield url
    finally:
        program.stop()
    log = "".join(program.log)
    assert "Traceback" not in log, log


def start_cluster() -> tuple[Program, str]:
    """Start it by its one command; the second is the URL of nginx."""
    port = four_free_ports()
    program = Program(f"{command('cluster', 'python')} {port}", EXAMPLES / "cluster")
    program.wait_for_text("Running on")
    return program, f"http://127.0.0.1:{port}"


def hear_each_other(url: str) -> None:
    """Return when each server hears the other; they begin to listen with their first clients."""
    with ExitStack() as stack:
        clients: dict[int, socketio.SimpleClient] = {}
        while len(clients) < 2:
            client = stack.enter_context(socketio.SimpleClient())
            client.connect(url, transports=["websocket"])
            clients.setdefault(client.receive(SOON)[1]["server"], client)
        (first, one), (second, two) = clients.items()
        for speaker, server, listener in ((one, first, two), (two, second, one)):
            deadline = time.monotonic() + SOON
            while not has_heard(listener, server):
                assert time.monotonic() < deadline
                speaker.call("say", "hello")


def has_heard(client: socketio.SimpleClient, server: int) -> bool:
    """Return whether something from a server's clients has come by now."""
    with suppress(socketio.exceptions.TimeoutError):
        while client.receive(0.1)[1]["server"] != server:
            pass
        return True
    return False


async def connect_to_both(
    connect: Callable[..., Any], url: str, transport: str
) -> dict[int, Client]:
    """Connect clients until each server has some; return one of each, by the server's port."""
    found: dict[int, Client] = {}
    for _ in range(50):
        client = await connect(url, transport)
        name, welcome = await client.next()
        assert name == "welcome"
        found.setdefault(welcome["server"], client)
        if len(found) == 2:
            return found
    pytest.fail("all clients came to the same server")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_clients_of_both_servers_hear_each_other(
    cluster: str, connect: Callable[..., Any], transport: str
) -> None:
    clients = await connect_to_both(connect, cluster, transport)

    for server, client in clients.items():
        assert await client.call("say", f"from {server}") is True
        for listener in clients.values():
            assert await listener.next() == ["said", {"server": server, "text": f"from {server}"}]


async def test_all_requests_of_a_polling_client_come_to_its_server(
    cluster: str, connect: Callable[..., Any]
) -> None:
    clients = await connect_to_both(connect, cluster, "polling")

    # another server than its own would refuse a request and end the connection
    for client in clients.values():
        for number in range(20):
            assert await client.call("say", str(number)) is True
        assert client.client.transport() == "polling"


async def test_an_upgrade_comes_to_the_same_server(
    cluster: str, connect: Callable[..., Any]
) -> None:
    for _ in range(8):
        client = await connect(cluster)
        assert client.client.transport() == "websocket"
        assert await client.call("say", "") is False


def test_two_browsers_talk(cluster: str, chromium: Chromium) -> None:
    ada = chromium.open("Ada", cluster)
    bob = chromium.open("Bob", cluster)
    for page in (ada, bob):
        page.wait_for("#state:has-text('connected to server')")

    ada.call("fill", "#text", "Good morning")
    ada.call("press", "#text", "Enter")

    for page in (ada, bob):
        page.wait_for("li:has-text('Good morning by a client of')")
        assert page.problems() == []
    chromium.close_pages()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_cluster_leaves_no_process_behind(number: signal.Signals) -> None:
    program, _ = start_cluster()
    try:
        processes = descendants(program.pid)
        assert len(processes) >= 4
        os.kill(program.pid, number)
        program.finish()
    finally:
        program.stop()

    assert [pid for pid, started in processes.items() if start_time(pid) == started] == []
