"""``ASGIApp``: an Engine.IO server as an ASGI application, next to another one."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Protocol

from ..static_files import get_static_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..typing import LoggerLike
    from .asgi_types import ASGIApplication, Event, Receive, Scope, Send


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

    :param engineio_server: an ``AsyncServer`` with ``async_mode='asgi'``, or without an
        ``async_mode``; ``ValueError`` for one that was made for another framework.
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
        # an application's own class in between need not have it
        use_mode: Callable[[str], None] | None = getattr(engineio_server, "use_mode", None)
        if use_mode is not None:
            use_mode("asgi")
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
