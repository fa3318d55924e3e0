"""Driver for aiohttp: ``eio.attach(app)`` adds a route to a ``web.Application``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web
from aiohttp.http import HttpProcessingError

from .._shell.environ import make_environ
from .._shell.transport_websocket import TransportWebSocket
from ..exceptions import ProtocolError

if TYPE_CHECKING:
    from .._core.request import Reply, Request
    from .._shell.driver import AttachedServer
    from .._shell.receiver import WebSocket
    from ..typing import Environ


class AiohttpRequest:
    """One request of aiohttp."""

    __slots__ = ("_environ", "_websocket", "native")

    def __init__(self, native: web.Request) -> None:
        self.native: web.Request = native
        self._environ: Environ | None = None
        self._websocket: bool | None = None

    @property
    def method(self) -> str:
        """The method."""
        return self.native.method

    @property
    def query(self) -> str:
        """The raw query string; aiohttp's own has been decoded."""
        return self.native.raw_path.partition("?")[2]

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, from the connection."""
        return self.native.scheme

    @property
    def websocket(self) -> bool:
        """True for a valid WebSocket handshake."""
        if self._websocket is None:
            self._websocket = hdrs.UPGRADE in self.native.headers and bool(
                web.WebSocketResponse().can_prepare(self.native)
            )
        return self._websocket

    def header(self, name: str) -> str | None:
        """Look a header up."""
        values = self.native.headers.getall(name, None)
        return None if values is None else ",".join(values)

    def environ(self) -> Environ:
        """Build the WSGI-like dict, once."""
        if self._environ is None:
            native = self.native
            self._environ = make_environ(
                self,
                software="aiohttp",
                uri=native.raw_path,
                version=f"{native.version.major}.{native.version.minor}",
                body=native.content,
                headers=native.headers.items(),
                server=native.get_extra_info("sockname"),
                client=native.get_extra_info("peername"),
            )
            self._environ["aiohttp.request"] = native
        return self._environ


class AiohttpDriver:
    """Implements ``AsyncDriver``."""

    def request(self, native: web.Request) -> Request:
        """Wrap the argument of a handler."""
        return AiohttpRequest(native)

    async def body(self, request: AiohttpRequest, limit: int) -> bytes:
        """Read the body, stopping at the limit."""
        body = bytearray()
        content = request.native.content
        try:
            async for chunk in content.iter_any():
                body += chunk
                if len(body) > limit:
                    _drop_the_rest(request.native)
                    raise ProtocolError("body too large", 413)
        except (web.RequestPayloadError, HttpProcessingError, OSError) as error:
            raise ProtocolError("the body ended early") from error
        except asyncio.CancelledError:
            _drop_the_rest(request.native)
            raise
        return bytes(body)

    async def gone(self, request: AiohttpRequest) -> None:
        """Wait for the end of the connection."""
        await asyncio.shield(_watch(request.native.transport))

    async def respond(self, request: AiohttpRequest, reply: Reply) -> web.Response:
        """Return the answer for the handler to return."""
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    async def websocket(self, request: AiohttpRequest, max_size: int) -> WebSocket:
        """Have aiohttp answer the handshake, then take the connection over."""
        native = request.native
        response = web.WebSocketResponse(compress=False)
        await response.prepare(native)
        transport = native.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        return TransportWebSocket(transport, max_size, response)


class Watched(asyncio.Protocol):
    """Stands before aiohttp's protocol of a connection, for aiohttp keeps its end to itself."""

    def __init__(self, transport: asyncio.Transport, behind: Any) -> None:
        self._behind = behind
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        transport.set_protocol(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self.ended.set_result(None)
        self._behind.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand on."""
        self._behind.data_received(data)

    def eof_received(self) -> Any:
        """Hand on."""
        return self._behind.eof_received()

    def pause_writing(self) -> None:
        """Hand on."""
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        """Hand on."""
        self._behind.resume_writing()


def _watch(transport: asyncio.Transport | None) -> asyncio.Future[None]:
    """Return what is done when a connection has ended."""
    if transport is None or transport.is_closing():
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ended.set_result(None)
        return ended
    protocol = transport.get_protocol()
    watched = protocol if isinstance(protocol, Watched) else Watched(transport, protocol)
    return watched.ended


def _drop_the_rest(native: web.Request) -> None:
    """Be done with a body that has not come; aiohttp then reads it for some seconds.

    On its own it would not notice that the client has gone.
    """
    content = native.content
    _watch(native.transport).add_done_callback(lambda _: content.feed_eof())


def create_route(
    app: web.Application, engineio_server: AttachedServer, engineio_endpoint: str
) -> None:
    """Route a path of an application to a server, and end its connections with the application."""

    async def stop(app: web.Application) -> None:
        await engineio_server.stop()

    app.router.add_route(hdrs.METH_ANY, engineio_endpoint, engineio_server.handle_request)
    app.on_shutdown.append(stop)


_async: dict[str, Any] = {
    "asyncio": True,
    "driver": AiohttpDriver(),
    "create_route": create_route,
}
