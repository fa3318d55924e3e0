"""WSGI: the request that the engine sees, its body, the answer, and the socket behind it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from websockets.datastructures import Headers
from websockets.http11 import Request as HandshakeRequest
from websockets.server import ServerProtocol

from ..exceptions import ProtocolError
from .socket_channel import SocketChannel, SocketWebSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from .._core.request import Reply
    from ..typing import Environ
    from .concurrency import Concurrency, Stream

    StartResponse: TypeAlias = Callable[..., Any]
    Ready: TypeAlias = Callable[[SocketChannel], None]

_logger = logging.getLogger("engineio.wsgi")

READ_SIZE = 65_536
"""Bytes read at once of a body whose length is not known."""

HANDSHAKE_HEADERS = (
    "Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
)  # fmt: skip


class Host(Protocol):
    """What the drivers know of the web servers of their model."""

    def find_socket(self, environ: Environ) -> Any:
        """Return the socket of a request, ``None`` where the web server does not give it."""
        ...

    def shake_hands(self, environ: Environ) -> None:
        """Have the web server complete the WebSocket handshake, if it does that itself."""
        ...

    def is_upgraded(self, environ: Environ) -> bool:
        """True if the web server has completed the WebSocket handshake by itself."""
        ...

    def end(self, environ: Environ) -> Iterable[bytes]:
        """Return, or raise, what makes the web server leave a socket alone that we have used."""
        ...


class WsgiRequest:
    """One WSGI request."""

    __slots__ = ("_environ", "_host", "start_response")

    def __init__(self, environ: Environ, start_response: StartResponse, host: Host) -> None:
        self._environ = environ
        self._host = host
        self.start_response: StartResponse = start_response

    @property
    def method(self) -> str:
        """The method."""
        method: str = self._environ["REQUEST_METHOD"]
        return method

    @property
    def query(self) -> str:
        """The raw query string."""
        query: str = self._environ.get("QUERY_STRING", "")
        return query

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, from the connection."""
        scheme: str = self._environ.get("wsgi.url_scheme", "http")
        return {"ws": "http", "wss": "https"}.get(scheme, scheme)

    @property
    def has_socket(self) -> bool:
        """True if the web server gives the socket behind its requests."""
        return self._host.find_socket(self._environ) is not None

    @property
    def websocket(self) -> bool:
        """True if this is a WebSocket handshake; it takes a socket to answer it."""
        upgrade = self._environ.get("HTTP_UPGRADE", "")
        return isinstance(upgrade, str) and upgrade.lower() == "websocket"

    def header(self, name: str) -> str | None:
        """Look a header up."""
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        value: str | None = self._environ.get(key)
        return value

    def environ(self) -> Environ:
        """Return the environ of the web server itself."""
        return self._environ


