"""Which managers there are, and the broker that each of them needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .brokers.kafka import Kafka
from .brokers.rabbitmq import RabbitMQ
from .brokers.redis import Redis
from .brokers.zeromq import ZeroMQ

if TYPE_CHECKING:
    from .brokers.process import Broker


@dataclass(frozen=True)
class Backend:
    """A way to connect a cluster."""

    broker: type[Broker]
    managers: dict[str, str]
    """The names of the classes in ``socketio``, by colour."""
    scheme: str | None = None
    """What the URL of the broker begins with for this manager, if not as it does anyway."""

    def options(self, broker: Broker, channel: str) -> dict[str, Any]:
        """Return the arguments of a manager."""
        url = broker.url
        if self.scheme is not None:
            url = f"{self.scheme}://{url.partition('://')[2]}"
        return {"url": url, "channel": channel}


BACKENDS: dict[str, Backend] = {
    "redis": Backend(
        Redis,
        {
            "asyncio": "AsyncRedisManager",
            "sync": "RedisManager",
            "gevent": "RedisManager",
            "eventlet": "RedisManager",
        },
    ),
    "rabbitmq": Backend(
        RabbitMQ,
        {
            "asyncio": "AsyncAioPikaManager",
            "sync": "KombuManager",
            "gevent": "KombuManager",
            "eventlet": "KombuManager",
        },
    ),
    "kombu on redis": Backend(Redis, {"sync": "KombuManager"}),
    "kafka": Backend(
        Kafka,
        {
            "asyncio": "AsyncKafkaManager",
            "sync": "KafkaManager",
            "gevent": "KafkaManager",
            "eventlet": "KafkaManager",
        },
    ),
    "zeromq": Backend(
        ZeroMQ, {"sync": "ZmqManager", "gevent": "ZmqManager", "eventlet": "ZmqManager"}
    ),
}

COLOURED = [(name, colour) for name, backend in BACKENDS.items() for colour in backend.managers]
"""Every backend in every colour."""
