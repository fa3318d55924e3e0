"""Where connections, packets and the ends of connections enter an asyncio server.

hot path: ``_received`` runs once per incoming message (benchmark "event with ack").  The methods
that are named as in python-socketio are there to be overridden: as long as nobody has, the hot
path goes past them.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from inspect import isawaitable
from types import CoroutineType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from engineio._core.layer import Layer
from engineio._core.reason import Reason
from engineio._shell.counted import counted
from engineio._shell.logs import one_line
from engineio.exceptions import ProtocolError

from ._aio import Cancelled, create_event, is_cancelled, start_eagerly
from ._core.connection import Connection
from ._core.decoder import Inbound
from .async_members import AsyncMembers
from .override_points import originals_of
from .packet import ACK, CONNECT, DISCONNECT, EVENT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from contextlib import AbstractContextManager

    from typing_extensions import Unpack

    from engineio._core.layer import Pending
    from engineio._core.session import Session
    from engineio.typing import Environ, JSONModule, LoggerLike

    from .base_manager import BaseManager
    from .options import AsyncServerOptions

served: WeakKeyDictionary[AsyncEntry, asyncio.AbstractEventLoop] = WeakKeyDictionary()
"""The servers of this process that have had a connection, and the loops that they run in."""

_VALUES = frozenset((str, int, float, bool, dict, list, tuple, bytes))
"""Types of results that need not be looked at more closely."""


class AsyncEntry(AsyncMembers):
    """The receiving half of ``AsyncServer``.  Owner: the event loop's thread."""

    _lock: AbstractContextManager[Any] = nullcontext()

    def __init__(
        self,
        client_manager: BaseManager | None = None,
        logger: bool | LoggerLike = False,
        json: JSONModule | None = None,
        async_handlers: bool = True,
        namespaces: str | Sequence[str] | None = None,
        **kwargs: Unpack[AsyncServerOptions],
    ) -> None:
        super().__init__(
            client_manager=client_manager,
            logger=logger,
            json=json,
            async_handlers=async_handlers,
            namespaces=namespaces,
            **kwargs,
        )

    def is_asyncio_based(self) -> bool:
        """Return True."""
        return True

    def attach(self, app: Any, socketio_path: str = "socket.io") -> None:
        """Route the Socket.IO path of a framework's application to this server.

        :param app: an application of aiohttp or sanic.
        :param socketio_path: URL path of the endpoint (default ``socket.io``).

        When the application stops, the clients are disconnected.  ``ValueError`` if the server was
        made with the ``async_mode`` of another framework, ``RuntimeError`` where there are no
        routes to add to: ASGI applications are wrapped in ``ASGIApp`` instead.
        """
        self.eio.attach(app, socketio_path)

    def use_mode(self, mode: str) -> None:
        """Take the mode that a wrapper, handler or application needs which serves this server.

        A mode that was only detected gives way.  ``ValueError`` if the server was made with
        another ``async_mode``, or is served by another framework already.
        """
        self.eio.use_mode(mode)

    async def handle_request(self, *args: Any, **kwargs: Any) -> Any:
        """Handle one request to the Socket.IO path; the arguments are those of the framework."""
        return await self.eio.handle_request(*args, **kwargs)

    # what the engine calls

    def _listen(self) -> None:
        """Have the engine call us, past its handlers as long as they are ours."""
        handlers = self._engine_handlers()
        layer = Layer(self._opened, self._received, self._closed, self._upgraded, handlers)
        if self.eio.traffic is not None:
            layer.received = counted(layer.received, self.eio.traffic)
        self.eio.attach_layer(layer)

    def _opened(self, session: Session, environ: Environ) -> None:
        if not self.manager_initialized:
            served[self] = asyncio.get_running_loop()
            self.manager_initialized = True
            self.manager.initialize()
        self._look_again()
        connection = session.app = Connection(session, self.wire.new_decoder())
        self.environ[session.sid] = environ
        self._expect_namespace(connection)

    def _received(self, session: Session, data: str | bytes) -> Pending:
        connection: Connection = session.app
        decoder = connection.decoder
        waiting = decoder.waiting
        packet = decoder.feed(data)
        if packet is None:
            if not waiting:
                self._expect_attachments(connection)
            return None
        if waiting:
            self.eio.engine.rest_has_come(session)
        if packet.type == EVENT:
            return self._received_event(connection, packet)
        if packet.type == ACK:
            return self._received_ack(connection, packet)
        if packet.type == CONNECT:
            return self._handle_connect(connection.session.sid, packet.namespace, packet.data)
        if packet.type == DISCONNECT:
            return self._handle_disconnect(connection.session.sid, packet.namespace)
        raise ProtocolError("a packet that only servers send")

    def _closed(self, session: Session, reason: str) -> Pending:
        connection: Connection = session.app
        connection.closed = reason
        if connection.slot_is_free is not None:
            connection.slot_is_free.set()
        return self._leave_all(connection, reason)

    # the same, for those who override it

    async def _handle_eio_connect(self, eio_sid: str, environ: Environ) -> None:
        """Take note of a new connection, or of what one says anew of itself.

        The test client of Flask-SocketIO does so before it joins a second namespace.
        """
        if self._connection(eio_sid) is None:
            self._opened(self._made_up_session(eio_sid), environ)
        else:
            self.environ[eio_sid] = environ

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        """Take one message of a connection."""
        connection = self._connection_of_test(eio_sid)
        if connection is not None:
            pending = self._received(connection.session, data)
            if pending is not None:
                await pending

    async def _handle_eio_disconnect(
        self, eio_sid: str, reason: str = Reason.CLIENT_DISCONNECT
    ) -> None:
        """Take note of the end of a connection."""
        connection = self._connection(eio_sid)
        if connection is not None:
            pending = self._closed(connection.session, reason)
            if pending is not None:
                await pending
            self._made_up.pop(eio_sid, None)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """Take a client into a namespace, or refuse it; ``data`` is its auth data."""
        connection = self._connection_of_test(eio_sid)
        if connection is not None:
            connection.joined = True
            await self._join(connection, namespace or "/", data)

    async def _handle_disconnect(
        self, eio_sid: str, namespace: str | None, reason: str = Reason.CLIENT_DISCONNECT
    ) -> None:
        """Take a client out of a namespace that it leaves."""
        connection = self._connection(eio_sid)
        if connection is not None:
            packet = Inbound(DISCONNECT, namespace or "/", None, None)
            sid = self._sid_of(connection, packet)
            if sid is not None:
                await self._leave(connection, packet.namespace, sid, reason)

    async def _handle_event(
        self, eio_sid: str, namespace: str | None, id: int | None, data: list[Any]
    ) -> None:
        """Handle one event, ``data`` being its name and arguments."""
        connection = self._connection_of_test(eio_sid)
        if connection is None:
            return
        packet = Inbound(EVENT, namespace or "/", id, data)
        sid = self._sid_of(connection, packet)
        if sid is None:
            return
        if self._verbose:
            self._note_received(sid, packet.namespace, data)
        handling = self._handle_event_internal(self, sid, eio_sid, data, packet.namespace, id)
        pending = self._dispatch(connection, packet, handling, None)
        if pending is not None:
            await pending

    async def _handle_ack(
        self, eio_sid: str, namespace: str | None, id: int | None, data: list[Any]
    ) -> None:
        """Handle one acknowledgement, ``data`` being its values."""
        connection = self._connection(eio_sid)
        if connection is not None:
            pending = self._take_ack(connection, Inbound(ACK, namespace or "/", id, data))
            if pending is not None:
                await pending

    # events

    def _received_event(self, connection: Connection, packet: Inbound) -> Pending:
        if self._packets_hooked:
            eio_sid = connection.session.sid
            return self._handle_event(eio_sid, packet.namespace, packet.id, packet.data)
        sid = self._sid_of(connection, packet)
        if sid is None:
            return None
        namespace = packet.namespace
        if self._verbose:
            self._note_received(sid, namespace, packet.data)
        event, *values = packet.data
        found = self._find(event, namespace)
        if found is None:
            return None
        handler, names = found
        try:
            result = handler(*names, sid, *values)
        except Exception:
            self.logger.exception("Handler of event %s failed", one_line(event))
            return None
        if type(result) is CoroutineType or (
            result is not None and type(result) not in _VALUES and isawaitable(result)
        ):
            return self._dispatch(connection, packet, result, packet.id)
        if packet.id is not None:
            self._acknowledge(connection, packet, result)
        return None

    def _dispatch(
        self, connection: Connection, packet: Inbound, handling: Awaitable[Any], id: int | None
    ) -> Pending:
        """Run a handler in a task of its own, or where the engine waits for it."""
        if not self.async_handlers:
            return self._run(connection, packet, handling, id)
        connection.running += 1
        start_eagerly(self._run_task(connection, packet, handling, id))
        return self._wait_for_slot(connection) if connection.running >= self.max_handlers else None

    async def _run(
        self, connection: Connection, packet: Inbound, handling: Awaitable[Any], id: int | None
    ) -> None:
        try:
            result = await handling
        except Cancelled:
            if is_cancelled():
                raise
            result = None
        except Exception:
            self.logger.exception("Handler of event %s failed", one_line(packet.data[0]))
            return
        if id is not None:
            self._acknowledge(connection, packet, result)

    async def _run_task(
        self, connection: Connection, packet: Inbound, handling: Awaitable[Any], id: int | None
    ) -> None:
        try:
            result = await handling
        except Cancelled:
            result = None
        except Exception:
            self.logger.exception("Handler of event %s failed", one_line(packet.data[0]))
            return
        finally:
            self._free_a_slot(connection)
        if id is not None:
            self._acknowledge(connection, packet, result)

    def _free_a_slot(self, connection: Connection) -> None:
        connection.running -= 1
        if connection.slot_is_free is not None:
            connection.slot_is_free.set()

    async def _wait_for_slot(self, connection: Connection) -> None:
        """Return when another handler may run for this client."""
        while connection.running >= self.max_handlers and connection.closed is None:
            connection.slot_is_free = create_event()
            await connection.slot_is_free.wait()
        connection.slot_is_free = None

    def _received_ack(self, connection: Connection, packet: Inbound) -> Pending:
        if self._packets_hooked:
            eio_sid = connection.session.sid
            return self._handle_ack(eio_sid, packet.namespace, packet.id, packet.data)
        return self._take_ack(connection, packet)

    def _take_ack(self, connection: Connection, packet: Inbound) -> Pending:
        """Run a callback in a task of its own, as a handler."""
        sid = self._sid_of(connection, packet)
        if sid is None:
            return None
        connection.running += 1
        start_eagerly(self._run_counted_callback(connection, sid, packet))
        return self._wait_for_slot(connection) if connection.running >= self.max_handlers else None

    async def _run_counted_callback(
        self, connection: Connection, sid: str, packet: Inbound
    ) -> None:
        try:
            await self._run_callback(sid, packet)
        finally:
            self._free_a_slot(connection)


AsyncEntry._originals = originals_of(AsyncEntry)
