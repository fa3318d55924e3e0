"""Socket.IO servers and clients: events, namespaces, rooms and acknowledgements."""

from __future__ import annotations

from .asgi import ASGIApp
from .async_aiopika_manager import AsyncAioPikaManager
from .async_client import AsyncClient
from .async_kafka_manager import AsyncKafkaManager
from .async_manager import AsyncManager
from .async_namespace import AsyncClientNamespace, AsyncNamespace
from .async_pubsub_manager import AsyncPubSubManager
from .async_redis_manager import AsyncRedisManager
from .async_server import AsyncServer
from .async_simple_client import AsyncSimpleClient
from .client import Client
from .kafka_manager import KafkaManager
from .kombu_manager import KombuManager
from .manager import Manager
from .middleware import Middleware, WSGIApp
from .namespace import ClientNamespace, Namespace
from .pubsub_manager import PubSubManager
from .redis_manager import RedisManager
from .serve import run
from .server import Server
from .simple_client import SimpleClient
from .tornado import get_tornado_handler
from .zmq_manager import ZmqManager

__all__ = [
    "ASGIApp",
    "AsyncAioPikaManager",
    "AsyncClient",
    "AsyncClientNamespace",
    "AsyncKafkaManager",
    "AsyncManager",
    "AsyncNamespace",
    "AsyncPubSubManager",
    "AsyncRedisManager",
    "AsyncServer",
    "AsyncSimpleClient",
    "Client",
    "ClientNamespace",
    "KafkaManager",
    "KombuManager",
    "Manager",
    "Middleware",
    "Namespace",
    "PubSubManager",
    "RedisManager",
    "Server",
    "SimpleClient",
    "WSGIApp",
    "ZmqManager",
    "get_tornado_handler",
    "run",
]

__version__ = "5.20.0"

BaseManager = Manager
"""The older name of the manager of a process by itself."""
