"""The fast path: a WebSocket protocol for uvicorn, built on picows.

``uvicorn app:app --ws engineio.async_drivers.uvicorn:WebSocketProtocol`` (or ``socketio.run``)
runs the ASGI application for each WebSocket handshake as usual, so that mounting, middleware and
other WebSocket routes work.  An Engine.IO server that finds the ``HANDOVER`` extension in the
scope takes the connection itself: frames then go from picows straight into the engine, without
the receive and send calls of ASGI.  Any other application gets uvicorn's own implementation.

hot path: ``Listener.on_ws_frame`` and ``FastChannel.write`` (benchmarks "event with ack" and
"broadcast").
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

from picows import WSAutoPingStrategy, WSCloseCode, WSListener, WSMsgType
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not in its stubs
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

from .._core.engine import HIGH_WATER
from .._shell.mailbox import Mailbox
from ..exceptions import ProtocolError
from .asgi import HANDOVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from picows import WSFrame, WSTransport
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from .._core.message import Message
    from .._shell.receiver import Receiver
    from .asgi_types import Event, Receive, Scope, Send

READ_BUFFER = 2048
"""Bytes of the first read buffer of a connection; it grows with the messages that arrive."""

WS_SERVICE_RESTART = 1012

TEXT = WSMsgType.TEXT
BINARY = WSMsgType.BINARY
CONTINUATION = WSMsgType.CONTINUATION
CLOSE = WSMsgType.CLOSE
PING = WSMsgType.PING

_logger = logging.getLogger("uvicorn.error")


class Quiet:
    """The logger of picows: what it reports, the engine reports.

    It would make a child of a real logger for each connection.
    """

    def isEnabledFor(self, level: int) -> bool:
        """Return False."""
        return False

    def log(self, *args: Any) -> None:
        """Do nothing."""

    debug: Callable[..., None] = log
    info: Callable[..., None] = log
    warning: Callable[..., None] = log
    error: Callable[..., None] = log
    exception: Callable[..., None] = log


_quiet = Quiet()


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
        listener = Listener(self._state, self, max_size)
        protocol = WSProtocol(
            None,
            None,
            False,
            lambda request: listener,
            _quiet,
            False,
            None,
            False,
            None,
            None,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,
            max_size,
            None,
            READ_BUFFER,
        )
        protocol.connection_made(BareTransport(self._transport))
        _feed(protocol, _MINIMAL_REQUEST % self._key)
        self._transport.set_protocol(protocol)
        self._handshake = b""
        if _logger.isEnabledFor(logging.INFO):
            _logger.info('%s - "WebSocket" [accepted]', get_remote_addr(self._transport))
        self._websocket = FastWebSocket(listener, protocol.transport, self._transport)
        return self._websocket

    @property
    def buffered(self) -> int:
        """Bytes in the event loop's write buffer."""
        size: int = self._transport.get_write_buffer_size()
        return size

    def forget(self) -> None:
        """The WebSocket has ended: let go of it, so that no cycle has to be collected."""
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


def _ignore(data: str | bytes) -> None:
    """Take the frames of a WebSocket that was accepted only to be closed."""


def _is_key(value: bytes) -> bool:
    try:
        return len(b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


_MINIMAL_REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
)
"""What picows needs of the handshake; it would refuse one with more than 16 KiB of headers."""


def _feed(protocol: Any, data: bytes) -> None:
    buffer = protocol.get_buffer(-1)
    buffer[: len(data)] = data
    protocol.buffer_updated(len(data))


