"""Where connections, packets and the ends of connections enter a server of threads or greenlets.

hot path: ``_received`` runs once per incoming message (benchmark "event with ack").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engineio._core.layer import Layer
from engineio._core.reason import Reason
from engineio._shell.counted import counted
from engineio._shell.logs import one_line
from engineio.exceptions import ProtocolError

from ._core.connection import Connection
from ._core.decoder import Inbound
from ._values import PendingCall
from .members import Members
from .override_points import originals_of
from .packet import ACK, CONNECT, DISCONNECT, EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from typing_extensions import Unpack

    from engineio._core.session import Session
    from engineio._shell.locked_engine import Lock
    from engineio._shell.wsgi import StartResponse
    from engineio.typing import Environ, JSONModule, LoggerLike

    from .base_manager import BaseManager
    from .options import LimitOptions
    from .packet import Packet


LOOK_AGAIN = 1.0
"""Seconds after which a client that waits for its own handlers looks again for free threads: those
of others may have ended."""


class Entry(Members):
    """The receiving half of ``Server``.

    One frame of a client is processed at a time; what else is shared is behind the engine's lock.
    """

    def __init__(
        self,
        client_manager: BaseManager | None = None,
        logger: bool | LoggerLike = False,
        serializer: str | type[Packet] = "default",
        json: JSONModule | None = None,
        async_handlers: bool = True,
        always_connect: bool = False,
        namespaces: str | Sequence[str] | None = None,
        **kwargs: Unpack[LimitOptions],
    ) -> None:
        super().__init__(
            client_manager,
            logger,
            serializer,
            json,
            async_handlers,
            always_connect,
            namespaces,
            **kwargs,
        )

    @property
    def _lock(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """What lets no other thread come between; nothing may wait under it."""
        together: AbstractContextManager[None] = self.eio.engine.together()
        return together

    @property
    def _counting(self) -> Lock:
        """The same where nothing is sent."""
        lock: Lock = self.eio.engine.lock
        return lock

    def handle_request(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request to the Socket.IO path, as a WSGI application."""
        answer: Iterable[bytes] = self.eio.handle_request(environ, start_response)
        return answer

    # what the engine calls

    def _listen(self) -> None:
        """Have the engine call us, past its handlers as long as they are ours."""
        handlers = self._engine_handlers()
        layer = Layer(self._opened, self._received, self._closed, self._upgraded, handlers)
        if self.eio.traffic is not None:
            layer.received = counted(layer.received, self.eio.traffic)
        self.eio.attach_layer(layer)

    def _opened(self, session: Session, environ: Environ) -> None:
        self._initialize_manager()
        self._look_again()
        connection = session.app = Connection(session, self.wire.new_decoder())
        self.environ[session.sid] = environ
        self._expect_namespace(connection)

    def _initialize_manager(self) -> None:
        if self.manager_initialized:
            return
        with self._counting:
            initialized = self.manager_initialized
            self.manager_initialized = True
        if not initialized:
            self.manager.initialize()

    def _received(self, session: Session, data: str | bytes) -> None:
        connection: Connection | None = session.app
        if connection is None:
            return  # another thread has ended it meanwhile
        decoder = connection.decoder
        waiting = decoder.waiting
        packet = decoder.feed(data)
        if packet is None:
            if not waiting:
                self._expect_attachments(connection)
            return
        if waiting:
            self.eio.engine.rest_has_come(session)
        if packet.type == EVENT:
            self._received_event(connection, packet)
        elif packet.type == ACK:
            self._received_ack(connection, packet)
        elif packet.type == CONNECT:
            self._handle_connect(session.sid, packet.namespace, packet.data)
        elif packet.type == DISCONNECT:
            self._handle_disconnect(session.sid, packet.namespace)
        else:
            raise ProtocolError("a packet that only servers send")

    def _closed(self, session: Session, reason: str) -> None:
        connection: Connection = session.app
        with self._counting:
            connection.closed = reason
            if connection.slot_is_free is not None:
                connection.slot_is_free.set()
        self._leave_all(connection, reason)

    # the same, for those who override it

    def _handle_eio_connect(self, eio_sid: str, environ: Environ) -> None:
        """Take note of a new connection, or of what one says anew of itself.

        The test client of Flask-SocketIO does so before it joins a second namespace.
        """
        if self._connection(eio_sid) is None:
            self._opened(self._made_up_session(eio_sid), environ)
        else:
            self.environ[eio_sid] = environ

    def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        """Take one message of a connection."""
        connection = self._connection_of_test(eio_sid)
        if connection is not None:
            self._received(connection.session, data)

    def _handle_eio_disconnect(self, eio_sid: str, reason: str = Reason.CLIENT_DISCONNECT) -> None:
        """Take note of the end of a connection."""
        connection = self._connection(eio_sid)
        if connection is not None:
            self._closed(connection.session, reason)
            self._made_up.pop(eio_sid, None)

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """Take a client into a namespace, or refuse it; ``data`` is its auth data."""
        connection = self._connection_of_test(eio_sid)
        if connection is not None:
            connection.joined = True
            self._join(connection, namespace or "/", data)

    def _handle_disconnect(
        self, eio_sid: str, namespace: str | None, reason: str = Reason.CLIENT_DISCONNECT
    ) -> None:
        """Take a client out of a namespace that it leaves."""
        connection = self._connection(eio_sid)
        if connection is not None:
            packet = Inbound(DISCONNECT, namespace or "/", None, None)
            sid = self._sid_of(connection, packet)
            if sid is not None:
                self._leave(connection, packet.namespace, sid, reason)

    def _handle_event(
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
        args = (self, sid, eio_sid, data, packet.namespace, id)
        self._dispatch(connection, packet, None, self._handle_event_internal, args)

    def _handle_ack(
        self, eio_sid: str, namespace: str | None, id: int | None, data: list[Any]
    ) -> None:
        """Handle one acknowledgement, ``data`` being its values."""
        connection = self._connection(eio_sid)
        if connection is not None:
            self._take_ack(connection, Inbound(ACK, namespace or "/", id, data))

    # events

    def _received_event(self, connection: Connection, packet: Inbound) -> None:
        if self._packets_hooked:
            eio_sid = connection.session.sid
            self._handle_event(eio_sid, packet.namespace, packet.id, packet.data)
            return
        sid = self._sid_of(connection, packet)
        if sid is None:
            return
        namespace = packet.namespace
        if self._verbose:
            self._note_received(sid, namespace, packet.data)
        event, *values = packet.data
        found = self._find(event, namespace)
        if found is not None:
            handler, names = found
            self._dispatch(connection, packet, packet.id, handler, (*names, sid, *values))

    def _dispatch(
        self,
        connection: Connection,
        packet: Inbound,
        id: int | None,
        handler: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        """Run a handler in a thread or greenlet of its own, or here while the client waits."""
        if not self.async_handlers:
            self._run(connection, packet, id, handler, args)
            return
        self._start_counted(connection, self._run, connection, packet, id, handler, args)

    def _start_counted(
        self, connection: Connection, function: Callable[..., Any], *args: Any
    ) -> None:
        """Run a function in the background; return when the client may have another one."""
        with self._counting:
            connection.running += 1
        self.eio._start(self._run_counted, connection, function, args)
        if connection.running >= self.eio._most_handlers(self.max_handlers):
            self._await_free_slot(connection)

    def _run_counted(
        self, connection: Connection, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        try:
            function(*args)
        finally:
            with self._counting:
                connection.running -= 1
                if connection.slot_is_free is not None:
                    connection.slot_is_free.set()

    def _run(
        self,
        connection: Connection,
        packet: Inbound,
        id: int | None,
        handler: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        try:
            result = handler(*args)
        except Exception:
            self.logger.exception("Handler of event %s failed", one_line(packet.data[0]))
            return
        if id is not None:
            self._acknowledge(connection, packet, result)

    def _await_free_slot(self, connection: Connection) -> None:
        """Return when another handler may run for this client."""
        while True:
            with self._counting:
                limit = self.eio._most_handlers(self.max_handlers)
                if connection.running < limit or connection.closed is not None:
                    connection.slot_is_free = None
                    return
                slot_is_free = connection.slot_is_free = self.eio.create_event()
            slot_is_free.wait(LOOK_AGAIN)

    def _received_ack(self, connection: Connection, packet: Inbound) -> None:
        if self._packets_hooked:
            eio_sid = connection.session.sid
            self._handle_ack(eio_sid, packet.namespace, packet.id, packet.data)
            return
        self._take_ack(connection, packet)

    def _take_ack(self, connection: Connection, packet: Inbound) -> None:
        sid = self._sid_of(connection, packet)
        if sid is None:
            return
        callback = self.manager.callbacks.get(sid, {}).get(packet.id)
        if isinstance(callback, PendingCall):
            self._run_callback(sid, packet)  # it only wakes the one who waits
        else:
            self._start_counted(connection, self._run_callback, sid, packet)


Entry._originals = originals_of(Entry)
