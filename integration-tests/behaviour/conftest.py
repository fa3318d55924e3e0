"""Fixtures of the behaviour suite: {servers} x {clients} x {transports}.

A test that takes ``connect`` runs with a pairwise selection of the combinations, and with all of
them under ``--full``; one that takes only ``server`` runs with every server.  After each test the
server must hold nothing of it any more.
"""

from __future__ import annotations

import asyncio
import threading
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from engineio._shell.errand import _workers as errands
from engineio._shell.handler_threads import _workers as handlers

from .clients import FULL, KINDS, SOON, JSWorker
from .selection import Combination, pick_pairwise
from .servers import MODES, Servers
from .table import Cell, Table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from engineio._shell.workers import Workers

    from .clients import Client
    from .servers import Server

HERE = Path(__file__).parent
TRANSPORTS = ["polling", "websocket", "upgrade"]
LARGEST_GAP = 1.0
"""Seconds that a greenlet which never waits may be late: nothing may block the others."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full_clients: needs handlers, namespaces or reasons")
    config.addinivalue_line("markers", "websocket: needs a server with WebSocket")
    config.addinivalue_line("markers", "not_on(mode, transports): what the mode's note says")
    config.addinivalue_line("markers", "feature(name): a row of docs/modes.md")
    if config.option.table and not config.option.full:
        raise pytest.UsageError("--table needs all combinations: --full")
    if config.option.table and not hasattr(config, "workerinput"):
        config.pluginmanager.register(TableWriter(config.option.table))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drop what cannot be, select, and keep the tests of one server together."""
    ours = [item for item in items if HERE in item.path.parents and "mode" in params(item)]
    kept = [item for item in ours if is_possible(item)]
    if not config.getoption("full"):
        combinations = {item: combination_of(item) for item in kept}
        picked = pick_pairwise([each for each in combinations.values() if each.client])
        kept = [
            item for item in kept if not combinations[item].client or combinations[item] in picked
        ]
    kept.sort(key=lambda item: list(MODES).index(params(item)["mode"]))
    for item in kept:
        cell = cell_of(item)
        if cell is not None:
            item.user_properties.append(("cell", list(cell)))
    config.hook.pytest_deselected(items=list(set(ours) - set(kept)))
    items[:] = [item for item in items if item not in set(ours)] + kept


def params(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else callspec.params


def is_possible(item: pytest.Item) -> bool:
    """Some clients can do less than others, and some servers have no WebSocket."""
    chosen = params(item)
    has_websocket = MODES[chosen["mode"]].has_websocket
    if not has_websocket and (
        chosen.get("transport", "polling") != "polling" or item.get_closest_marker("websocket")
    ):
        return False
    for mark in item.iter_markers("not_on"):
        mode, transports = mark.args
        if mode == chosen["mode"] and chosen.get("transport") in transports:
            assert MODES[mode].note
            return False
    is_full = chosen.get("client_kind", "js") in FULL
    return is_full or item.get_closest_marker("full_clients") is None


def combination_of(item: pytest.Item) -> Combination:
    chosen = dict(params(item))
    mode, client = chosen.pop("mode"), chosen.pop("client_kind", "")
    transport = chosen.pop("transport", "")
    assert isinstance(item, pytest.Function)
    test = f"{item.path}::{item.originalname} {sorted(chosen.items(), key=itemgetter(0))!r}"
    return Combination(test, mode, client, transport)


def cell_of(item: pytest.Item) -> Cell | None:
    """Where a test stands in the table; one without a client speaks raw HTTP or WebSocket."""
    chosen = params(item)
    feature = item.get_closest_marker("feature")
    if feature is None:
        return None  # not for every mode
    raw = "polling" if item.get_closest_marker("websocket") is None else "websocket"
    return Cell(chosen["mode"], chosen.get("transport", raw), feature.args[0])


class TableWriter:
    """Writes the table at the end of a run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._table = Table()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        cell = dict(report.user_properties).get("cell")
        if cell is not None and (report.when == "call" or not report.passed):
            assert isinstance(cell, list)
            self._table.add(Cell(*cell), passed=report.passed)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self._table.write(self._path)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def options() -> dict[str, Any]:
    """Options of the Socket.IO server; a test module overrides this for servers of its own."""
    return {}


@pytest.fixture
def server(servers: Servers, mode: str, options: dict[str, Any]) -> Server:
    return servers.get(mode, **options)


@pytest.fixture(params=[*KINDS, "js"])
def client_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def js_worker() -> AsyncIterator[JSWorker]:
    worker = await JSWorker.start()
    yield worker
    await worker.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def make_client(
    nothing_is_left: None, js_worker: JSWorker, client_kind: str
) -> AsyncIterator[Callable[..., Client]]:
    """Make a client; it is closed after the test."""
    make = js_worker.client if client_kind == "js" else KINDS[client_kind]
    clients: list[Client] = []

    def make_client(**options: Any) -> Client:
        clients.append(make(**options))
        return clients[-1]

    yield make_client
    for client in clients:
        await client.close()


@pytest_asyncio.fixture(loop_scope="session")
async def connect(
    server: Server, make_client: Callable[..., Client], transport: str
) -> Callable[..., Awaitable[Client]]:
    """Connect a client, to one or several namespaces, and wait until it has upgraded."""

    async def connect(
        *namespaces: str, serializer: str = "default", reconnection: bool = False, **options: Any
    ) -> Client:
        client = make_client(serializer=serializer, reconnection=reconnection)
        namespaces = namespaces or ("/",)
        await client.open(server.url, transport, namespaces, **options)
        for namespace in namespaces:
            await client.records.take(("connect", namespace))
        if transport == "upgrade":
            await client.upgraded()
        return client

    return connect


@pytest_asyncio.fixture(loop_scope="session")
async def nothing_is_left(server: Server) -> AsyncIterator[None]:
    """When the clients have gone, the server holds what it held before; nobody was blocked."""
    before = await server.held()
    threads = set(threading.enumerate())
    yield
    status = await server.settled(before)
    await ended(threads)
    assert status.get("gap", 0) < LARGEST_GAP


async def ended(before: set[threading.Thread]) -> None:
    """Wait until the clients have left no thread, but those that are kept for the next job."""
    deadline = asyncio.get_running_loop().time() + SOON
    while left := [
        thread.name
        for thread in set(threading.enumerate()) - before
        if not thread.name.startswith(("asyncio_", "log of ", "engineio-worker"))
    ] + ["busy worker"] * sum(busy(workers) for workers in (errands, handlers)):
        assert asyncio.get_running_loop().time() < deadline, left
        await asyncio.sleep(0.01)


def busy(workers: Workers) -> int:
    return workers._count - len(workers._idle)