class WsgiDriver:
    """The four functions of a driver, for every model of concurrency.

    :param model: how the model runs things.
    :param host: what is known of its web servers.
    """

    def __init__(self, model: Concurrency, host: Host) -> None:
        self.model: Concurrency = model
        self._host = host
        self._has_warned = False

    def request(self, environ: Environ, start_response: StartResponse) -> WsgiRequest:
        """Wrap the two arguments of a WSGI application."""
        self.model.enter()
        return WsgiRequest(environ, start_response, self._host)

    def body(self, request: WsgiRequest, limit: int) -> bytes:
        """Read the body, stopping at the limit."""
        environ = request.environ()
        length = _content_length(environ)
        if length is None:
            return _read_chunked(environ, limit)
        if length > limit:
            raise ProtocolError("body too large", 413)
        body = _read(environ, length)
        if len(body) < length:
            raise ProtocolError("the body ended early")
        return body

    def body_cutter(self, request: WsgiRequest) -> Callable[[], None]:
        """Return what ends ``body`` from elsewhere, as if the client had gone.

        It does nothing under a web server that does not give the socket: there the body is waited
        for until it comes, or until the web server's own timeout.
        """
        environ = request.environ()
        sock = self._host.find_socket(environ) or _socket_of(environ["wsgi.input"])
        return partial(_stop_reading, sock)

    def respond(self, request: WsgiRequest, reply: Reply) -> Iterable[bytes]:
        """Send the answer, over WebSocket as a close frame where it is one already."""
        environ = request.environ()
        sock = self._host.find_socket(environ)
        _send_at_once(sock)
        if self._host.is_upgraded(environ):
            # RFC 6455 5.5: a close reason has 123 bytes
            channel = SocketChannel(self.model.stream(sock), lambda channel: None)
            channel.close(1008)
            channel.pump()
            return self._host.end(environ)
        headers = [*reply.headers, ("Content-Length", str(len(reply.body)))]
        request.start_response(reply.status_line, headers)
        return [reply.body]

    def no_socket(self) -> ProtocolError:
        """Return the answer to a WebSocket where there is no socket; the first time, tell why."""
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "WebSocket is refused: this web server does not give the socket of a request.  "
                "Clients can use long-polling only."
            )
        return ProtocolError("this web server gives no socket: long-polling only")

    def websocket(self, request: WsgiRequest, ready: Ready, max_size: int) -> SocketWebSocket:
        """Complete the WebSocket handshake and take the socket over."""
        environ = request.environ()
        self._host.shake_hands(environ)
        upgraded = self._host.is_upgraded(environ)
        handshake = None if upgraded else _accept(environ)
        sock = self._host.find_socket(environ)
        _send_at_once(sock)
        stream = self.model.stream(sock)
        if handshake is not None:
            _send_all(stream, handshake)
        return SocketWebSocket(stream, ready, max_size)

    def end(self, request: WsgiRequest) -> Iterable[bytes]:
        """Give a request back whose socket was taken over."""
        return self._host.end(request.environ())


def _send_at_once(sock: Any) -> None:
    """Let what is written not wait until the client has confirmed what was written before.

    gevent's server writes head and body by themselves: else the body would leave 40 ms later.
    """
    if hasattr(sock, "setsockopt"):
        with contextlib.suppress(OSError):  # not TCP
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _socket_of(reader: Any) -> Any:
    """Return the socket under a buffered reader, ``None`` if that is not what it is."""
    return getattr(getattr(reader, "raw", None), "_sock", None)


def _stop_reading(sock: Any) -> None:
    """Let whoever waits for data of a socket find its end, below TLS; sending goes on."""
    if hasattr(sock, "fileno"):
        # the end may have come already
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as same:
            same.shutdown(socket.SHUT_RD)


def _content_length(environ: Environ) -> int | None:
    text = environ.get("CONTENT_LENGTH")
    if text in (None, ""):
        return None
    if not (isinstance(text, str) and text.isascii() and text.isdigit()):
        raise ProtocolError("invalid content length")
    return int(text)


def _read_chunked(environ: Environ, limit: int) -> bytes:
    """Read a body that tells its end by itself; there is none where it cannot."""
    chunked = "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower()
    if not chunked and not environ.get("wsgi.input_terminated"):
        return b""
    chunks: list[bytes] = []
    size = 0
    while size <= limit:
        chunk = _read(environ, READ_SIZE)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
    raise ProtocolError("body too large", 413)


def _read(environ: Environ, size: int) -> bytes:
    try:
        data: bytes = environ["wsgi.input"].read(size)
    except (OSError, ValueError) as error:  # ValueError: of eventlet, for a chunk that is none
        raise ProtocolError("the body ended early") from error
    return data


def _accept(environ: Environ) -> bytes:
    """Return the answer to a handshake; ProtocolError for one that is not valid."""
    headers = Headers()
    for name in HANDSHAKE_HEADERS:
        value = environ.get("HTTP_" + name.upper().replace("-", "_"))
        if value is not None:
            headers[name] = value
    protocol = ServerProtocol()
    response = protocol.accept(HandshakeRequest(environ.get("PATH_INFO", "/"), headers))
    if response.status_code != 101:
        raise ProtocolError(response.body.decode().strip() or "invalid handshake")
    protocol.send_response(response)
    return b"".join(protocol.data_to_send())


def _send_all(stream: Stream, data: bytes) -> None:
    # the first bytes on this connection: they fit into any socket's buffer
    if stream.send(data) != len(data):
        stream.abort()
        raise ConnectionResetError("the client has gone")
