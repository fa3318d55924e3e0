"""What the Socket.IO servers of every concurrency model share: options, handlers, lookups."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from engineio import json as default_json
from engineio._core.codec import MAX_DEPTH, MAX_INT_DIGITS, make_codec
from engineio._core.reason import Reason
from engineio._shell.logs import make_logger, one_line

from ._core.decoder import MAX_ATTACHMENTS, PacketLimits
from ._core.handlers import CATCH_ALL, resolve
from ._core.wire import make_wire, packet_class_of
from .base_namespace import BaseServerNamespace
from .override_points import OverridePoints
from .packet import Packet
from .registration import Registration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from engineio._core.session import Session
    from engineio.typing import Environ, JSONModule, LoggerLike

    from ._core.connection import Connection
    from ._core.handlers import Handler
    from ._core.observer import Observer
    from ._core.wire import Wire
    from .base_manager import BaseManager

CONNECT_TIMEOUT = 45.0
"""Default ``connect_timeout``, seconds: that of the official JavaScript server."""

ATTACHMENT_TIMEOUT = 45.0
"""Default ``attachment_timeout``, seconds: as long as a client may take to connect."""

MAX_HANDLERS = 256
"""Default ``max_handlers``: about 1 MB of tasks for one client."""

MAX_NAMESPACES = 100
"""Default ``max_namespaces`` that one connection can be in."""

MESSAGES_OF_ATTACHMENTS = 10
"""Default ``max_attachment_bytes``, in messages of ``max_http_buffer_size``."""

default_logger: logging.Logger = logging.getLogger("socketio.server")


class BaseServer(Registration, OverridePoints):
    """Options, handler registration and lookups; ``AsyncServer`` adds everything that waits.

    :param client_manager: who keeps the clients and talks to other processes; default in memory.
    :param logger: ``True`` logs to ``socketio.server`` at INFO, ``False`` (default) only errors;
        or a logger.
    :param serializer: ``"default"``, ``"msgpack"`` or a `Packet` subclass; the clients' must be
        the same.  ``ValueError`` for any other name.
    :param json: object with ``dumps`` and ``loads`` to use instead of the default codec.
    :param async_handlers: run each event handler in a task of its own (default True); ``False``
        runs them one after the other per client, and ``call()`` is then not available.
    :param always_connect: accept a client before its ``connect`` handler runs; a refusal then is
        a disconnect.
    :param namespaces: names that clients may join although they have no handlers (default
        ``["/"]``), or ``"*"`` for any.
    :param connect_timeout: seconds in which a connection must have joined a namespace (default
        45), also after it has left the last one; else it is closed.
    :param attachment_timeout: seconds in which announced attachments must have arrived (default
        45), else the connection is closed.
    :param max_attachments: attachments of one packet (default 100).
    :param max_attachment_bytes: size of the attachments of one packet together, bytes (default
        10 times ``max_http_buffer_size``).
    :param max_handlers: event handlers and callbacks of acknowledgements running at once for one
        client (default 256); then reading from that client pauses until one of them has ended.
    :param max_namespaces: namespaces that one connection can be in (default 100).
    :param max_json_depth: nested lists and objects in a packet (default 128).
    :param max_json_int_digits: digits of an integer in a packet (default 100).

    All other keywords go to the Engine.IO server, ``engineio_logger`` as its ``logger``.
    """

    _lock: AbstractContextManager[Any]

    reserved_events: ClassVar[list[str]] = ["connect", "disconnect"]
    reason = Reason

    def __init__(
        self,
        client_manager: BaseManager | None = None,
        logger: bool | LoggerLike = False,
        serializer: str | type[Packet] = "default",
        json: JSONModule | None = None,
        async_handlers: bool = True,
        always_connect: bool = False,
        namespaces: str | Sequence[str] | None = None,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        attachment_timeout: float = ATTACHMENT_TIMEOUT,
        max_attachments: int = MAX_ATTACHMENTS,
        max_attachment_bytes: int | None = None,
        max_handlers: int = MAX_HANDLERS,
        max_namespaces: int = MAX_NAMESPACES,
        max_json_depth: int = MAX_DEPTH,
        max_json_int_digits: int = MAX_INT_DIGITS,
        **kwargs: Any,
    ) -> None:
        if "engineio_logger" in kwargs:
            kwargs["logger"] = kwargs.pop("engineio_logger")
        if client_manager is not None or kwargs.get("message_queue") is None:
            # Flask-SocketIO hands on what it has made the client manager of
            kwargs.pop("message_queue", None)
        # an engine's own handlers run one after the other: here events are what runs at once
        self.eio: Any = self._engineio_server_class()(json=json, async_handlers=False, **kwargs)
        self._json = json
        self.max_json_depth = max_json_depth
        self.max_json_int_digits = max_json_int_digits
        self.max_attachments = max_attachments
        self.max_attachment_bytes = max_attachment_bytes
        self._limits = PacketLimits()
        self._packet_class = packet_class_of(serializer)
        self._make_wire()
        self.environ: dict[str, Environ] = {}
        self.handlers: dict[str, dict[str, Handler]] = {}
        self.namespace_handlers: dict[str, BaseServerNamespace] = {}
        self.not_handled: object = object()
        self.logger: LoggerLike = make_logger(default_logger, logger)
        self._verbose = self.logger.isEnabledFor(logging.INFO)  # looked at with each connection
        self.async_handlers = async_handlers
        self.always_connect = always_connect
        self.namespaces: str | Sequence[str] = namespaces or ["/"]
        self.connect_timeout = connect_timeout
        self.attachment_timeout = attachment_timeout
        self.max_handlers = max_handlers
        self.max_namespaces = max_namespaces
        self.manager: Any = self._create_manager() if client_manager is None else client_manager
        self.manager.set_server(self)
        self.manager_initialized: bool = False
        self._made_up: dict[str, Session] = {}
        self._ending: dict[str, Session] = {}
        """Connections that have ended while a handler was running for one of their clients."""
        self.observers: list[Observer] = []
        """Who is told what happens; see ``add_observer``."""
        self._registered = self._engine_handlers()
        self._listen()
        self._look_for_hooks()

    @property
    def async_mode(self) -> str:
        """The name of the driver that serves the clients."""
        mode: str = self.eio.async_mode
        return mode

    @property
    def packet_class(self) -> type[Packet]:
        """The class of the packets; assigned, that of the connections made from then on."""
        return self._packet_class

    @packet_class.setter
    def packet_class(self, packet_class: type[Packet]) -> None:
        self._packet_class = packet_class
        self._make_wire()

    def _make_wire(self) -> None:
        """Make the format of the packets from the options."""
        options = self._codec_options = self._wanted_codec()
        json, depth, digits = options
        codec = make_codec(json, max_depth=depth, max_int_digits=digits)
        self._limits.max_json_depth = depth
        self._limits.max_json_int_digits = digits
        self.wire: Wire = make_wire(self._packet_class, codec, self._limits)

    def _wanted_codec(self) -> tuple[JSONModule | None, int, int]:
        json = self._json
        if json is None and Packet.json is not default_json:
            json = Packet.json  # documented: assigning it replaces the default of the process
        return json, self.max_json_depth, self.max_json_int_digits

    def is_asyncio_based(self) -> bool:
        """Return whether the methods of this class are coroutines."""
        return False

    def register_namespace(self, namespace_handler: BaseServerNamespace) -> None:
        """Register an object whose ``on_...`` methods handle the events of its namespace.

        ``ValueError`` for anything that is not a server namespace of the same kind (asyncio or
        not) as the server.
        """
        if not isinstance(namespace_handler, BaseServerNamespace):
            raise ValueError("Not a namespace instance")
        if self.is_asyncio_based() != namespace_handler.is_asyncio_based():
            raise ValueError("Not a valid namespace class for this server")
        namespace_handler._set_server(self)
        self.namespace_handlers[namespace_handler.namespace] = namespace_handler

    def rooms(self, sid: str, namespace: str | None = None) -> list[str]:
        """Return the rooms of a client, its sid included; empty for an unknown client."""
        rooms: list[str] = self.manager.get_rooms(sid, namespace or "/")
        return rooms

    def transport(self, sid: str, namespace: str | None = None) -> str:
        """Return ``'polling'`` or ``'websocket'``; ``KeyError`` for an unknown client."""
        transport: str = self.eio.transport(self._eio_sid(sid, namespace))
        return transport

    def get_environ(self, sid: str, namespace: str | None = None) -> Environ | None:
        """Return the environ of a client's handshake request; ``None`` for an unknown client."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace or "/")
        return self.environ.get(eio_sid)

    def add_observer(self, observer: Observer) -> None:
        """Tell somebody what happens from now on."""
        self.observers = [*self.observers, observer]
        self._look_closely()
        self._listen()

    def remove_observer(self, observer: Observer) -> None:
        """Stop telling somebody; one that was not added is passed over."""
        self.observers = [other for other in self.observers if other is not observer]
        self._look_closely()
        self._listen()

    def _look_closely(self) -> None:
        """Look whether somebody wants to know of each event."""
        self._verbose = bool(self.observers) or self.logger.isEnabledFor(logging.INFO)

    def _look_again(self) -> None:
        """Look at what the application may have changed; called for each connection."""
        self._look_closely()
        size = self.max_attachment_bytes
        if size is None:
            size = MESSAGES_OF_ATTACHMENTS * self.eio.max_http_buffer_size
        self._limits.max_attachment_bytes = size
        self._limits.max_attachments = self.max_attachments
        if self._codec_options != self._wanted_codec():
            self._make_wire()
            self.manager.set_server(self)
        self._look_for_hooks()

    def _note_received(self, sid: str, namespace: str, event: Sequence[Any]) -> None:
        name, place = one_line(event[0]), one_line(namespace)
        self.logger.info('received event "%s" from %s [%s]', name, sid, place)
        for observer in self.observers:
            observer.received(sid, namespace, event)

    def _eio_sid(self, sid: str, namespace: str | None) -> str:
        eio_sid: str | None = self.manager.eio_sid_from_sid(sid, namespace or "/")
        if eio_sid is None:
            raise KeyError(f"no client {sid} in namespace {namespace or '/'}")
        return eio_sid

    def _engineio_server_class(self) -> type[Any]:
        """Return the class of the Engine.IO server; subclasses may return one of their own."""
        raise NotImplementedError

    def _create_manager(self) -> BaseManager:
        """Return an in-memory client manager of the same kind."""
        raise NotImplementedError

    def _listen(self) -> None:
        """Have the engine call this server."""
        raise NotImplementedError

    def _find(self, event: str, namespace: str) -> tuple[Handler, tuple[str, ...]] | None:
        """The handler of an event and what to call it with before the event's own arguments."""
        found = resolve(self.handlers, namespace, event, self.reserved_events)
        if found is not None or not self.namespace_handlers:
            return found
        handler: Any = self.namespace_handlers.get(namespace)
        if handler is not None:
            return handler.trigger_event, (event,)
        handler = self.namespace_handlers.get(CATCH_ALL)
        return None if handler is None else (handler.trigger_event, (event, namespace))

    def _accepts(self, namespace: str) -> bool:
        """Whether clients can join a namespace at all."""
        return (
            namespace in self.handlers
            or namespace in self.namespace_handlers
            or self.namespaces == CATCH_ALL
            or namespace in self.namespaces
        ) and namespace != CATCH_ALL

    def _connection(self, eio_sid: str) -> Connection | None:
        session = self.eio.engine.sessions.get(eio_sid) or self._made_up.get(eio_sid)
        return None if session is None else session.app

    def _connection_of_test(self, eio_sid: str) -> Connection | None:
        """The connection of a client, or one for a test that has gone about without one.

        It has then put an environ into ``environ``, or a client into the manager.
        """
        connection = self._connection(eio_sid)
        sids = self.manager.eio_to_sid.get(eio_sid, {})
        if connection is None and (sids or eio_sid in self.environ):
            session = self._made_up_session(eio_sid)
            self._opened(session, self.environ.get(eio_sid, {}))
            connection = session.app
            assert connection is not None
            connection.sids.update(sids)
            connection.connected.update(
                {ns: sid for ns, sid in sids.items() if self.manager.is_connected(sid, ns)}
            )
            connection.joined = True
        return connection

    def _opened(self, session: Session, environ: Environ) -> None:
        """Take note of a new connection."""
        raise NotImplementedError

    def _upgraded(self, session: Session) -> None:
        """Tell the observers that a connection has moved to WebSocket."""
        connection: Connection | None = session.app
        if connection is None or not self.observers:
            return
        with self._lock:  # not between a client's acceptance and the report of it
            for namespace, sid in connection.connected.items():
                for observer in self.observers:
                    observer.upgraded(sid, namespace)

    def _expect_namespace(self, connection: Connection) -> None:
        """Close the connection unless the client joins a namespace before long."""
        self.eio.engine.expect(connection.session, self.connect_timeout, self.eio.clock())

    def _expect_attachments(self, connection: Connection) -> None:
        """Close the connection unless the attachments that are announced come before long."""
        self.eio.engine.expect_rest(connection.session, self.attachment_timeout, self.eio.clock())

    def _look_at_namespaces(self, connection: Connection) -> None:
        """Wait for the client to join a namespace if it is in none.

        Attempts to join do not prolong the wait.
        """
        if connection.connected:
            self.eio.engine.satisfy(connection.session)
        elif connection.closed is None and not connection.sids:
            self._expect_namespace(connection)
