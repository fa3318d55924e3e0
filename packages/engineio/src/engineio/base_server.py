"""What the Engine.IO servers of every concurrency model share: options, handlers, lookups."""

from __future__ import annotations

import importlib
import logging
import secrets
import time
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from . import json as default_json
from ._core.codec import make_codec
from ._core.cookies import check_cookie_option
from ._core.cors import check_origins_option
from ._core.reason import Reason
from ._shell.counted import CountedChannel
from ._shell.logs import make_logger
from ._shell.traced import TracedChannel
from .packet import Packet
from .payload import Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from ._core.admission import Refuse
    from ._core.channel import Channel
    from ._core.codec import Codec
    from ._core.cookies import CookieOption
    from ._core.cors import OriginsOption
    from ._core.counters import Counters
    from ._core.engine import Engine
    from ._core.layer import Layer
    from ._core.session import Session
    from ._shell.counted import Traffic
    from .typing import JSONModule, LoggerLike

HandlerT = TypeVar("HandlerT", bound="Callable[..., Any]")

default_logger: logging.Logger = logging.getLogger("engineio.server")

MAX_SEND_BUFFER = 16 * 1024 * 1024
"""Default ``max_send_buffer``, bytes: a minute of a busy broadcast (256 KB/s) to one client."""

UPGRADE_TIMEOUT = 10.0
"""Default ``upgrade_timeout``, seconds: the official JavaScript server's ``upgradeTimeout``."""

BODY_TIMEOUT = 45.0
"""Default ``body_timeout``, seconds: as long as a client may be silent, ``ping_interval`` and
``ping_timeout`` together."""

MAX_PAYLOAD_PACKETS = 1_000
"""Default ``max_payload_packets``: one body of small packets.  The official JavaScript client puts
everything that waits into one POST and counts only its bytes."""

MAX_HANDLERS = 256
"""Default ``max_handlers``: ``message`` handlers that run at once for one client."""


