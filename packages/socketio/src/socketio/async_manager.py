"""The client manager of a server for asyncio that is a cluster of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ._aio import AckTable, Registry, call
from ._values import arguments
from .base_manager import BaseManager
from .base_manager import default_logger as default_logger
from .packet import EVENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ._core.acks import AckTable as Acks
    from ._core.registry import Registry as Clients
    from .typing import AckCallback, Data, Recipients


class AsyncManager(BaseManager):
    """Keeps clients and rooms in memory, and emits to them."""

    registry_class: ClassVar[type[Clients]] = Registry
    acks_class: ClassVar[type[Acks]] = AckTable

    def can_reach(self, recipient: str, namespace: str) -> bool:
        """Return False if certainly nobody would receive what is sent to ``recipient``."""
        return bool(self._recipients(namespace, recipient)[0])

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Return True if this process can disconnect the client itself."""
        return self.is_connected(sid, namespace)

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Add a client whose connect handler is about to run; return its new sid.

        ``None`` if that connection is in the namespace already.
        """
        return self.basic_pre_connect(eio_sid, namespace)

    async def connect(self, sid: str, namespace: str) -> str | None:
        """Make a pending client connected and return its sid.

        Given the Engine.IO sid of a connection that is not in the namespace, add it first.
        """
        return self.basic_connect(sid, namespace)

    async def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Forget a client."""
        self.basic_disconnect(sid, namespace)

    async def emit(
        self,
        event: str,
        data: Data,
        namespace: str,
        room: Recipients = None,
        skip_sid: str | Collection[str] | None = None,
        callback: AckCallback | None = None,
        to: Recipients = None,
        **kwargs: Any,
    ) -> None:
        """Emit an event to the clients of a room, of several, or of the namespace.

        With ``callback`` each client is asked for an acknowledgement.  ``TypeError`` for data
        that cannot be encoded.
        """
        room = room if to is None else to
        members, waiting = self._recipients(namespace, room)
        if not members and not waiting:
            return
        if skip_sid is not None:
            skipped = {skip_sid} if isinstance(skip_sid, str) else set(skip_sid)
            members = {sid: eio_sid for sid, eio_sid in members.items() if sid not in skipped}
            waiting = {sid: waiting[sid] for sid in waiting.keys() - skipped}
        server = self.server
        encoder = server.wire.encoder
        args = arguments(event, data)
        if callback is None:
            messages = encoder.event(namespace, args)
            if server._sends_hooked:
                await server._send_hooked(members.values(), messages)
            else:
                server.eio.engine.broadcast(members.values(), messages)
            for observer in server.observers:
                observer.sent(members, namespace, args)
            for eio_sid in waiting.values():
                await server._hold(eio_sid, namespace, messages, args)
            return
        for sid, eio_sid in list(members.items()):
            id = self._generate_ack_id(sid, callback)
            try:
                if server._sends_hooked:
                    pkt = server.packet_class(EVENT, args, namespace, id)
                    await server._send_packet(eio_sid, pkt)
                else:
                    server.eio.engine.broadcast((eio_sid,), encoder.event(namespace, args, id))
            except BaseException:
                self._acks.pop(sid, id)
                raise
            for observer in server.observers:
                observer.sent((sid,), namespace, args)
        for sid, eio_sid in waiting.items():
            id = self._generate_ack_id(sid, callback)
            try:
                messages = encoder.event(namespace, args, id)
            except BaseException:
                self._acks.pop(sid, id)
                raise
            await server._hold(eio_sid, namespace, messages, args)

    async def enter_room(
        self, sid: str, namespace: str, room: str, eio_sid: str | None = None
    ) -> None:
        """Put a client into a room; errors as ``basic_enter_room``."""
        self.basic_enter_room(sid, namespace, room, eio_sid=eio_sid)

    async def leave_room(self, sid: str, namespace: str, room: str) -> None:
        """Take a client out of a room; unknown clients and rooms are passed over."""
        self.basic_leave_room(sid, namespace, room)

    async def close_room(self, room: str, namespace: str) -> None:
        """Take everybody out of a room; ``ValueError`` if it is the sid of a client."""
        self.basic_close_room(room, namespace)

    async def stop(self, timeout: float = 0) -> int:
        """Stop what runs in the background, here nothing; called by the server's ``shutdown``.

        Returns how many messages were lost: here 0.
        """
        return 0

    async def trigger_callback(self, sid: str, id: int, data: Iterable[Any]) -> None:
        """Call what waits for this acknowledgement; an unknown one is logged."""
        callback = self._acks.pop(sid, id)
        if callback is None:
            self._get_logger().warning("Unknown callback received, ignoring.")
        else:
            await call(callback, *data)
