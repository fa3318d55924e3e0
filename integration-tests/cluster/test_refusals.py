"""Messages that a broker will not have: they are dropped and counted, and hold nobody up."""

from __future__ import annotations

import asyncio
import uuid
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import pytest
import redis

import socketio

from .backends import BACKENDS
from .brokers.kafka import Kafka
from .brokers.rabbitmq import RabbitMQ
from .brokers.redis import Redis
from .clients import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .brokers.process import Broker

LIMIT = 1_048_576
"""Bytes of a message that the brokers here take; Kafka does so by default."""

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:.*Use files"),  # kafka-python's own
]


class ModestRabbitMQ(RabbitMQ):
    """RabbitMQ that takes no message above the limit."""

    def start(self) -> None:
        (self.folder / "rabbitmq.conf").write_text(f"max_message_size = {LIMIT}\n")
        super().start()


class ModestRedis(Redis):
    """Redis that takes no message above the limit."""

    def command(self) -> list[str]:
        return [*super().command(), "--proto-max-bulk-len", str(LIMIT)]


BROKERS = {"kafka": Kafka, "rabbitmq": ModestRabbitMQ, "redis": ModestRedis}
CASES = [(name, colour) for name in BROKERS for colour in ("asyncio", "sync")]


@pytest.fixture(params=CASES, ids="-".join)
async def pair(
    request: pytest.FixtureRequest, start_broker: Callable[..., Broker]
) -> AsyncIterator[list[Any]]:
    """Two servers of a cluster that hear of each other."""
    name, colour = request.param
    backend = BACKENDS[name]
    broker = start_broker(BROKERS[name])
    options = backend.options(broker, f"channel-{uuid.uuid4().hex[:8]}")
    servers: list[Any] = []
    for _ in range(2):
        manager = getattr(socketio, backend.managers[colour])(**options)
        if colour == "asyncio":
            servers.append(socketio.AsyncServer(async_mode="asgi", client_manager=manager))
        else:
            servers.append(socketio.Server(async_mode="threading", client_manager=manager))
        manager.initialize()
    one, two = servers

    async def hears() -> bool:
        await done(one.emit("hello"))
        return two.manager.health.received > 0

    await eventually(hears)
    yield servers
    for server in servers:
        await done(server.shutdown())


async def done(result: Any) -> None:
    if isawaitable(result):
        await result


async def test_what_is_too_large_is_dropped_and_the_others_arrive(
    pair: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    one, two = pair
    await eventually(lambda: is_settled(one, two))
    published, received = one.manager.health.published, two.manager.health.received

    for number in range(20):
        await done(one.emit("number", number))
        if number in (5, 15):
            await done(one.emit("large", "x" * 2 * LIMIT))

    await eventually(lambda: is_settled(one, two))
    assert two.manager.health.received == received + 20
    assert two.manager.health.missed == 2
    health = one.manager.health
    assert health.published == published + 20
    assert health.dropped + health.uncertain == 2
    if not isinstance(one.manager, socketio.RedisManager | socketio.AsyncRedisManager):
        # Redis ends the connection, and its reason may be lost on the way
        assert health.uncertain == 0
        assert health.state == "connected"
        assert caplog.text.count("refuse") == 1


async def is_settled(one: Any, two: Any) -> bool:
    """Whether a server knows what became of its messages, and the last has reached the other."""
    emitted, health = one.manager._seq, one.manager.health
    last = two.manager._reader._hosts[one.manager.host_id.encode()].last
    return bool(last == emitted == health.published + health.dropped + health.uncertain)


class Choosy:
    """What answers as Redis does, and refuses what it is told to."""

    def __init__(self) -> None:
        self.published: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2])
            writer.write(self.answer(words))
        writer.close()
        await writer.wait_closed()
        self.connections -= 1

    async def is_left_alone(self) -> bool:
        return self.connections == 0

    def answer(self, words: list[bytes]) -> bytes:
        if words[0] != b"PUBLISH":
            return b"+OK\r\n"
        if b"bad" in words[2]:
            return b"-ERR I do not like it\r\n"
        self.published.append(words[2])
        return b":1\r\n"


@pytest.mark.parametrize("count", [1, 10])
async def test_what_redis_refuses_is_dropped_alone(
    count: int, caplog: pytest.LogCaptureFixture
) -> None:
    choosy = Choosy()
    server = await asyncio.start_server(choosy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    manager = socketio.AsyncRedisManager(
        f"redis://127.0.0.1:{port}", write_only=True, redis_options={"protocol": 2}
    )

    emits = [manager.emit("bad" if number % 3 == 0 else "n", number) for number in range(count)]
    await asyncio.gather(*emits)

    bad = len(range(0, count, 3))
    health = manager.health
    assert (health.published, health.dropped, health.uncertain) == (count - bad, bad, 0)
    assert len(choosy.published) == count - bad
    assert caplog.text.count("refuse") == 1
    await manager.stop()
    await eventually(choosy.is_left_alone)
    server.close()


async def test_redis_that_lets_nobody_publish_is_tried_again(
    new_broker: Callable[..., Redis],
) -> None:
    broker = new_broker(Redis)
    broker.start()
    manager = socketio.AsyncRedisManager(broker.url, write_only=True)
    with redis.Redis.from_url(broker.url) as client:
        client.execute_command("ACL", "SETUSER", "default", "-publish")
        await manager.emit("n", 1)
        assert (manager.health.state, manager.health.pending) == ("away", 1)

        client.execute_command("ACL", "SETUSER", "default", "+publish")

    async def is_published() -> bool:
        return manager.health.published == 1

    await eventually(is_published)
    await manager.stop()
