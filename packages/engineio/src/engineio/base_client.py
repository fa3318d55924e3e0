"""What the Engine.IO clients of every concurrency model share: options, handlers, URLs, SIGINT."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload
from urllib.parse import quote, urlsplit

from ._core.arity import takes
from ._core.codec import make_codec
from ._core.message import Message
from ._core.reason import Reason
from ._shell.async_sigint import AsyncSigint
from ._shell.farewell import may_take_sigint, say_farewell
from ._shell.logs import LOGGED_DATA, make_logger
from .exceptions import ConnectionError, ProtocolError
from .packet import MESSAGE, Packet, decode_text, packet_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

    from ._core.client_session import ClientSession, Transport
    from ._core.layer import ClientLayer
    from .typing import Data, JSONModule, LoggerLike

HandlerT = TypeVar("HandlerT", bound="Callable[..., Any]")

default_logger: logging.Logger = logging.getLogger("engineio.client")

MAX_SEND_BUFFER = 16 * 1024 * 1024
"""Default ``max_send_buffer``, bytes: the same as a server grants each of its clients."""

MAX_RECEIVE_SIZE = 100 * 1024 * 1024
"""Default ``max_receive_size``, bytes: the ``maxPayload`` of the WebSocket library under the
official JavaScript client in Node."""

_DIGITS = frozenset("0123456")

_LABELS = {"polling": "Polling", "websocket": "WebSocket"}

_codec = make_codec()

connected_clients: list[Any] = []
"""The clients that are connected now, of all concurrency models."""

original_signal_handler: Any = None
"""What SIGINT did before the first synchronous client; ``None`` until then."""


def signal_handler(sig: int, frame: FrameType | None) -> Any:
    """Disconnect all synchronous clients, then do what SIGINT did before."""
    threaded = [client for client in connected_clients if not client.is_asyncio_based()]
    say_farewell([client.disconnect for client in threaded])
    if callable(original_signal_handler):
        return original_signal_handler(sig, frame)
    return signal.default_int_handler(sig, frame)


_async_sigint = AsyncSigint(connected_clients)

async_signal_handler: Callable[[], None] = _async_sigint.interrupt
"""What SIGINT does on a loop on which an asyncio client has connected."""


class BaseClient:
    """Options, event handlers and URLs; ``Client`` and ``AsyncClient`` add everything that waits.

    An ``AsyncClient`` belongs to the thread of its event loop; the methods of a ``Client`` may be
    called by any thread at any time, by handlers, too.

    :param logger: ``True``, ``False`` (errors only, default) or a logger.
    :param json: object with ``dumps`` and ``loads`` for this client instead of ``Packet.json``.
    :param request_timeout: seconds for connecting, for a POST, and for each step of a WebSocket
        handshake or close (default 5).
    :param http_session: HTTP session to use and never close, or a function that returns one for
        each connection, which the client closes.
    :param ssl_verify: ``False`` accepts any certificate, on HTTP and WebSocket (default True).
    :param handle_sigint: disconnect on SIGINT before it does what it does (default True).
    :param websocket_extra_options: keyword arguments for the WebSocket library's connect function;
        they win over the client's own.
    :param timestamp_requests: add a ``t`` query argument that defeats caches (default True).
    :param max_send_buffer: bytes that may wait to be sent before ``send()`` waits (default
        16 MiB); ``None`` for no limit.
    :param max_receive_size: bytes of the largest long-polling response or WebSocket message that
        is read (default 100 MiB); a larger one ends the connection.
    """

    event_names: ClassVar[list[str]] = ["connect", "disconnect", "message"]
    valid_transports: ClassVar[list[str]] = ["polling", "websocket"]

    reason = Reason

    def __init__(
        self,
        logger: bool | LoggerLike = False,
        json: JSONModule | None = None,
        request_timeout: float = 5,
        http_session: Any = None,
        ssl_verify: bool = True,
        handle_sigint: bool = True,
        websocket_extra_options: Mapping[str, Any] | None = None,
        timestamp_requests: bool = True,
        *,
        max_send_buffer: int | None = MAX_SEND_BUFFER,
        max_receive_size: int = MAX_RECEIVE_SIZE,
    ) -> None:
        self.handlers: dict[str, Callable[..., Any]] = {}
        self.base_url: str | None = None
        self.transports: list[str] | None = None
        self.current_transport: str | None = None
        self.sid: str | None = None
        self.upgrades: list[str] | None = None
        self.ping_interval: float | None = None
        self.ping_timeout: float | None = None
        self.state: str = "disconnected"
        self.http_factory: Callable[[], Any] | None = (
            http_session if callable(http_session) else None
        )
        self.external_http: bool = http_session is not None and self.http_factory is None
        self.http: Any = http_session if self.external_http else None
        self.ws: Any = None
        self.logger: LoggerLike = make_logger(default_logger, logger)
        self._packet_class: type[Packet] = (
            Packet if json is None else type("Packet", (Packet,), {"json": json})
        )
        self.request_timeout = request_timeout
        self.ssl_verify = ssl_verify
        self.handle_sigint = handle_sigint
        self.websocket_extra_options: Mapping[str, Any] = websocket_extra_options or {}
        self.timestamp_requests = timestamp_requests
        self.max_send_buffer = max_send_buffer
        self.max_receive_size = max_receive_size
        self.clock: Callable[[], float] = time.monotonic
        self._guard = threading.RLock()  # around changes of the state, which are not only ours
        self._headers: dict[str, str] = {}
        self._layer: ClientLayer | None = None
        self._session = self._create_session("polling")
        self._connecting = False
        self._own_http: Any = None
        self._port: Any = None
        self.queue: Any = self._create_send_queue()
        self.queue_empty: type[Exception] = self.get_queue_empty_exception()
        self.read_loop_task: Any = None
        self.write_loop_task: Any = None
        if not self.is_asyncio_based():
            self._take_sigint()

    def is_asyncio_based(self) -> bool:
        """Return True for ``AsyncClient``."""
        return False

    def attach_layer(self, layer: ClientLayer) -> None:
        """Let a protocol above (Socket.IO) take the connection and its messages.

        Its functions are the handlers of this client from now on: an application may wrap them.
        """
        self._layer = layer
        self.handlers["connect"] = layer.opened
        self.handlers["message"] = layer.received
        self.handlers["disconnect"] = layer.closed

    @overload
    def on(self, event: str, handler: None = None) -> Callable[[HandlerT], HandlerT]: ...

    @overload
    def on(self, event: str, handler: Callable[..., Any]) -> None: ...

    def on(
        self, event: str, handler: Callable[..., Any] | None = None
    ) -> Callable[[HandlerT], HandlerT] | None:
        """Register a handler; without ``handler`` return a decorator that does.

        :param event: ``connect``, called as ``handler()``; ``message``, called as
            ``handler(data)``; or ``disconnect``, called as ``handler(reason)``.  ``ValueError``
            for another name.  The last registration wins.
        """
        if event not in self.event_names:
            raise ValueError("Invalid event")

        def register(function: HandlerT) -> HandlerT:
            self.handlers[event] = function
            return function

        if handler is None:
            return register
        self.handlers[event] = handler
        return None

    def transport(self) -> str | None:
        """Return ``'polling'`` or ``'websocket'``; ``None`` before the first connection."""
        return self.current_transport

    def create_queue(self, *args: Any, **kwargs: Any) -> Any:
        """Return a new queue of the client's concurrency model."""
        raise NotImplementedError

    def get_queue_empty_exception(self) -> type[Exception]:
        """Return the exception of a ``get_nowait()`` on an empty queue."""
        raise NotImplementedError

    def _create_session(self, transport: Transport) -> ClientSession:
        """Return the state of a new connection."""
        raise NotImplementedError

    def _create_send_queue(self) -> Any:
        """Return the queue through which ``_session`` is sent to."""
        raise NotImplementedError

    def _take_sigint(self) -> None:
        """Have SIGINT disconnect this client; one of asyncio as soon as its loop is running."""
        global original_signal_handler
        if not self.handle_sigint:
            return
        if self.is_asyncio_based():
            _async_sigint.install(self.logger)
        elif original_signal_handler is None and may_take_sigint():
            original_signal_handler = signal.signal(signal.SIGINT, signal_handler)

    def _prepare(
        self, headers: Mapping[str, str] | None, transports: str | Sequence[str] | None
    ) -> Transport:
        """Begin a connection, if there may be one; return the transport that it starts with."""
        if isinstance(transports, str):
            transports = [transports]
        names = self.valid_transports if transports is None else transports
        valid = [name for name in names if name in self.valid_transports]
        if not valid:
            raise ValueError("No valid transports provided")
        with self._guard:
            if self.state != "disconnected" or self._connecting:
                raise ValueError("Client is not in a disconnected state")
            self._connecting = True
        self.transports = valid
        self._headers = dict(headers or {})
        return "polling" if valid[0] == "polling" else "websocket"

    def _engineio_url(self, url: str, engineio_path: str, transport: str) -> str:
        """Return the Engine.IO URL on the server of ``url``; its path is not used."""
        parts = urlsplit(url)
        scheme = "http" if transport == "polling" else "ws"
        if parts.scheme in ("https", "wss"):
            scheme += "s"
        query = f"{parts.query}&" if parts.query else ""
        return (
            f"{scheme}://{parts.netloc}/{engineio_path.strip('/')}/"
            f"?{query}transport={transport}&EIO=4"
        )

    def _with_sid(self, url: str) -> str:
        return f"{url}&sid={quote(self.sid or '')}"

    def _timestamp(self) -> str:
        return f"&t={time.time()}" if self.timestamp_requests else ""

    def _take_handshake(self, data: str | bytes, missing: str) -> None:
        """Take the first packet; ``missing`` is what to say if it is not an OPEN packet.

        Raises ConnectionError; nothing has changed then.
        """
        if not isinstance(data, str) or not data.startswith("0"):
            raise ConnectionError(missing)
        try:
            handshake = self._session.opened(data, self.clock())
        except ProtocolError as error:
            raise ConnectionError("Unexpected response from server") from error
        transport = self._session.transport
        self.logger.info("%s connection accepted with %s", _LABELS[transport], handshake)
        self.sid = handshake.sid
        self.upgrades = handshake.upgrades
        self.ping_interval = handshake.ping_interval
        self.ping_timeout = handshake.ping_timeout
        self.current_transport = transport
        self.state = "connected"
        connected_clients.append(self)

    def interrupt(self) -> None:
        """Let a ``connect()`` that is under way in another thread fail before long."""
        port = self._port
        if self._connecting and port is not None:
            port.interrupt()

    def _lose(self, session: ClientSession) -> bool:
        """End a session whose connection is lost; False if ``disconnect()`` has ended it."""
        with self._guard:
            if self._session is not session or self.state != "connected":
                return False
            session.close(self.reason.TRANSPORT_ERROR)
            return True

    def _reset(self) -> None:
        self.state = "disconnected"
        self.sid = None
        if self in connected_clients:
            connected_clients.remove(self)

    def _encode(self, data: Data) -> Message:
        encoded = self._packet_class(MESSAGE, data=data).encode()
        if isinstance(encoded, str):
            return Message(encoded.encode())
        return Message(bytes(encoded), binary=True)

    def _decode(self, data: str | bytes) -> Any:
        return decode_text(data, self._packet_class.json) if isinstance(data, str) else data

    def _disconnect_args(self, handler: Callable[..., Any], reason: str) -> tuple[str, ...]:
        """What a disconnect handler is called with; those of old take no reason."""
        return (reason,) if takes(handler, 1) else ()

    def _log_packet(self, verb: str, data: str | bytes) -> None:
        if not self.logger.isEnabledFor(logging.INFO):
            return
        if isinstance(data, bytes):
            self.logger.info("%s packet MESSAGE data <%d bytes>", verb, len(data))
        elif data[:1] in _DIGITS:
            name = packet_names[int(data[0])]
            self.logger.info("%s packet %s data %.*s", verb, name, LOGGED_DATA, data[1:])
        else:
            self.logger.info("%s packet of unknown type: %.*s", verb, LOGGED_DATA, data)


def decode_body(body: bytes) -> Any:
    """Return the JSON value of a refusal's body, or ``None``."""
    try:
        return _codec.loads(body.decode())
    except ValueError:
        return None
