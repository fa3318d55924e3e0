"""Driver for ASGI servers (uvicorn, hypercorn, daphne, granian)."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .._core.engine import WS_NORMAL
from .._shell.awaitable_channel import AwaitableChannel
from .._shell.environ import make_environ
from ..exceptions import ProtocolError
from ..static_files import get_static_file as get_static_file
from .asgi_app import ASGIApp as ASGIApp

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .._core.layer import Pending
    from .._core.message import Message
    from .._core.request import Reply, Request
    from .._shell.receiver import Receiver, WebSocket
    from ..typing import Environ
    from .asgi_types import Event, Receive, Scope, Send

HANDOVER = "engineio.handover"
"""ASGI extension by which ``async_drivers.uvicorn`` offers the connection behind a WebSocket."""


class AsgiRequest:
    """One ASGI ``http`` or ``websocket`` scope."""

    __slots__ = ("_environ", "_headers", "receive", "scope", "send")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope: Scope = scope
        self.receive: Receive = receive
        self.send: Send = send
        self._headers: dict[str, str] | None = None
        self._environ: Environ | None = None

    @property
    def method(self) -> str:
        """The method; a WebSocket handshake is a GET."""
        method: str = self.scope.get("method", "GET")
        return method

    @property
    def query(self) -> str:
        """The raw query string."""
        query: bytes = self.scope.get("query_string", b"")
        return query.decode("latin-1")

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, from the connection."""
        return "https" if self.scope.get("scheme") in ("https", "wss") else "http"

    @property
    def websocket(self) -> bool:
        """True for a ``websocket`` scope."""
        return bool(self.scope["type"] == "websocket")

    def header(self, name: str) -> str | None:
        """Look a header up; the names of ASGI are lower case already."""
        if self._headers is None:
            self._headers = _join_headers(self.scope)
        return self._headers.get(name)

    def environ(self) -> Environ:
        """Build the WSGI-like dict, once."""
        if self._environ is None:
            self._environ = _make_environ(self)
        return self._environ


async def translate_request(scope: Scope, receive: Receive, send: Send) -> Environ:
    """Return the WSGI-like dict of a request, as connect handlers get it."""
    return AsgiRequest(scope, receive, send).environ()


def _join_headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _make_environ(request: AsgiRequest) -> Environ:
    scope = request.scope
    path, query = quote(scope["path"]), request.query
    request.header("")
    environ = make_environ(
        request,
        software="asgi",
        uri=f"{path}?{query}" if query else path,
        version=scope.get("http_version", "1.1"),
        body=Body(request.receive),
        headers=(request._headers or {}).items(),
        server=scope.get("server"),
        client=scope.get("client"),
    )
    environ["asgi.receive"] = request.receive
    environ["asgi.send"] = request.send
    environ["asgi.scope"] = scope
    return environ


