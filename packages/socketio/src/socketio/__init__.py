"""Socket.IO servers and clients: events, namespaces, rooms and acknowledgements."""

from __future__ import annotations

from .asgi import ASGIApp
from .async_client import AsyncClient
from .async_manager import AsyncManager
from .async_namespace import AsyncClientNamespace, AsyncNamespace
from .async_server import AsyncServer
from .async_simple_client import AsyncSimpleClient
from .manager import Manager
from .middleware import Middleware, WSGIApp
from .serve import run
from .server import Server
from .tornado import get_tornado_handler

__all__ = [
    "ASGIApp",
    "AsyncClient",
    "AsyncClientNamespace",
    "AsyncManager",
    "AsyncNamespace",
    "AsyncServer",
    "AsyncSimpleClient",
    "Manager",
    "Middleware",
    "Server",
    "WSGIApp",
    "get_tornado_handler",
    "run",
]
