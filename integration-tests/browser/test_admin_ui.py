"""The official Admin UI page in Chromium, connected to one of two servers of a cluster."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from cluster.brokers.redis import Redis

import socketio

from .conftest import HERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Chromium, Page

PAGE = HERE.parent / "js/node_modules/@socket.io/admin-ui/ui/dist"
LISTENING = re.compile(r"http://127\.0\.0\.1:\d+")
SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


def start_server(redis_url: str, stack: ExitStack) -> str:
    """Start one server; it is stopped, and its log looked at, with the stack."""
    command = [sys.executable, str(HERE / "admin_server.py"), redis_url, str(PAGE)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def stop() -> None:
        process.terminate()
        log = process.communicate(timeout=SOON)[1]
        assert "Traceback" not in log, log

    stack.callback(stop)
    assert process.stderr is not None
    for line in process.stderr:
        if listening := LISTENING.search(line):
            return listening[0]
    pytest.fail("the server did not start")


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Two servers and their Redis."""
    with ExitStack() as stack:
        redis = Redis(tmp_path_factory.mktemp("redis"))
        stack.callback(redis.stop)
        redis.start()
        yield [start_server(redis.url, stack) for _ in range(2)]


def log_in(page: Page, url: str, password: str = "changeit") -> None:
    page.call("fill", ".v-dialog input[type=text] >> nth=0", url)
    page.call("fill", ".v-dialog input[type=text] >> nth=1", "admin")
    page.call("fill", ".v-dialog input[type=password]", password)
    page.call("click", ".v-dialog button[type=submit]")


@pytest.fixture
def page(chromium: Chromium, urls: list[str]) -> Iterator[Page]:
    page = chromium.open("admin", urls[0] + "/index.html")
    yield page
    chromium.close_pages()


@pytest.fixture
def connect(urls: list[str]) -> Iterator[Callable[[int], socketio.SimpleClient]]:
    """Connect a client to the first or second server."""
    with ExitStack() as stack:

        def connect(number: int) -> socketio.SimpleClient:
            client = socketio.SimpleClient()
            client.connect(urls[number], transports=["websocket"])
            stack.callback(client.disconnect)
            return client

        yield connect


def test_wrong_credentials_are_refused(page: Page, urls: list[str]) -> None:
    log_in(page, urls[0], "wrong")

    page.wait_for("text=Invalid credentials")


def test_an_admin_of_one_server_sees_and_commands_both(
    page: Page, urls: list[str], connect: Callable[[int], socketio.SimpleClient]
) -> None:
    before, here = connect(1), connect(0)
    log_in(page, urls[0])
    page.wait_for(".v-dialog", state="hidden")
    there = connect(1)

    # clients of both servers, old and new
    page.call("evaluate", "location.hash = '#/clients'")
    page.wait_for("text=1-3 of 3")
    page.call("evaluate", "location.hash = '#/sockets'")
    for client in (before, here, there):
        page.wait_for(f"tr:has-text('{client.sid}')")
    page.call("evaluate", "location.hash = '#/servers'")
    page.wait_for("tr:has-text('HEALTHY') >> nth=1")

    # rooms and events
    page.call("evaluate", "location.hash = '#/rooms'")
    page.wait_for("tr:has-text('lobby'):has-text('3')")
    page.call("evaluate", "location.hash = '#/events'")
    there.emit("say", "hello")
    page.wait_for(f"tr:has-text('{there.sid}'):has-text('Event name: say')")
    page.wait_for(f"tr:has-text('{here.sid}'):has-text('Event name: said')")

    # a client of the other server joins a room, and is disconnected
    page.call("evaluate", f"location.hash = '#/n/%2F/sockets/{there.sid}'")
    page.wait_for("text=Join a room")
    page.call("fill", "form input[type=text]", "vip")
    page.call("click", "form button[type=submit]")
    page.wait_for("tr:has-text('vip')")
    page.call("evaluate", "location.hash = '#/sockets'")
    page.call("click", f"tr:has-text('{there.sid}') button")
    page.wait_for(f"tr:has-text('{there.sid}')", state="detached")
    with pytest.raises(socketio.exceptions.DisconnectedError):
        while True:
            there.receive(timeout=SOON)
    assert before.connected
    assert here.connected


def test_a_page_that_is_loaded_again_need_not_log_in(page: Page, urls: list[str]) -> None:
    log_in(page, urls[0])
    page.wait_for(".v-dialog", state="hidden")

    page.call("reload")

    page.wait_for("tbody tr:has-text('WebSocket'):has-text('100.0 %')")
    page.wait_for(".v-dialog", state="hidden")
