"""Driver for ASGI servers (uvicorn, hypercorn, daphne, granian), and the ``ASGIApp`` wrapper."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from .._shell.awaitable_channel import AwaitableChannel
from ..exceptions import ProtocolError
from ..static_files import get_static_file

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeAlias

    from .._core.message import Message
    from .._core.request import Reply, Request
    from .._shell.receiver import Receiver, WebSocket
    from ..typing import Environ, LoggerLike

    Scope: TypeAlias = dict[str, Any]
    Event: TypeAlias = dict[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Event]]
    Send: TypeAlias = Callable[[Event], Awaitable[None]]
    ASGIApplication: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

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


def _join_headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _make_environ(request: AsgiRequest) -> Environ:
    scope = request.scope
    path: str = scope["path"]
    query = request.query
    server = scope.get("server") or ("asgi", 0)
    client = scope.get("client") or ("", 0)
    request.header("")
    environ: Environ = {
        "wsgi.input": Body(request.receive),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.async": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.url_scheme": request.scheme,
        "SERVER_SOFTWARE": "asgi",
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": f"{quote(path)}?{query}" if query else quote(path),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": str(client[0]),
        "REMOTE_PORT": str(client[1]),
        "asgi.receive": request.receive,
        "asgi.send": request.send,
        "asgi.scope": scope,
    }
    for name, value in (request._headers or {}).items():
        if name in ("content-type", "content-length"):
            environ[name.upper().replace("-", "_")] = value
        else:
            environ["HTTP_" + name.upper().replace("-", "_")] = value
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
        return AsgiWebSocket(request, max_size)


class AsgiWebSocket:
    """A WebSocket behind ASGI events."""

    __slots__ = ("_aborted", "_max_size", "_request", "_serving", "channel")

    def __init__(self, request: AsgiRequest, max_size: int) -> None:
        self._request = request
        self._max_size = max_size
        self._serving: asyncio.Task[Any] | None = None
        self._aborted = False
        self.channel: AwaitableChannel = AwaitableChannel(self)

    async def send(self, message: Message) -> None:
        """Send one message."""
        if message.binary:
            event = {"type": "websocket.send", "bytes": message.payload, "text": None}
        else:
            event = {"type": "websocket.send", "text": message.text, "bytes": None}
        await self._request.send(event)

    async def close(self, code: int) -> None:
        """Close the WebSocket."""
        await self._request.send({"type": "websocket.close", "code": code})

    def abort(self) -> None:
        """Leave the application: the server then cuts the connection."""
        self._aborted = True
        if self._serving is not None:
            self._serving.cancel()

    async def serve(self, receiver: Receiver) -> None:
        """Hand on frames until the WebSocket ends."""
        self._serving = asyncio.current_task()
        try:
            while True:
                event = await self._request.receive()
                if event["type"] == "websocket.disconnect":
                    break
                data = event.get("text")
                if data is None:
                    data = event["bytes"]
                if self._too_large(data):
                    receiver.failed(ProtocolError("message too large", 413))
                    continue
                pending = receiver.frame(data)
                if pending is not None:
                    await receiver.finish(pending)
        except asyncio.CancelledError:
            if not self._aborted:
                raise
            _uncancel()
        finally:
            self._serving = None
            receiver.lost()

    def _too_large(self, data: str | bytes) -> bool:
        # a character is at most 4 bytes of UTF-8: short text need not be encoded to be measured
        if isinstance(data, str) and len(data) > self._max_size // 4:
            return len(data.encode()) > self._max_size
        return len(data) > self._max_size


if sys.version_info >= (3, 11):

    def _uncancel() -> None:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()

else:

    def _uncancel() -> None:
        pass


class RequestHandler(Protocol):
    """The server behind an ``ASGIApp``: an Engine.IO server, or a Socket.IO server on top of it."""

    logger: LoggerLike

    async def handle_request(self, *args: Any, **kwargs: Any) -> Any:
        """Handle one ASGI scope."""
        ...


class ASGIApp:
    """An ASGI application that serves an Engine.IO server, static files and another application.

    The path is first compared with the Engine.IO endpoint, then with the static files; everything
    else goes to the other application, or is answered 404.

    :param engineio_server: an ``AsyncServer`` with ``async_mode='asgi'``.
    :param other_asgi_app: where everything else goes; ``None`` for nowhere.
    :param static_files: URL paths mapped to files or directories; see the documentation.
    :param engineio_path: URL path of the endpoint (default ``engine.io``); ``None`` sends every
        request to the server.
    :param on_startup: function or coroutine function to call when the ASGI server starts.
    :param on_shutdown: likewise, when it stops.
    """

    def __init__(
        self,
        engineio_server: RequestHandler,
        other_asgi_app: ASGIApplication | None = None,
        static_files: Mapping[str, str | dict[str, str]] | None = None,
        engineio_path: str | None = "engine.io",
        on_startup: Callable[[], Any] | None = None,
        on_shutdown: Callable[[], Any] | None = None,
    ) -> None:
        self.engineio_server = engineio_server
        self.other_asgi_app = other_asgi_app
        self.engineio_path = engineio_path
        if engineio_path is not None:
            self.engineio_path = (
                f"/{engineio_path.strip('/')}/" if engineio_path.strip("/") else "/"
            )
        self.static_files: dict[str, str | dict[str, str]] = dict(static_files or {})
        self.on_startup = on_startup
        self.on_shutdown = on_shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        kind = scope["type"]
        if kind == "lifespan":
            await self.lifespan(scope, receive, send)
        elif kind in ("http", "websocket") and self._is_endpoint(scope):
            await self.engineio_server.handle_request(scope, receive, send)
        elif kind == "http" and (static_file := self._static_file(scope)) is not None:
            await self.serve_static_file(static_file, receive, send)
        elif self.other_asgi_app is not None:
            await self.other_asgi_app(scope, receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self.not_found(receive, send)

    def _is_endpoint(self, scope: Scope) -> bool:
        if self.engineio_path is None:
            return True
        return _with_slash(_local_path(scope)).startswith(self.engineio_path) or _with_slash(
            scope["path"]
        ).startswith(self.engineio_path)

    def _static_file(self, scope: Scope) -> dict[str, str] | None:
        if not self.static_files:
            return None
        return get_static_file(_local_path(scope), self.static_files)

    async def serve_static_file(
        self, static_file: dict[str, str], receive: Receive, send: Send
    ) -> None:
        """Send a file, read in a worker thread."""
        try:
            body = await asyncio.to_thread(_read, static_file["filename"])
        except OSError:
            await self.not_found(receive, send)
            return
        await _respond(send, 200, static_file["content_type"], body)

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the hooks, and the other application's lifespan around them."""
        if self.other_asgi_app is not None and self.on_startup is None and self.on_shutdown is None:
            await self.other_asgi_app(scope, receive, send)
            return
        inner = Lifespan(self.other_asgi_app, scope)
        for phase in ("startup", "shutdown"):
            await receive()
            try:
                if phase == "startup":
                    await inner.run(phase)
                    await _call_hook(self.on_startup)
                else:
                    await _call_hook(self.on_shutdown)
                    await inner.run(phase)
            except Exception as error:
                self.engineio_server.logger.exception("%s hook error", phase)
                await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
                await inner.stop()
                return
            await send({"type": f"lifespan.{phase}.complete"})

    async def not_found(self, receive: Receive, send: Send) -> None:
        """Answer 404."""
        await _respond(send, 404, "text/plain", b"Not Found")