class Body:
    """``wsgi.input`` of an asyncio request: ``await read()``."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def read(self, length: int | None = None) -> bytes:
        """Read the rest of the body, cut after ``length`` bytes if that is given."""
        chunks: list[bytes] = []
        more = True
        while more:
            event = await self._receive()
            chunks.append(event.get("body", b""))
            more = event.get("more_body", False)
        return b"".join(chunks)[:length]


class AsgiDriver:
    """Implements ``AsyncDriver``."""

    def request(self, scope: Scope, receive: Receive, send: Send) -> Request:
        """Wrap the three arguments of an ASGI application."""
        return AsgiRequest(scope, receive, send)

    async def body(self, request: AsgiRequest, limit: int) -> bytes:
        """Read the body, stopping at the limit."""
        chunks: list[bytes] = []
        size = 0
        while True:
            event = await request.receive()
            if event["type"] == "http.disconnect":
                raise ProtocolError("the body ended early")
            chunk: bytes = event.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise ProtocolError("body too large", 413)
            if not event.get("more_body", False):
                return b"".join([*chunks, chunk]) if chunks else chunk
            chunks.append(chunk)

    async def gone(self, request: AsgiRequest) -> None:
        """Wait for the ``http.disconnect`` event."""
        while (await request.receive())["type"] != "http.disconnect":
            pass

    async def respond(self, request: AsgiRequest, reply: Reply) -> None:
        """Send the answer; to a WebSocket handshake as a denial where the server can."""
        kind = "http.response"
        if request.websocket:
            if (await request.receive())["type"] != "websocket.connect":
                return
            if "websocket.http.response" not in (request.scope.get("extensions") or {}):
                # RFC 6455 5.5: a close reason has 123 bytes; the body may be compressed
                reason = reply.body[:123].decode(errors="ignore")
                await request.send({"type": "websocket.close", "code": 1008, "reason": reason})
                return
            kind = "websocket.http.response"
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in reply.headers
        ]
        headers.append((b"content-length", b"%d" % len(reply.body)))
        await request.send({"type": f"{kind}.start", "status": reply.status, "headers": headers})
        await request.send({"type": f"{kind}.body", "body": reply.body})

    async def websocket(self, request: AsgiRequest, max_size: int) -> WebSocket:
        """Accept the WebSocket; take over the connection itself where the server offers it."""
        handover = (request.scope.get("extensions") or {}).get(HANDOVER)
        if handover is not None:
            websocket: WebSocket = handover(max_size)
            return websocket
        if (await request.receive())["type"] != "websocket.connect":
            raise ConnectionResetError("the client has gone")
        await request.send({"type": "websocket.accept"})
        return AsgiWebSocket(request.receive, request.send, max_size)


class AsgiOutlet:
    """Where the messages of a WebSocket go, and how it is left."""

    __slots__ = ("_send", "aborted", "code", "serving", "waiting")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.aborted: bool = False
        self.code: int | None = None
        """What to close with, once the application does not wait for an event any more."""
        self.serving: asyncio.Task[Any] | None = None
        """What runs the application."""
        self.waiting: bool = False
        """True while the application waits for an event."""

    def send(self, message: Message) -> Awaitable[None]:
        """Send one message."""
        if message.binary:
            return self._send({"type": "websocket.send", "bytes": message.payload, "text": None})
        return self._send({"type": "websocket.send", "text": message.text, "bytes": None})

    async def close(self, code: int) -> None:
        """Close the WebSocket, or have the application do so if it waits for an event.

        granian closes no WebSocket for which an event is waited for.
        """
        if self.waiting and self.serving is not None:
            self.code = code
            self.serving.cancel()
        else:
            await self.send_close(code)

    async def send_close(self, code: int) -> None:
        """Close the WebSocket."""
        try:
            await self._send({"type": "websocket.close", "code": code})
        except Exception:
            # daphne accepts no codes that RFC 6455 has a meaning for, but 1000
            await self._send({"type": "websocket.close", "code": WS_NORMAL})

    def abort(self) -> None:
        """Leave the application: the server then cuts the connection."""
        self.aborted = True
        if self.serving is not None:
            self.serving.cancel()


class AsgiWebSocket:
    """A WebSocket behind ASGI events."""

    __slots__ = ("_max_size", "_outlet", "_receive", "channel")

    def __init__(self, receive: Receive, send: Send, max_size: int) -> None:
        self._receive = receive
        self._max_size = max_size
        self._outlet = AsgiOutlet(send)
        self.channel: AwaitableChannel = AwaitableChannel(self._outlet)

    async def serve(self, receiver: Receiver) -> None:
        """Hand on frames until the WebSocket ends."""
        outlet = self._outlet
        outlet.serving = asyncio.current_task()
        try:
            await self._hand_on(receiver)
            if outlet.code is not None:
                await self._close(outlet.code)
        except asyncio.CancelledError:
            if not outlet.aborted:
                raise
            _uncancel()
        finally:
            outlet.serving = None
            receiver.lost()

    async def _hand_on(self, receiver: Receiver) -> None:
        """Return when the WebSocket has ended, or when it has to be closed."""
        receive, outlet = self._receive, self._outlet
        try:
            while True:
                outlet.waiting = True
                event = await receive()
                outlet.waiting = False
                if event["type"] == "websocket.disconnect":
                    break
                pending = self._frame(event, receiver)
                del event  # an idle connection keeps nothing of its last frame
                if pending is not None:
                    await receiver.finish(pending)
                del pending
        except asyncio.CancelledError:
            if outlet.code is None or outlet.aborted:
                raise
            _uncancel()

    async def _close(self, code: int) -> None:
        """Close the WebSocket and wait until it has ended, at most until the engine cuts it."""
        with contextlib.suppress(Exception):  # whatever the server raises: the peer has gone
            await self._outlet.send_close(code)
            while (await self._receive())["type"] != "websocket.disconnect":
                pass

    def _frame(self, event: Event, receiver: Receiver) -> Pending:
        data = event.get("text")
        if data is None:
            data = event["bytes"]
        # a character is at most 4 bytes of UTF-8: short text need not be encoded to be measured
        if len(data) > self._max_size // 4 and self._too_large(data):
            receiver.failed(ProtocolError("message too large", 413))
            return None
        return receiver.frame(data)

    def _too_large(self, data: str | bytes) -> bool:
        return len(data.encode() if isinstance(data, str) else data) > self._max_size


if sys.version_info >= (3, 11):

    def _uncancel() -> None:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()

else:

    def _uncancel() -> None:
        pass


_async: dict[str, Any] = {"asyncio": True, "driver": AsgiDriver()}
