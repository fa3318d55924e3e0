"""The HTTP answers of an Engine.IO server.

A reply is made by the function that is named for it and completed by ``finish``, which adds what
depends on the request: CORS headers and compression.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from ..payload import wrap_jsonp
from .cookies import make_cookie
from .cors import cors_headers, is_disabled
from .polling import join_payload
from .request import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .codec import Codec
    from .cookies import CookieOption
    from .message import Message
    from .options import Options
    from .request import Request

# The error codes of the official JavaScript server, and its messages.
UNKNOWN_TRANSPORT = 0
UNKNOWN_SID = 1
BAD_HANDSHAKE_METHOD = 2
BAD_REQUEST = 3
FORBIDDEN = 4
UNSUPPORTED_PROTOCOL_VERSION = 5

ERROR_MESSAGES = (
    "Transport unknown",
    "Session ID unknown",
    "Bad handshake method",
    "Bad request",
    "Forbidden",
    "Unsupported protocol version",
)

COMPRESSION_LEVEL = 1
"""zlib's fastest, as it runs on the loop: for 22 KB of chat events 33 us and 2.1 KB, where the
default level takes 89 us and makes 1.5 KB."""

_TEXT = ("Content-Type", "text/plain")
_PACKETS = ("Content-Type", "text/plain; charset=UTF-8")
_SCRIPT = ("Content-Type", "text/javascript; charset=UTF-8")
_JSON = ("Content-Type", "application/json")
_NO_STORE = ("Cache-Control", "no-store")

_REFUSING_WEIGHT = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*", re.IGNORECASE)


def packets(messages: Sequence[Message], jsonp: int | None = None) -> Reply:
    """The answer to a GET: packets; as a script that hands them to callback ``jsonp``, if given."""
    body = join_payload(messages)
    if jsonp is None:
        return Reply(200, body, [_PACKETS, _NO_STORE])
    return Reply(200, wrap_jsonp(body.decode(), jsonp).encode(), [_SCRIPT, _NO_STORE])


def accepted() -> Reply:
    """The answer to a POST whose packets were taken."""
    return Reply(200, b"ok", [_TEXT])


def preflight() -> Reply:
    """The answer to OPTIONS."""
    return Reply(200, b"OK", [_TEXT])


def error(code: int, detail: str = "", status: int = 400) -> Reply:
    """Refuse a request with one of the protocol's error codes.

    ``detail`` follows the message of the code.
    """
    message = f"{ERROR_MESSAGES[code]}: {detail}" if detail else ERROR_MESSAGES[code]
    body = json.dumps({"code": code, "message": message}, separators=(",", ":"))
    return Reply(status, body.encode(), [_JSON])


def too_large() -> Reply:
    """Refuse a body that is larger than ``max_http_buffer_size``."""
    return error(BAD_REQUEST, "body too large", 413)


def unauthorized(value: Any, codec: Codec) -> Reply:
    """Tell that the application rejected the handshake, with the value it returned.

    A false value, which says nothing, becomes ``"Unauthorized"``.  Raises TypeError for what the
    codec cannot write.
    """
    return Reply(401, codec.dumps(value or "Unauthorized"), [_JSON])


def set_cookie(reply: Reply, sid: str, cookie: CookieOption) -> None:
    """Add the session cookie, first of the headers, if the server is configured to have one."""
    value = make_cookie(sid, cookie)
    if value is not None:
        reply.headers.insert(0, ("Set-Cookie", value))


def finish(reply: Reply, request: Request, options: Options) -> Reply:
    """Complete a reply to a request that was admitted: CORS headers, compression, ``Vary``.

    To be called once per reply, at the time it is sent.  Returns the same reply.
    """
    reply.headers += cors_headers(request, options)
    compressible = options.http_compression and len(reply.body) >= options.compression_threshold
    if compressible:
        _compress(reply, request.header("accept-encoding"), options.compression_methods)
    _vary(reply, options, compressible)
    return reply


def refuse_origin(reply: Reply) -> Reply:
    """Complete the reply to a request whose origin is not allowed: no CORS headers."""
    reply.headers.append(("Vary", "Origin"))
    return reply


def _vary(reply: Reply, options: Options, compressible: bool) -> None:
    if not is_disabled(options.cors_allowed_origins):
        reply.headers.append(("Vary", "Origin, Accept-Encoding" if compressible else "Origin"))
    elif compressible:
        reply.headers.append(("Vary", "Accept-Encoding"))


def _compress(reply: Reply, accepted_encodings: str | None, methods: Sequence[str]) -> None:
    encoding = _choose_encoding(accepted_encodings or "", methods)
    if encoding is not None:
        reply.body = _ENCODERS[encoding](reply.body)
        reply.headers.append(("Content-Encoding", encoding))


def _choose_encoding(accepted_encodings: str, methods: Sequence[str]) -> str | None:
    """The first encoding in the client's order that it does not refuse and we can make."""
    for item in accepted_encodings.split(","):
        name, _, weight = item.partition(";")
        name = name.strip().lower()
        if name in _ENCODERS and name in methods and not _REFUSING_WEIGHT.fullmatch(weight):
            return name
    return None


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, COMPRESSION_LEVEL, mtime=0)


def _deflate(body: bytes) -> bytes:
    return zlib.compress(body, COMPRESSION_LEVEL)


_ENCODERS: dict[str, Callable[[bytes], bytes]] = {"gzip": _gzip, "deflate": _deflate}