class Lifespan:
    """Runs the lifespan of another application inside ours; one without lifespan is let be."""

    def __init__(self, app: ASGIApplication | None, scope: Scope) -> None:
        self._app = app
        self._scope = scope
        self._events: asyncio.Queue[Event] = asyncio.Queue(1)
        self._answers: asyncio.Queue[Event] = asyncio.Queue(1)
        self._task: asyncio.Task[None] | None = None

    async def run(self, phase: str) -> None:
        """Pass a phase on; ``RuntimeError`` with the application's message if it fails."""
        if self._app is None:
            return
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve(self._app))
        if self._task.done():
            return
        await self._events.put({"type": f"lifespan.{phase}"})
        answer = await self._answers.get()
        if answer["type"].endswith(".failed"):
            raise RuntimeError(answer.get("message", ""))

    async def stop(self) -> None:
        """End the other application's lifespan where it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _serve(self, app: ASGIApplication) -> None:
        try:
            await app(self._scope, self._events.get, self._answers.put)
        except Exception:  # ASGI: an application that raises here does not support lifespan
            pass
        finally:
            if self._answers.empty():
                self._answers.put_nowait({"type": "lifespan.unsupported"})


async def _call_hook(hook: Callable[[], Any] | None) -> None:
    if hook is not None:
        result = hook()
        if inspect.isawaitable(result):
            await result


def _local_path(scope: Scope) -> str:
    """The path below the mount point; ``root_path`` may or may not be part of ``path``."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) else path


def _with_slash(path: str) -> str:
    return path if path.endswith("/") else path + "/"


def _read(filename: str) -> bytes:
    with open(filename, "rb") as file:
        return file.read()


async def _respond(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode("latin-1")),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_async: dict[str, Any] = {"asyncio": True, "driver": AsgiDriver()}
