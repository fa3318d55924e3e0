"""The page on scaling: its clusters work, with real brokers and clients in memory."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from cluster.brokers.kafka import Kafka
from cluster.brokers.process import Broker, Unavailable, free_port
from cluster.brokers.rabbitmq import RabbitMQ
from cluster.brokers.redis import Redis
from docs.blocks import Page, read_page

from socketio.testing import AsyncTestServer, TestServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docs.programs import Program

PAGE = read_page("docs/guide/scaling.md")
SOON = 20
"""Seconds in which an event must come; only a failing test waits so long."""


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[Callable[[type[Broker]], Broker]]:
    with ExitStack() as stack:

        def started(kind: type[Broker]) -> Broker:
            try:
                broker = kind(tmp_path)
            except Unavailable as reason:
                pytest.skip(str(reason))
            stack.callback(broker.close)
            broker.start()
            return broker

        yield started


def with_broker(old: str, new: str) -> Page:
    """The page with the address of a broker in place of the documented one."""
    blocks = [
        type(block)(
            block.page, block.line, block.language, block.text.replace(old, new), block.options
        )
        for block in PAGE.blocks
    ]
    return Page(PAGE.name, blocks)


async def test_an_emit_reaches_both_servers(start_broker: Callable[..., Broker]) -> None:
    redis = start_broker(Redis)
    page = with_broker("localhost:6379", f"127.0.0.1:{redis.port}")

    await check_asyncio_cluster(page, "")


@pytest.mark.filterwarnings("ignore:.*Use files")  # kafka-python's own
@pytest.mark.parametrize(
    ("scene", "kind", "address"),
    [("rabbitmq", RabbitMQ, "localhost:5672"), ("kafka", Kafka, "localhost:9092")],
)
async def test_other_brokers_of_asyncio(
    scene: str, kind: type[Broker], address: str, start_broker: Callable[..., Broker]
) -> None:
    broker = start_broker(kind)

    await check_asyncio_cluster(with_broker(address, f"127.0.0.1:{broker.port}"), scene)


async def check_asyncio_cluster(page: Page, scene: str) -> None:
    """Let two servers be made as documented, and a client of one hear of the other."""
    first, second = [await page.run(scene) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for variables in (first, second):
            stack.push_async_callback(variables["manager"].stop)
        here, there = [
            await stack.enter_async_context(AsyncTestServer(variables["sio"]))
            for variables in (first, second)
        ]
        ada, bob = await here.connect(), await there.connect()
        await until(lambda: all(v["manager"].health.state == "connected" for v in (first, second)))
        await first["sio"].emit("news", 1)

        assert await ada.receive() == ["news", 1]
        assert await bob.receive(timeout=SOON) == ["news", 1]
        await second["sio"].emit("news", 2, to=ada.sid)
        assert await ada.receive(timeout=SOON) == ["news", 2]


async def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not happened():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_program_without_a_server_emits(start_broker: Callable[..., Broker]) -> None:
    redis = start_broker(Redis)
    page = with_broker("localhost:6379", f"127.0.0.1:{redis.port}")
    variables = await page.run()
    sio = variables["sio"]
    async with AsyncTestServer(sio) as server:
        ada = await server.connect()
        await sio.enter_room(ada.sid, "job 7")
        await until(lambda: variables["manager"].health.state == "connected")

        outside = await page.run("outside")

        assert await ada.receive(timeout=SOON) == ["progress", {"percent": 50}]
        outside["sio"].stop()
        await variables["manager"].stop()


@pytest.mark.parametrize("scene", ["kombu", "zeromq"])
def test_clusters_of_threads(
    scene: str,
    start_broker: Callable[..., Broker],
    start: Callable[..., Program],
    tmp_path: Path,
) -> None:
    if scene == "kombu":
        page = with_broker("localhost:5672", f"127.0.0.1:{start_broker(RabbitMQ).port}")
    else:
        ports = free_port(), free_port()
        page = with_broker("localhost:5555+5556", f"127.0.0.1:{ports[0]}+{ports[1]}")
        page.write(tmp_path)
        start(f"python forwarder.py {ports[0]} {ports[1]}", ports[1])
    first, second = (asyncio.run(page.run(scene)) for _ in range(2))

    with ExitStack() as stack:
        for variables in (first, second):
            stack.callback(variables["manager"].stop)
        here, there = (
            stack.enter_context(TestServer(variables["sio"])) for variables in (first, second)
        )
        ada, bob = here.connect(), there.connect()
        assert_connected(first, second)
        first["sio"].emit("news", 1)

        assert ada.receive() == ["news", 1]
        assert bob.receive(timeout=SOON) == ["news", 1]


def assert_connected(*servers: dict[str, Any]) -> None:
    async def wait() -> None:
        await until(lambda: all(v["manager"].health.state == "connected" for v in servers))

    asyncio.run(wait())
