"""Driver for Sanic: ``eio.attach(app)`` adds a route, under Sanic's own server and under ASGI.

Under Sanic's own server the connection of a WebSocket is taken over after the handshake; under
ASGI the ASGI driver takes what Sanic has from the ASGI server.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

from sanic.compat import Header
from sanic.exceptions import SanicException
from sanic.models.asgi import MockTransport
from sanic.response import HTTPResponse

from .._shell.environ import NoBody, make_environ
from .._shell.handshake_reply import accept_handshake
from .._shell.transport_websocket import TransportWebSocket
from ..exceptions import ProtocolError
from .asgi import AsgiDriver, AsgiRequest

if TYPE_CHECKING:
    from sanic import Sanic
    from sanic.request import Request as NativeRequest

    from .._core.request import Reply, Request
    from .._shell.driver import AttachedServer
    from .._shell.receiver import WebSocket
    from ..typing import Environ

    App: TypeAlias = Sanic[Any, Any]

METHODS = ("GET", "POST", "OPTIONS", "HEAD", "PUT", "PATCH", "DELETE")
"""All that Sanic knows: the engine refuses the others in the protocol's way."""


class SanicRequest:
    """One request of Sanic's own server."""

    __slots__ = ("_environ", "_handshake", "native")

    def __init__(self, native: NativeRequest) -> None:
        self.native: NativeRequest = native
        self._environ: Environ | None = None
        self._handshake: list[tuple[str, str]] | None = None

    @property
    def method(self) -> str:
        """The method."""
        return self.native.method

    @property
    def query(self) -> str:
        """The raw query string."""
        return self.native.query_string

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return "https" if self.native.scheme in ("https", "wss") else "http"

    @property
    def websocket(self) -> bool:
        """True for a valid WebSocket handshake."""
        return self.handshake is not None

    @property
    def handshake(self) -> list[tuple[str, str]] | None:
        """The headers that answer a WebSocket handshake."""
        if self._handshake is None and self.method == "GET":
            self._handshake = accept_handshake(self.native.headers.items())
        return self._handshake

    def header(self, name: str) -> str | None:
        """Look a header up."""
        values = self.native.headers.getall(name, None)
        return None if values is None else ",".join(values)

    def environ(self) -> Environ:
        """Build the WSGI-like dict, once."""
        if self._environ is None:
            native = self.native
            transport: Any = native.transport
            self._environ = make_environ(
                self,
                software="sanic",
                uri=native.raw_url.decode("latin-1"),
                version=native.version,
                body=NoBody(),
                headers=native.headers.items(),
                server=transport.get_extra_info("sockname"),
                client=transport.get_extra_info("peername"),
            )
            self._environ["sanic.request"] = native
        return self._environ


class SanicAsgiRequest(AsgiRequest):
    """One request of Sanic under an ASGI server."""

    __slots__ = ("_native",)

    def __init__(self, native: NativeRequest, transport: Any) -> None:
        super().__init__(transport.scope, transport.receive, transport.send)
        self._native = native

    def environ(self) -> Environ:
        """Build the WSGI-like dict, once."""
        environ = super().environ()
        environ["sanic.request"] = self._native
        return environ


class SanicDriver:
    """Implements ``AsyncDriver``."""

    def __init__(self) -> None:
        self._asgi = AsgiDriver()

    def request(self, native: NativeRequest) -> Request:
        """Wrap the argument of a handler."""
        transport: Any = native.transport
        if isinstance(transport, MockTransport):
            return SanicAsgiRequest(native, transport)
        return SanicRequest(native)

    async def body(self, request: SanicRequest | SanicAsgiRequest, limit: int) -> bytes:
        """Read the body, stopping at the limit."""
        if isinstance(request, SanicAsgiRequest):
            return await self._asgi.body(request, limit)
        native: Any = request.native
        body = bytearray()
        try:
            while native.stream.request_body:
                body += await native.stream.read() or b""
                if len(body) > limit:
                    raise ProtocolError("body too large", 413)
        except SanicException as error:
            raise ProtocolError("the body is malformed") from error
        except asyncio.CancelledError:
            native.stream.request_body = None  # else Sanic waits for the rest of it, for ever
            native.stream.keep_alive = False
            if not native.conn_info.lost:
                raise
            raise ProtocolError("the body ended early") from None
        return bytes(body)

    async def gone(self, request: SanicRequest | SanicAsgiRequest) -> None:
        """Wait for the end of the connection; Sanic's own server cancels the handler then."""
        if isinstance(request, SanicAsgiRequest):
            await self._asgi.gone(request)
        else:
            await asyncio.get_running_loop().create_future()

    async def respond(
        self, request: SanicRequest | SanicAsgiRequest, reply: Reply
    ) -> HTTPResponse | None:
        """Return the answer for the handler to return."""
        if isinstance(request, SanicAsgiRequest) and request.websocket:
            await self._asgi.respond(request, reply)
            return None
        headers = Header([*reply.headers, ("Content-Length", str(len(reply.body)))])
        return HTTPResponse(reply.body, reply.status, headers)

    async def websocket(self, request: SanicRequest | SanicAsgiRequest, max_size: int) -> WebSocket:
        """Complete the WebSocket handshake and take the connection over."""
        if isinstance(request, SanicAsgiRequest):
            return await self._asgi.websocket(request, max_size)
        transport: Any = request.native.transport
        assert request.handshake is not None
        if transport.is_closing():
            raise ConnectionResetError("the client has gone")
        headers = "".join([f"{name}: {value}\r\n" for name, value in request.handshake])
        transport.write(f"HTTP/1.1 101 Switching Protocols\r\n{headers}\r\n".encode())
        return TransportWebSocket(transport, max_size)


def create_route(app: App, engineio_server: AttachedServer, engineio_endpoint: str) -> None:
    """Route a path of an application to a server, and end its connections with the application."""

    async def handle(request: NativeRequest) -> HTTPResponse | None:
        response: HTTPResponse | None = await engineio_server.handle_request(request)
        return response

    async def stop(app: App) -> None:
        await engineio_server.stop()

    handle.is_websocket = True  # type: ignore[attr-defined]  # Sanic: it may return no response
    name = "engineio" + engineio_endpoint.rstrip("/").replace("/", "_")
    app.add_route(handle, engineio_endpoint, METHODS, name=name, stream=True)
    app.register_listener(stop, "before_server_stop")


_async: dict[str, Any] = {
    "asyncio": True,
    "driver": SanicDriver(),
    "create_route": create_route,
}
