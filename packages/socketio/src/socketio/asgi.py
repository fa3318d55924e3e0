"""The ASGI application of a Socket.IO server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import engineio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engineio.async_drivers.asgi_types import ASGIApplication

    from .async_server import AsyncServer


class ASGIApp(engineio.ASGIApp):
    """An ASGI application that serves a Socket.IO server, static files and another application.

    The path is first compared with the Socket.IO endpoint, then with the static files; everything
    else goes to the other application, or is answered 404.

    :param socketio_server: an ``AsyncServer`` with ``async_mode='asgi'``, or without an
        ``async_mode``; ``ValueError`` for one that was made for another framework.
    :param other_asgi_app: where everything else goes; ``None`` for nowhere.
    :param static_files: URL paths mapped to files or directories; see the documentation.
    :param socketio_path: URL path of the endpoint (default ``socket.io``); ``None`` sends every
        request to the server.
    :param on_startup: function or coroutine function to call when the ASGI server starts.
    :param on_shutdown: likewise, when it stops.
    """

    def __init__(
        self,
        socketio_server: AsyncServer,
        other_asgi_app: ASGIApplication | None = None,
        static_files: Mapping[str, str | dict[str, str]] | None = None,
        socketio_path: str | None = "socket.io",
        on_startup: Callable[[], Any] | None = None,
        on_shutdown: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(
            socketio_server,
            other_asgi_app,
            static_files,
            socketio_path,
            on_startup,
            on_shutdown,
        )
