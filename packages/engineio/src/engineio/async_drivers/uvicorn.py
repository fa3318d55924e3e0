"""The fast path: a WebSocket protocol for uvicorn, built on picows.

``uvicorn app:app --ws engineio.async_drivers.uvicorn:WebSocketProtocol`` (or ``socketio.run``)
runs the ASGI application for each WebSocket handshake as usual, so that mounting, middleware and
other WebSocket routes work.  An Engine.IO server that finds the ``HANDOVER`` extension in the
scope takes the connection itself: frames then go from picows straight into the engine, without
the receive and send calls of ASGI.  Any other application gets uvicorn's own implementation.
"""

from __future__ import annotations

import asyncio
import binascii
import copy
import logging
from base64 import b64decode
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from uvicorn.protocols.utils import get_remote_addr
from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

from .asgi import HANDOVER
from .picows_websocket import open_websocket

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from .asgi_types import Event, Receive, Scope, Send
    from .picows_websocket import FastWebSocket

WS_SERVICE_RESTART = 1012

_logger = logging.getLogger("uvicorn.error")


class WebSocketProtocol(asyncio.Protocol):
    """One WebSocket handshake under uvicorn; uvicorn makes and calls it."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._state = server_state
        self._connections: set[Any] = server_state.connections
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._handshake = b""
        self._key = b""
        self._transport: Any = None
        self._websocket: FastWebSocket | None = None
        self._bridge: Bridge | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the connection from uvicorn's HTTP protocol."""
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer left before the application answered the handshake."""
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Take the handshake request, as uvicorn replays it, and ask the application."""
        if self._handshake:
            # RFC 6455 4.1: nothing may follow the handshake before its answer
            self._transport.abort()
            return
        self._handshake = data
        scope = self._make_scope(data)
        if scope is None:
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        self._bridge = Bridge(self, self._config)
        task = self._loop.create_task(self._run(scope, self._bridge))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def shutdown(self) -> None:
        """Close the WebSocket because uvicorn is stopping."""
        if self._websocket is not None:
            self._websocket.channel.close(WS_SERVICE_RESTART)
        else:
            self._transport.close()

    async def _run(self, scope: Scope, bridge: Bridge) -> None:
        app: Any = self._config.loaded_app
        try:
            await app(scope, bridge.receive, bridge.send)
        except Exception as error:
            if not bridge.failed(error) and not self._has_gone(error):
                _logger.exception("Exception in ASGI application")
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR)
        else:
            bridge.finished()
            if self._websocket is None and not bridge.used:
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR)
        self._bridge = None

    def _has_gone(self, error: Exception) -> bool:
        """Whether an application ended because there is no client left to answer."""
        return isinstance(error, ConnectionResetError) and self._transport.is_closing()

    def _take(self, max_size: int) -> FastWebSocket:
        """Complete the handshake and make this connection a WebSocket of the engine."""
        if self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        websocket = open_websocket(self._transport, self._key, self, max_size)
        self._handshake = b""
        if _logger.isEnabledFor(logging.INFO):
            _logger.info('%s - "WebSocket" [accepted]', get_remote_addr(self._transport))
        self._websocket = websocket
        return websocket

    @property
    def buffered(self) -> int:
        """Bytes in the event loop's write buffer."""
        size: int = self._transport.get_write_buffer_size()
        return size

    def ended(self) -> None:
        """The WebSocket has ended: let go of it, so that no cycle has to be collected."""
        self._connections.discard(self)
        self._websocket = None

    def delegate(self, config: Config) -> None:
        """Let uvicorn's own WebSocket implementation answer the handshake instead."""
        self._connections.discard(self)
        if self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        if AutoWebSocketsProtocol is None:
            raise RuntimeError("install websockets or wsproto for WebSocket routes of your own")
        protocol: Any = AutoWebSocketsProtocol(
            config=config, server_state=self._state, app_state=self._app_state
        )
        protocol.connection_made(self._transport)
        protocol.data_received(self._handshake)
        self._transport.set_protocol(protocol)
        if self._transport.is_closing():
            raise ConnectionResetError("the handshake was refused")

    def _answer(self, status: HTTPStatus) -> None:
        body = status.phrase.encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain\r\n"
        self._transport.write(
            f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
        )
        self._transport.close()

    def _make_scope(self, handshake: bytes) -> Scope | None:
        """The scope of this handshake; ``None`` if it is not one of RFC 6455."""
        http: Scope = self._transport.get_protocol().scope
        headers: list[tuple[bytes, bytes]] = http["headers"]
        found = dict(headers)
        self._key = found.get(b"sec-websocket-key", b"").strip()
        if found.get(b"sec-websocket-version") != b"13" or not _is_key(self._key):
            return None
        raw_path, _, query = handshake.split(b" ", 2)[1].partition(b"?")
        root_path: str = http["root_path"]
        protocols = found.get(b"sec-websocket-protocol", b"").decode("latin-1").split(",")
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if http["scheme"] == "https" else "ws",
            "server": http["server"],
            "client": http["client"],
            "root_path": root_path,
            "path": root_path + unquote(raw_path.decode("ascii", "replace")),
            "raw_path": root_path.encode("ascii", "replace") + raw_path,
            "query_string": query,
            "headers": headers,
            "state": self._app_state.copy(),
            "subprotocols": [name.strip() for name in protocols if name.strip()],
            "extensions": {"websocket.http.response": {}, HANDOVER: self._take},
        }


def _is_key(value: bytes) -> bool:
    try:
        return len(b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


class Bridge:
    """``receive`` and ``send`` for an application that is not an Engine.IO server.

    Their first call brings uvicorn's own WebSocket implementation in; the application, which
    runs already, is then what that implementation's application waits for.
    """

    __slots__ = ("_config", "_done", "_ends", "_protocol")

    def __init__(self, protocol: WebSocketProtocol, config: Config) -> None:
        self._protocol = protocol
        self._config = config
        self._ends: asyncio.Future[tuple[Receive, Send]] | None = None
        self._done: asyncio.Future[None] | None = None

    @property
    def used(self) -> bool:
        """True once uvicorn's implementation has been brought in."""
        return self._ends is not None

    async def receive(self) -> Event:
        """Receive through uvicorn's implementation."""
        receive, _ = await self._connect()
        return await receive()

    async def send(self, event: Event) -> None:
        """Send through uvicorn's implementation."""
        _, send = await self._connect()
        await send(event)

    def finished(self) -> None:
        """The application has returned."""
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def failed(self, error: Exception) -> bool:
        """The application has raised; True if uvicorn's implementation answers for it."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)
        return self.used

    async def _connect(self) -> tuple[Receive, Send]:
        if self._ends is None:
            config = copy.copy(self._config)
            config.loaded_app = self._application
            self._protocol.delegate(config)
            loop = asyncio.get_running_loop()
            self._ends, self._done = loop.create_future(), loop.create_future()
        return await asyncio.shield(self._ends)

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._ends is not None
        assert self._done is not None
        if not self._ends.done():
            self._ends.set_result((receive, send))
        await self._done
