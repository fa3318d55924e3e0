"""The Engine.IO client for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._aio import (
    ASYNCIO,
    Event,
    Lock,
    Queue,
    QueueEmpty,
    Task,
    call,
    create_queue,
    create_session,
    create_starter,
    is_current,
    join,
    load_port,
    sleep,
    start_later,
    stop,
)
from ._core.client_session import PROBE, UPGRADE, ClientSession
from ._shell.async_send_queue import AsyncSendQueue
from ._shell.transport_error import TransportError
from .base_client import BaseClient, decode_body
from .base_client import async_signal_handler as async_signal_handler
from .base_client import default_logger as default_logger
from .exceptions import ConnectionError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ._aio import Target
    from ._core.client_session import Transport
    from ._core.message import Message
    from ._shell.http_aiohttp import HTTPPort
    from ._shell.transport_error import Response
    from .typing import Data


class AsyncClient(BaseClient):
    """An Engine.IO client for asyncio; the options are those of ``BaseClient``."""

    base_url: str | None
    current_transport: str | None
    http: Any
    ws: Any
    queue: AsyncSendQueue
    read_loop_task: Task | None
    write_loop_task: Task | None
    _port: HTTPPort | None

    def is_asyncio_based(self) -> bool:
        """Return whether the methods of this class are coroutines."""
        return ASYNCIO

    async def connect(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        transports: str | Sequence[str] | None = None,
        engineio_path: str = "engine.io",
    ) -> bool | None:
        """Connect to a server; the connect handler and an upgrade are done on return.

        :param url: URL of the server; its path is not used, its query is sent with every request.
        :param headers: sent with every request; not changed.
        :param transports: ``'polling'``, ``'websocket'`` or a list of what may be used; the first
            one connects.  Default both, polling first.
        :param engineio_path: URL path of the endpoint (default ``engine.io``).

        Returns ``True`` for a direct WebSocket connection, otherwise ``None``.  Raises
        ``ValueError`` if the client is not disconnected or no transport is valid, and
        ``engineio.exceptions.ConnectionError`` if the connection fails.
        """
        port_class = load_port()
        transport = self._prepare(headers, transports)
        try:
            self._take_sigint()
            self._session = self._create_session(transport)
            self.queue = self._create_send_queue()
            self._writing = Lock()
            self._start = create_starter()
            self.ws = None
            self._port = port_class(
                await self._open_http(port_class),
                headers=self._headers,
                verify=self.ssl_verify,
                timeout=self.request_timeout,
                limit=self.max_receive_size,
                websocket_options=self.websocket_extra_options,
            )
            await self._connect(self._port, url, engineio_path)
        except BaseException:
            await self._release(abort=True)
            raise
        finally:
            self._connecting = False
        return True if transport == "websocket" else None

    async def wait(self) -> None:
        """Wait until the connection has ended; return at once if there never was one."""
        reader = self.read_loop_task
        if reader is not None and not is_current(reader):
            await join(reader)

    async def send(self, data: Data) -> None:
        """Send a message; dropped when not connected.

        :param data: ``str``, ``bytes``, ``bytearray``, or a ``list`` or ``dict`` that travels as
            JSON text.

        Waits only while more than ``max_send_buffer`` bytes have not left yet.
        """
        await self.send_messages((self._encode(data),))

    async def send_messages(self, messages: Sequence[Message]) -> None:
        """Queue encoded packets as one unit, with nothing in between; see ``send``."""
        await self.queue.put(messages)

    async def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        """Disconnect from the server; nothing happens when not connected.

        :param abort: end the connection at once: drop what waits to be sent, and wait for nothing.
        :param reason: what the disconnect handler gets instead of "client disconnect".

        Without ``abort``, what waits and a CLOSE packet are sent first, for at most
        ``request_timeout`` seconds.
        """
        with self._guard:
            session, reader = self._session, self.read_loop_task
            if self.state != "connected" or not session.is_open:
                return
            self.state = "disconnecting"
        drained = False
        try:
            if not abort:
                await self.queue.end()
                drained = await self.queue.join(self.request_timeout)
            session.close(reason or self.reason.CLIENT_DISCONNECT)
            await self._report_closed(reason or self.reason.CLIENT_DISCONNECT)
        finally:
            await self._release(abort=not drained)
        if reader is not None and not abort and not is_current(reader):
            await join(reader, self.request_timeout)

    def start_background_task(self, target: Target, *args: Any, **kwargs: Any) -> Task:
        """Start ``target(*args, **kwargs)`` in the background and return its task."""
        return start_later(target, *args, **kwargs)

    async def sleep(self, seconds: float = 0) -> None:
        """Pause the caller."""
        await sleep(seconds)

    def create_queue(self, *args: Any, **kwargs: Any) -> Queue:
        """Return a new queue of the client's concurrency model."""
        return create_queue(*args, **kwargs)

    def get_queue_empty_exception(self) -> type[Exception]:
        """Return the exception of a ``get_nowait()`` on an empty queue."""
        return QueueEmpty

    def create_event(self, *args: Any, **kwargs: Any) -> Event:
        """Return a new event of the client's concurrency model."""
        return Event(*args, **kwargs)

    # connecting

    def _create_session(self, transport: Transport) -> ClientSession:
        return create_session(transport, self.max_send_buffer)

    def _create_send_queue(self) -> AsyncSendQueue:
        return AsyncSendQueue(self._session)

    async def _open_http(self, port_class: type[HTTPPort]) -> Any:
        """Return the session to use: the caller's, one that was assigned, or one of our own."""
        if self.http_factory is not None:
            self.http = self._own_http = await call(self.http_factory)
        elif not self.external_http and (self.http is None or port_class.is_closed(self.http)):
            self.http = self._own_http = port_class.create_session()
        return self.http

    async def _connect(self, port: HTTPPort, url: str, engineio_path: str) -> None:
        session = self._session
        self.base_url = self._engineio_url(url, engineio_path, session.transport)
        if session.transport == "polling":
            packets = await self._open_polling(port)
        else:
            packets = await self._open_websocket(port)
        self.write_loop_task = start_later(self._write_loop, session, self.queue, port)
        await self._report_opened()
        for data in packets:
            await self._receive(session, data)
        if session.can_upgrade(self.transports or ()):
            await self._upgrade(port, self._engineio_url(url, engineio_path, "websocket"))
        with self._guard:
            # the connect handler may have disconnected already
            if self._session is session and self.state == "connected":
                self.read_loop_task = start_later(self._read_loop, session, port)

    async def _open_polling(self, port: HTTPPort) -> Sequence[str | bytes]:
        self.logger.info("Attempting polling connection to %s", self.base_url)
        try:
            response = await port.get(f"{self.base_url}{self._timestamp()}", self.request_timeout)
        except TransportError as error:
            raise ConnectionError(str(error) or "Connection refused by the server") from error
        if not _is_success(response):
            raise ConnectionError(_unexpected(response), decode_body(response.body))
        try:
            packets = self._session.split(response.body)
        except ProtocolError as error:
            raise ConnectionError("Unexpected response from server") from error
        self._take_handshake(packets[0], "OPEN packet not returned by server")
        self.base_url = self._with_sid(self.base_url or "")
        return packets[1:]

    async def _open_websocket(self, port: HTTPPort) -> Sequence[str | bytes]:
        self.logger.info("Attempting WebSocket connection to %s", self.base_url)
        try:
            await port.open_websocket(f"{self.base_url}{self._timestamp()}")
        except TransportError as error:
            raise ConnectionError("Connection error") from error
        self.ws = port.websocket
        try:
            packet = await port.receive(self.request_timeout)
        except TransportError as error:
            raise ConnectionError(f"Unexpected recv exception: {error}") from error
        self._take_handshake(packet, "no OPEN packet")
        return ()

    async def _upgrade(self, port: HTTPPort, url: str) -> None:
        """Move from polling to a WebSocket; whatever fails leaves polling as it is."""
        session = self._session
        self.logger.info("Attempting WebSocket upgrade to %s", url)
        async with self._writing:
            try:
                await port.open_websocket(f"{self._with_sid(url)}{self._timestamp()}")
                await port.send((PROBE,))
                session.probe_reply(await port.receive(self.request_timeout))
                await port.send((UPGRADE,))
            except (TransportError, ProtocolError) as error:
                self.logger.warning("WebSocket upgrade failed: %s", error)
                await port.close_websocket(self.request_timeout)
                return
            session.upgraded()
            self.ws = port.websocket
            self.current_transport = "websocket"
        self.logger.info("WebSocket upgrade was successful")

    # running

    async def _read_loop(self, session: ClientSession, port: HTTPPort) -> None:
        try:
            await self._read(session, port)
            if self._lose(session):
                await self._report_closed(session.reason or self.reason.TRANSPORT_ERROR)
        finally:
            if self._session is session and self.state == "connected":
                await self._release(abort=True)

    async def _read(self, session: ClientSession, port: HTTPPort) -> None:
        """Hand on what arrives, until the session or its transport ends."""
        try:
            while session.is_open:
                for data in await self._next_packets(session, port):
                    await self._receive(session, data)
        except (TransportError, ProtocolError) as error:
            if session.is_open:
                self.logger.warning("Connection to the server failed: %s", error)
        except Exception:
            self.logger.exception("Receiving from the server failed")

    async def _next_packets(self, session: ClientSession, port: HTTPPort) -> Sequence[str | bytes]:
        timeout = session.patience(self.clock())
        if session.transport == "websocket":
            return (await port.receive(timeout),)
        response = await port.get(f"{self.base_url}{self._timestamp()}", timeout)
        if not _is_success(response):
            raise TransportError(_unexpected(response))
        return session.split(response.body)

    async def _receive(self, session: ClientSession, data: str | bytes) -> None:
        self._log_packet("Received", data)
        message = session.receive(data, self.clock())
        if message is None:
            await self.queue.wake()
            return
        handler = self.handlers.get("message")
        if handler is None:
            return
        if self._layer is None:
            self._start(self._run_handler, "message", self._decode(message))
        elif handler == self._layer.received:
            await handler(message)
        else:
            await self._run_wrapper(handler, message)

    async def _write_loop(
        self, session: ClientSession, queue: AsyncSendQueue, port: HTTPPort
    ) -> None:
        try:
            while await queue.wait():
                async with self._writing:
                    await self._write(session, port, session.take())
                await queue.sent()
        except TransportError as error:
            if session.close(self.reason.TRANSPORT_ERROR):
                self.logger.warning("Sending to the server failed: %s", error)
            await queue.wake()
            # the reader, which waits for the server, reports the end
            await port.close(abort=True)

    async def _write(
        self, session: ClientSession, port: HTTPPort, batch: Sequence[Message]
    ) -> None:
        if not batch:
            return  # the session has closed meanwhile
        for message in batch:
            self._log_packet("Sending", message.payload if message.binary else message.text)
        if session.transport == "websocket":
            await port.send(batch)
            return
        response = await port.post(self.base_url or "", session.post_body(batch))
        if not _is_success(response):
            raise TransportError(_unexpected(response))

    # handlers

    async def _report_opened(self) -> None:
        """Run the connect handler; its exception refuses the connection."""
        try:
            if "connect" in self.handlers:
                await call(self.handlers["connect"])
        except Exception as error:
            self.logger.exception("connect handler error")
            await self.queue.end()
            await self.queue.join(self.request_timeout)
            raise ConnectionError(f"Connect handler failed: {error}") from error

    async def _report_closed(self, reason: str) -> None:
        """Run the disconnect handler."""
        # the handlers of messages that came before start before it
        await sleep(0)
        if "disconnect" in self.handlers:
            handler = self.handlers["disconnect"]
            await self._run_handler("disconnect", *self._disconnect_args(handler, reason))

    async def _run_wrapper(self, handler: Callable[..., Any], message: str | bytes) -> None:
        """Run what an application has put in the place of the layer's message handler."""
        try:
            await call(handler, message)
        except ProtocolError:
            raise
        except Exception:
            self.logger.exception("message handler error")

    async def _run_handler(self, event: str, *args: Any) -> None:
        try:
            await call(self.handlers[event], *args)
        except Exception:
            self.logger.exception("%s handler error", event)

    async def _release(self, *, abort: bool) -> None:
        """Give up the connection's tasks, sockets and session; ready to connect again at once."""
        with self._guard:
            session, queue = self._session, self.queue
            port, self._port = self._port, None
            writer, self.write_loop_task = self.write_loop_task, None
            own_http, self._own_http = self._own_http, None
            if own_http is not None and self.http is own_http:
                self.http = None
            session.close(self.reason.TRANSPORT_ERROR)
            self._reset()
        try:
            await queue.wake()
            if port is not None:
                await port.close(abort=abort)
            if writer is not None:
                await stop(writer)
        finally:
            if own_http is not None:
                await load_port().close_session(own_http)


def _is_success(response: Response) -> bool:
    return 200 <= response.status < 300


def _unexpected(response: Response) -> str:
    return f"Unexpected status code {response.status} in server response"
