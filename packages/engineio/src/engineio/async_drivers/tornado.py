"""Driver for Tornado: ``get_tornado_handler(server)`` makes the handler to mount.

Tornado answers the handshake; after that the frames are read and written on its stream without
its own WebSocket, which takes twice the time, closes without the right code, and makes a task of
each message.

hot path (benchmark "event with ack", tornado): ``StreamWebSocket._read`` and ``StreamChannel``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from tornado.iostream import SSLIOStream, StreamBufferFullError, StreamClosedError
from tornado.web import stream_request_body
from tornado.websocket import WebSocketHandler

from .._core.backlogs import HIGH_WATER
from .._shell.environ import NoBody, make_environ
from .._shell.frame_reader import FrameReader, close_frame
from .._shell.handshake_reply import SWITCHING_PROTOCOLS, accept_handshake
from ..exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import TypeAlias

    from tornado.iostream import IOStream

    from .._core.message import Message
    from .._core.request import Reply, Request
    from .._shell.driver import MountedServer
    from .._shell.receiver import Receiver, WebSocket
    from ..typing import Environ

    Method: TypeAlias = Callable[..., Awaitable[None] | None]

READ_SIZE = 65_536
"""Bytes read at once from a WebSocket."""

LINGER = 10.0
"""Seconds in which the rest of a body is read that was refused before it had come: aiohttp's."""


class TornadoRequest:
    """One request of Tornado."""

    __slots__ = ("_environ", "_handshake", "handler")

    def __init__(self, handler: TornadoHandler) -> None:
        self.handler: TornadoHandler = handler
        self._environ: Environ | None = None
        self._handshake: list[tuple[str, str]] | None = None

    @property
    def method(self) -> str:
        """The method."""
        return self.handler.request.method or "GET"

    @property
    def query(self) -> str:
        """The raw query string."""
        return self.handler.request.query

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return self.handler.request.protocol

    @property
    def websocket(self) -> bool:
        """True for a valid WebSocket handshake."""
        return self.handshake is not None

    @property
    def handshake(self) -> list[tuple[str, str]] | None:
        """The headers that answer a WebSocket handshake."""
        if self._handshake is None and self.method == "GET":
            self._handshake = accept_handshake(self.handler.request.headers.get_all())
        return self._handshake

    def header(self, name: str) -> str | None:
        """Look a header up; Tornado joins repeated ones."""
        return self.handler.request.headers.get(name)

    def environ(self) -> Environ:
        """Build the WSGI-like dict, once."""
        if self._environ is None:
            native = self.handler.request
            connection: Any = native.connection
            stream = getattr(connection, "stream", None)
            peer = getattr(getattr(connection, "context", None), "address", None)
            self._environ = make_environ(
                self,
                software="tornado",
                uri=native.uri or "/",
                version=native.version.partition("/")[2],
                body=NoBody(),
                headers=native.headers.get_all(),
                server=None if stream is None else stream.socket.getsockname(),
                client=(native.remote_ip, *peer[1:]) if isinstance(peer, tuple) else None,
            )
            self._environ["tornado.handler"] = self.handler
        return self._environ


class TornadoDriver:
    """Implements ``AsyncDriver``."""

    def request(self, handler: TornadoHandler) -> Request:
        """Wrap a handler."""
        return TornadoRequest(handler)

    async def body(self, request: TornadoRequest, limit: int) -> bytes:
        """Read the body, stopping at the limit."""
        return await request.handler.body.read(limit)

    async def gone(self, request: TornadoRequest) -> None:
        """Wait for the end of the connection."""
        await request.handler.gone.wait()

    async def respond(self, request: TornadoRequest, reply: Reply) -> None:
        """Finish the request."""
        request.handler.answer(reply.status, reply.headers, reply.body)

    async def websocket(self, request: TornadoRequest, max_size: int) -> WebSocket:
        """Complete the WebSocket handshake and take the stream over."""
        handler = request.handler
        assert request.handshake is not None
        if handler.gone.is_set():
            raise ConnectionResetError("the client has gone")
        handler.answer(SWITCHING_PROTOCOLS, request.handshake)
        return StreamWebSocket(handler.detach(), max_size)


