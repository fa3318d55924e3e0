"""RabbitMQ sends again what was not acknowledged: all of it is taken, and nothing twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest

import socketio

from .brokers.rabbitmq import RabbitMQ
from .clients import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.timeout(120)

TICK = json.dumps(
    {
        "method": "emit",
        "event": "tick",
        "data": [None],
        "binary": False,
        "namespace": "/",
        "room": None,
        "skip_sid": None,
        "callback": None,
        "host_id": "1" * 32,
    }
).encode()
"""As python-socketio 5.x writes it: one is like the other."""


async def test_equal_messages_that_are_sent_again_are_all_received(
    new_broker: Callable[..., RabbitMQ],
) -> None:
    broker = new_broker(RabbitMQ)
    broker.start()
    direct = broker.url
    relays = broker.interpose()
    manager = socketio.AsyncAioPikaManager(broker.url)
    sio = socketio.AsyncServer(async_mode="asgi", client_manager=manager)
    manager.initialize()
    connection = await aio_pika.connect(direct)
    channel = await connection.channel()
    exchange = await channel.declare_exchange("socketio", "fanout")

    async def send(count: int) -> None:
        for _ in range(count):
            await exchange.publish(aio_pika.Message(TICK), routing_key="*")

    def has_received(count: int) -> Any:
        async def check() -> bool:
            return manager.health.received == count

        return check

    async def is_settled() -> bool:
        return not manager._redeliveries.has_unsettled

    async def are_on_their_way() -> bool:
        queue = await channel.declare_queue(manager._queue_name, passive=True)
        return queue.declaration_result.message_count == 0

    async def is_connected() -> bool:
        return manager.health.state == "connected"

    await eventually(is_connected)
    await send(1)
    await eventually(has_received(1))
    await eventually(is_settled)
    relays.hold()
    await send(3)
    await eventually(are_on_their_way)
    relays.cut()
    relays.release()

    await eventually(has_received(4))
    await send(1)
    await eventually(has_received(5))
    assert manager.health.duplicates == 0
    await sio.shutdown()
    await connection.close()
