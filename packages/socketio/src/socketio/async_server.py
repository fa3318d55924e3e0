"""The Socket.IO server for asyncio."""

from __future__ import annotations

import builtins
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import engineio
from engineio._core.layer import Layer
from engineio.exceptions import ProtocolError

from ._aio import Cancelled, call, create_event, start_eagerly, wait_event
from ._core.connection import Connection
from ._core.decoder import RESERVED_EVENTS
from ._core.handlers import describe, fit
from ._values import PendingCall, acknowledgement
from .async_manager import AsyncManager
from .base_server import BaseServer
from .exceptions import CallInterruptedError, ConnectionRefusedError, TimeoutError
from .packet import ACK, CONNECT, DISCONNECT, EVENT

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager

    from engineio._core.layer import Pending
    from engineio._core.session import Session
    from engineio.typing import Environ, JSONModule, LoggerLike

    from ._core.decoder import Inbound
    from .base_manager import BaseManager
    from .typing import AckCallback, Data, Recipients

REFUSED = {"message": "Connection rejected by server"}


class AsyncServer(BaseServer):
    """A Socket.IO server for asyncio; the options are those of ``BaseServer``.

    It serves under any ASGI server through ``ASGIApp``, or with ``socketio.run``.  All methods
    belong to the thread of the event loop.
    """

    eio: engineio.AsyncServer

    def __init__(
        self,
        client_manager: BaseManager | None = None,
        logger: bool | LoggerLike = False,
        json: JSONModule | None = None,
        async_handlers: bool = True,
        namespaces: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            client_manager=client_manager,
            logger=logger,
            json=json,
            async_handlers=async_handlers,
            namespaces=namespaces,
            **kwargs,
        )
        self.eio.attach_layer(Layer(self._opened, self._received, self._closed))

    def is_asyncio_based(self) -> bool:
        """Return True."""
        return True

    def _create_engine(self, **options: Any) -> engineio.AsyncServer:
        return engineio.AsyncServer(**options)

    def _create_manager(self) -> AsyncManager:
        return AsyncManager()

    def attach(self, app: Any, socketio_path: str = "socket.io") -> None:
        """Route the Socket.IO path of a framework's application to this server.

        :param app: an application of the framework of ``async_mode``.
        :param socketio_path: URL path of the endpoint (default ``socket.io``).
        """
        self.eio.attach(app, socketio_path)

    async def handle_request(self, *args: Any, **kwargs: Any) -> Any:
        """Handle one request to the Socket.IO path; the arguments are those of the framework."""
        return await self.eio.handle_request(*args, **kwargs)

    # sending

    async def emit(
        self,
        event: str,
        data: Data = None,
        to: Recipients = None,
        room: Recipients = None,
        skip_sid: str | Collection[str] | None = None,
        namespace: str | None = None,
        callback: AckCallback | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Emit an event to one client, to rooms, or to everybody in a namespace.

        :param event: the event's name.
        :param data: a tuple is several arguments, ``None`` none, any other value one; ``bytes``
            may be anywhere in it.
        :param to: a sid, a room, or several of them; ``None`` for everybody, an empty one for
            nobody.
        :param room: older name of ``to``.
        :param skip_sid: a client, or several, to leave out.
        :param namespace: default ``/``.
        :param callback: called with the values of the acknowledgement, once per client; in a
            cluster only for the first.
        :param ignore_queue: emit to the clients of this process only.

        ``TypeError`` for data that cannot be encoded, ``ValueError`` for a reserved event name.
        Waits while the clients have much more to read than they have taken.
        """
        if event in RESERVED_EVENTS:
            raise ValueError(f"{event!r} is reserved: clients would drop the connection")
        if self._verbose:
            self.logger.info('emitting event "%s" to %s [%s]', event, to or "all", namespace or "/")
        await self.manager.emit(
            event,
            data,
            namespace or "/",
            room=room if to is None else to,
            skip_sid=skip_sid,
            callback=callback,
            ignore_queue=ignore_queue,
        )
        if self.eio.engine.crowded:
            await self.eio.pace()

    async def send(
        self,
        data: Data,
        to: Recipients = None,
        room: Recipients = None,
        skip_sid: str | Collection[str] | None = None,
        namespace: str | None = None,
        callback: AckCallback | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Emit a ``message`` event, as ``emit``."""
        await self.emit(
            "message",
            data=data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace,
            callback=callback,
            ignore_queue=ignore_queue,
        )

    async def call(
        self,
        event: str,
        data: Data = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Emit an event to one client and return what it acknowledges.

        :param to: the client; ``sid`` is another name of it.  ``ValueError`` without one.
        :param timeout: seconds to wait (default 60), ``None`` for ever.

        Returns ``None``, the value, or a tuple of the values.  ``TimeoutError`` when the time is
        over, its subclass ``CallInterruptedError`` when the client has gone; ``RuntimeError``
        with ``async_handlers=False``, where the acknowledgement could not be read meanwhile.
        """
        recipient = sid if to is None else to
        if recipient is None:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        pending = PendingCall(create_event())
        await self.emit(
            event,
            data=data,
            to=recipient,
            namespace=namespace,
            callback=pending,
            ignore_queue=ignore_queue,
        )
        if not await wait_event(pending.done, timeout):
            self.manager.forget_callback(recipient, pending)
            raise TimeoutError()
        if pending.args is None:
            raise CallInterruptedError("the client has disconnected")
        return pending.value

    # rooms

    async def enter_room(self, sid: str, room: str, namespace: str | None = None) -> None:
        """Put a client into a room.

        ``ValueError`` if the namespace has no clients or ``room`` is the sid of another client;
        ``KeyError`` for an unknown client.
        """
        await self.manager.enter_room(sid, namespace or "/", room)

    async def leave_room(self, sid: str, room: str, namespace: str | None = None) -> None:
        """Take a client out of a room; unknown clients and rooms are passed over."""
        await self.manager.leave_room(sid, namespace or "/", room)

    async def close_room(self, room: str, namespace: str | None = None) -> None:
        """Take everybody out of a room; ``ValueError`` if it is the sid of a client."""
        await self.manager.close_room(room, namespace or "/")

    # user sessions

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Return the user session of a client in a namespace: a dict that lives as long as it.

        ``KeyError`` for an unknown client.
        """
        sessions = await self.eio.get_session(self._eio_sid(sid, namespace))
        session: dict[str, Any] = sessions.setdefault(namespace or "/", {})
        return session

    async def save_session(
        self, sid: str, session: dict[str, Any], namespace: str | None = None
    ) -> None:
        """Replace the user session of a client; ``KeyError`` for an unknown client."""
        sessions = await self.eio.get_session(self._eio_sid(sid, namespace))
        sessions[namespace or "/"] = session

    def session(
        self, sid: str, namespace: str | None = None
    ) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Give the user session to an ``async with`` block and save it afterwards."""
        return self._session(sid, namespace)

    @asynccontextmanager
    async def _session(self, sid: str, namespace: str | None) -> AsyncIterator[dict[str, Any]]:
        session = await self.get_session(sid, namespace)
        try:
            yield session
        finally:
            await self.save_session(sid, session, namespace)

    # the end

    async def disconnect(
        self, sid: str, namespace: str | None = None, ignore_queue: bool = False
    ) -> None:
        """Disconnect a client from a namespace; unknown ones are passed over.

        Returns when its disconnect handler has run.  In a cluster a client of another process is
        disconnected there, without waiting.

        :param ignore_queue: only if the client is connected to this process.
        """
        namespace = namespace or "/"
        manager = self.manager
        if ignore_queue:
            here = manager.is_connected(sid, namespace)
        else:
            here = await manager.can_disconnect(sid, namespace)
        eio_sid = manager.eio_sid_from_sid(sid, namespace) if here else None
        session = self.eio.engine.sessions.get(eio_sid) if eio_sid is not None else None
        if session is not None:
            self.logger.info("Disconnecting %s [%s]", sid, namespace)
            connection: Connection = session.app
            self._send(connection, self.wire.encoder.disconnect(namespace))
            await self._leave(connection, namespace, sid, self.reason.SERVER_DISCONNECT)

    async def shutdown(self) -> None:
        """Stop the background work of the server; clients stay connected."""
        self.logger.info("Socket.IO is shutting down")
        await self.eio.shutdown()

    # background tasks

    def start_background_task(
        self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any
    ) -> asyncio.Task[Any]:
        """Start ``target(*args, **kwargs)``, a coroutine function, as a task and return it."""
        return self.eio.start_background_task(target, *args, **kwargs)

    async def sleep(self, seconds: float = 0) -> None:
        """Pause the calling coroutine."""
        await self.eio.sleep(seconds)

    # what the engine calls

    def _opened(self, session: Session, environ: Environ) -> None:
        if not self.manager_initialized:
            self.manager_initialized = True
            self.manager.initialize()
        self._verbose = self.logger.isEnabledFor(logging.INFO)
        connection = session.app = Connection(session, self.wire.new_decoder())
        self.environ[session.sid] = environ
        self._expect(connection, self.connect_timeout)

    def _received(self, session: Session, data: str | bytes) -> Pending:
        connection: Connection = session.app
        decoder = connection.decoder
        waiting = decoder.waiting
        packet = decoder.feed(data)
        if packet is None:
            if not waiting:
                self._expect(connection, self.attachment_timeout)
            return None
        if waiting:
            self.eio.engine.satisfy(session)
        if packet.type == EVENT:
            return self._received_event(connection, packet)
        if packet.type == ACK:
            return self._received_ack(connection, packet)
        if packet.type == CONNECT:
            connection.joined = True
            return self._join(connection, packet.namespace, packet.data)
        if packet.type == DISCONNECT:
            sid = connection.sids.get(packet.namespace)
            if sid is None:
                return None
            return self._leave(connection, packet.namespace, sid, self.reason.CLIENT_DISCONNECT)
        raise ProtocolError("a packet that only servers send")

    def _closed(self, session: Session, reason: str) -> Pending:
        connection: Connection = session.app
        connection.closed = reason
        return self._leave_all(connection, reason)

    # events

    def _sid_of(self, connection: Connection, packet: Inbound) -> str | None:
        sid = connection.connected.get(packet.namespace)
        if sid is not None:
            return sid
        if not connection.joined:
            raise ProtocolError("a packet before the first CONNECT")
        # the client may not know yet that its namespace has ended
        self.logger.warning("Packet for namespace %s from a client not in it", packet.namespace)
        return None

    def _received_event(self, connection: Connection, packet: Inbound) -> Pending:
        sid = self._sid_of(connection, packet)
        if sid is None:
            return None
        event, *values = packet.data
        namespace = packet.namespace
        if self._verbose:
            self.logger.info('received event "%s" from %s [%s]', event, sid, namespace)
        found = self._find(event, namespace)
        if found is None:
            return None
        handler, names = found
        args = (*names, sid, *values)
        if not describe(handler).is_coroutine:
            self._run_plain(connection, packet, handler, args)
            return None
        run = self._run(connection, packet, handler, args)
        if not self.async_handlers or connection.running >= self.max_handlers:
            return run
        start_eagerly(run)
        return None

    def _run_plain(
        self, connection: Connection, packet: Inbound, handler: Callable[..., Any], args: Any
    ) -> None:
        try:
            result = handler(*args)
        except Exception:
            self.logger.exception("Handler of event %s failed", packet.data[0])
            return
        if packet.id is not None:
            self._acknowledge(connection, packet, result)

    async def _run(
        self, connection: Connection, packet: Inbound, handler: Callable[..., Any], args: Any
    ) -> None:
        connection.running += 1
        try:
            result = await handler(*args)
        except Cancelled:
            result = None
        except Exception:
            self.logger.exception("Handler of event %s failed", packet.data[0])
            return
        finally:
            connection.running -= 1
        if packet.id is not None:
            self._acknowledge(connection, packet, result)

    def _acknowledge(self, connection: Connection, packet: Inbound, result: Any) -> None:
        assert packet.id is not None
        try:
            messages = self.wire.encoder.ack(packet.namespace, packet.id, acknowledgement(result))
        except TypeError:
            self.logger.exception("Result of the handler of %s cannot be sent", packet.data[0])
        else:
            self._send(connection, messages)

    def _received_ack(self, connection: Connection, packet: Inbound) -> Pending:
        sid = self._sid_of(connection, packet)
        if sid is not None:
            start_eagerly(self._run_callback(sid, packet))
        return None

    async def _run_callback(self, sid: str, packet: Inbound) -> None:
        try:
            await self.manager.trigger_callback(sid, packet.id, packet.data)
        except Exception:
            self.logger.exception("Callback of an acknowledgement failed")

    # namespaces

    async def _join(self, connection: Connection, namespace: str, auth: Any) -> None:
        refusal = self._refuse_unasked(connection, namespace)
        if refusal is not None:
            self._send(connection, self.wire.encoder.connect_error(namespace, refusal))
            return
        eio_sid = connection.session.sid
        sid = await self.manager.pre_connect(eio_sid, namespace)
        connection.sids[namespace] = sid
        if self.always_connect:
            await self._accept(connection, namespace, sid)
        refusal = await self._ask(namespace, sid, self.environ.get(eio_sid, {}), auth)
        if refusal is not None:
            await self._refuse(connection, namespace, sid, refusal)
        elif not self.always_connect:
            await self._accept(connection, namespace, sid)
        if connection.closed is not None:
            # it ended while the handler was running
            await self._leave_all(connection, connection.closed)

    def _refuse_unasked(self, connection: Connection, namespace: str) -> dict[str, Any] | None:
        if not self._accepts(namespace):
            return {"message": "Invalid namespace"}
        if namespace in connection.sids:
            return {"message": "Unable to connect"}
        if len(connection.sids) >= self.max_namespaces:
            return {"message": "Too many namespaces"}
        return None

    async def _ask(
        self, namespace: str, sid: str, environ: Environ, auth: Any
    ) -> dict[str, Any] | None:
        """Run the connect handler; ``None`` accepts, else what the client is told."""
        try:
            accepted = await self._trigger_event("connect", namespace, sid, environ, auth or None)
        except ConnectionRefusedError as error:
            return error.error_args
        except builtins.ConnectionRefusedError:
            return {"message": "Connection refused by server"}
        except Exception:
            self.logger.exception("connect handler error")
            return REFUSED
        return REFUSED if accepted is False else None

    async def _accept(self, connection: Connection, namespace: str, sid: str) -> None:
        await self.manager.connect(sid, namespace)
        connection.connected[namespace] = sid
        self.eio.engine.satisfy(connection.session)
        self._send(connection, self.wire.encoder.connect(namespace, {"sid": sid}))

    async def _refuse(
        self, connection: Connection, namespace: str, sid: str, refusal: dict[str, Any]
    ) -> None:
        encoder = self.wire.encoder
        if self.always_connect:
            connection.connected.pop(namespace, None)
            self.manager.pre_disconnect(sid, namespace)
            self._send(connection, encoder.disconnect(namespace))
        else:
            self._send(connection, encoder.connect_error(namespace, refusal))
        await self._forget(connection, namespace, sid)

    async def _leave(self, connection: Connection, namespace: str, sid: str, reason: str) -> None:
        """Run the disconnect handler of a connected client, once, and forget the client."""
        if connection.connected.pop(namespace, None) is None:
            return
        self.manager.pre_disconnect(sid, namespace)
        try:
            await self._trigger_event("disconnect", namespace, sid, reason)
        except Exception:
            self.logger.exception("disconnect handler error")
        finally:
            await self._forget(connection, namespace, sid)

    async def _forget(self, connection: Connection, namespace: str, sid: str) -> None:
        await self.manager.disconnect(sid, namespace, ignore_queue=True)
        connection.sids.pop(namespace, None)
        if not connection.sids and connection.closed is None:
            self._expect(connection, self.connect_timeout)

    async def _leave_all(self, connection: Connection, reason: str) -> None:
        for namespace, sid in list(connection.sids.items()):
            await self._leave(connection, namespace, sid, reason)
        if not connection.sids:
            self.environ.pop(connection.session.sid, None)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """Call the handler of an event; ``not_handled`` if there is none."""
        found = self._find(event, namespace)
        if found is None:
            return self.not_handled
        handler, names = found
        return await call(handler, *fit(handler, event, (*names, *args)))
