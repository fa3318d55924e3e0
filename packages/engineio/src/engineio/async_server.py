"""The Engine.IO server for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ._aio import call
from ._core.arity import takes
from ._core.message import Message
from ._core.reason import Reason
from ._core.session import OPEN
from ._shell.eager import start_eagerly
from .async_entry import AsyncEntry, Refusal
from .packet import MESSAGE, Packet, decode_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from ._core.layer import Pending
    from ._core.session import Session
    from .typing import Data, Environ


class AsyncServer(AsyncEntry):
    """An Engine.IO server for asyncio; the options are those of ``BaseServer``.

    It serves under any ASGI server through ``ASGIApp``.  All methods belong to the thread of the
    event loop.
    """

    def is_asyncio_based(self) -> bool:
        """Return True."""
        return True

    def async_modes(self) -> list[str]:
        """Return the names of the framework drivers, in the order in which they are tried."""
        return ["aiohttp", "sanic", "tornado", "asgi"]

    def attach(self, app: Any, engineio_path: str = "engine.io") -> None:
        """Route the Engine.IO path of a framework's application to this server.

        :param app: an application of the framework of ``async_mode``.
        :param engineio_path: URL path of the endpoint (default ``engine.io``).

        ``RuntimeError`` where the framework has no routes to add to: ASGI applications are
        wrapped in ``ASGIApp`` instead.
        """
        create_route = self._async.get("create_route")
        if create_route is None:
            raise RuntimeError(
                f"attach() does not exist for async_mode {self.async_mode!r}; "
                "wrap the application, for example with ASGIApp"
            )
        create_route(app, self, f"/{engineio_path.strip('/')}/")

    async def send(self, sid: str, data: Data) -> None:
        """Send a message to a client.

        :param sid: the session id; an unknown or closed one is logged as a warning.
        :param data: ``str``, ``bytes``, ``bytearray``, or a ``list`` or ``dict`` that travels as
            JSON text.
        """
        await self.send_packet(sid, Packet(MESSAGE, data=data))

    async def send_packet(self, sid: str, pkt: Packet) -> None:
        """Send a packet to a client; an unknown or closed session is logged as a warning."""
        session = self._open_session(sid)
        if session is not None:
            encoded = pkt.encode()
            if isinstance(encoded, str):
                message = Message(encoded.encode())
            else:
                message = Message(bytes(encoded), binary=True)
            self.engine.send(session, (message,))
            await self.pace()

    async def pace(self) -> None:
        """Wait for the clients, if much more is being sent than they have taken."""
        await self._pace.wait()

    async def get_session(self, sid: str) -> dict[str, Any]:
        """Return the user session of a client: a dict that lives as long as the connection.

        ``KeyError`` for an unknown or closed session.
        """
        return self._get_socket(sid).user_session

    async def save_session(self, sid: str, session: dict[str, Any]) -> None:
        """Replace the user session of a client; ``KeyError`` for an unknown or closed one."""
        self._get_socket(sid).user_session = session

    @contextlib.asynccontextmanager
    async def session(self, sid: str) -> AsyncIterator[dict[str, Any]]:
        """Give the user session to an ``async with`` block and save it afterwards."""
        session = await self.get_session(sid)
        try:
            yield session
        finally:
            await self.save_session(sid, session)

    async def disconnect(self, sid: str | None = None) -> None:
        """Disconnect a client, or all of them without ``sid``; unknown ones are passed over.

        Returns when the disconnect handlers have run, except those of clients that were leaving
        already: one of them may be the caller.
        """
        engine = self.engine
        if sid is None:
            leaving = [session for session in engine.sessions.values() if session.state is OPEN]
        else:
            session = engine.sessions.get(sid)
            leaving = [session] if session is not None and session.state is OPEN else []
        for session in leaving:
            engine.close(session, Reason.SERVER_DISCONNECT)
        await self._wait_ended(leaving)

    async def shutdown(self) -> None:
        """Stop watching the clients; they stay connected.  The next request starts it again."""
        self._turn.stop()

    def start_background_task(
        self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any
    ) -> asyncio.Task[Any]:
        """Start ``target(*args, **kwargs)``, a coroutine function, as a task and return it."""
        return self._spawn(target(*args, **kwargs))

    async def sleep(self, seconds: float = 0) -> None:
        """Pause the calling coroutine."""
        await asyncio.sleep(seconds)

    def create_queue(self, *args: Any, **kwargs: Any) -> asyncio.Queue[Any]:
        """Return a new ``asyncio.Queue``."""
        return asyncio.Queue(*args, **kwargs)

    def get_queue_empty_exception(self) -> type[Exception]:
        """Return the exception of a ``get_nowait()`` on an empty queue."""
        return asyncio.QueueEmpty

    def create_event(self, *args: Any, **kwargs: Any) -> asyncio.Event:
        """Return a new ``asyncio.Event``."""
        return asyncio.Event(*args, **kwargs)

    # the application's side of the engine

    async def _connect(self, session: Session, environ: Environ) -> Refusal | None:
        if self._layer is not None:
            self._layer.opened(session, environ)
            return None
        handler = self.handlers.get("connect")
        if handler is None:
            return None
        args = (session.sid, environ) if takes(handler, 2) else (session.sid,)
        try:
            accepted = await call(handler, *args)
        except Exception:
            self.logger.exception("connect handler error")
            return Refusal(None)
        return None if accepted is None or accepted is True else Refusal(accepted)

    def _received(self, session: Session, data: str | bytes) -> Pending:
        if self._layer is not None:
            return self._layer.received(session, data)
        handler = self.handlers.get("message")
        if handler is None:
            return None
        value = decode_text(data) if isinstance(data, str) else data
        running = session.app or 0
        if not self.async_handlers or running >= self.max_handlers:
            return self._run_message(handler, session, value)
        session.app = running + 1
        start_eagerly(self._run_message(handler, session, value, counted=True))
        return None

    async def _run_message(
        self, handler: Callable[..., Any], session: Session, value: Any, *, counted: bool = False
    ) -> None:
        try:
            await call(handler, session.sid, value)
        except Exception:
            self.logger.exception("message handler error")
        finally:
            if counted and session.app:  # the session may have ended meanwhile
                session.app -= 1

    def _ended(self, session: Session, reason: str) -> Pending:
        if self._layer is not None:
            return self._layer.closed(session, reason)
        handler = self.handlers.get("disconnect")
        if handler is None:
            return None
        args = (session.sid, reason) if takes(handler, 2) else (session.sid,)
        return self._run_disconnect(handler, args)

    async def _run_disconnect(self, handler: Callable[..., Any], args: tuple[str, ...]) -> None:
        await call(handler, *args)
