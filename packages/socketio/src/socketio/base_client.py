"""What the clients of every concurrency model share: options, handlers, what is connected.

The arguments of ``connect()`` are remembered here under public names, because each reconnection
reads them again: an application may assign a new ``connection_auth`` between two attempts.
"""

from __future__ import annotations

import logging
import signal
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from engineio import json as default_json
from engineio._core.codec import MAX_DEPTH, MAX_INT_DIGITS, make_codec
from engineio._shell.farewell import may_take_sigint, say_farewell
from engineio._shell.logs import make_logger

from ._core.acks import AckTable
from ._core.client_state import ClientState
from ._core.decoder import MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS
from ._core.wire import PacketLimits, make_wire, packet_class_of
from .base_namespace import BaseClientNamespace
from .exceptions import BadNamespaceError
from .packet import Packet
from .registration import Registration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import FrameType

    from engineio.typing import JSONModule, LoggerLike

    from ._core.decoder import Decoder
    from ._core.handlers import Handler

Url: TypeAlias = "str | Callable[[], str | Awaitable[str]]"
"""Where the server is, or a function that tells it anew for each connection."""

_Fields: TypeAlias = "Mapping[str, str]"

Headers: TypeAlias = "_Fields | Callable[[], _Fields | Awaitable[_Fields]]"
"""HTTP headers, or a function that makes them anew for each connection."""

Auth: TypeAlias = Any
"""What JSON can hold, or a function that makes it anew for each connection."""

Transports: TypeAlias = "str | Sequence[str] | None"
"""``"polling"``, ``"websocket"`` or a list of both; ``None`` for both."""

SLOW_LINK_FACTOR = 2.0
"""On a slow link ``connect()`` waits for the namespaces for at least this many times what the
Engine.IO handshake took: the answer is one round trip, the handshake was one to five."""

default_logger: logging.Logger = logging.getLogger("socketio.client")

reconnecting_clients: list[BaseClient] = []
"""The clients that are trying to reconnect at this moment."""

original_signal_handler: Any = None
"""What handled SIGINT before ``signal_handler`` was installed."""


def signal_handler(sig: int, frame: FrameType | None) -> Any:
    """Handle SIGINT: stop all reconnection loops, then do what was done before."""
    threaded = [client for client in reconnecting_clients if not client.is_asyncio_based()]
    say_farewell([client._reconnect_abort.set for client in threaded])
    for client in reconnecting_clients[:]:
        if client.is_asyncio_based():
            client._reconnect_abort.set()
    if callable(original_signal_handler):
        return original_signal_handler(sig, frame)
    return signal.default_int_handler(sig, frame)


