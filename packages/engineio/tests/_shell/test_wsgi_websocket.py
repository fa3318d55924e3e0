from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

import engineio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Request:
    """A WebSocket handshake to an application, and the client's end of it."""

    def __init__(self, handler: Callable[[Any], Any]) -> None:
        eio = engineio.Server(async_mode="threading")
        self.app = eio._async["websocket"](handler, eio)
        self.server, self.client = socket.socketpair()
        self.client.settimeout(SOON)
        self.protocol = ClientProtocol(parse_uri("ws://here/"))
        request = self.protocol.connect()
        self.protocol.send_request(request)
        self.protocol.data_to_send()
        self.environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/",
            "werkzeug.socket": self.server,
            **{f"HTTP_{k.upper().replace('-', '_')}": v for k, v in request.headers.raw_items()},
        }
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        with pytest.raises(ConnectionError, match="has ended"):
            self.app(self.environ, None)

    def start(self) -> Request:
        self._thread.start()
        self.events = self._events()
        next(self.events)  # the answer to the handshake
        return self

    def _events(self) -> Iterator[Any]:
        while data := self.client.recv(65536):
            self.protocol.receive_data(data)
            yield from self.protocol.events_received()

    def send(self, data: str | bytes) -> None:
        if isinstance(data, str):
            self.protocol.send_text(data.encode())
        else:
            self.protocol.send_binary(data)
        self.flush()

    def flush(self) -> None:
        self.client.sendall(b"".join(self.protocol.data_to_send()))

    def next(self) -> Frame:
        frame: Frame = next(self.events)
        return frame

    def end(self) -> None:
        self.client.close()
        self._thread.join(SOON)
        assert not self._thread.is_alive()
        self.server.close()


def test_messages_go_both_ways_and_the_end_follows_the_handlers() -> None:
    def echo(websocket: Any) -> None:
        for _ in range(2):
            websocket.send(websocket.wait())

    request = Request(echo).start()
    request.send("hello")
    request.send(b"\0")

    frames = [request.next() for _ in range(3)]
    request.flush()
    request.end()

    assert [(frame.opcode, bytes(frame.data)) for frame in frames[:2]] == [
        (Opcode.TEXT, b"hello"),
        (Opcode.BINARY, b"\0"),
    ]
    assert frames[2].opcode is Opcode.CLOSE


def test_waiting_ends_with_the_connection() -> None:
    waited: list[Any] = []
    request = Request(lambda websocket: waited.extend([websocket.wait(), websocket.wait()])).start()

    request.end()

    assert waited == [None, None]


def test_a_peer_that_breaks_the_protocol_is_told() -> None:
    request = Request(lambda websocket: websocket.wait()).start()

    request.client.sendall(Frame(Opcode.TEXT, b"not masked").serialize(mask=False))

    assert request.next().opcode is Opcode.CLOSE
    request.end()


def test_other_requests_are_refused() -> None:
    request = Request(print)
    del request.environ["HTTP_UPGRADE"]

    with pytest.raises(RuntimeError, match="no WebSocket"):
        request.app(request.environ, None)

    request.client.close()
    request.server.close()


@pytest.mark.parametrize("mode", ["threading", "gevent", "eventlet"])
def test_every_model_has_one(mode: str) -> None:
    table = engineio.Server(async_mode=mode)._async

    assert {"thread", "queue", "queue_empty", "event", "websocket", "sleep"} <= table.keys()
