"""Hundreds of threaded clients and thousands of green ones: no thread for a message, nothing lost,
and an end in seconds while all of them are connected."""

from __future__ import annotations

import asyncio
import resource
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from .servers import GUNICORN, MODES, Server

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import frames  # noqa: E402
import load  # noqa: E402

DEPLOYMENTS = {
    "werkzeug": (MODES["werkzeug"], 500),
    "gunicorn-threads": (
        replace(MODES["gunicorn-threads"], command=f"{GUNICORN} --threads 600"), 500,
    ),
    "pywsgi": (MODES["pywsgi"], 2_000),
}  # fmt: skip

IN_FLIGHT = 10
"""Events that wait for their acknowledgement at any time, of all clients together."""

ROUNDS = 2
"""Events that each client sends."""

BROADCASTS = 5
DESCRIPTORS = 5_000
"""Open files that a process needs here, and some more."""

((ECHOED, ECHO),) = frames.echoes(1).items()
TELL = frames.masked(b'42["tell",null,null,' + frames.DATA + b"]")
TOLD = frames.unmasked(b'42["told",' + frames.DATA + b"]")


@pytest.fixture(params=DEPLOYMENTS)
def crowd(request):
    """A server with all its clients, which leaves them as an operator would have it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))
    kind, count = DEPLOYMENTS[request.param]
    server = Server(request.param, {}, kind)
    links = []
    try:
        links, _ = load.connect(server.port, count)
        yield server, links
        server.stop()
    finally:
        server.kill()
        for link in links:
            link.sock.close()


def test_a_crowd_costs_no_threads_loses_nothing_and_holds_up_no_end(crowd):
    server, links = crowd
    before = asyncio.run(server.status())
    assert before["sessions"] == len(links)

    for _ in range(ROUNDS):
        echo_all(links)
    for _ in range(BROADCASTS):
        links[0].send(TELL)
    expect_all(links, TOLD, BROADCASTS)

    after = asyncio.run(server.status())
    assert after["sessions"] == len(links)
    # on a busy machine some threads may be about to become idle while others are made
    assert after["threads"] <= before["threads"] + 5 * IN_FLIGHT
    assert after["descriptors"] <= before["descriptors"] + IN_FLIGHT


def echo_all(links):
    """Let every client send an event, a few at a time, and get its acknowledgement."""
    waiting = list(links)
    poller = load.Poller()
    while waiting or poller.links:
        while waiting and len(poller.links) < IN_FLIGHT:
            link = waiting.pop()
            poller.add(link)
            link.send(ECHO)
        for descriptor, _ in poller.wait():
            link = poller.links[descriptor]
            answers = link.cut(link.recv(load.CHUNK))
            if answers:
                assert answers == [ECHOED]
                poller.remove(link)
    poller.close()


def expect_all(links, frame, count):
    """Every client receives a frame so many times, and nothing else."""
    poller = load.Poller(links)
    missing = dict.fromkeys(links, count)
    while poller.links:
        for descriptor, _ in poller.wait():
            link = poller.links[descriptor]
            received = link.cut(link.recv(load.CHUNK))
            assert set(received) <= {frame}
            missing[link] -= len(received)
            if not missing[link]:
                poller.remove(link)
    poller.close()
    assert set(missing.values()) == {0}
