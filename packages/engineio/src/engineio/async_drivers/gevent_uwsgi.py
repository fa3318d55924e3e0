"""Driver for uWSGI with gevent; only importable inside uWSGI.

uWSGI completes the WebSocket handshake; the frames are then ours, on the connection behind it: its
own functions do not tell text from binary.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import gevent.socket
import uwsgi

from .._shell.wsgi import WsgiDriver
from ..exceptions import ProtocolError
from .gevent import GeventConcurrency
from .gevent import _async as _gevent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._core.request import Reply
    from .._shell.wsgi import StartResponse, WsgiRequest
    from ..typing import Environ

SOCKET = "engineio.socket"
"""Where a request's environ keeps its socket, once it was asked for."""


class UwsgiHost:
    """Implements ``Host``."""

    def find_socket(self, environ: Environ) -> Any:
        """Return the socket after a handshake, before it anything that says that there is one.

        ``None`` where uWSGI was built without WebSocket.
        """
        return environ.get(SOCKET, getattr(uwsgi, "websocket_handshake", None))

    def shake_hands(self, environ: Environ) -> None:
        """Complete the handshake; ProtocolError if uWSGI does not like it."""
        try:
            uwsgi.websocket_handshake()
        except OSError as error:
            raise ProtocolError("invalid handshake") from error
        environ[SOCKET] = gevent.socket.socket(fileno=os.dup(uwsgi.connection_fd()))

    def is_upgraded(self, environ: Environ) -> bool:
        """Return True once uWSGI has completed the handshake."""
        return SOCKET in environ

    def end(self, environ: Environ) -> Iterable[bytes]:
        """Close our descriptor of the socket and return an empty answer."""
        environ.pop(SOCKET).close()
        return []


class UwsgiDriver(WsgiDriver):
    """Makes up for what uWSGI does with requests."""

    def request(self, environ: Environ, start_response: StartResponse) -> WsgiRequest:
        """Wrap the two arguments of a WSGI application.

        uWSGI empties the dict after each request, and fills it for the next one; handlers keep that
        of the first request of their client.
        """
        return super().request(dict(environ), start_response)

    def respond(self, request: WsgiRequest, reply: Reply) -> Iterable[bytes]:
        """Send the answer, and say that the connection ends with it, which uWSGI does not.

        A client that takes it for kept open loses the POST that it sends next.
        """
        if "http-keepalive" not in uwsgi.opt:
            reply.headers.append(("Connection", "close"))
        return super().respond(request, reply)


_async: dict[str, Any] = {
    **_gevent,
    "driver": UwsgiDriver(GeventConcurrency(), UwsgiHost()),
}
