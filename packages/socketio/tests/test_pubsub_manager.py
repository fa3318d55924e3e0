"""What threads do differently; all else is the same code as in test_async_pubsub_manager.py."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cluster_support import REFUSED, Broker, MemoryManager

import socketio
from socketio import base_pubsub_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 5
"""Seconds in which everything must happen; only a failing test waits so long."""


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(base_pubsub_manager, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(base_pubsub_manager, "MAX_DELAY", 0.002)


@pytest.fixture
def broker() -> Broker:
    return Broker()


def count_threads() -> int:
    """Return how many there are, but for those that wait for another job a while."""
    names = [thread.name for thread in threading.enumerate()]
    return len([name for name in names if not name.startswith("engineio-worker")])


@contextmanager
def processes(broker: Broker, count: int = 2, **options: Any) -> Iterator[list[socketio.Server]]:
    threads = count_threads()
    servers = []
    for _ in range(count):
        manager = MemoryManager(broker, **options)
        servers.append(
            socketio.Server(async_mode="threading", client_manager=manager, namespaces="*")
        )
        manager.initialize()
    until(lambda: len(broker.subscribers) == count)
    try:
        yield servers
    finally:
        for server in servers:
            server.shutdown()
        assert broker.subscribers == []
        until(lambda: count_threads() <= threads)


def until(is_so: Callable[[], Any]) -> None:
    limit = time.monotonic() + SOON
    while not is_so():
        assert time.monotonic() < limit
        threading.Event().wait(0.001)


def data_of(broker: Broker) -> list[Any]:
    return [json.loads(message)["data"] for message in broker.messages]


def test_an_event_reaches_other_processes(broker: Broker) -> None:
    with processes(broker) as (one, two):
        one.emit("hi", b"bytes", room="r")

        until(lambda: two.manager.health.received == 1)
        assert one.manager.health.state == "connected"


def test_a_client_enters_a_room_elsewhere(broker: Broker) -> None:
    with processes(broker) as (one, two):
        sid = two.manager.connect("eio", "/")

        one.enter_room(sid, "r")
        until(lambda: two.rooms(sid) == [sid, "r"])
        one.close_room("r")
        until(lambda: two.rooms(sid) == [sid])


def test_a_call_that_is_not_answered_leaves_nothing(broker: Broker) -> None:
    with processes(broker, 1) as (one,):
        with pytest.raises(socketio.exceptions.TimeoutError):
            one.call("ask", to="elsewhere", timeout=0.01)

        assert len(one.manager._cluster_acks) == 0


def test_an_acknowledgement_from_elsewhere_is_the_result_of_a_call(broker: Broker) -> None:
    with processes(broker) as (one, two):
        sid = two.manager.connect("eio", "/")
        results: list[Any] = []
        calling = threading.Thread(target=lambda: results.append(one.call("ask", to=sid)))
        calling.start()
        until(lambda: two.manager.callbacks.get(sid))

        two.manager.trigger_callback(sid, 1, ["answer", b"bytes"])
        calling.join(SOON)

        assert results == [("answer", b"bytes")]


def test_threads_emit_at_once_and_nothing_is_lost(broker: Broker) -> None:
    with processes(broker) as (one, two):
        emitters = [
            threading.Thread(target=lambda: [one.emit("n", number) for number in range(200)])
            for _ in range(5)
        ]
        for emitter in emitters:
            emitter.start()
        for emitter in emitters:
            emitter.join(SOON)

        until(lambda: len(broker.messages) == 1000)
        until(lambda: two.manager.health.received == 1000)
        assert [json.loads(message)["seq"] for message in broker.messages] == [*range(1, 1001)]
        assert two.manager.health.missed == 0


def test_while_the_broker_is_away_messages_are_kept_in_order(broker: Broker) -> None:
    with processes(broker, 1) as (one,):
        broker.fault = REFUSED
        broker.cut(ConnectionResetError("cut"))
        for number in range(5):
            one.emit("n", number)
        until(lambda: one.manager.health.state == "away")

        broker.fault = None

        until(lambda: len(broker.messages) == 5)
        assert data_of(broker) == [[number] for number in range(5)]
        until(lambda: one.manager.health.state == "connected")


def test_a_write_only_emit_returns_when_the_broker_has_the_message(broker: Broker) -> None:
    manager = MemoryManager(broker, write_only=True)
    threads = count_threads()

    for number in range(5):
        manager.emit("n", number)
        assert len(broker.messages) == number + 1

    assert count_threads() == threads


def test_a_write_only_manager_sends_later_what_it_cannot_send_now(broker: Broker) -> None:
    manager = MemoryManager(broker, write_only=True)
    threads = count_threads()
    broker.fault = REFUSED
    for number in range(3):
        manager.emit("n", number)
    assert manager.health.pending == 3

    broker.fault = None

    until(lambda: len(broker.messages) == 3)
    assert data_of(broker) == [[0], [1], [2]]
    until(lambda: count_threads() == threads)


def test_what_may_have_arrived_is_not_sent_again(broker: Broker) -> None:
    manager = MemoryManager(broker, write_only=True)
    broker.fault = ConnectionResetError("while sending")
    manager.emit("n", 0)
    broker.fault = None

    until(lambda: not manager._term.is_retrying)
    manager.emit("n", 1)

    assert data_of(broker) == [[1]]
    assert manager.health.uncertain == 1


def test_stopping_sends_what_waits_and_what_comes_later_starts_again(broker: Broker) -> None:
    with processes(broker, 1) as (one,):
        one.emit("n", 1)
        one.shutdown()
        assert len(broker.messages) == 1
        assert one.manager.health.state == "stopped"
        assert not one.manager.is_open

        one.emit("n", 2)

        until(lambda: len(broker.messages) == 2 and broker.subscribers)


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What hangs goes on when the test ends, if not before."""
    event = threading.Event()
    yield event
    event.set()