class BaseClient(Registration):
    """Options, handlers and lookups; ``Client`` and ``AsyncClient`` add everything that waits.

    An ``AsyncClient`` belongs to the thread of its event loop; the methods of a ``Client`` may be
    called by any thread at any time, by handlers, too.

    :param reconnection: connect again after the connection was lost (default True).
    :param reconnection_attempts: how often to try before giving up; 0 (default) for no limit.
    :param reconnection_delay: seconds before the first attempt (default 1); each further
        attempt waits twice as long as the one before.
    :param reconnection_delay_max: the longest of these delays, seconds (default 5).
    :param randomization_factor: each delay is made shorter or longer by up to this fraction of
        itself (default 0.5), so that the clients of a restarted server do not return at once.
    :param logger: ``True`` logs to ``socketio.client`` at INFO, ``False`` (default) only errors;
        or a logger.
    :param serializer: ``"default"``, ``"msgpack"`` or a `Packet` subclass; the server's must be
        the same.  ``ValueError`` for any other name.
    :param json: object with ``dumps`` and ``loads`` to use instead of the default codec.
    :param handle_sigint: let Ctrl-C end the connection and the reconnection (default True).
    :param max_attachments: attachments of one packet from the server (default 100).
    :param max_attachment_bytes: size of the attachments of one packet together, bytes (default
        100,000,000).
    :param max_json_depth: nested lists and objects in a packet from the server (default 128).
    :param max_json_int_digits: digits of an integer in a packet from the server (default 100).
        Beyond one of these four the connection is closed with "transport error".

    All other keywords go to the Engine.IO client, ``engineio_logger`` as its ``logger``:
    ``request_timeout``, ``http_session``, ``ssl_verify``, ``websocket_extra_options``,
    ``timestamp_requests``.  The delays and numbers are those of the official JavaScript client;
    all options can be assigned later and are re-read when they are next needed.
    """

    acks_class: ClassVar[type[AckTable]] = AckTable
    reserved_events: ClassVar[list[str]] = [
        "connect",
        "connect_error",
        "disconnect",
        "__disconnect_final",
    ]

    class reason:
        """Disconnect reasons, as constants."""

        CLIENT_DISCONNECT = "client disconnect"
        """``disconnect()`` was called."""

        SERVER_DISCONNECT = "server disconnect"
        """The server disconnected the namespace."""

        TRANSPORT_CLOSE = "transport close"
        """The server closed the connection, for example because it is being restarted."""

        TRANSPORT_ERROR = "transport error"
        """The connection broke, or the server has been silent for too long."""

    def __init__(
        self,
        reconnection: bool = True,
        reconnection_attempts: int = 0,
        reconnection_delay: float = 1,
        reconnection_delay_max: float = 5,
        randomization_factor: float = 0.5,
        logger: bool | LoggerLike = False,
        serializer: str | type[Packet] = "default",
        json: JSONModule | None = None,
        handle_sigint: bool = True,
        *,
        max_attachments: int = MAX_ATTACHMENTS,
        max_attachment_bytes: int = MAX_ATTACHMENT_BYTES,
        max_json_depth: int = MAX_DEPTH,
        max_json_int_digits: int = MAX_INT_DIGITS,
        **kwargs: Any,
    ) -> None:
        self.reconnection = reconnection
        self.reconnection_attempts = reconnection_attempts
        self.reconnection_delay = reconnection_delay
        self.reconnection_delay_max = reconnection_delay_max
        self.randomization_factor = randomization_factor
        self.handle_sigint = handle_sigint
        self.max_attachments = max_attachments
        self.max_attachment_bytes = max_attachment_bytes
        self.max_json_depth = max_json_depth
        self.max_json_int_digits = max_json_int_digits
        self.logger: LoggerLike = make_logger(default_logger, logger)
        packet_class = packet_class_of(serializer)
        if json is not None and packet_class is not Packet:
            packet_class.json = json  # the only place where a serializer can find it
        self._json = json
        self.packet_class = packet_class
        self._decoder = self._wire.new_decoder()
        if "engineio_logger" in kwargs:
            kwargs["logger"] = kwargs.pop("engineio_logger")
        self.eio: Any = self._engineio_client_class()(handle_sigint=handle_sigint, **kwargs)
        layer: Any = SimpleNamespace(
            opened=self._handle_eio_connect,
            received=self._handle_eio_message,
            closed=self._handle_eio_disconnect,
        )
        self.eio.attach_layer(layer)
        classes = type(self).__mro__
        self._sends_overridden = sum("_send_packet" in vars(class_) for class_ in classes) > 1

        self.handlers: dict[str, dict[str, Handler]] = {}
        self.namespace_handlers: dict[str, BaseClientNamespace] = {}
        self.connected: bool = False
        self.sid: str | None = None
        self._state = ClientState()
        self._acks = self.acks_class()
        self._guard = threading.RLock()  # around steps that another thread must not take too
        self._start: Callable[..., None] = self._create_starter()

        self.connection_url: Any = None
        self.connection_headers: Any = None
        self.connection_auth: Any = None
        self.connection_transports: Transports = None
        self.connection_namespaces: list[str] = []
        self.socketio_path: str | None = None
        self._wait = True
        self._wait_timeout = 1.0

        self._trying = False  # connect() or the reconnection is at work, and decides what is next
        self._connecting = False  # a connection attempt is under way
        self._closing = False  # the disconnect handlers of this connection are running
        self._greetings: set[str] = set()  # namespaces whose connect handlers are running
        self._progress = self._create_event()  # something that connect() waits for has changed
        self._idle = self._create_event()  # neither connected nor going to be
        self._idle.set()
        self._left = self._create_event()  # not in the middle of closing the connection
        self._left.set()
        self._reconnect_task: Any = None
        self._reconnect_abort = self._create_event()
        if handle_sigint and not self.is_asyncio_based():
            _install_signal_handler()

    @property
    def packet_class(self) -> type[Packet]:
        """The class of the packets; assigned, that of the next connection."""
        return self._packet_class

    @packet_class.setter
    def packet_class(self, packet_class: type[Packet]) -> None:
        self._packet_class = packet_class
        self._make_wire()

    def _make_wire(self) -> None:
        """Make the format of the packets."""
        self._wire_options = self._wanted_options()
        json, limits = self._wire_options
        codec = make_codec(
            json, max_depth=limits.max_json_depth, max_int_digits=limits.max_json_int_digits
        )
        self._wire = make_wire(self._packet_class, codec, limits)

    def _wanted_options(self) -> tuple[JSONModule | None, PacketLimits]:
        limits = PacketLimits(
            self.max_attachments,
            self.max_attachment_bytes,
            self.max_json_depth,
            self.max_json_int_digits,
        )
        return self._wanted_json(), limits

    def _wanted_json(self) -> JSONModule | None:
        if self._json is None and self._packet_class.json is not default_json:
            return self._packet_class.json  # assigning it replaces the default of the process
        return self._json

    def _new_decoder(self) -> Decoder:
        """Return the decoder of a new connection, in the format that is wanted now."""
        if self._wire_options != self._wanted_options():
            self._make_wire()
        return self._wire.new_decoder()

    @property
    def namespaces(self) -> dict[str, str]:
        """The connected namespaces and the session id in each of them."""
        return self._state.connected

    @property
    def failed_namespaces(self) -> list[str]:
        """The namespaces that refused the latest connection."""
        return self._state.failed

    @property
    def callbacks(self) -> dict[str, Any]:
        """The callbacks that wait for an acknowledgement, by namespace and id."""
        return self._acks.callbacks

    def is_asyncio_based(self) -> bool:
        """Return whether the methods of this class are coroutines."""
        return False

    def register_namespace(self, namespace_handler: BaseClientNamespace) -> None:
        """Register an object whose ``on_...`` methods handle the events of its namespace.

        Raises ``ValueError`` for anything that is not a client namespace of the same kind
        (asyncio or not) as the client.
        """
        if not isinstance(namespace_handler, BaseClientNamespace):
            raise ValueError("Not a namespace instance")
        if self.is_asyncio_based() != namespace_handler.is_asyncio_based():
            raise ValueError("Not a valid namespace class for this client")
        namespace_handler._set_client(self)
        self.namespace_handlers[namespace_handler.namespace] = namespace_handler

    def get_sid(self, namespace: str | None = None) -> str | None:
        """Return the session id in a namespace (default ``/``), ``None`` if not connected to it."""
        return self.namespaces.get(namespace or "/")

    def transport(self) -> str | None:
        """Return ``"polling"`` or ``"websocket"``; ``None`` before the first connection."""
        transport: str | None = self.eio.transport()
        return transport

    def _engineio_client_class(self) -> type[Any]:
        """Return the class of the Engine.IO client; subclasses may return one of their own."""
        raise NotImplementedError

    def _handle_eio_connect(self) -> Any:
        """Take note that the engine has connected."""
        raise NotImplementedError

    def _handle_eio_message(self, data: str | bytes) -> Any:
        """Take one message."""
        raise NotImplementedError

    def _handle_eio_disconnect(self, reason: str) -> Any:
        """Take note that the engine's connection has ended."""
        raise NotImplementedError

    def _create_event(self) -> Any:
        """Return a new event, not set, of the client's concurrency model."""
        raise NotImplementedError

    def _create_starter(self) -> Callable[..., None]:
        """Return what runs ``(function, *args)``, each after the one before has started."""
        raise NotImplementedError

    def _run_handler(self, event: str, namespace: str, *args: Any) -> Any:
        """Call the handler of a reserved event; a failure is logged, nobody waits for it."""
        raise NotImplementedError

    def _remember(
        self,
        url: Any,
        headers: Any,
        auth: Any,
        transports: Transports,
        namespaces: str | Sequence[str] | None,
        socketio_path: str,
        wait: bool,
        wait_timeout: float,
    ) -> None:
        """Keep the arguments of ``connect()`` for this connection and the reconnections."""
        self.connection_url = url
        self.connection_headers = headers
        self.connection_auth = auth
        self.connection_transports = transports
        self.connection_namespaces = self._requested(namespaces)
        self.socketio_path = socketio_path
        self._wait = wait
        self._wait_timeout = wait_timeout

    def _requested(self, namespaces: str | Sequence[str] | None) -> list[str]:
        """Return the given namespaces, else those with handlers, else ``/``; each once."""
        if isinstance(namespaces, str):
            return [namespaces]
        names = dict.fromkeys(namespaces or (*self.handlers, *self.namespace_handlers))
        if not namespaces:
            names.pop("*", None)
        return list(names) or ["/"]

    def _expect(self, namespace: str, callback: Callable[..., Any] | None) -> int | None:
        """Keep the callback of an event that is about to be sent; return its id.

        Raises ``BadNamespaceError`` when the namespace is not connected.
        """
        with self._guard:  # a connection that ends drops all callbacks, or this one is too late
            if namespace not in self.namespaces:
                raise BadNamespaceError(f"{namespace} is not a connected namespace.")
            return None if callback is None else self._acks.add(namespace, callback)


def _install_signal_handler() -> None:
    global original_signal_handler
    if original_signal_handler is None and may_take_sigint():
        original_signal_handler = signal.signal(signal.SIGINT, signal_handler)
