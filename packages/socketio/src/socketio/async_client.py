"""The Socket.IO client: connecting, emitting, calling handlers, and staying connected.

Handlers start in the order in which the events arrive, and each may wait for anything (an
acknowledgement, the next event) without holding up the reader.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

import engineio
from engineio.exceptions import ConnectionError as EngineConnectionError

from ._aio import (
    ASYNCIO,
    Abort,
    AckTable,
    Stopped,
    call,
    connect_unless,
    create_event,
    create_starter,
    current_value,
    is_current,
    join,
    wait_set,
)
from ._core.encoder import to_messages
from ._values import PendingCall, acknowledgement, arguments
from .base_client import SLOW_LINK_FACTOR, BaseClient, reconnecting_clients
from .base_client import default_logger as default_logger
from .exceptions import CallInterruptedError, ConnectionError, TimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engineio._core.message import Message

    from ._aio import Event, Target, Task
    from ._core.acks import AckTable as Acks
    from .base_client import Auth, Headers, Transports, Url
    from .packet import Packet


class AsyncClient(BaseClient):
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

    eio: engineio.AsyncClient
    sid: str | None
    _reconnect_task: Task | None

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

    # connecting

    def _begin(self) -> Abort | None:
        """Take the client for a new connection, and return what gives it up when it is set.

        ``None`` while an older one has not ended.  Raises ``ConnectionError`` if it will not end.
        """
        with self._guard:
            if self.connected or self._closing:
                raise ConnectionError("Already connected")
            attempting = self._connecting and not self._reconnect_abort.is_set()
            if (attempting and self._reconnect_task is None) or is_current(self._reconnect_task):
                raise ConnectionError("Already connecting")
            if not self._idle.is_set():
                return None
            self._idle.clear()
            self._trying = self._connecting = True
            self._reconnect_abort = abort = Abort()
            return abort

    async def _connect_or_retry(self, abort: Abort, retry: bool) -> None:
        try:
            await self._connect_once(abort)
        except ConnectionError:
            if not retry or self.failed_namespaces or not await self._try_again(abort):
                raise

    async def _connect_once(self, abort: Abort) -> None:
        """Make one attempt with the remembered arguments, unless ``abort`` is set meanwhile."""
        self._connecting = True
        try:
            started = monotonic()
            await self._open_engine(abort)
            if self._wait:
                await self._await_namespaces(abort, monotonic() - started)
            if not self._begin_use(abort):
                await self._leave()
                raise ConnectionError(self._state.failure)
        except Exception:
            raise
        except BaseException:  # this task or thread is being ended
            await self._abandon()
            raise
        finally:
            self._connecting = False

    async def _open_engine(self, abort: Abort) -> None:
        """Connect the transport; what it reports then asks for the namespaces."""
        with self._guard:
            self._state.begin(self.connection_namespaces)
            self._greetings = set()
        url = await current_value(self.connection_url)
        headers = await current_value(self.connection_headers)
        try:
            await connect_unless(
                abort,
                self.eio,
                url,
                headers=dict(headers or {}),
                transports=self.connection_transports,
                engineio_path=self.socketio_path,
            )
        except Stopped:
            await self._abandon()
            raise ConnectionError("Connection attempt aborted") from None
        except EngineConnectionError as exc:
            self._reset()
            message, body = (*exc.args, exc.args[0])[:2]
            for namespace in self.connection_namespaces:
                await self._run_handler("connect_error", namespace, body)
            raise ConnectionError(message) from exc

    async def _await_namespaces(self, abort: Abort, handshake: float) -> None:
        """Wait for the answer of each namespace and the end of its handler, or of patience."""
        patience = max(self._wait_timeout, SLOW_LINK_FACTOR * handshake)
        while True:
            self._progress.clear()
            with self._guard:
                is_open = self.sid is not None and not abort.is_set()
                unanswered = self._state.pending or self._greetings or self._closing
            if not (is_open and unanswered) or not await wait_set(self._progress, patience):
                return

    async def _abandon(self) -> None:
        """Close at once what an interrupted attempt has opened."""
        await self.eio.disconnect(abort=True)
        # an interrupted eio.connect() closes by itself and reports nothing
        await self._handle_eio_disconnect(self.reason.CLIENT_DISCONNECT)

    async def _leave(self) -> None:
        """Tell the server that we go, close the connection, and wait until it is closed."""
        with self._guard:
            others = not self._left.is_set()
            leaves = not others and self.sid is not None
            if leaves:
                self._left.clear()
        if others:
            await self._left.wait()
        elif leaves:
            try:
                for namespace in list(self.namespaces):
                    await self._send_messages(self._wire.encoder.disconnect(namespace))
                await self.eio.disconnect()
            finally:
                self._left.set()
        await self.eio.wait()
        self._set_idle()

    # reconnecting

    async def _reconnect(self, abort: Abort) -> None:
        """Connect again after the connection was lost; ends when that has worked or is given up."""
        connected = False
        try:
            await self.eio.wait()
            connected = await self._try_again(abort)
        finally:
            with self._guard:
                if is_current(self._reconnect_task):
                    self._reconnect_task = None
                if not connected:
                    self._stop_trying()

    async def _try_again(self, abort: Abort) -> bool:
        """Keep trying to connect: True when it worked, False when given up or ``abort`` was set."""
        reconnecting_clients.append(self)
        try:
            connected = await self._try_until_connected(abort)
            if not connected:
                for namespace in self.connection_namespaces:
                    await self._run_handler("__disconnect_final", namespace)
            return connected
        finally:
            reconnecting_clients.remove(self)

    async def _try_until_connected(self, abort: Abort) -> bool:
        backoff = self._make_backoff()
        attempts = 0
        while True:
            delay = backoff.next()
            self.logger.info("Connection failed, new attempt in %.2f seconds", delay)
            if await wait_set(abort, delay):
                return False
            attempts += 1
            try:
                await self._connect_once(abort)
            except (ConnectionError, ValueError) as exc:
                self.logger.info("Reconnection attempt %s failed: %s", attempts, exc)
            except Exception:
                self.logger.exception("Reconnection attempt %s failed", attempts)
            else:
                self.logger.info("Reconnection successful")
                return True
            if self.reconnection_attempts and attempts >= self.reconnection_attempts:
                self.logger.info("Maximum reconnection attempts reached, giving up")
                return False

    async def _stop_reconnecting(self) -> None:
        self._reconnect_abort.set()
        self._progress.set()
        task = self._reconnect_task
        if task is not None:
            await join(task)

    # what the Engine.IO client reports, one call after the other

    async def _handle_eio_connect(self) -> None:
        self.logger.info("Engine.IO connection established")
        self.sid = self.eio.sid
        self._decoder = self._new_decoder()
        auth = await current_value(self.connection_auth) or {}
        for namespace in self.connection_namespaces:
            await self._send_messages(self._wire.encoder.connect(namespace, auth))

    async def _handle_eio_message(self, data: str | bytes) -> None:
        packet = self._decoder.feed(data)
        if packet is not None:
            self._take(packet)

    async def _handle_eio_disconnect(self, reason: str) -> None:
        with self._guard:
            if self._closing or self.sid is None:
                return
            self._closing = True
        self.logger.info("Engine.IO connection dropped: %s", reason)
        try:
            await self._end(reason)
        finally:
            self._closing = False
            self._progress.set()
            self._set_idle()

    async def _end(self, reason: str) -> None:
        """Run the disconnect handlers, then start reconnecting if that is what comes next."""
        abort = self._reconnect_abort
        with self._guard:
            lost = self.eio.state == "connected" and self._state.in_use
            namespaces = self._state.leave_all()
        self._forget_callbacks()
        try:
            for namespace in namespaces:
                await self._run_handler("disconnect", namespace, reason)
        finally:
            self._reset()
        with self._guard:
            if self._trying:
                return
            if lost and self.reconnection and not abort.is_set():
                self._trying = True
                self._reconnect_task = self.start_background_task(self._reconnect, abort)
                return
        for namespace in namespaces:
            await self._run_handler("__disconnect_final", namespace)

    # what the server sends

    async def _run_greeting(
        self, greetings: set[str], event: str, namespace: str, *args: Any
    ) -> None:
        await self._run_handler(event, namespace, *args)
        with self._guard:
            greetings.discard(namespace)
        self._progress.set()
        await self._close_unused()

    async def _end_namespace(self, namespace: str) -> None:
        await self._run_handler("disconnect", namespace, self.reason.SERVER_DISCONNECT)
        with self._guard:
            self._state.remove(namespace)
        await self._run_handler("__disconnect_final", namespace)
        await self._close_unused()

    async def _close_unused(self) -> None:
        """Close the connection when the server has ended or refused every namespace."""
        if not self._connecting and not self._closing and self.sid and not self._state.in_use:
            await self._leave()

    async def _handle_event(
        self, connection: str | None, namespace: str, id: int | None, data: list[Any]
    ) -> None:
        self.logger.info('Received event "%s" [%s]', data[0], namespace)
        try:
            result = await self._trigger_event(data[0], namespace, *data[1:])
        except Exception:
            self.logger.exception('The handler of event "%s" [%s] failed', data[0], namespace)
            return
        if id is not None and connection == self.sid:
            messages = self._wire.encoder.ack(namespace, id, acknowledgement(result))
            await self._send_messages(messages)

    async def _run_callback(self, callback: Callable[..., Any], *values: Any) -> None:
        try:
            await call(callback, *values)
        except Exception:
            self.logger.exception("A callback failed")

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

    async def _send_messages(self, messages: list[Message]) -> None:
        """Send the messages of one packet, past ``_send_packet`` as long as nobody needs it."""
        if self._sends_hooked():
            await self._send_packet(self._packet_of(messages))
        else:
            await self.eio.send_messages(messages)

    async def _send_packet(self, pkt: Packet) -> None:
        """Send a packet; there for applications to call, and to replace."""
        messages = to_messages(pkt)
        if "send" in vars(self.eio):  # replaced by the application
            for message in messages:
                await self.eio.send(message.payload if message.binary else message.text[1:])
        else:
            await self.eio.send_messages(messages)

    async def _trigger_event(self, event: str, namespace: str | None, *args: Any) -> Any:
        """Call the handler of an event and return its result, ``None`` without a handler."""
        handler, args = self._find_handler(event, namespace or "/", args)
        return None if handler is None else await call(handler, *args)

    async def _run_handler(self, event: str, namespace: str, *args: Any) -> None:
        """Call the handler of a reserved event; a failure is logged, nobody waits for it."""
        try:
            await self._trigger_event(event, namespace, *args)
        except Exception:
            self.logger.exception('The handler of "%s" [%s] failed', event, namespace)
