"""The official Admin UI page in Chromium, connected to a server, or to one of two of a cluster.

A click on a button of a row is one on the row, too: it leads to the page of what is in the row.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from cluster.brokers.redis import Redis

import socketio
from socketio.exceptions import DisconnectedError, TimeoutError

from .conftest import AdminServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Chromium, Page

SOON = 30
"""Seconds in which everything must happen; only a failing test waits so long."""

COLOURS = {"asyncio": (), "threads": ("--threads",)}
"""Arguments of ``admin_server.py``."""

CREDENTIALS = {"username": "admin", "password": "changeit"}


@pytest.fixture(scope="module", params=COLOURS)
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[str]]:
    """The addresses of two servers that Redis makes a cluster."""
    with ExitStack() as stack:
        redis = Redis(tmp_path_factory.mktemp("redis"))
        stack.callback(redis.stop)
        redis.start()
        yield [
            stack.enter_context(AdminServer("--redis", redis.url, *COLOURS[request.param])).url
            for _ in range(2)
        ]


@pytest.fixture(params=COLOURS)
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Start a server with these arguments; its address."""
    with ExitStack() as stack:
        yield lambda *args: stack.enter_context(AdminServer(*COLOURS[request.param], *args)).url


@pytest.fixture
def open_page(chromium: Chromium) -> Iterator[Callable[[str], Page]]:
    """Open the page that a server has."""
    yield lambda url: chromium.open("admin", url + "/index.html")
    chromium.close_pages()


@pytest.fixture
def connect() -> Iterator[Callable[..., socketio.SimpleClient]]:
    """Connect a client to a server."""
    with ExitStack() as stack:

        def connect(
            url: str, namespace: str = "/", auth: Any = None, **options: Any
        ) -> socketio.SimpleClient:
            client = socketio.SimpleClient()
            options = {"transports": ["websocket"], **options}
            client.connect(url, namespace=namespace, auth=auth, **options)
            stack.callback(client.disconnect)
            return client

        yield connect


def log_in(page: Page, url: str, password: str = "changeit") -> None:
    page.call("fill", ".v-dialog input[type=text] >> nth=0", url)
    page.call("fill", ".v-dialog input[type=text] >> nth=1", "admin")
    page.call("fill", ".v-dialog input[type=password]", password)
    page.call("click", ".v-dialog button[type=submit]")


def go_to(page: Page, place: str) -> None:
    page.call("evaluate", f"location.hash = '#/{place}'")


def row_of(client: socketio.SimpleClient) -> str:
    """The row of a client in the list of all: the page of one has others with its sid."""
    return f"tr:has-text('{client.sid}'):has-text('WebSocket')"


def wait_for_end(client: socketio.SimpleClient) -> None:
    with pytest.raises(DisconnectedError):
        while True:
            client.receive(timeout=SOON)


def wait_for(client: socketio.SimpleClient, event: str) -> list[Any]:
    """The next event of that name; those before it are passed over."""
    while True:
        name, *args = client.receive(timeout=SOON)
        if name == event:
            return args


def test_wrong_credentials_are_refused(
    start: Callable[..., str], open_page: Callable[[str], Page]
) -> None:
    url = start()
    page = open_page(url)

    log_in(page, url, "wrong")

    page.wait_for("text=Invalid credentials")


def test_an_admin_of_one_server_sees_and_commands_both(
    cluster: list[str],
    open_page: Callable[[str], Page],
    connect: Callable[..., socketio.SimpleClient],
) -> None:
    before, here = connect(cluster[1]), connect(cluster[0])
    page = open_page(cluster[0])
    log_in(page, cluster[0])
    page.wait_for(".v-dialog", state="hidden")
    there = connect(cluster[1])

    # clients of both servers, old and new
    go_to(page, "clients")
    page.wait_for("text=1-3 of 3")
    go_to(page, "sockets")
    for client in (before, here, there):
        page.wait_for(row_of(client))
    go_to(page, "servers")
    page.wait_for("tr:has-text('HEALTHY') >> nth=1")

    # rooms and events
    go_to(page, "rooms")
    page.wait_for("tr:has-text('lobby'):has-text('3')")
    go_to(page, "events")
    there.emit("say", "hello")
    page.wait_for(f"tr:has-text('{there.sid}'):has-text('Event name: say')")
    page.wait_for(f"tr:has-text('{here.sid}'):has-text('Event name: said')")

    # a client of the other server joins a room and leaves one
    go_to(page, f"n/%2F/sockets/{there.sid}")
    page.wait_for("text=Join a room")
    page.call("fill", "form input[type=text]", "vip")
    page.call("click", "form button[type=submit]")
    page.wait_for("tr:has-text('vip')")
    page.call("click", "tr:has-text('lobby') button")
    go_to(page, f"n/%2F/sockets/{there.sid}")
    page.wait_for("tr:has-text('vip')")
    page.wait_for("tr:has-text('lobby')", state="detached")
    go_to(page, "rooms")
    page.wait_for("tr:has-text('lobby'):has-text('2')")
    page.wait_for("tr:has-text('vip'):has-text('1')")

    # it is disconnected
    go_to(page, "sockets")
    page.call("click", f"{row_of(there)} button")
    wait_for_end(there)
    go_to(page, "sockets")
    page.wait_for(row_of(here))
    page.wait_for(row_of(there), state="detached")

    # all of a room are: those of both servers
    go_to(page, "rooms")
    page.call("click", "tr:has-text('lobby') button >> nth=1")
    wait_for_end(before)
    wait_for_end(here)


