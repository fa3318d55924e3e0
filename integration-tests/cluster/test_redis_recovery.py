"""Redis that refuses: it may do so as often as it likes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

import socketio
from socketio import base_pubsub_manager, redis_manager

from .brokers.redis import Redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 30
"""Seconds in which everything must happen; only a failing test waits so long."""


def until(is_so: Callable[[], bool]) -> None:
    limit = time.monotonic() + SOON
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.01)


@contextlib.contextmanager
def refusing(port: int) -> Iterator[list[int]]:
    """Close each connection as soon as it is made; yield a list that has an item for each."""
    attempts: list[int] = []
    listener = socket.create_server(("127.0.0.1", port))

    def refuse() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.close()
                attempts.append(1)

    thread = threading.Thread(target=refuse)
    thread.start()
    try:
        yield attempts
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_threads_come_back_however_many_attempts_have_failed(
    new_broker: Callable[..., Redis], monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    for name in ("FIRST_DELAY", "MAX_DELAY"):
        monkeypatch.setattr(base_pubsub_manager, name, 0.001)
    monkeypatch.setattr(redis_manager, "GATHERING", 0)
    broker = new_broker(Redis)
    manager = socketio.RedisManager(f"{broker.url.replace('redis', scheme, 1)}?max_connections=3")
    sio = socketio.Server(async_mode="threading", client_manager=manager)
    try:
        with refusing(broker.port) as attempts:
            manager.initialize()
            sio.emit("hi")
            until(lambda: len(attempts) > 20)

        broker.start()

        until(lambda: manager.health.published == 1 and manager.health.state == "connected")
    finally:
        sio.shutdown()
