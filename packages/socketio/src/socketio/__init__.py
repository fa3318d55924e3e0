"""Socket.IO servers and clients: events, namespaces, rooms and acknowledgements."""

from __future__ import annotations

from .asgi import ASGIApp
from .async_client import AsyncClient
from .async_manager import AsyncManager
from .async_namespace import AsyncClientNamespace, AsyncNamespace
from .async_pubsub_manager import AsyncPubSubManager
from .async_redis_manager import AsyncRedisManager
from .async_server import AsyncServer
from .async_simple_client import AsyncSimpleClient
from .manager import Manager
from .middleware import Middleware, WSGIApp
from .pubsub_manager import PubSubManager
from .redis_manager import RedisManager
from .serve import run
from .server import Server
from .tornado import get_tornado_handler

__all__ = [
    "ASGIApp",
    "AsyncClient",
    "AsyncClientNamespace",
    "AsyncManager",
    "AsyncNamespace",
    "AsyncPubSubManager",
    "AsyncRedisManager",
    "AsyncServer",
    "AsyncSimpleClient",
    "Manager",
    "Middleware",
    "PubSubManager",
    "RedisManager",
    "Server",
    "WSGIApp",
    "get_tornado_handler",
    "run",
]
