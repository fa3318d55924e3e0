"""Engine.IO servers and clients: real-time messages over long-polling and WebSocket."""

from __future__ import annotations

from .async_client import AsyncClient
from .async_drivers.asgi import ASGIApp
from .async_server import AsyncServer
from .middleware import Middleware, WSGIApp
from .server import Server

__all__ = ["ASGIApp", "AsyncClient", "AsyncServer", "Middleware", "Server", "WSGIApp"]
