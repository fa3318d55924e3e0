"""A server of threads, and the far ends of its connections."""

from __future__ import annotations

import json
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import socketio
from engineio._shell.alarm import Alarm
from engineio._shell.receiver import Receiver
from engineio._shell.workers import MAX_WORKERS
from engineio._shell.wsgi import WsgiDriver
from engineio.async_drivers.threading import ThreadConcurrency, ThreadHost

if TYPE_CHECKING:
    from engineio._core.message import Message

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Client:
    """The far end of one connection: what it sends arrives in the calling thread."""

    def __init__(self, sio: socketio.Server, sid: str = "eio") -> None:
        self.sio = sio
        self.packets: SimpleQueue[str | bytes] = SimpleQueue()
        self.buffered = 0
        self.unsent = 0
        engine = sio.eio.engine
        self.session = engine.create(sid, "websocket")
        assert sio.eio._connect(self.session, {}) is None
        channel = sio.eio._traced(self.session, self)
        engine.attach(self.session, channel)
        engine.accept(self.session, sio.eio.clock())
        assert sio.eio._layer is not None
        self._receiver = Receiver(
            engine, self.session, channel, sio.eio._layer.received, sio.eio.clock, probing=False
        )
        self.next()

    def join(self) -> str:
        self.send("0")
        return str(json.loads(str(self.next())[1:])["sid"])

    def send(self, data: str | bytes) -> None:
        self._receiver.frame(f"4{data}" if isinstance(data, str) else data)

    def next(self) -> str | bytes:
        """The next packet from the server."""
        return self.packets.get(timeout=SOON)

    def vanish(self) -> None:
        self._receiver.lost()

    # the channel

    def write(self, messages: list[Message]) -> None:
        for message in messages:
            self.packets.put(message.payload if message.binary else message.text[1:])

    def close(self, code: int) -> None:
        pass

    def abort(self) -> None:
        pass


def make_server(threads: int = MAX_WORKERS, **options: Any) -> socketio.Server:
    """A server that runs handlers in so many threads at most."""
    sio = socketio.Server(async_mode="threading", **options)
    sio.eio._driver = WsgiDriver(ThreadConcurrency(threads), ThreadHost())
    sio.eio._model = sio.eio._driver.model
    sio.eio._alarm = Alarm(sio.eio.engine, sio.eio.clock, sio.eio._model)
    return sio
