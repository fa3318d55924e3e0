"""RabbitMQ keeps only so much for a process that does not take its messages."""

from __future__ import annotations

import asyncio
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import pytest

import socketio

from .brokers.rabbitmq import RabbitMQ
from .clients import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGES = 1_000
TEXT = "x" * 50_000
"""With so much the buffers of all sockets on the way are full long before the end."""

LIMITS = [{"max_queue_length": 10}, {"max_queue_bytes": 1_000_000}]

pytestmark = pytest.mark.timeout(180)


async def done(result: Any) -> None:
    if isawaitable(result):
        await result


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: next(iter(limit)))
@pytest.mark.parametrize("colour", ["asyncio", "sync"])
async def test_the_oldest_are_dropped_and_counted_as_missed(
    new_broker: Callable[..., RabbitMQ], colour: str, limit: dict[str, int]
) -> None:
    broker = new_broker(RabbitMQ)
    await asyncio.to_thread(broker.start)
    direct = broker.url
    relays = broker.interpose()
    sio: Any
    if colour == "asyncio":
        manager: Any = socketio.AsyncAioPikaManager(broker.url, **limit)
        sio = socketio.AsyncServer(async_mode="asgi", client_manager=manager)
    else:
        manager = socketio.KombuManager(broker.url, **limit)
        sio = socketio.Server(async_mode="threading", client_manager=manager)
    manager.initialize()
    writer = socketio.AsyncAioPikaManager(direct, write_only=True)

    async def hears() -> bool:
        await writer.emit("hello", None)
        return manager.health.received > 0

    def last() -> int:
        return int(manager._reader._hosts[writer.host_id.encode()].last)

    async def has_heard_the_last() -> bool:
        return last() == writer._seq

    await eventually(hears)
    await eventually(has_heard_the_last)
    received = manager.health.received
    relays.hold()
    for number in range(MESSAGES):
        await writer.emit("n", (number, TEXT))
    relays.release()
    await eventually(has_heard_the_last)

    health = manager.health
    assert health.missed > 100
    assert health.received - received + health.missed == MESSAGES
    assert health.duplicates == 0
    await done(sio.shutdown())
    await writer.stop()
