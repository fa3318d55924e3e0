"""Class-based namespaces: handlers are methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._aio import ASYNCIO, MessageSender, call
from ._core.handlers import fit
from .base_namespace import HANDLER_PREFIX, BaseClientNamespace, BaseServerNamespace

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from .async_client import AsyncClient
    from .async_server import AsyncServer

CALL_TIMEOUT = 60
"""Seconds that ``call()`` waits unless told otherwise, as ``call()`` of servers and clients."""


class AsyncNamespace(BaseServerNamespace):
    """A class-based namespace of an ``AsyncServer``.

    A method ``on_<event>(self, sid, *args)`` handles an event; ``on_connect(self, sid, environ,
    auth)`` and ``on_disconnect(self, sid, reason)`` handle the life of a client, their last
    argument may be left out.  The other methods are those of the server, with this namespace as
    the default of their ``namespace``.
    """

    server: AsyncServer

    def is_asyncio_based(self) -> bool:
        """Return whether the methods of this class are coroutines."""
        return ASYNCIO

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Call the method for an event and return what it returns, ``None`` if there is none.

        May be overridden to dispatch in another way.
        """
        handler = getattr(self, HANDLER_PREFIX + event, None)
        if handler is None:
            return None
        return await call(handler, *fit(handler, event, args))

    async def emit(
        self,
        event: str,
        data: Any = None,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Emit an event, as ``AsyncServer.emit``."""
        await self.server.emit(
            event,
            data=data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
            ignore_queue=ignore_queue,
        )

    async def send(
        self,
        data: Any,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Emit a ``message`` event, as ``AsyncServer.send``."""
        await self.server.send(
            data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
            ignore_queue=ignore_queue,
        )

    async def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = None,
        ignore_queue: bool = False,
    ) -> Any:
        """Emit an event and wait for its acknowledgement, as ``AsyncServer.call``.

        ``timeout`` is in seconds; ``None`` stands for the 60 of the server's method.
        """
        return await self.server.call(
            event,
            data=data,
            to=to,
            sid=sid,
            namespace=namespace or self.namespace,
            timeout=CALL_TIMEOUT if timeout is None else timeout,
            ignore_queue=ignore_queue,
        )

    async def enter_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Put a client into a room, as ``AsyncServer.enter_room``."""
        await self.server.enter_room(sid, room, namespace=namespace or self.namespace)

    async def leave_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Take a client out of a room, as ``AsyncServer.leave_room``."""
        await self.server.leave_room(sid, room, namespace=namespace or self.namespace)

    async def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Take all clients out of a room, as ``AsyncServer.close_room``."""
        await self.server.close_room(room, namespace=namespace or self.namespace)

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Return the user session of a client, as ``AsyncServer.get_session``."""
        return await self.server.get_session(sid, namespace=namespace or self.namespace)

    async def save_session(
        self, sid: str, session: dict[str, Any], namespace: str | None = None
    ) -> None:
        """Replace the user session of a client, as ``AsyncServer.save_session``."""
        await self.server.save_session(sid, session, namespace=namespace or self.namespace)

    def session(
        self, sid: str, namespace: str | None = None
    ) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Give the user session to the block that follows, as ``AsyncServer.session``."""
        return self.server.session(sid, namespace=namespace or self.namespace)

    async def disconnect(
        self, sid: str, namespace: str | None = None, ignore_queue: bool = False
    ) -> None:
        """Disconnect a client, as ``AsyncServer.disconnect``."""
        await self.server.disconnect(
            sid, namespace=namespace or self.namespace, ignore_queue=ignore_queue
        )


class AsyncClientNamespace(MessageSender, BaseClientNamespace):
    """A class-based namespace of an ``AsyncClient``.

    A method ``on_<event>(self, *args)`` handles an event; ``on_connect(self)``,
    ``on_connect_error(self, data)`` and ``on_disconnect(self, reason)`` handle the connection.
    The other methods are those of the client, with this namespace as the default of their
    ``namespace``.
    """

    client: AsyncClient

    def is_asyncio_based(self) -> bool:
        """Return whether the methods of this class are coroutines."""
        return ASYNCIO

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Call the method for an event and return what it returns, ``None`` if there is none.

        May be overridden to dispatch in another way.
        """
        handler = getattr(self, HANDLER_PREFIX + event, None)
        if handler is None:
            return None
        return await call(handler, *fit(handler, event, args))

    async def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> None:
        """Send an event to the server, as ``AsyncClient.emit``."""
        await self.client.emit(
            event, data=data, namespace=namespace or self.namespace, callback=callback
        )

    async def call(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send an event and wait for its acknowledgement, as ``AsyncClient.call``.

        ``timeout`` is in seconds; ``None`` stands for the 60 of the client's method.
        """
        return await self.client.call(
            event,
            data=data,
            namespace=namespace or self.namespace,
            timeout=CALL_TIMEOUT if timeout is None else timeout,
        )

    async def disconnect(self) -> None:
        """Disconnect the client, as ``AsyncClient.disconnect``."""
        await self.client.disconnect()
