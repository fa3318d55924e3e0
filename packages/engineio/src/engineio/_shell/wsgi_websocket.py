"""A WebSocket that is waited for, as ``_async["websocket"]`` of a driver: for code that speaks
WebSocket to a WSGI request by itself.  The servers do not use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._core.engine import WS_NORMAL, WS_PROTOCOL_ERROR
from .._core.farewell import CLOSE_TIMEOUT
from .._core.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..exceptions import ProtocolError
    from ..typing import Environ
    from .socket_channel import SocketWebSocket
    from .wsgi import StartResponse


class AwaitedWebSocket:
    """What the handler gets."""

    def __init__(self, websocket: SocketWebSocket, messages: Any, ended: Any) -> None:
        self._channel = websocket.channel
        self._messages = messages
        self._ended = ended

    def send(self, message: str | bytes) -> None:
        """Send a message; dropped if the connection has ended."""
        if isinstance(message, str):
            self._channel.write([Message(message.encode())])
        else:
            self._channel.write([Message(bytes(message), binary=True)])
        self._channel.pump()

    def wait(self) -> str | bytes | None:
        """Wait for the next message; ``None`` when the connection has ended."""
        message: str | bytes | None = self._messages.get()
        if message is None:
            self._messages.put(None)
        return message

    def close(self) -> None:
        """End the connection."""
        self._close(WS_NORMAL)

    def _close(self, code: int) -> None:
        self._channel.close(code)
        self._channel.pump()

    # what the reader calls

    def frame(self, data: str | bytes) -> None:
        """A message has come."""
        self._messages.put(data)

    def failed(self, error: ProtocolError) -> None:
        """The peer broke the protocol."""
        self._close(WS_PROTOCOL_ERROR)

    def lost(self) -> None:
        """The connection has ended."""
        self._messages.put(None)
        self._ended.set()


class WebSocketWSGI:
    """A WSGI application that hands the WebSocket of a request to a function.

    :param handler: called with an object with ``send(message)``, ``wait()`` and ``close()``; the
        connection ends when it returns.
    :param server: the Engine.IO server whose driver this is.

    Called, it raises ``RuntimeError`` for a request that is not a WebSocket handshake, or where
    the web server does not give its socket.
    """

    def __init__(self, handler: Callable[[AwaitedWebSocket], Any], server: Any) -> None:
        self._handler = handler
        self._server = server

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        server, driver = self._server, self._server._driver
        request = driver.request(environ, start_response)
        if not (request.websocket and request.has_socket):
            raise RuntimeError("no WebSocket in this request")
        websocket = driver.websocket(request, lambda channel: None, server.max_http_buffer_size)
        ended = driver.model.event()
        awaited = AwaitedWebSocket(websocket, server.create_queue(), ended)
        driver.model.spawn(websocket.serve, awaited)
        try:
            self._handler(awaited)
        finally:
            awaited.close()
            if not ended.wait(CLOSE_TIMEOUT):
                websocket.channel.abort()
        result: Iterable[bytes] = driver.end(request)
        return result
