"""Kombu's transport in memory: a cluster within one process, for tests of applications."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

import socketio
from socketio.testing import TestServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 20
"""Seconds in which everything must happen; only a failing test waits so long."""


def until(is_so: Callable[[], Any]) -> None:
    limit = time.monotonic() + SOON
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.fixture
def channel() -> str:
    return f"channel-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def servers(channel: str) -> Iterator[list[Any]]:
    servers = [
        socketio.Server(
            async_mode="threading",
            client_manager=socketio.KombuManager("memory://", channel=channel),
        )
        for _ in range(2)
    ]
    for server in servers:
        server.manager.initialize()
    until(lambda: all(server.manager.health.state == "connected" for server in servers))
    yield servers
    for server in servers:
        server.shutdown()


def test_two_servers_and_an_emitter_share_a_process(channel: str, servers: list[Any]) -> None:
    one, two = servers
    emitter = socketio.KombuManager("memory://", channel=channel, write_only=True)
    with TestServer(one) as here, TestServer(two) as there:
        ada, bob = here.connect(), there.connect()

        one.emit("news", {"n": 1})
        for client in (ada, bob):
            assert client.receive(timeout=SOON) == ["news", {"n": 1}]
        emitter.emit("news", b"from outside", to=bob.sid)
        assert bob.receive(timeout=SOON) == ["news", b"from outside"]
        emitter.enter_room(bob.sid, "/", "room")
        until(lambda: two.rooms(bob.sid) == [bob.sid, "room"])
        one.emit("to the room", room="room")
        assert bob.receive(timeout=SOON) == ["to the room"]

    assert emitter.stop() == 0
    assert emitter.health.state == "stopped"


def test_everything_arrives_in_order(channel: str, servers: list[Any]) -> None:
    one, two = servers
    for number in range(1_000):
        one.emit("n", number)

    until(lambda: two.manager.health.received == 1_000)
    assert two.manager.health.missed == 0
