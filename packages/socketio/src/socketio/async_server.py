"""The Socket.IO server for asyncio."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import engineio
from engineio._shell.logs import one_line

from ._aio import wait_event
from ._core.decoder import RESERVED_EVENTS
from ._values import PendingCall
from .async_admin import InstrumentedAsyncServer
from .async_entry import AsyncEntry
from .async_manager import AsyncManager
from .base_server import default_logger as default_logger
from .exceptions import CallInterruptedError, TimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from contextlib import AbstractAsyncContextManager

    from ._aio import Target, Task
    from .typing import AckCallback, Data, Recipients


class AsyncServer(AsyncEntry):
    """A Socket.IO server for asyncio; the options are those of ``BaseServer``."""

    eio: engineio.AsyncServer

    def _engineio_server_class(self) -> type[engineio.AsyncServer]:
        return engineio.AsyncServer

    def _create_manager(self) -> AsyncManager:
        return AsyncManager()

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
        if to is None:
            to = room
        namespace = namespace or "/"
        if self._verbose:
            everybody = "all" if to is None else one_line(str(to))
            self.logger.info('emitting event "%s" to %s [%s]', event, everybody, namespace)
        await self.manager.emit(
            event,
            data,
            namespace,
            room=to,
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
        namespace = namespace or "/"
        if not self.manager.can_reach(recipient, namespace):
            raise CallInterruptedError("the client is not connected")
        done = self.eio.create_event()
        pending = PendingCall(done)
        try:
            await self.emit(
                event,
                data=data,
                to=recipient,
                namespace=namespace,
                callback=pending,
                ignore_queue=ignore_queue,
            )
            in_time = await wait_event(done, timeout)
        finally:
            if pending.args is None:
                self.manager.forget_callback(recipient, pending)
        if not in_time:
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
        sessions = await self._user_sessions(sid, namespace)
        session: dict[str, Any] = sessions.setdefault(namespace or "/", {})
        return session

    async def save_session(
        self, sid: str, session: dict[str, Any], namespace: str | None = None
    ) -> None:
        """Replace the user session of a client; ``KeyError`` for an unknown client."""
        sessions = await self._user_sessions(sid, namespace)
        sessions[namespace or "/"] = session

    async def _user_sessions(self, sid: str, namespace: str | None) -> dict[str, Any]:
        """The sessions of all namespaces of a connection, also of one that has just ended."""
        eio_sid = self._eio_sid(sid, namespace)
        ending = self._ending.get(eio_sid)
        if ending is not None:
            return ending.user_session
        sessions: dict[str, Any] = await self.eio.get_session(eio_sid)
        return sessions

    def session(
        self, sid: str, namespace: str | None = None
    ) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Give the user session to the block that follows, and save it afterwards."""
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
        connection = self._connection(eio_sid) if eio_sid is not None else None
        if connection is not None:
            self.logger.info("Disconnecting %s [%s]", sid, namespace)
            await self._leave(connection, namespace, sid, self.reason.SERVER_DISCONNECT)

    async def shutdown(self) -> None:
        """Stop the background work of the server and of its manager; clients stay connected.

        In a cluster what has been emitted is sent, and the connections to the broker are closed;
        the next client or emit opens them again.
        """
        self.logger.info("Socket.IO is shutting down")
        self.manager_initialized = False
        await self.manager.stop()
        await self.eio.shutdown()

    # the Admin UI

    def instrument(
        self,
        auth: Any = None,
        mode: str = "development",
        read_only: bool = False,
        server_id: str | None = None,
        namespace: str = "/admin",
        server_stats_interval: float = 2,
    ) -> InstrumentedAsyncServer:
        """Connect this server to the Socket.IO Admin UI.

        :param auth: what admins log in with: a dict such as ``{"username": ..., "password":
            ...}``, a list of them, a function that takes what the admin sent and returns whether
            it is right, or ``False`` for no log-in.
        :param mode: ``'development'`` reports each client, room and event; ``'production'`` only
            statistics.
        :param read_only: do not let admins emit, join, leave or disconnect (in development mode).
        :param server_id: name of this server; default the cluster's ``host_id`` or the host name.
        :param namespace: namespace of the admins.
        :param server_stats_interval: seconds between two statistics.

        ``ValueError`` for ``auth=None`` and anything empty, and for an unknown mode.  The origin
        of the page, for example ``https://admin.socket.io``, must be among
        ``cors_allowed_origins``.
        """
        return InstrumentedAsyncServer(
            self,
            auth=auth,
            mode=mode,
            read_only=read_only,
            server_id=server_id,
            namespace=namespace,
            server_stats_interval=server_stats_interval,
        )

    # background tasks

    def start_background_task(self, target: Target, *args: Any, **kwargs: Any) -> Task:
        """Start ``target(*args, **kwargs)`` in the background and return its task."""
        return self.eio.start_background_task(target, *args, **kwargs)

    async def sleep(self, seconds: float = 0) -> None:
        """Pause the caller."""
        await self.eio.sleep(seconds)
