"""The client manager of a server that is one of a cluster, for asyncio.

A manager for another broker is a subclass with two methods.  Either

- ``_publish(data)``, which gives a dict to the broker as it likes, and ``_listen()``: what
  subclasses for python-socketio 5.x have.  Errors of the broker are the subclass's to handle; or
- ``_send(payloads)`` and ``_listen()``, which may raise whenever the broker cannot be reached:
  queueing, order, back-off, counting and logging are the base class's, ``AsyncBrokerLink``.  All
  managers of this package are made like this.

hot path: ``emit`` once per event sent, ``_take`` once per message of the channel (benchmark
"cluster").
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ._aio import PUBSUB_NAME, call
from ._core.cluster import (
    Acknowledge,
    CloseRoom,
    Disconnect,
    Emit,
    EnterRoom,
    LeaveRoom,
    spell_out_binary,
)
from ._core.decoder import RESERVED_EVENTS
from ._values import PendingCall
from .async_broker_link import STOP_TIMEOUT as STOP_TIMEOUT
from .async_broker_link import AsyncBrokerLink
from .async_manager import AsyncManager
from .base_pubsub_manager import CONNECTED
from .base_pubsub_manager import LISTEN_TIMEOUT as LISTEN_TIMEOUT
from .base_pubsub_manager import SEND_TIMEOUT as SEND_TIMEOUT
from .base_pubsub_manager import NotSent as NotSent
from .packet import Packet as Packet

if TYPE_CHECKING:
    from collections.abc import Collection

    from ._core.cluster import ClusterMessage, Fields, ReplyTo
    from .typing import AckCallback, Data, Recipients

TURN = 100
"""Messages that are received before others in the process get a turn."""


class AsyncPubSubManager(AsyncBrokerLink, AsyncManager):
    """Passes what is emitted in this process on to the others of the cluster, and vice versa.

    :param channel: what the processes of one cluster have in common (default ``socketio``).
    :param write_only: only emit, for processes without a server: nothing is received, and
        ``emit()`` returns when the broker has got the message, or cannot be reached.
    :param logger: a logger; default that of the server, else ``socketio``.
    :param json: object with ``dumps`` and ``loads`` for a manager without a server.
    :param max_pending_publishes: messages kept while the broker cannot be reached (default
        10,000); then the oldest is dropped for each new one.
    :param max_pending_bytes: the same in bytes (default 64 MiB).

    Each message is delivered at most once and, from one process, in order.  While the broker is
    away ``emit()`` does not wait for it, nor raise: what is emitted is kept, and sent when it is
    back.  A program that ends before calls ``stop()`` to learn what was lost.  What was lost is in
    ``health``, and the log has one line for the loss of the broker and one for its return.
    """

    name: ClassVar[str] = PUBSUB_NAME
    """How the logs call it."""

    _taken = 0  # messages since others had a turn

    # sending

    async def emit(
        self,
        event: str,
        data: Data,
        namespace: str | None = None,
        room: Recipients = None,
        skip_sid: str | Collection[str] | None = None,
        callback: AckCallback | None = None,
        to: Recipients = None,
        **kwargs: Any,
    ) -> None:
        """Emit an event to the clients of a room, of several, or of the namespace, everywhere.

        :param callback: called with the first acknowledgement from anywhere.  ``RuntimeError``
            without a server, ``ValueError`` without a room.
        :param ignore_queue: emit to the clients of this process only; then each acknowledgement
            calls the callback.

        ``TypeError`` for data that cannot be encoded, ``ValueError`` for a reserved event name.
        """
        room = room if to is None else to
        namespace = namespace or "/"
        if kwargs.get("ignore_queue"):
            await super().emit(event, data, namespace, room, skip_sid, callback)
            return
        if event in RESERVED_EVENTS:
            raise ValueError(f"{event!r} is reserved: clients would drop the connection")
        address = self._address(room)
        skipped: Any = self._address(skip_sid)
        if callback is not None:
            await self._emit_and_ask(Emit(event, data, namespace, address, skipped), callback)
            return
        await super().emit(event, data, namespace, room, skip_sid)
        if address not in ("", []):  # python-socketio takes them for everybody
            await self._tell(Emit(event, data, namespace, address, skipped).to_fields())

    async def _emit_and_ask(self, message: Emit, callback: AckCallback) -> None:
        if self.server is None:
            raise RuntimeError("Callbacks can only be issued from the context of a server.")
        room = message.room
        if room is None or room in ("", []):
            raise ValueError("Cannot use callback without a room set.")
        await self._wait_subscribed()
        recipient = room[0] if isinstance(room, list) else room
        with self._lock:
            id, local = self._cluster_acks.add(
                str(recipient), callback, lambda id: partial(self._acknowledged, id)
            )
        message.call = (recipient, message.namespace, id)
        try:
            await super().emit(
                message.event,
                message.data,
                message.namespace,
                message.room,  # type: ignore[arg-type]
                message.skip_sid,
                local,
            )
            await self._tell(message.to_fields())
        except BaseException:
            with self._lock:
                self._cluster_acks.pop(id)
            raise

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Return True if this process can disconnect the client itself; else ask the others to."""
        if self._is_here(sid, namespace):
            return self.is_connected(sid, namespace)
        await self._tell(Disconnect(sid, namespace).to_fields())
        return False

    async def disconnect(self, sid: str, namespace: str | None = None, **kwargs: Any) -> None:
        """Disconnect a client, wherever it is connected.

        :param ignore_queue: only forget it; the server calls this when it has disconnected it.
        """
        namespace = namespace or "/"
        if kwargs.get("ignore_queue"):
            await super().disconnect(sid, namespace)
        elif self._is_here(sid, namespace):
            await self.server.disconnect(sid, namespace, ignore_queue=True)
        else:
            await self._tell(Disconnect(sid, namespace).to_fields())

    async def enter_room(
        self, sid: str, namespace: str, room: str, eio_sid: str | None = None
    ) -> None:
        """Put a client into a room, wherever it is connected; errors only if it is here."""
        if eio_sid is not None or self._is_here(sid, namespace):
            await super().enter_room(sid, namespace, room, eio_sid)
        else:
            await self._tell(EnterRoom(sid, room, namespace).to_fields())

    async def leave_room(self, sid: str, namespace: str, room: str) -> None:
        """Take a client out of a room, wherever it is connected."""
        if self._is_here(sid, namespace):
            await super().leave_room(sid, namespace, room)
        else:
            await self._tell(LeaveRoom(sid, room, namespace).to_fields())

    async def close_room(self, room: str, namespace: str | None = None) -> None:
        """Take everybody out of a room, everywhere.

        ``ValueError`` if it is the sid of a client of this process.
        """
        namespace = namespace or "/"
        await super().close_room(room, namespace)
        await self._tell(CloseRoom(room, namespace).to_fields())

    async def _tell(self, fields: Fields) -> None:
        self._look_around()
        if fields["method"] != "callback":
            fields["host_id"] = self.host_id
        if getattr(self._publish, "__func__", None) is not AsyncPubSubManager._publish:
            fields = spell_out_binary(fields)
        await self._publish(fields)

    # receiving

    async def _take(self, batch: list[Any]) -> None:
        if self._listener_state is not CONNECTED:
            self._subscribed()
        read = self._reader.read
        for data in batch:
            message = read(data)
            if message is not None:
                await self._act_logged(message)
            self._taken += 1
            if self._taken >= TURN:
                self._taken = 0
                await self.server.eio.sleep(0)
        self._note_arrival()

    async def _act_logged(self, message: ClusterMessage) -> None:
        try:
            await self._act(message)
        except Exception:
            self._get_logger().exception("%s: a message could not be handled", self.name)
        if self.server.eio.engine.crowded:
            await self.server.eio.pace()

    async def _act(self, message: ClusterMessage) -> None:
        if isinstance(message, Emit):
            for observer in self.server.observers:
                observer.heard(message.namespace, message.room, message.event, message.data)
            reply = None
            if message.reply_to is not None:
                reply = partial(self._reply, [message.reply_to])
            await super().emit(
                message.event,
                message.data,
                message.namespace,
                message.room,  # type: ignore[arg-type]
                message.skip_sid,
                reply,
            )
        elif isinstance(message, Acknowledge):
            await self._receive_acknowledgement(message)
        elif isinstance(message, CloseRoom):
            await super().close_room(message.room, message.namespace)  # type: ignore[arg-type]
        elif self._is_here(message.sid, message.namespace):
            await self._act_on_client(message)

    async def _act_on_client(self, message: Disconnect | EnterRoom | LeaveRoom) -> None:
        sid, namespace = message.sid, message.namespace
        if isinstance(message, EnterRoom):
            await super().enter_room(sid, namespace, message.room)  # type: ignore[arg-type]
        elif isinstance(message, LeaveRoom):
            await super().leave_room(sid, namespace, message.room)  # type: ignore[arg-type]
        else:
            # its handler is the application's, and may take its time
            self.server.start_background_task(
                self.server.disconnect, sid, namespace, ignore_queue=True
            )

    async def _reply(self, waiting: list[ReplyTo], *args: Any) -> None:
        """Pass the first acknowledgement of a client of this process on to who asked for it."""
        try:
            reply_to = waiting.pop()
        except IndexError:
            return
        fields = Acknowledge(reply_to.host_id, reply_to.call, list(args)).to_fields()
        if not reply_to.takes_binary and spell_out_binary(fields) is not fields:
            self._get_logger().warning(
                "An acknowledgement with bytes cannot be sent to a server of python-socketio 5.x"
            )
            return
        await self._tell(fields)

    async def _receive_acknowledgement(self, message: Acknowledge) -> None:
        id = message.call[2]
        with self._lock:
            pending = self._cluster_acks.pop(id)
        if pending is None:
            self._get_logger().debug("Acknowledgement that nobody waits for any more")
        elif isinstance(pending.callback, PendingCall):
            pending.callback(*message.args)
        else:
            self.server.start_background_task(self._run_callback, pending.callback, message.args)

    async def _run_callback(self, callback: AckCallback, args: list[Any]) -> None:
        try:
            await call(callback, *args)
        except Exception:
            self._get_logger().exception("Callback of an acknowledgement failed")

    async def _acknowledged(self, id: int, *args: Any) -> None:
        """Take the acknowledgement of a client of this process."""
        with self._lock:
            pending = self._cluster_acks.pop(id)
        if pending is not None:
            await call(pending.callback, *args)