class Body:
    """The body of a POST while it arrives."""

    def __init__(self) -> None:
        self.complete: bool = False
        """True when all of it has come."""
        self._data = bytearray()
        self._limit: int | None = None
        self._decided = asyncio.Event()

    async def read(self, limit: int) -> bytes:
        """Return the whole body; ProtocolError 413 as soon as it exceeds ``limit`` bytes."""
        self._limit = limit
        if len(self._data) <= limit:
            await self._decided.wait()
        if len(self._data) > limit:
            raise ProtocolError("body too large", 413)
        if not self.complete:
            raise ProtocolError("the body ended early")
        return bytes(self._data)

    def feed(self, chunk: bytes) -> None:
        """Take a part of the body; dropped if the rest does not matter any more."""
        if not self._decided.is_set():
            self._data += chunk
            if self._limit is not None and len(self._data) > self._limit:
                self._decided.set()

    def end(self, *, complete: bool) -> None:
        """No more comes."""
        self.complete = complete
        self._decided.set()


@stream_request_body
class TornadoHandler(WebSocketHandler):
    """What ``get_tornado_handler`` returns a subclass of, with its server.

    The engine checks origins and methods by itself; what Tornado's settings say of other handlers
    (XSRF cookies, trusted origins, WebSocket sizes and pings) does not apply.
    """

    server: ClassVar[MountedServer]

    def initialize(self) -> None:
        """Prepare for what comes."""
        self.body: Body = Body()
        self.gone: asyncio.Event = asyncio.Event()
        self._answering: asyncio.Task[Any] | None = None
        self._lingering: asyncio.TimerHandle | None = None

    def prepare(self) -> None:
        """Start to answer a POST before its body has come."""
        connection: Any = self.request.connection
        connection.set_max_body_size(sys.maxsize)  # the engine's limit counts
        if self.request.method == "POST":
            self._answering = asyncio.get_running_loop().create_task(
                self.server.handle_request(self)
            )
        else:
            self.body.end(complete=True)

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the body."""
        self.body.feed(chunk)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Answer a request without a body; a WebSocket until it has ended."""
        await self.server.handle_request(self)
        if self.get_status() == SWITCHING_PROTOCOLS:
            self.on_ws_connection_close()

    async def post(self, *args: Any, **kwargs: Any) -> None:
        """The body is complete; wait until it has been answered."""
        self.body.end(complete=True)
        if self._answering is not None:
            await self._answering
        if self._lingering is not None:
            self._lingering.cancel()
            self.finish()

    head: Method = get
    put: Method = get
    patch: Method = get
    delete: Method = get
    options: Method = get

    def on_connection_close(self) -> None:
        """The client has gone, or was answered before its body had come."""
        self.body.end(complete=False)
        self.gone.set()
        if self._lingering is not None:
            self._lingering.cancel()
        # Tornado's task for this request waits for the body, and would do so for ever
        received: asyncio.Future[None] | None = getattr(self.request, "_body_future", None)
        if received is not None and not received.done():
            received.set_exception(StreamClosedError())
        super().on_connection_close()

    def answer(self, status: int, headers: Iterable[tuple[str, str]], body: bytes = b"") -> None:
        """Send an answer."""
        self.clear_header("Content-Type")
        self.set_status(status, HTTPStatus(status).phrase)
        for name, value in headers:
            self.set_header(name, value)
        if self.body.complete:
            self.finish(body or None)
            return
        # Tornado would close the connection, and reset it where the client still sends: the
        # answer might not arrive
        connection: Any = self.request.connection
        self.set_header("Content-Length", len(body))
        self.write(body)
        self.flush()
        self._lingering = asyncio.get_running_loop().call_later(LINGER, connection.close)

    def check_origin(self, origin: str) -> bool:
        """Return True: the engine has checked it."""
        return True

    def check_trusted_origin(self, origin: str) -> bool:
        """Return True, likewise."""
        return True

    def check_xsrf_cookie(self) -> None:
        """Do nothing: the session id, which other origins cannot know, protects POSTs."""

    def compute_etag(self) -> None:
        """Return none: no two answers are the same."""


