"""Where connections, packets and the ends of connections enter a server of threads or greenlets.

hot path: ``_received`` runs once per incoming message (benchmark "event with ack").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engineio._core.layer import Layer
from engineio._core.session import CLOSED, Session
from engineio._shell.counted import counted
from engineio.exceptions import ProtocolError

from ._core.connection import Connection
from ._values import PendingCall
from .base_server import ENGINE_HOOKS
from .members import Members
from .packet import ACK, CONNECT, DISCONNECT, EVENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from engineio._shell.locked_engine import Lock
    from engineio.typing import Environ

    from ._core.decoder import Inbound


class Entry(Members):
    """The receiving half of ``Server``.

    One frame of a client is processed at a time; what else is shared is behind the engine's lock.
    """

    @property
    def _lock(self) -> Lock:  # type: ignore[override]
        lock: Lock = self.eio.engine.lock
        return lock

    # what the engine calls

    def _listen(self) -> None:
        """Have the engine call us: directly, or through the methods that have been replaced."""
        if self._hooks & ENGINE_HOOKS:
            layer = Layer(self._opened_hooked, self._received_hooked, self._closed_hooked)
        else:
            layer = Layer(self._opened, self._received, self._closed)
        if self.eio.traffic is not None:
            layer.received = counted(layer.received, self.eio.traffic)
        self.eio.attach_layer(layer)

    def _opened(self, session: Session, environ: Environ) -> None:
        self._initialize_manager()
        self._look_closely()
        connection = session.app = Connection(session, self.wire.new_decoder())
        self.environ[session.sid] = environ
        self._expect(connection, self.connect_timeout)

    def _initialize_manager(self) -> None:
        if self.manager_initialized:
            return
        with self._lock:
            initialized, self.manager_initialized = self.manager_initialized, True
        if not initialized:
            self.manager.initialize()

    def _received(self, session: Session, data: str | bytes) -> None:
        connection: Connection = session.app
        decoder = connection.decoder
        waiting = decoder.waiting
        packet = decoder.feed(data)
        if packet is None:
            if not waiting:
                self._expect(connection, self.attachment_timeout)
            return
        if waiting:
            self._owe(connection)
        if packet.type == EVENT:
            self._received_event(connection, packet)
        elif packet.type == ACK:
            self._received_ack(connection, packet)
        elif packet.type == CONNECT:
            connection.joined = True
            self._join(connection, packet.namespace, packet.data)
        elif packet.type == DISCONNECT:
            sid = self._sid_of(connection, packet)
            if sid is not None:
                self._leave(connection, packet.namespace, sid, self.reason.CLIENT_DISCONNECT)
        else:
            raise ProtocolError("a packet that only servers send")

    def _closed(self, session: Session, reason: str) -> None:
        connection: Connection = session.app
        with self._lock:
            connection.closed = reason
            if connection.slot_is_free is not None:
                connection.slot_is_free.set()
        self._leave_all(connection, reason)

    # the same, for those who override them

    def _opened_hooked(self, session: Session, environ: Environ) -> None:
        self._opened(session, environ)
        try:
            self._handle_eio_connect(session.sid, environ)
        except Exception:
            self.logger.exception("connect hook error")

    def _received_hooked(self, session: Session, data: str | bytes) -> None:
        self._handle_eio_message(session.sid, data)

    def _closed_hooked(self, session: Session, reason: str) -> None:
        self._handle_eio_disconnect(session.sid, reason)

    def _handle_eio_connect(self, eio_sid: str, environ: Environ) -> None:
        """Take note of a new connection; without a real one (in tests) make it up."""
        if eio_sid not in self.environ:
            session = Session(eio_sid, "polling")
            session.state = CLOSED  # nothing can be sent to it but through the hooks
            self._made_up[eio_sid] = session
            self._opened(session, environ)

    def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        """Take one message of a connection."""
        connection = self._connection(eio_sid)
        if connection is not None:
            self._received(connection.session, data)

    def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        """Take note of the end of a connection."""
        connection = self._connection(eio_sid)
        if connection is not None:
            self._closed(connection.session, reason)
            self._made_up.pop(eio_sid, None)

    # events

    def _received_event(self, connection: Connection, packet: Inbound) -> None:
        sid = self._sid_of(connection, packet)
        if sid is None:
            return
        namespace = packet.namespace
        if self._verbose:
            self._note_received(sid, namespace, packet.data)
        if self._events_hooked:
            eio_sid = connection.session.sid
            args = (self, sid, eio_sid, packet.data, namespace, packet.id)
            self._dispatch(connection, packet, None, self._handle_event_internal, args)
            return
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
        with self._lock:
            connection.running += 1
            full = connection.running >= self.max_handlers
        self.eio._start(self._run_counted, connection, packet, id, handler, args)
        if full:
            self._await_free_slot(connection)

    def _run_counted(
        self,
        connection: Connection,
        packet: Inbound,
        id: int | None,
        handler: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        try:
            self._run(connection, packet, id, handler, args)
        finally:
            with self._lock:
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
            self.logger.exception("Handler of event %s failed", packet.data[0])
            return
        if id is not None:
            self._acknowledge(connection, packet, result)

    def _await_free_slot(self, connection: Connection) -> None:
        """Return when another handler may run for this client."""
        while True:
            with self._lock:
                if connection.running < self.max_handlers or connection.closed is not None:
                    connection.slot_is_free = None
                    return
                slot_is_free = connection.slot_is_free = self.eio.create_event()
            slot_is_free.wait()

    def _received_ack(self, connection: Connection, packet: Inbound) -> None:
        sid = self._sid_of(connection, packet)
        if sid is None:
            return
        callback = self.manager.callbacks.get(sid, {}).get(packet.id)
        if isinstance(callback, PendingCall):
            self._run_callback(sid, packet)  # it only wakes the one who waits
        else:
            self.eio._start(self._run_callback, sid, packet)
