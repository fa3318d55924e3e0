"""The Engine.IO server for asyncio."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ._aio import call
from ._core.arity import takes
from ._core.message import Message
from ._core.reason import Reason
from ._core.refusal import Refusal
from ._core.session import OPEN
from .async_entry import AsyncEntry
from .base_server import default_logger as default_logger
from .exceptions import ProtocolError
from .packet import MESSAGE, decode_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ._core.layer import Pending
    from ._core.session import Session
    from .packet import Packet
    from .typing import Data, Environ


class AsyncServer(AsyncEntry):
    """An Engine.IO server for asyncio; the options are those of ``BaseServer``."""

    async def send(self, sid: str, data: Data) -> None:
        """Send a message to a client.

        :param sid: the session id; an unknown or closed one is logged as a warning.
        :param data: ``str``, ``bytes``, ``bytearray``, or a ``list`` or ``dict`` that travels as
            JSON text.
        """
        await self.send_packet(sid, self._packet_class(MESSAGE, data=data))

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
        """Give the user session to the block that follows, and save it afterwards."""
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
        self._stop_watching()

    # the application's side of the engine

    async def _connect(self, session: Session, environ: Environ) -> Refusal | None:
        layer = self._layer_in_use()
        if layer is not None:
            layer.opened(session, environ)
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
        layer = self._layer_in_use()
        if layer is not None:
            return layer.received(session, data)
        handler = self.handlers.get("message")
        if handler is None:
            return None
        if self._layer is not None:
            return self._run_message(handler, session, data)
        value = decode_text(data, self._packet_class.json) if isinstance(data, str) else data
        with self._lock:
            running: int = session.app or 0
            concurrent = self.async_handlers and running < self._most_handlers(self.max_handlers)
            if concurrent:
                session.app = running + 1
        if not concurrent:
            return self._run_message(handler, session, value)
        self._start(self._run_message, handler, session, value, True)
        return None

    async def _run_message(
        self, handler: Callable[..., Any], session: Session, value: Any, counted: bool = False
    ) -> None:
        try:
            await call(handler, session.sid, value)
        except Exception as error:
            if self._layer is not None and isinstance(error, ProtocolError):
                raise
            self.logger.exception("message handler error")
        finally:
            if counted:
                with self._lock:
                    if session.app:  # the session may have ended meanwhile
                        session.app -= 1

    def _ended(self, session: Session, reason: str) -> Pending:
        layer = self._layer_in_use()
        if layer is not None:
            return layer.closed(session, reason)
        handler = self.handlers.get("disconnect")
        if handler is None:
            return None
        args = (session.sid, reason) if takes(handler, 2) else (session.sid,)
        return self._run_disconnect(handler, args)

    async def _run_disconnect(self, handler: Callable[..., Any], args: tuple[str, ...]) -> None:
        await call(handler, *args)
