"""Behind a web server that keeps its sockets to itself there is long-polling, and it says so."""

from __future__ import annotations

import json
import logging
import threading
import urllib.error
import urllib.request
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

import engineio
from engineio._shell.wsgi import WsgiDriver
from engineio.async_drivers.threading import ThreadConcurrency, ThreadHost

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    eio = engineio.Server(async_mode="threading")
    eio._driver = WsgiDriver(ThreadConcurrency(), ThreadHost())  # as in a new process
    app = engineio.WSGIApp(eio)
    with make_server("127.0.0.1", 0, app, server_class=Server, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(SOON)


def ask_for_websocket(url: str, query: str = "") -> tuple[int, str]:
    request = urllib.request.Request(
        f"{url}/engine.io/?EIO=4&transport=websocket{query}",
        headers={
            "Upgrade": "websocket",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=SOON)
    with raised.value as answer:
        return answer.code, json.loads(answer.read())["message"]


def test_a_client_that_may_upgrade_stays_on_long_polling(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = engineio.Client()

    with caplog.at_level(logging.INFO):
        client.connect(url, transports=["polling", "websocket"])

    assert client.transport() == "polling"
    assert client.upgrades == []
    assert "refused" not in caplog.text
    client.disconnect()


def test_a_websocket_is_refused_with_the_reason_which_is_logged_once(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = engineio.Client()
    client.connect(url, transports=["polling"])

    answers = {ask_for_websocket(url), ask_for_websocket(url, f"&sid={client.sid}")}

    assert answers == {(400, "Bad request: this web server gives no socket: long-polling only")}
    warnings = [
        record.getMessage() for record in caplog.records if record.levelno == logging.WARNING
    ]
    assert len(warnings) == 1
    assert warnings[0].startswith("WebSocket is refused")
    client.disconnect()