class StreamChannel:
    """Writes frames to a Tornado stream."""

    __slots__ = ("_stream", "buffered", "closed", "unsent")

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self.closed: bool = False
        """True once nothing more is written."""
        self.buffered: int = 0
        """Bytes that the operating system has not taken."""
        self.unsent: int = 0
        """Messages that came after the close, or that the stream refused."""

    def write(self, messages: list[Message]) -> None:
        """Write messages in one call, unless the channel was closed."""
        if len(messages) == 1:
            self.control(messages[0].frame)
        else:
            self.control(b"".join([message.frame for message in messages]))
        if self.closed:
            self.unsent += len(messages)

    def control(self, frames: bytes) -> None:
        """Write finished frames, unless the channel was closed."""
        if self.closed:
            return
        try:
            future = self._stream.write(frames)
        except (StreamClosedError, StreamBufferFullError):
            self.abort()
            return
        if not future.done():
            self.buffered += len(frames)
            future.add_done_callback(partial(self._written, len(frames)))

    def _written(self, size: int, future: asyncio.Future[None]) -> None:
        self.buffered -= size

    def close(self, code: int) -> None:
        """Write a close frame; the connection ends when the peer answers it, or is cut."""
        self.control(close_frame(code))
        self.closed = True

    def abort(self) -> None:
        """Cut the connection."""
        self.closed = True
        self._stream.close()


class StreamWebSocket:
    """A WebSocket on a Tornado stream."""

    __slots__ = ("_frames", "_stream", "channel")

    def __init__(self, stream: IOStream, max_size: int) -> None:
        stream.set_nodelay(True)
        self._stream = stream
        self._frames = FrameReader(max_size)
        self.channel: StreamChannel = StreamChannel(stream)

    async def serve(self, receiver: Receiver) -> None:
        """Hand on frames until the WebSocket ends."""
        try:
            await self._read(receiver)
        except StreamClosedError:
            pass
        finally:
            self.channel.abort()
            receiver.lost()

    async def _read(self, receiver: Receiver) -> None:
        frames = self._frames
        while not frames.closed:
            for message in frames.feed(await self._next()):
                pending = receiver.frame(message)
                if pending is not None:
                    await receiver.finish(pending)
            if frames.error is not None:
                receiver.failed(frames.error)
                await self._drop_the_rest()
            replies = frames.replies()
            # RFC 6455 5.5.3: not every ping needs an answer; who reads none gets no more of them
            if replies and (frames.closed or self.channel.buffered <= HIGH_WATER):
                self.channel.control(replies)

    async def _next(self) -> bytes:
        reading: Any = self._stream.read_bytes(READ_SIZE, partial=True)
        if reading.done():
            # a client that sends without a pause must not keep the others waiting
            await asyncio.sleep(0)
        try:
            data: bytes = await reading
        finally:
            del reading  # its exception refers to this frame
        return data

    async def _drop_the_rest(self) -> None:
        """Read until the client ends the connection, or the engine cuts it.

        Closing a connection with unread bytes would reset it, which may overtake the close frame.
        """
        stream: Any = self._stream
        if not stream.writing() and not isinstance(stream, SSLIOStream):
            with contextlib.suppress(OSError):
                stream.socket.shutdown(socket.SHUT_WR)
        while True:
            await self._next()


def get_tornado_handler(engineio_server: MountedServer) -> type[TornadoHandler]:
    """Return a handler class for ``tornado.web.Application``, at the path of the endpoint.

    ``ValueError`` if the server was made with the ``async_mode`` of another framework.
    """
    engineio_server.use_mode("tornado")
    return type("EngineIOHandler", (TornadoHandler,), {"server": engineio_server})


_async: dict[str, Any] = {"asyncio": True, "driver": TornadoDriver()}