class BaseServer:
    """Options, event handlers and lookups; ``AsyncServer`` adds everything that waits.

    All options but ``async_mode`` and ``json`` can be assigned later and are re-read at each use.

    :param async_mode: name of the framework driver; ``None`` takes the first in
        ``async_modes()`` whose dependencies are installed.  ``ValueError`` if there is none.
    :param ping_interval: seconds between heartbeats (default 25, as the JavaScript server), or
        a tuple ``(interval, grace)``: ping every ``interval``, announce ``interval + grace``.
    :param ping_timeout: seconds a client has to answer a heartbeat (default 20).
    :param max_http_buffer_size: bytes of the largest POST body or WebSocket message accepted
        (default 1,000,000).  Larger: 413, or close code 1009.
    :param allow_upgrades: let long-polling clients move to WebSocket (default True).
    :param http_compression: compress long-polling responses with gzip or deflate.
    :param compression_threshold: bytes from which a response is compressed (default 1,024).
    :param cookie: name of a cookie that carries the session id, or a dict with ``name`` and
        attributes; ``None`` for no cookie (default).
    :param cors_allowed_origins: origin, list of origins, ``'*'``, or a function
        ``(origin, environ)`` or ``(origin)`` that returns a bool.  ``None`` (default) allows
        only the server's own origin; ``[]`` turns CORS processing off.
    :param cors_credentials: send ``Access-Control-Allow-Credentials`` (default True).
    :param logger: ``True``, ``False`` (errors only, default) or a logger.
    :param json: object with ``dumps`` and ``loads`` to use instead of the default codec.
    :param async_handlers: run each ``message`` handler concurrently (default True); ``False``
        runs them one after the other per client, in order.
    :param monitor_clients: accepted for compatibility; heartbeats are always watched.
    :param transports: ``'polling'``, ``'websocket'`` or a list; default both.
    :param max_send_buffer: bytes that may wait for one slow client before it is closed with
        "transport error" (default 16 MiB); ``None`` for no limit.  One message, or one event with
        its attachments, that is larger than this may wait in addition.
    :param upgrade_timeout: seconds in which an upgrade must finish (default 10).
    :param body_timeout: seconds in which the body of a POST must have come (default 45), else the
        session is closed with "transport error" and the POST answered with 400.
    :param max_payload_packets: packets in one long-polling POST (default 1,000); more close the
        session with 413.  ``engineio.payload.Payload.max_decode_packets`` wins where the
        application has assigned it.
    :param max_handlers: ``message`` handlers running at once per client (default 256); further
        messages of that client wait.
    """

    compression_methods: ClassVar[list[str]] = ["gzip", "deflate"]
    event_names: ClassVar[list[str]] = ["connect", "disconnect", "message"]
    valid_transports: ClassVar[list[str]] = ["polling", "websocket"]
    sequence_number: ClassVar[int] = 0
    _default_monitor_clients: ClassVar[bool] = True

    reason = Reason

    def __init__(
        self,
        async_mode: str | None = None,
        ping_interval: float | tuple[float, float] = 25,
        ping_timeout: float = 20,
        max_http_buffer_size: int = 1_000_000,
        allow_upgrades: bool = True,
        http_compression: bool = True,
        compression_threshold: int = 1024,
        cookie: CookieOption = None,
        cors_allowed_origins: OriginsOption = None,
        cors_credentials: bool = True,
        logger: bool | LoggerLike = False,
        json: JSONModule | None = None,
        async_handlers: bool = True,
        monitor_clients: bool | None = None,
        transports: str | Sequence[str] | None = None,
        *,
        max_send_buffer: int | None = MAX_SEND_BUFFER,
        upgrade_timeout: float = UPGRADE_TIMEOUT,
        body_timeout: float = BODY_TIMEOUT,
        max_payload_packets: int = MAX_PAYLOAD_PACKETS,
        max_handlers: int = MAX_HANDLERS,
        **kwargs: Any,
    ) -> None:
        self.ping_interval: float
        self.ping_interval_grace_period: float
        if isinstance(ping_interval, tuple):
            self.ping_interval, self.ping_interval_grace_period = ping_interval
        else:
            self.ping_interval, self.ping_interval_grace_period = ping_interval, 0
        self.ping_timeout = ping_timeout
        self.max_http_buffer_size = max_http_buffer_size
        self.allow_upgrades = allow_upgrades
        self.http_compression = http_compression
        self.compression_threshold = compression_threshold
        self.cookie: CookieOption = check_cookie_option(cookie)
        self.cors_allowed_origins: OriginsOption = check_origins_option(cors_allowed_origins)
        self.cors_credentials = cors_credentials
        self.async_handlers = async_handlers
        self.max_send_buffer = max_send_buffer
        self.upgrade_timeout = upgrade_timeout
        self.body_timeout = body_timeout
        self.max_payload_packets = max_payload_packets
        self.max_handlers = max_handlers
        self.start_service_task: bool = (
            self._default_monitor_clients if monitor_clients is None else monitor_clients
        )
        self.service_task_event: Any = None  # what upstream's task was stopped with; ours is none
        self.service_task_handle: Any = None
        self.transports: list[str] = self._valid_transports(transports)
        self.logger: LoggerLike = make_logger(default_logger, logger)
        self.log_message_keys: set[str] = set()
        self.handlers: dict[str, Callable[..., Any]] = {}
        self._packet_class: type[Packet] = (
            Packet if json is None else type("Packet", (Packet,), {"json": json})
        )
        self._layer: Layer | None = None
        self.traffic: Traffic | None = None
        """Counts what is sent over connections made from now on, if it is not ``None``."""
        self.clock: Callable[[], float] = time.monotonic
        self.engine: Engine = self._make_engine()
        self.async_mode: str
        self._async: dict[str, Any]
        self._take_driver(async_mode)
        self._set_up()
        self._mode_is_a_guess = async_mode is None
        for name in kwargs:
            warnings.warn(f"unknown option {name!r} is ignored", RuntimeWarning, stacklevel=3)

    @property
    def sockets(self) -> dict[str, Session]:
        """The live connections by session id."""
        return self.engine.sessions

    @sockets.setter
    def sockets(self, sockets: Mapping[str, Session]) -> None:
        sessions = self.engine.sessions
        sessions.clear()
        for sid, session in sockets.items():
            sessions[sid] = session

    @property
    def counters(self) -> Counters:
        """What has happened since the server was created."""
        return self.engine.counters

    def attach_layer(self, layer: Layer) -> None:
        """Let a protocol above (Socket.IO) take every connection and message of this server.

        Its handlers do not replace those that the application has registered.
        """
        self._layer = layer
        for event, handler in layer.handlers.items():
            self.handlers.setdefault(event, handler)

    def is_asyncio_based(self) -> bool:
        """Return True for ``AsyncServer``."""
        return False

    def async_modes(self) -> list[str]:
        """Return the names of the framework drivers, in the order in which they are tried."""
        return ["eventlet", "gevent_uwsgi", "gevent", "threading"]

    @overload
    def on(self, event: str, handler: None = None) -> Callable[[HandlerT], HandlerT]: ...

    @overload
    def on(self, event: str, handler: Callable[..., Any]) -> None: ...

    def on(
        self, event: str, handler: Callable[..., Any] | None = None
    ) -> Callable[[HandlerT], HandlerT] | None:
        """Register a handler; without ``handler`` return a decorator that does.

        :param event: ``connect``, called as ``handler(sid, environ)``; ``message``, called as
            ``handler(sid, data)``; or ``disconnect``, called as ``handler(sid, reason)``.
            ``ValueError`` for another name.  The last registration wins.
        """
        if event not in self.event_names:
            raise ValueError(f"Invalid event: use one of {', '.join(self.event_names)}")

        def register(function: HandlerT) -> HandlerT:
            self.handlers[event] = function
            return function

        if handler is None:
            return register
        self.handlers[event] = handler
        return None

    def transport(self, sid: str) -> str:
        """Return ``'polling'`` or ``'websocket'``; ``KeyError`` for an unknown session."""
        return self._get_socket(sid).transport

    def generate_id(self) -> str:
        """Return a new session id: 20 URL-safe characters, 120 bits from the system's generator."""
        return secrets.token_urlsafe(15)

    def _get_socket(self, sid: str) -> Session:
        session = self.engine.sessions.get(sid)
        if session is None:
            raise KeyError("Session not found")
        return session

    def _open_session(self, sid: str) -> Session | None:
        """The session to send to, or ``None`` with a warning: a client may leave at any time."""
        session = self.engine.sessions.get(sid)
        if session is None or session.reason is not None:
            self.logger.warning("Cannot send to sid %s", sid)
            return None
        return session

    def _log_refusal(self, refusal: Refuse) -> None:
        """Log the first refusal of each kind as an error, repetitions at INFO."""
        if refusal.kind in self.log_message_keys:
            self.logger.info("Request refused: %s", refusal.kind)
        else:
            self.log_message_keys.add(refusal.kind)
            self.logger.error(
                "Request refused: %s (further errors of this kind are logged at INFO)", refusal.kind
            )

    def _valid_transports(self, transports: str | Sequence[str] | None) -> list[str]:
        if transports is None:
            return list(self.valid_transports)
        if isinstance(transports, str):
            transports = [transports]
        valid = [name for name in transports if name in self.valid_transports]
        if not valid:
            raise ValueError("No valid transports provided")
        return valid

    def _take_driver(self, async_mode: str | None) -> None:
        self.async_mode, self._async = self._load_driver(async_mode)

    def _load_driver(self, async_mode: str | None) -> tuple[str, dict[str, Any]]:
        modes = self.async_modes()
        if async_mode is not None:
            if async_mode not in modes:
                raise ValueError(f"Invalid async_mode specified: use one of {', '.join(modes)}")
            modes = [async_mode]
        failure: Exception | None = None
        for mode in modes:
            try:
                module: ModuleType = importlib.import_module(f"engineio.async_drivers.{mode}")
            except Exception as error:  # a package is missing, or broken here
                failure = error
                continue
            return mode, module._async
        advice = ""
        if isinstance(failure, ModuleNotFoundError):
            advice = f" (pip install {failure.name})"
        raise ValueError(
            f"Invalid async_mode specified: {modes[-1]} cannot be imported: {failure}{advice}"
        ) from failure

    @property
    def _codec(self) -> Codec:
        """What refusals are written with; ``Packet.json`` may have been assigned meanwhile."""
        json = self._packet_class.json
        return make_codec(None if json is default_json else json)

    def _layer_in_use(self) -> Layer | None:
        """The layer, unless the application has replaced or wrapped one of its handlers."""
        layer = self._layer
        return layer if layer is not None and self.handlers == layer.handlers else None

    def _max_packets(self) -> int:
        """How many packets one POST may hold."""
        packets: int = vars(Payload).get("max_decode_packets", self.max_payload_packets)
        return packets

    def _verbose(self) -> bool:
        """Whether somebody reads the packets in the log."""
        return self.logger.isEnabledFor(logging.INFO)

    def _traced(self, session: Session, channel: Channel) -> Channel:
        """Count and log what is sent, where somebody asks; decided when the channel is attached."""
        if self.traffic is not None:
            channel = CountedChannel(channel, self.traffic)
        return self._log_sent(session, channel) if self._verbose() else channel

    def _log_sent(self, session: Session, channel: Channel) -> Channel:
        return TracedChannel(channel, session.sid, self.logger)

    def create_queue(self, *args: Any, **kwargs: Any) -> Any:
        """Return a new queue of the server's concurrency model."""
        raise NotImplementedError

    def get_queue_empty_exception(self) -> type[Exception]:
        """Return the exception of a ``get_nowait()`` on an empty queue."""
        raise NotImplementedError

    def create_event(self, *args: Any, **kwargs: Any) -> Any:
        """Return a new event of the server's concurrency model."""
        raise NotImplementedError

    def _set_up(self) -> None:
        """Make what the server needs besides the engine."""
        raise NotImplementedError

    def _make_engine(self) -> Engine:
        """Return the engine behind this server."""
        raise NotImplementedError
