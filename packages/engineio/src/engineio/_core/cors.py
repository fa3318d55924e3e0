"""Which origins may talk to a server, and the headers that tell browsers so.

The check applies to every request that carries an ``Origin`` header, WebSocket handshakes
included: browsers do not restrict those by themselves.
"""

from __future__ import annotations

import re
from functools import lru_cache
from inspect import isawaitable, iscoroutinefunction, signature
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from .options import Options
    from .request import Request

OriginsOption: TypeAlias = "str | Container[str] | Callable[..., bool] | None"
"""The ``cors_allowed_origins`` option; see ``check_origins_option``."""

CACHED_CALLABLES = 64
"""How many callables the parameter count is remembered of; an application has one or two."""

# What may be echoed: printable ASCII, and of RFC 9110 a list of field names.
_PRINTABLE = re.compile(r"[!-~]{1,2048}")
_FIELD_NAMES = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z, ]{1,2048}")


def check_origins_option(value: Any) -> OriginsOption:
    """Return ``value`` if it can be a ``cors_allowed_origins`` option.

    ``None``: the server's own origin.  ``"*"``, or a container with it: any.  Another string, or
    a container of strings: these.  A callable: asked with ``(origin, environ)`` or ``(origin)``.
    An empty list: CORS is left to somebody else, with no check and no headers.

    Raises ValueError for anything else; for a coroutine function, whose unawaited result would
    accept every origin; and for an empty container that is not a list, which would refuse every
    origin where an empty list refuses none.
    """
    if value is None or isinstance(value, str):
        return value
    if callable(value):
        if iscoroutinefunction(value) or iscoroutinefunction(getattr(value, "__call__", None)):  # noqa: B004 - may be async
            raise ValueError("cors_allowed_origins must not be a coroutine function")
    elif not hasattr(value, "__contains__"):
        raise ValueError("cors_allowed_origins must be a string, a container or a callable")
    elif not isinstance(value, list) and hasattr(value, "__len__") and len(value) == 0:
        raise ValueError("cors_allowed_origins is empty; use [] to leave CORS to somebody else")
    return value  # type: ignore[no-any-return]


def is_disabled(origins: OriginsOption) -> bool:
    """True for an empty list exactly: no check, no headers."""
    return isinstance(origins, list) and not origins


def is_allowed(request: Request, options: Options) -> bool:
    """Decide whether a request may come from where it says it comes from.

    Without an ``Origin`` header it may.  Whatever a callable raises is raised here.
    """
    origin = request.header("origin")
    if origin is None:
        return True
    origins = options.cors_allowed_origins
    if is_disabled(origins):
        return True
    if not _PRINTABLE.fullmatch(origin):
        return False
    if origins is None:
        return _is_own(request, origin)
    if isinstance(origins, str):
        return origins == "*" or origins == origin
    if callable(origins):
        return _ask(origins, origin, request)
    return "*" in origins or origin in origins


def cors_headers(request: Request, options: Options) -> list[tuple[str, str]]:
    """The CORS headers of the answer to a request whose origin is allowed.

    The origin is echoed, never ``*``, because an answer to a request with credentials needs it.
    """
    if is_disabled(options.cors_allowed_origins):
        return []
    headers = []
    origin = request.header("origin")
    if origin is not None:
        headers.append(("Access-Control-Allow-Origin", origin))
    if request.method == "OPTIONS":
        headers.append(("Access-Control-Allow-Methods", "OPTIONS, GET, POST"))
    names = request.header("access-control-request-headers")
    if names is not None and _FIELD_NAMES.fullmatch(names):
        headers.append(("Access-Control-Allow-Headers", names))
    if options.cors_credentials:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    return headers


def _is_own(request: Request, origin: str) -> bool:
    """Compare with the server's own origin, as the client or a proxy in front of us sees it.

    ``X-Forwarded-Proto`` and ``X-Forwarded-Host`` are believed from any peer: a page of another
    origin cannot set them on a WebSocket, and on HTTP only after a preflight, which has neither.
    Give ``cors_allowed_origins`` explicitly where other clients must be kept out as well.
    """
    host = request.header("host") or ""
    if origin == f"{request.scheme}://{host}":
        return True
    scheme = request.header("x-forwarded-proto")
    forwarded_host = request.header("x-forwarded-host")
    if scheme is None and forwarded_host is None:
        return False
    scheme = request.scheme if scheme is None else _first(scheme)
    forwarded_host = host if forwarded_host is None else _first(forwarded_host)
    return origin == f"{scheme}://{forwarded_host}"


def _first(values: str) -> str:
    return values.partition(",")[0].strip()


def _ask(function: Callable[..., bool], origin: str, request: Request) -> bool:
    try:
        takes_environ = _cached_takes_environ(function)
    except TypeError:  # not hashable
        takes_environ = _takes_environ(function)
    answer: object = function(origin, request.environ()) if takes_environ else function(origin)
    # an unawaited answer would be true whatever it is going to say
    return bool(answer) and not isawaitable(answer)


def _takes_environ(function: Callable[..., bool]) -> bool:
    try:
        signature(function).bind(None, None)
    except (TypeError, ValueError):  # one parameter; or a built-in that does not tell
        return False
    return True


_cached_takes_environ = lru_cache(CACHED_CALLABLES)(_takes_environ)
