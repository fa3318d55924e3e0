"""The WSGI application that serves a Socket.IO server, static files and another application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import engineio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engineio.middleware import RequestHandler, WSGIApplication


class WSGIApp(engineio.WSGIApp):
    """A WSGI application that serves a Socket.IO server, static files and another application.

    :param socketio_app: a ``Server``.
    :param wsgi_app: where everything else goes; ``None`` for nowhere (404).
    :param static_files: URL paths mapped to files or directories; see the documentation.
    :param socketio_path: URL path of the endpoint (default ``socket.io``).
    """

    def __init__(
        self,
        socketio_app: RequestHandler,
        wsgi_app: WSGIApplication | None = None,
        static_files: Mapping[str, str | dict[str, str]] | None = None,
        socketio_path: str = "socket.io",
    ) -> None:
        super().__init__(socketio_app, wsgi_app, static_files, engineio_path=socketio_path)


class Middleware(WSGIApp):
    """The older name of ``WSGIApp``, without static files."""

    def __init__(
        self,
        socketio_app: RequestHandler,
        wsgi_app: WSGIApplication | None = None,
        socketio_path: str = "socket.io",
    ) -> None:
        super().__init__(socketio_app, wsgi_app, socketio_path=socketio_path)
