"""The WSGI-like dict that handlers get of a request to an asyncio server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._core.request import Request
    from ..typing import Environ


def make_environ(
    request: Request,
    *,
    software: str,
    uri: str,
    version: str,
    body: Any,
    headers: Iterable[tuple[str, str]],
    server: Any,
    client: Any,
) -> Environ:
    """Build the dict; the caller adds the framework's own objects.

    :param software: name of the framework.
    :param uri: path and query as they were sent.
    :param version: of HTTP, ``"1.1"``.
    :param body: has ``await read()``.
    :param headers: all of them, in order.
    :param server: address of our side, ``(host, port, ...)``; anything else is not known.
    :param client: address of the peer, likewise.
    """
    server_name, server_port = _address(server)
    client_name, client_port = _address(client)
    environ: Environ = {
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.async": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.url_scheme": request.scheme,
        "SERVER_SOFTWARE": software,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(uri.partition("?")[0]),
        "QUERY_STRING": request.query,
        "RAW_URI": uri,
        "SERVER_PROTOCOL": f"HTTP/{version}",
        "SERVER_NAME": server_name or software,
        "SERVER_PORT": server_port,
        "REMOTE_ADDR": client_name,
        "REMOTE_PORT": client_port,
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _address(address: Any) -> tuple[str, str]:
    if isinstance(address, (tuple, list)) and len(address) >= 2:
        return str(address[0]), str(address[1])
    return "", "0"


class NoBody:
    """``wsgi.input`` of a request whose body is not the handler's to read."""

    async def read(self, length: int | None = None) -> bytes:
        """Return nothing."""
        return b""
