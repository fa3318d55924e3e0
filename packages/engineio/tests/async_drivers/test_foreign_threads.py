"""Where everything happens in greenlets, other threads may send all the same."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import gevent
import gevent.socket
import pytest

from engineio.async_drivers import eventlet as eventlet_driver
from engineio.async_drivers.eventlet import EventletConcurrency, eventlet
from engineio.async_drivers.gevent import GeventConcurrency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Gevent(GeventConcurrency):
    def pair(self) -> tuple[Any, Any]:
        pair: tuple[Any, Any] = gevent.socket.socketpair()
        return pair

    def greenlet(self, function: Callable[[], None]) -> None:
        gevent.spawn(function)


class Eventlet(EventletConcurrency):
    def pair(self) -> tuple[Any, Any]:
        ours, theirs = socket.socketpair()
        return eventlet.greenio.GreenSocket(ours), eventlet.greenio.GreenSocket(theirs)

    def greenlet(self, function: Callable[[], None]) -> None:
        eventlet.spawn(function)


@pytest.fixture(params=[Gevent, Eventlet])
def model(request: pytest.FixtureRequest) -> Any:
    model = request.param()
    model.enter()
    return model


@pytest.fixture
def pair(model: Any) -> Iterator[tuple[Any, Any]]:
    ours, theirs = model.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def in_a_thread(model: Any, function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function returns that is called by a thread, while greenlets go on."""
    done = model.event()
    results: list[Any] = []

    def run() -> None:
        results.append(function(*args))
        done.set()

    threading.Thread(target=run).start()
    assert done.wait(SOON)
    return results[0]


def test_an_event_is_set_by_another_thread(model: Any) -> None:
    event = model.event()
    ready = model.event()

    def wait() -> None:
        if event.wait(SOON):
            ready.set()

    model.greenlet(wait)
    model.sleep(0)
    in_a_thread(model, event.set)

    assert ready.wait(SOON)
    assert event.is_set()
    event.clear()
    assert not event.wait(0.001)
    event.set()
    assert event.wait(SOON)


def test_what_another_thread_starts_runs_in_the_thread_of_the_greenlets(model: Any) -> None:
    threads: list[int] = []
    done = model.event()

    def run() -> None:
        threads.append(threading.get_ident())
        done.set()

    in_a_thread(model, model.spawn, run)

    assert done.wait(SOON)
    assert threads == [threading.get_ident()]


def test_another_thread_leaves_sending_to_the_thread_of_the_greenlets(
    model: Any, pair: tuple[Any, Any]
) -> None:
    stream = model.stream(pair[0])
    threads: list[int] = []
    sent = model.event()

    def send() -> None:
        threads.append(threading.get_ident())
        assert stream.send(b"hello") == 5
        sent.set()

    assert in_a_thread(model, stream.send, b"hello") == 0
    in_a_thread(model, stream.when_writable, send)

    assert sent.wait(SOON)
    assert threads == [threading.get_ident()]
    assert pair[1].recv(10) == b"hello"


def test_another_thread_ends_a_connection(model: Any, pair: tuple[Any, Any]) -> None:
    stream = model.stream(pair[0])
    ended = model.event()

    def read() -> None:
        while stream.receive():
            pass
        ended.set()

    model.greenlet(read)
    model.sleep(0)
    in_a_thread(model, stream.abort)

    assert ended.wait(SOON)


def test_what_another_thread_calls_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    model = Eventlet()
    hub = eventlet_driver.hub_of_this_thread()
    next_one = model.event()

    in_a_thread(model, hub.call, int, "not a number")
    in_a_thread(model, hub.call, next_one.set)

    assert next_one.wait(SOON)
    assert "ValueError" in caplog.text
