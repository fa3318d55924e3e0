"""The URLs of Redis and Valkey servers, and of the sentinels that know where one is."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

SENTINEL_SCHEMES = frozenset(
    ("redis+sentinel", "rediss+sentinel", "valkey+sentinel", "valkeys+sentinel")
)
SCHEMES = frozenset(("redis", "rediss", "unix", "valkey", "valkeys")) | SENTINEL_SCHEMES


def scheme_of(url: str) -> str:
    """Return the scheme; ValueError if it is none of those that the managers know."""
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES or "://" not in url:
        raise ValueError(f"Unsupported Redis URL scheme: {scheme}")
    return scheme


def parse_redis_sentinel_url(
    url: str,
) -> tuple[list[tuple[str, int]], str | None, dict[str, Any]]:
    """Return the sentinels, the name of the service, and options for connecting to it.

    ``redis+sentinel://[[user]:password@]host:port[,host:port...][/db][/service]``, also with
    ``valkey``, and with ``rediss`` or ``valkeys`` for TLS.  ValueError for anything else.
    """
    parts = urlsplit(url)
    if parts.scheme not in SENTINEL_SCHEMES:
        raise ValueError("Invalid Redis Sentinel URL")
    credentials, _, hosts = parts.netloc.rpartition("@")
    sentinels = [_host_and_port(host) for host in hosts.split(",")]
    username, _, password = credentials.partition(":")
    options: dict[str, Any] = {}
    if username:
        options["username"] = unquote(username)
    if password:
        options["password"] = unquote(password)
    database, _, service = parts.path.lstrip("/").partition("/")
    if parts.path.startswith("//"):
        database, service = "", parts.path[2:]
    if database:
        options["db"] = int(database)
    if parts.scheme.startswith(("rediss+", "valkeys+")):
        options["ssl"] = True
    return sentinels, service or None, options


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError(f"Invalid Redis Sentinel URL: {text!r} has no port")
    return host.strip("[]"), int(port)
