"""Engine.IO servers and clients: real-time messages over long-polling and WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .async_client import AsyncClient
from .async_drivers.asgi import ASGIApp
from .async_server import AsyncServer
from .client import Client
from .middleware import Middleware, WSGIApp
from .server import Server

if TYPE_CHECKING:
    from ._shell.driver import MountedServer

__all__ = [
    "ASGIApp",
    "AsyncClient",
    "AsyncServer",
    "Client",
    "Middleware",
    "Server",
    "WSGIApp",
    "get_tornado_handler",
]

__version__ = "4.20.0"


def get_tornado_handler(engineio_server: MountedServer) -> type[Any]:
    """Return a handler class for ``tornado.web.Application``, at the path of the endpoint.

    ``ValueError`` if the server was made with the ``async_mode`` of another framework,
    ``ModuleNotFoundError`` without Tornado.
    """
    try:
        from .async_drivers import tornado as driver
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "get_tornado_handler needs Tornado: pip install tornado", name=error.name
        ) from None
    return driver.get_tornado_handler(engineio_server)