def test_who_listens_too_long_does_not_listen_twice(
    broker: Broker, hanging: threading.Event
) -> None:
    with processes(broker) as (one, two):
        one.manager.hanging = hanging
        until(lambda: one.manager.hangs)
        one.manager.stop(timeout=0.01)

        one.manager.initialize()
        one.manager.hanging = None
        hanging.set()
        until(lambda: one.manager.health.state == "connected")
        two.emit("n", 1)

        until(lambda: one.manager.health.received == 1)
        assert len(broker.subscribers) == 2
        assert one.manager.health.duplicates == 0


def test_who_sends_too_long_sends_nothing_more(broker: Broker, hanging: threading.Event) -> None:
    threads = count_threads()
    with processes(broker, 1) as (one,):
        one.emit("n", 0)
        until(lambda: broker.messages)
        one.manager.hanging = hanging
        for number in range(1, 3 * MemoryManager.max_batch):
            one.emit("n", number)
        until(lambda: one.manager.hangs)
        assert one.manager.stop(timeout=0.01) == 8
        assert one.manager.health.pending == 0

        one.manager.hanging = None
        one.emit("n", 9)
        hanging.set()

        until(lambda: one.manager.health.published + one.manager.health.dropped == 10)
        sent = [number for (number,) in data_of(broker)]
        assert sent == sorted(sent)
        assert sent[0] == 0
        assert sent[-1] == 9
        assert len(sent) == one.manager.health.published <= 5
    until(lambda: count_threads() <= threads)


def test_stopping_a_process_without_a_server_takes_no_longer_than_it_may(
    broker: Broker, hanging: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    manager = MemoryManager(broker, write_only=True)
    manager.emit("n", 0)
    manager.hanging = hanging
    emitting = [threading.Thread(target=manager.emit, args=("n", number)) for number in range(5)]
    for thread in emitting:
        thread.start()
    until(lambda: manager.hangs and manager._seq == 6)

    assert manager.stop(timeout=0.01) == 5

    assert "5 messages to the memory broker were lost" in caplog.text
    assert manager.health.state == "stopped"
    hanging.set()
    for thread in emitting:
        thread.join(SOON)
    health = manager.health
    assert health.published + health.dropped == 6
    assert health.published == len(broker.messages)
    until(lambda: not manager.is_open)


def test_stopping_gives_up_what_the_broker_does_not_take(broker: Broker) -> None:
    manager = MemoryManager(broker, write_only=True)
    broker.fault = REFUSED
    manager.emit("n", 1)

    assert manager.stop() == 1

    broker.fault = None
    manager.emit("n", 2)
    assert data_of(broker) == [[2]]
    assert manager.health.dropped == 1
    assert manager.health.state == "connected"
    assert manager.stop() == 0


def test_a_manager_of_the_application_publishes_before_emit_returns() -> None:
    published = []

    class Manager(socketio.PubSubManager):
        def _publish(self, data: dict[str, Any]) -> None:
            published.append(data)

    Manager(write_only=True).emit("hi", b"bytes")

    assert published[0]["binary"] is True


FORKING = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from cluster_support import REFUSED, Broker, MemoryManager
from socketio import base_pubsub_manager

base_pubsub_manager.FIRST_DELAY = base_pubsub_manager.MAX_DELAY = 100
broker = Broker()
manager = MemoryManager(broker, write_only=True)
manager.emit("n", "parent")
broker.fault = REFUSED
manager.emit("n", "kept by the parent")
broker.fault = None
reading, writing = os.pipe()
if os.fork() == 0:
    broker.messages.clear()
    manager.emit("n", "child")
    os.write(writing, json.dumps([json.loads(message) for message in broker.messages]).encode())
    os._exit(0)
os.wait()
child, = json.loads(os.read(reading, 100_000))
parent = json.loads(broker.messages[0])
assert child["data"] == ["child"]
assert child["seq"] == parent["seq"] == 1
assert child["host_id"] != parent["host_id"]
print("fine")
"""


def test_a_forked_process_is_another_host() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKING, __file__.rpartition("/")[0]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert (done.stdout, done.stderr) == (
        "fine\n",
        "Cannot publish to the memory broker: NotSent: refused; trying again until it works\n",
    )
