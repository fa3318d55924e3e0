"""The WSGI application that serves an Engine.IO server, static files and another application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .static_files import get_static_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from .typing import Environ

    StartResponse: TypeAlias = Callable[..., Any]
    WSGIApplication: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


class RequestHandler(Protocol):
    """The server behind a ``WSGIApp``: an Engine.IO server, or a Socket.IO server on top of it."""

    def handle_request(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one WSGI request."""
        ...


class WSGIApp:
    """A WSGI application that serves an Engine.IO server, static files and another application.

    The path is first compared with the Engine.IO endpoint, then with the static files; everything
    else goes to the other application, or is answered 404.

    :param engineio_app: a ``Server``.
    :param wsgi_app: where everything else goes; ``None`` for nowhere.
    :param static_files: URL paths mapped to files or directories; see the documentation.
    :param engineio_path: URL path of the endpoint (default ``engine.io``).
    """

    def __init__(
        self,
        engineio_app: RequestHandler,
        wsgi_app: WSGIApplication | None = None,
        static_files: Mapping[str, str | dict[str, str]] | None = None,
        engineio_path: str = "engine.io",
    ) -> None:
        self.engineio_app = engineio_app
        self.wsgi_app = wsgi_app
        self.engineio_path: str = (
            f"/{engineio_path.strip('/')}/" if engineio_path.strip("/") else "/"
        )
        self.static_files: dict[str, str | dict[str, str]] = dict(static_files or {})

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one WSGI request."""
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(self.engineio_path) or f"{path}/" == self.engineio_path:
            return self.engineio_app.handle_request(environ, start_response)
        static_file = get_static_file(path, self.static_files) if self.static_files else None
        if static_file is not None:
            body = _read(static_file["filename"])
            if body is not None:
                start_response("200 OK", [("Content-Type", static_file["content_type"])])
                return [body]
        if self.wsgi_app is not None:
            return self.wsgi_app(environ, start_response)
        return self.not_found(start_response)

    def not_found(self, start_response: StartResponse) -> Iterable[bytes]:
        """Answer 404."""
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Not Found"]


class Middleware(WSGIApp):
    """The older name of ``WSGIApp``, without static files."""

    def __init__(
        self,
        engineio_app: RequestHandler,
        wsgi_app: WSGIApplication | None = None,
        engineio_path: str = "engine.io",
    ) -> None:
        super().__init__(engineio_app, wsgi_app, engineio_path=engineio_path)


def _read(filename: str) -> bytes | None:
    try:
        with open(filename, "rb") as file:
            return file.read()
    except OSError:
        return None
