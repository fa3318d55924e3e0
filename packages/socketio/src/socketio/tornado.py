"""A Socket.IO server as a handler of Tornado."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engineio import get_tornado_handler as get_engineio_handler

if TYPE_CHECKING:
    from .async_server import AsyncServer


def get_tornado_handler(socketio_server: AsyncServer) -> Any:
    """Return a handler class for ``tornado.web.Application``, at the path of the endpoint.

    ``ValueError`` if the server was made with the ``async_mode`` of another framework,
    ``ModuleNotFoundError`` without Tornado.
    """
    return get_engineio_handler(socketio_server)
