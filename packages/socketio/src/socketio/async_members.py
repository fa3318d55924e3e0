"""Who is in which namespace: joining, leaving, what they are told, and calling their handlers.

The methods that are named as in python-socketio are there to be overridden: as long as nobody has,
the hot path goes past them.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from engineio._shell.logs import one_line
from engineio.exceptions import ProtocolError
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket

from ._aio import Cancelled, call, is_cancelled
from ._core.encoder import UNWRITABLE, to_messages
from ._core.handlers import fit, wants_less
from ._values import acknowledgement, snapshot
from .base_server import BaseServer
from .exceptions import ConnectionRefusedError
from .packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engineio._core.message import Message
    from engineio.typing import Environ

    from ._core.connection import Connection
    from ._core.decoder import Inbound
    from .packet import Packet

REFUSED = {"message": "Connection rejected by server"}
ALREADY_CONNECTED = {"message": "Unable to connect"}

MAX_HELD = 10_000
"""Packets kept for a client whose connect handler is running; over it, or over ``max_send_buffer``
bytes, the client is closed, as one that does not read."""


class AsyncMembers(BaseServer):
    """The part of a server that takes clients in and out of namespaces."""

    # what arrives

    def _sid_of(self, connection: Connection, packet: Inbound) -> str | None:
        sid = connection.connected.get(packet.namespace)
        if sid is not None:
            return sid
        if not connection.joined:
            raise ProtocolError("a packet before the first CONNECT")
        # the client may not know yet that its namespace has ended
        if not connection.warned:
            connection.warned = True
            self.logger.warning(
                "Packet for namespace %s from a client that is not in it (logged once for each "
                "connection)",
                one_line(packet.namespace),
            )
        return None

    def _acknowledge(self, connection: Connection, packet: Inbound, result: Any) -> None:
        assert packet.id is not None
        try:
            messages = self.wire.encoder.ack(packet.namespace, packet.id, acknowledgement(result))
        except TypeError:
            name = one_line(packet.data[0])
            self.logger.exception("Result of the handler of %s cannot be sent", name)
        else:
            self.eio.engine.send(connection.session, messages)

    async def _run_callback(self, sid: str, packet: Inbound) -> None:
        try:
            await self.manager.trigger_callback(sid, packet.id, packet.data)
        except Exception:
            self.logger.exception("Callback of an acknowledgement failed")

    # handlers

    async def _handle_event_internal(
        self,
        server: Any,
        sid: str,
        eio_sid: str,
        data: list[Any],
        namespace: str,
        id: int | None,
    ) -> None:
        """Handle one event, ``data`` being its name and arguments, and acknowledge it."""
        result = await server._trigger_event(data[0], namespace, sid, *data[1:])
        if id is not None and result is not self.not_handled:
            pkt = self.packet_class(ACK, acknowledgement(result), namespace, id)
            await server._send_packet(eio_sid, pkt)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """Call the handler of an event; ``not_handled`` if there is none."""
        found = self._find(event, namespace)
        if found is None:
            return self.not_handled
        handler, names = found
        args = (*names, *args)
        try:
            return await call(handler, *fit(handler, event, args))
        except TypeError as error:
            if not wants_less(handler, event, error):
                raise
        return await call(handler, *args[:-1])

    # namespaces

    async def _join(self, connection: Connection, namespace: str, auth: Any) -> None:
        refusal = self._refuse_unasked(connection, namespace)
        if refusal is not None:
            await self._tell(connection, CONNECT_ERROR, namespace, refusal)
            return
        eio_sid = connection.session.sid
        sid = await self.manager.pre_connect(eio_sid, namespace)
        if sid is None:
            await self._tell(connection, CONNECT_ERROR, namespace, ALREADY_CONNECTED)
            return
        connection.sids[namespace] = sid
        if self.always_connect:
            await self._accept(connection, namespace, sid)
        try:
            refusal = await self._ask(namespace, sid, self.environ.get(eio_sid, {}), auth)
        except BaseException:
            await self._refuse(connection, namespace, sid, REFUSED)
            raise
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
            return ALREADY_CONNECTED
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
        except Cancelled:
            if is_cancelled():
                raise
            return REFUSED
        except Exception:
            self.logger.exception("connect handler error")
            return REFUSED
        return REFUSED if accepted is False else None

    async def _accept(self, connection: Connection, namespace: str, sid: str) -> None:
        with self._lock:  # nothing is sent to the client before its CONNECT
            await self.manager.connect(sid, namespace)
            connection.connected[namespace] = sid
            self._look_at_namespaces(connection)
            await self._tell(connection, CONNECT, namespace, {"sid": sid})
            connection.held_bytes = 0
            held = connection.held.pop(namespace, ())
            for messages, _ in held:
                await self._deliver(connection, messages)
            for observer in self.observers:
                observer.connected(sid, namespace)
                for _, event in held:
                    if event:
                        observer.sent((sid,), namespace, event)

    async def _refuse(
        self, connection: Connection, namespace: str, sid: str, refusal: dict[str, Any]
    ) -> None:
        if connection.sids.get(namespace) != sid:
            return  # it has left already, which it can where it was accepted first
        # forgotten before it is told: who hears it may look, or try again, at once
        if self.always_connect:
            connection.connected.pop(namespace, None)
            for observer in self.observers:
                observer.disconnected(sid, namespace, self.reason.SERVER_DISCONNECT)
            self.manager.pre_disconnect(sid, namespace)
            await self._forget(connection, namespace, sid)
            await self._tell(connection, DISCONNECT, namespace)
        else:
            await self._forget(connection, namespace, sid)
            await self._tell_refusal(connection, namespace, refusal)

    async def _tell_refusal(
        self, connection: Connection, namespace: str, refusal: dict[str, Any]
    ) -> None:
        try:
            await self._tell(connection, CONNECT_ERROR, namespace, refusal)
        except UNWRITABLE:
            self.logger.exception("Refusal of the connect handler cannot be sent")
            await self._tell(connection, CONNECT_ERROR, namespace, REFUSED)

    async def _leave(self, connection: Connection, namespace: str, sid: str, reason: str) -> None:
        """Run the disconnect handler of a connected client, once, and forget the client."""
        if connection.connected.pop(namespace, None) is None:
            return
        for observer in self.observers:
            observer.disconnected(sid, namespace, reason)
        self.manager.pre_disconnect(sid, namespace)
        if reason == self.reason.SERVER_DISCONNECT and connection.closed is None:
            await self._tell(connection, DISCONNECT, namespace)
        try:
            await self._trigger_event("disconnect", namespace, sid, reason)
        except Cancelled:
            if is_cancelled():
                raise
        except Exception:
            self.logger.exception("disconnect handler error")
        finally:
            await self._forget(connection, namespace, sid)

    async def _forget(self, connection: Connection, namespace: str, sid: str) -> None:
        await self.manager.disconnect(sid, namespace, ignore_queue=True)
        connection.sids.pop(namespace, None)
        connection.held.pop(namespace, None)
        connection.held_bytes = 0
        self._look_at_namespaces(connection)
        self._forget_connection(connection)

    async def _leave_all(self, connection: Connection, reason: str) -> None:
        for namespace, sid in list(connection.sids.items()):
            await self._leave(connection, namespace, sid, reason)
        if connection.sids:
            # a handler is still running for a client that joins or leaves at this moment
            self._ending[connection.session.sid] = connection.session
        self._forget_connection(connection)

    def _forget_connection(self, connection: Connection) -> None:
        if connection.closed is not None and not connection.sids:
            self.environ.pop(connection.session.sid, None)
            self._ending.pop(connection.session.sid, None)

    # sending

    async def _tell(
        self, connection: Connection, packet_type: int, namespace: str, data: Any = None
    ) -> None:
        if self._sends_hooked:
            pkt = self.packet_class(packet_type, data, namespace)
            await self._send_packet(connection.session.sid, pkt)
            return
        encoder = self.wire.encoder
        if packet_type == CONNECT:
            messages = encoder.connect(namespace, data)
        elif packet_type == CONNECT_ERROR:
            messages = encoder.connect_error(namespace, data)
        else:
            messages = encoder.disconnect(namespace)
        self.eio.engine.send(connection.session, messages)

    async def _deliver(self, connection: Connection, messages: list[Message]) -> None:
        if self._sends_hooked:
            await self._send_hooked((connection.session.sid,), messages)
        else:
            self.eio.engine.send(connection.session, messages)

    async def _send_hooked(self, eio_sids: Collection[str], messages: list[Message]) -> None:
        packets = [
            EnginePacket(MESSAGE, message.payload if message.binary else message.text[1:])
            for message in messages
        ]
        for eio_sid in list(eio_sids):
            for eio_pkt in packets:
                await self._send_eio_packet(eio_sid, eio_pkt)

    async def _send_packet(self, eio_sid: str, pkt: Packet) -> None:
        """Send a packet to one connection."""
        messages = to_messages(pkt)
        if self._sends_hooked:
            await self._send_hooked((eio_sid,), messages)
        else:
            self.eio.engine.broadcast((eio_sid,), messages)

    async def _send_eio_packet(self, eio_sid: str, eio_pkt: EnginePacket) -> None:
        """Send one Engine.IO packet, all of a packet or a part of it, to one connection."""
        await self.eio.send_packet(eio_sid, eio_pkt)

    async def _hold(
        self, eio_sid: str, namespace: str, messages: list[Message], event: Sequence[Any]
    ) -> None:
        """Keep the messages of an event for a client until its connect handler has accepted it."""
        connection = self._connection(eio_sid)
        if connection is None or connection.closed is not None:
            return
        with self._lock:
            if namespace in connection.connected:  # by another thread, meanwhile
                await self._deliver(connection, messages)
                for observer in self.observers:
                    observer.sent((connection.connected[namespace],), namespace, event)
                return
            held = connection.held.setdefault(namespace, [])
            held.append((messages, snapshot(event) if self.observers else ()))
            connection.held_bytes += sum([len(message.payload) for message in messages])
            limit = self.eio.max_send_buffer
            if len(held) <= MAX_HELD and (limit is None or connection.held_bytes <= limit):
                return
            counters = self.eio.counters
            counters.slow_clients_closed += 1
            counters.messages_dropped += sum([len(packet) for packet, _ in held])
            connection.held.clear()
            connection.closed = self.reason.TRANSPORT_ERROR  # from here on nothing is held
        self.logger.warning("Too much is held for a client whose connect handler still runs")
        self.eio.engine.close(connection.session, self.reason.TRANSPORT_ERROR)
