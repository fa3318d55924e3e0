"""A client without handlers: connect to one namespace, emit, call, and ask for the next event.

It stands on `AsyncClient`, which keeps it connected.  Events that arrive are kept in a bounded
buffer until ``receive()`` takes them.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from ._aio import create_event, start_in_order, wait_set
from .async_client import AsyncClient
from .exceptions import BadNamespaceError, DisconnectedError, TimeoutError
from .exceptions import SocketIOError as SocketIOError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from ._aio import Event
    from .base_client import Auth, Headers, Transports, Url

MAX_INPUT_BUFFER = 10_000
"""Events kept for ``receive()``, unless ``max_input_buffer`` says otherwise.  Our choice: far more
than a script falls behind in normal use, and some 10 MB of ordinary events."""


class AsyncSimpleClient:
    """A Socket.IO client for scripts and tests: no handlers, one namespace.

    All arguments are those of the client class, ``client_class``.  Reconnection is automatic:
    while the connection is down the methods wait, and once it is down for good they raise
    ``DisconnectedError``.

    ``max_input_buffer`` (an attribute, default 10,000) is how many events may wait for
    ``receive()``.  When one more arrives the oldest is dropped and counted in ``dropped_events``;
    the first of each run of drops is logged as an error.
    """

    client_class: ClassVar[type[AsyncClient]] = AsyncClient
    max_input_buffer: int = MAX_INPUT_BUFFER

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.client_args = args
        self.client_kwargs = kwargs
        self.client: AsyncClient | None = None
        self.namespace: str = "/"
        self.connected: bool = False
        self.connected_event: Event = create_event()
        self.input_event: Event = create_event()
        self.input_buffer: list[list[Any]] = []
        self.dropped_events: int = 0
        self._overflowing = False

    async def connect(
        self,
        url: Url,
        headers: Headers | None = {},  # noqa: B006 - the documented default; never changed
        auth: Auth = None,
        transports: Transports = None,
        namespace: str = "/",
        socketio_path: str = "socket.io",
        wait_timeout: float = 5,
    ) -> None:
        """Connect to a server and wait until the namespace has accepted.

        ``wait_timeout`` is in seconds; the other arguments are those of the client's
        ``connect()``.  Events of an earlier connection that nobody received are forgotten.

        Raises ``RuntimeError`` when connected already and ``ConnectionError`` when the server
        cannot be reached or refuses.
        """
        if self.connected:
            raise RuntimeError("Already connected")
        self.namespace = namespace
        self.input_buffer.clear()
        self.input_event.clear()
        self.connected_event.clear()
        self.client = client = self.client_class(*self.client_args, **self.client_kwargs)
        client._start = start_in_order
        client.on("connect", self._on_connect, namespace=namespace)
        client.on("disconnect", self._on_disconnect, namespace=namespace)
        client.on("__disconnect_final", self._on_disconnect_final, namespace=namespace)
        client.on("*", self._on_event, namespace=namespace)
        try:
            await client.connect(
                url,
                headers=headers,
                auth=auth,
                transports=transports,
                namespaces=[namespace],
                socketio_path=socketio_path,
                wait_timeout=wait_timeout,
            )
        except BaseException:
            self.client = None
            self._on_disconnect_final()
            raise

    @property
    def sid(self) -> str | None:
        """The session id in the namespace, ``None`` when not connected."""
        return self.client.get_sid(self.namespace) if self.client else None

    @property
    def transport(self) -> str:
        """``"polling"`` or ``"websocket"``; empty without a connection."""
        return (self.client.transport() or "") if self.client else ""

    async def emit(self, event: str, data: Any = None) -> None:
        """Send an event, waiting first for the connection if it is down.

        A tuple as ``data`` is several arguments.  Raises ``DisconnectedError`` when the
        connection has ended for good.
        """
        while True:
            client = await self._ready()
            try:
                return await client.emit(event, data, namespace=self.namespace)
            except BadNamespaceError:
                self._await_reconnection()

    async def call(self, event: str, data: Any = None, timeout: float | None = 60) -> Any:
        """Send an event and return the server's answer, waiting first for the connection.

        The result is ``None``, the value, or a tuple of the values.  ``timeout`` is in seconds
        and starts when the event is sent; ``None`` waits forever.

        Raises ``TimeoutError`` when no answer came in time, or cannot come any more because the
        connection was lost meanwhile (the event is not sent again: the server may have acted on
        it), and ``DisconnectedError`` when the connection has ended for good.
        """
        while True:
            client = await self._ready()
            try:
                return await client.call(event, data, namespace=self.namespace, timeout=timeout)
            except BadNamespaceError:
                self._await_reconnection()

    async def receive(self, timeout: float | None = None) -> list[Any]:
        """Return the next event as a list: its name, then its arguments.

        ``timeout`` is in seconds, reconnections included; ``None`` waits forever.  Events that
        arrived before the connection ended can still be received.

        Raises ``TimeoutError``, or ``DisconnectedError`` when the connection has ended for good
        and no event is left.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while (event := self._take_event()) is None:
            if not self.connected:
                raise DisconnectedError()
            left = None if deadline is None else deadline - monotonic()
            if not await wait_set(self.input_event, left):
                raise TimeoutError()
            self.input_event.clear()
        return event

    async def disconnect(self) -> None:
        """Disconnect, or stop reconnecting; nothing happens without a connection."""
        client, self.client = self.client, None
        if client is not None:
            await client.disconnect()
            self._on_disconnect_final()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.disconnect()

    async def _ready(self) -> AsyncClient:
        """Wait until connected; ``DisconnectedError`` when that will not happen."""
        if self.client is not None:
            await self.connected_event.wait()
        if self.client is None or not self.connected:
            raise DisconnectedError()
        return self.client

    def _await_reconnection(self) -> None:
        """The client said that it is not connected: wait for what its handlers report next."""
        self.connected_event.clear()
        if not self.connected or self.sid is not None:
            self.connected_event.set()

    def _on_connect(self) -> None:
        self.connected = True
        self.connected_event.set()

    def _on_disconnect(self, reason: str) -> None:
        self.connected_event.clear()

    def _on_disconnect_final(self) -> None:
        self.connected = False
        self.connected_event.set()
        self.input_event.set()

    def _on_event(self, event: str, *args: Any) -> None:
        if len(self.input_buffer) >= self.max_input_buffer:
            self._drop_oldest()
        self.input_buffer.append([event, *args])
        self.input_event.set()

    def _take_event(self) -> list[Any] | None:
        """Return the oldest event; ``None`` if there is none, or another receiver took it."""
        try:
            event = self.input_buffer.pop(0)
        except IndexError:
            return None
        self._overflowing = False
        return event

    def _drop_oldest(self) -> None:
        del self.input_buffer[:1]
        self.dropped_events += 1
        if not self._overflowing and self.client is not None:
            self._overflowing = True
            self.client.logger.error(
                "Nobody receives the events: dropping the oldest of %s", self.max_input_buffer
            )
