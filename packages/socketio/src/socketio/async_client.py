"""The Socket.IO client: connecting, emitting, waiting.

How it stays connected is in the file of ``AsyncClientConnection``, what it does with all that the
server sends in that of ``AsyncClientEntry``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import engineio

from ._aio import ASYNCIO, AckTable, create_event, create_starter, wait_set
from ._values import PendingCall, arguments
from .async_client_entry import AsyncClientEntry
from .base_client import default_logger as default_logger
from .exceptions import CallInterruptedError, TimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._aio import Event, Target, Task
    from ._core.acks import AckTable as Acks
    from .base_client import Auth, Headers, Transports, Url


class AsyncClient(AsyncClientEntry):
    """A Socket.IO client.

    ::

        client = socketio.AsyncClient()

        @client.event
        async def message(data): ...

        await client.connect("http://localhost:5000")
        await client.emit("hello", {"name": "world"})
        await client.wait()

    The constructor's arguments are those of `BaseClient`.
    """

    acks_class: ClassVar[type[Acks]] = AckTable

    def is_asyncio_based(self) -> bool:
        """Return whether the methods of this class are coroutines."""
        return ASYNCIO

    async def connect(
        self,
        url: Url,
        headers: Headers | None = {},  # noqa: B006 - the documented default; never changed
        auth: Auth = None,
        transports: Transports = None,
        namespaces: str | Sequence[str] | None = None,
        socketio_path: str = "socket.io",
        wait: bool = True,
        wait_timeout: float = 1,
        retry: bool = False,
    ) -> None:
        """Connect to a server.

        :param url: where the server is.  ``url``, ``headers`` and ``auth`` may be functions
            without arguments, called again for each reconnection.
        :param headers: HTTP headers for the connection.
        :param auth: data for the server's connect handler.
        :param transports: ``"polling"``, ``"websocket"`` or a list (default: both; the
            connection starts with long-polling and moves to WebSocket when it can).
        :param namespaces: one or several to connect to; default: those that have handlers,
            else ``/``.
        :param socketio_path: where on the server the Socket.IO endpoint is.
        :param wait: return only after all namespaces have accepted and their connect handlers
            have run.  Otherwise return as soon as the transport is connected.
        :param wait_timeout: seconds to wait for the next answer of a namespace, or for a connect
            handler (default 1).  On slow links it counts as at least twice the time that the
            handshake took.
        :param retry: if the server cannot be reached or does not answer, keep trying as for a
            lost connection.

        A reconnection that is under way is given up in favour of this connection.  Raises
        ``ConnectionError`` when connected already, when the server cannot be reached, or when a
        namespace refused, and ``ValueError`` for transports that do not exist.
        """
        while (abort := self._begin()) is None:
            await self._stop_reconnecting()
            await self._idle.wait()
        self._remember(
            url, headers, auth, transports, namespaces, socketio_path, wait, wait_timeout
        )
        try:
            await self._connect_or_retry(abort, retry)
        except BaseException:
            self._stop_trying()
            raise

    async def wait(self) -> None:
        """Wait until the connection has ended for good, reconnections included.

        Returns at once without a connection.
        """
        await self._idle.wait()
        await self.eio.wait()

    async def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> None:
        """Send an event to the server.

        ``data`` is one argument; a tuple is several, ``None`` none.  ``callback`` is called with
        what the server's handler returned; it is forgotten when the connection ends first.

        Raises ``BadNamespaceError`` when ``namespace`` (default ``/``) is not connected, and
        ``TypeError`` for data that cannot be sent.  Nothing is kept for a later connection.
        """
        await self._emit(event, data, namespace or "/", callback)

    async def send(
        self, data: Any, namespace: str | None = None, callback: Callable[..., Any] | None = None
    ) -> None:
        """Send a ``message`` event; otherwise as ``emit()``."""
        await self.emit("message", data, namespace=namespace, callback=callback)

    async def call(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        timeout: float | None = 60,
    ) -> Any:
        """Send an event and return what the server's handler returned.

        The result is ``None``, the value, or a tuple of several values.  ``timeout`` is in
        seconds; ``None`` waits as long as the connection lives.

        Raises ``TimeoutError`` when no answer came in time, and its subclass
        ``CallInterruptedError`` at once when the connection ends, as no answer can come any more.
        """
        if self._closing:
            raise CallInterruptedError()
        namespace = namespace or "/"
        pending = PendingCall(create_event())
        id = await self._emit(event, data, namespace, pending)
        try:
            await wait_set(pending.done, timeout)
        finally:
            if id is not None and not pending.done.is_set():
                self._acks.pop(namespace, id)
        if pending.args is None:
            raise CallInterruptedError() if pending.done.is_set() else TimeoutError()
        return pending.value

    async def disconnect(self) -> None:
        """Disconnect, or stop a reconnection; returns after the disconnect handlers have run."""
        self._reconnect_abort.set()
        if self._closing:
            return  # a disconnect handler calls this: the connection is ending already
        self._progress.set()
        await self._leave()
        await self._stop_reconnecting()

    async def shutdown(self) -> None:
        """Disconnect, or stop a reconnection; the same as ``disconnect()``."""
        await self.disconnect()

    def start_background_task(self, target: Target, *args: Any, **kwargs: Any) -> Task:
        """Start ``target(*args, **kwargs)`` in the background and return its task."""
        return self.eio.start_background_task(target, *args, **kwargs)

    async def sleep(self, seconds: float = 0) -> None:
        """Wait for some seconds while others run."""
        await self.eio.sleep(seconds)

    def _engineio_client_class(self) -> type[engineio.AsyncClient]:
        return engineio.AsyncClient

    def _create_event(self) -> Event:
        return create_event()

    def _create_starter(self) -> Callable[..., None]:
        return create_starter()

    # helpers

    async def _emit(
        self, event: str, data: Any, namespace: str, callback: Callable[..., Any] | None
    ) -> int | None:
        """Send an event; return the id under which the callback waits."""
        id = self._expect(namespace, callback)
        self.logger.info('Emitting event "%s" [%s]', event, namespace)
        try:
            messages = self._wire.encoder.event(namespace, arguments(event, data), id)
        except BaseException:
            if id is not None:
                self._acks.pop(namespace, id)
            raise
        await self._send_messages(messages)
        return id