def test_an_admin_emits_to_the_clients_of_both(
    cluster: list[str], connect: Callable[..., socketio.SimpleClient]
) -> None:
    here, there = connect(cluster[0]), connect(cluster[1])
    # the page has no button for it
    admin = connect(cluster[0], "/admin", CREDENTIALS)

    admin.emit("emit", ("/", None, "to-all", 1, {"a": 2}))
    assert wait_for(here, "to-all") == wait_for(there, "to-all") == [1, {"a": 2}]

    admin.emit("emit", ("/", there.sid, "to-one"))
    assert wait_for(there, "to-one") == []
    with pytest.raises(TimeoutError):
        here.receive(timeout=0.2)


def test_a_client_is_disconnected_with_all_its_sockets(
    start: Callable[..., str], open_page: Callable[[str], Page]
) -> None:
    url = start()
    page = open_page(url)
    with socketio.SimpleClient() as client:
        client.connect(url, transports=["websocket"])
        assert client.client is not None
        two = socketio.Client(reconnection=False)
        two.connect(url, namespaces=["/", "/chat"], transports=["websocket"])
        log_in(page, url)
        page.wait_for(".v-dialog", state="hidden")

        go_to(page, "clients")
        page.wait_for("text=1-2 of 2")
        page.call("click", "tbody tr:has(td:text-is('2')) button")
        two.wait()
        go_to(page, "clients")
        page.wait_for("text=1-1 of 1")

        assert two.namespaces == {}
        assert client.call("say", "still here", timeout=SOON) == "done"


def test_an_upgrade_is_shown(
    start: Callable[..., str],
    open_page: Callable[[str], Page],
    connect: Callable[..., socketio.SimpleClient],
) -> None:
    url = start()
    stays = connect(url, transports=["polling"])
    page = open_page(url)
    log_in(page, url)
    page.wait_for(".v-dialog", state="hidden")

    client = connect(url, transports=["polling", "websocket"])

    go_to(page, "sockets")
    page.wait_for(row_of(client))
    page.wait_for(f"tr:has-text('{stays.sid}'):has-text('HTTP')")


def test_an_admin_who_may_only_look(
    start: Callable[..., str],
    open_page: Callable[[str], Page],
    connect: Callable[..., socketio.SimpleClient],
) -> None:
    url = start("--read-only")
    client = connect(url)
    page = open_page(url)
    log_in(page, url)

    # nothing to press
    go_to(page, "sockets")
    page.wait_for(row_of(client))
    page.wait_for(f"{row_of(client)} button", state="detached")
    go_to(page, f"n/%2F/sockets/{client.sid}")
    page.wait_for("tr:has-text('lobby')")
    page.wait_for("tr:has-text('lobby') button", state="detached")

    # but for this form, which the page always has; what is sent all the same does nothing
    page.call("fill", "form input[type=text]", "vip")
    page.call("click", "form button[type=submit]")
    command(connect(url, "/admin", CREDENTIALS), client)
    page.wait_for("tr:has-text('lobby')")
    page.wait_for("tr:has-text('vip')", state="detached")


def test_production_shows_numbers_only(
    start: Callable[..., str],
    open_page: Callable[[str], Page],
    connect: Callable[..., socketio.SimpleClient],
) -> None:
    url = start("--mode", "production", "--server-id", "the-only-one")
    client = connect(url)
    page = open_page(url)
    log_in(page, url)

    page.wait_for("a[href='#/servers']", state="attached")
    page.wait_for("a[href='#/sockets']", state="detached")
    page.wait_for("tr:has(code:text-is('/')):has(td:text-is('1'))")
    go_to(page, "servers")
    page.wait_for("tr:has-text('the-only-one'):has-text('HEALTHY')")

    admin = connect(url, "/admin", CREDENTIALS)
    seen = command(admin, client)
    assert {"all_sockets", "socket_connected", "event_received"}.isdisjoint(seen)


def command(admin: socketio.SimpleClient, client: socketio.SimpleClient) -> set[str]:
    """Send all commands to a server that takes none; what the admin was told until after them."""
    admin.emit("join", ("/", "vip", client.sid))
    admin.emit("leave", ("/", "lobby", client.sid))
    admin.emit("emit", ("/", client.sid, "hello"))
    admin.emit("_disconnect", ("/", False, client.sid))
    seen = set()
    for _ in range(2):  # the first may have been sent before
        while (name := admin.receive(timeout=SOON)[0]) != "server_stats":
            seen.add(name)
    assert client.call("say", "still in the lobby", timeout=SOON) == "done"
    assert client.receive(timeout=SOON)[0] == "said"
    return seen


def test_a_page_that_is_loaded_again_need_not_log_in(
    cluster: list[str], open_page: Callable[[str], Page]
) -> None:
    page = open_page(cluster[0])
    log_in(page, cluster[0])
    page.wait_for(".v-dialog", state="hidden")

    page.call("reload")

    page.wait_for("tbody tr:has-text('WebSocket'):has-text('100.0 %')")
    page.wait_for(".v-dialog", state="hidden")