class BareTransport:
    """A transport without the socket calls by which picows reports a new connection.

    Each of them would cost a socket object; uvicorn and the event loop have set TCP_NODELAY.
    """

    __slots__ = ("_descriptor", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._descriptor: int = transport.get_extra_info("socket").fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what picows needs of the connection."""
        if name == "socket":
            return self
        return self._transport.get_extra_info(name, default) if name == "ssl_object" else default

    def fileno(self) -> int:
        """Return the socket's descriptor, for picows to send with."""
        return self._descriptor

    def setsockopt(self, *args: Any) -> None:
        """Do nothing."""

    def getsockopt(self, *args: Any) -> int:
        """Return 0: it is only logged."""
        return 0


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


class FastChannel:
    """Writes to a picows transport."""

    __slots__ = ("_closing", "_transport", "reader")

    def __init__(self, transport: WSTransport, reader: asyncio.Transport) -> None:
        self._transport = transport
        self.reader: asyncio.Transport = reader
        self._closing = False

    def write(self, messages: list[Message]) -> None:
        """Write one message, or several in one system call."""
        if self._closing:
            return
        if len(messages) == 1:
            message = messages[0]
            self._transport.send(BINARY if message.binary else TEXT, message.payload)
        else:
            self.reader.write(b"".join([message.frame for message in messages]))

    def close(self, code: int) -> None:
        """Send a close frame; the connection ends when the peer has answered it."""
        if not self._closing:
            self._closing = True
            self._transport.send_close(WSCloseCode(code))

    def abort(self) -> None:
        """Cut the connection."""
        self._closing = True
        self._transport.disconnect(False)

    @property
    def buffered(self) -> int:
        """Bytes in the event loop's write buffer."""
        return self.reader.get_write_buffer_size()


class FastWebSocket:
    """A WebSocket whose frames picows pushes."""

    __slots__ = ("_listener", "channel")

    def __init__(
        self, listener: Listener, transport: WSTransport, reader: asyncio.Transport
    ) -> None:
        self._listener = listener
        self.channel: FastChannel = FastChannel(transport, reader)

    async def serve(self, receiver: Receiver) -> None:
        """Start handing frames on; returns at once."""
        self._listener.start(receiver, self.channel.reader)


class Listener(WSListener):
    """Takes the frames of one connection from picows and hands messages on."""

    __slots__ = (
        "_connection",
        "_deliver",
        "_fragments",
        "_mailbox",
        "_max_size",
        "_receiver",
        "_state",
    )

    def __init__(self, state: ServerState, connection: WebSocketProtocol, max_size: int) -> None:
        super().__init__()
        self._state = state
        self._connection = connection
        self._max_size = max_size
        self._receiver: Receiver | None = None
        self._mailbox: Mailbox | None = None
        self._fragments: Fragments | None = None
        self._deliver: Callable[[str | bytes], None] = _ignore

    def start(self, receiver: Receiver, reader: asyncio.Transport) -> None:
        """Hand frames to this receiver from now on."""
        self._receiver = receiver
        self._mailbox = Mailbox(receiver, reader)
        self._deliver = self._mailbox.deliver

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Do nothing: the engine has made the session already."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take one frame; picows has checked its size and unmasked it."""
        kind = frame.msg_type
        if frame.fin and self._fragments is None:
            if kind == TEXT:
                try:
                    text = frame.get_payload_as_utf8_text()
                except UnicodeDecodeError:
                    self._refuse(ProtocolError("text is not valid UTF-8"))
                    return
                self._deliver(text)
                return
            if kind == BINARY:
                self._deliver(frame.get_payload_as_bytes())
                return
        self._other_frame(transport, frame, kind)

    def _other_frame(self, transport: WSTransport, frame: WSFrame, kind: WSMsgType) -> None:
        if kind == CLOSE:
            if not transport.is_close_frame_sent:
                transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif kind == PING:
            # RFC 6455 5.5.3: not every ping needs an answer; who reads none gets no more of them
            if self._connection.buffered <= HIGH_WATER:
                transport.send_pong(frame.get_payload_as_bytes())
        elif kind in (TEXT, BINARY, CONTINUATION):
            try:
                self._fragment(frame, kind)
            except UnicodeDecodeError:
                self._refuse(ProtocolError("text is not valid UTF-8"))
            except ProtocolError as error:
                self._refuse(error)

    def _fragment(self, frame: WSFrame, kind: WSMsgType) -> None:
        if self._fragments is None:
            if kind == CONTINUATION:
                raise ProtocolError("a continuation of nothing")
            self._fragments = Fragments(kind == TEXT, self._max_size)
        elif kind != CONTINUATION:
            raise ProtocolError("a message inside a fragmented message")
        self._fragments.add(frame.get_payload_as_bytes())
        if frame.fin:
            fragments, self._fragments = self._fragments, None
            self._deliver(fragments.join())

    def _refuse(self, error: ProtocolError) -> None:
        if self._receiver is not None:
            self._receiver.failed(error)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection has ended."""
        connections: set[Any] = self._state.connections
        connections.discard(self._connection)
        handshake = transport.close_handshake
        if handshake is not None and handshake.sent is not None and not handshake.recv_then_sent:
            # picows closed it for a frame that breaks RFC 6455 or is too large, or the engine
            # did, which then ignores this
            too_large = handshake.sent.code == WSCloseCode.MESSAGE_TOO_BIG
            self._refuse(ProtocolError("invalid frame", 413 if too_large else 400))
        if self._mailbox is not None:
            self._mailbox.lost()
        self._connection.forget()

    def pause_writing(self) -> None:
        """Do nothing: the engine looks at ``FastChannel.buffered``."""

    def resume_writing(self) -> None:
        """Do nothing, likewise."""


class Fragments:
    """The parts of a fragmented message (RFC 6455 5.4), up to the size limit in total."""

    def __init__(self, text: bool, max_size: int) -> None:
        self._text = text
        self._max_size = max_size
        self._data = bytearray()  # one object, however small the parts are

    def add(self, part: bytes) -> None:
        """Keep one part; ProtocolError 413 over the limit."""
        if len(self._data) + len(part) > self._max_size:
            raise ProtocolError("message too large", 413)
        self._data += part

    def join(self) -> str | bytes:
        """Return the whole message."""
        return self._data.decode() if self._text else bytes(self._data)
