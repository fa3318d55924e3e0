"""Connections to Redis for threads and greenlets, under the names of ``_redis_aio``."""

from __future__ import annotations

import contextlib
import socket
import ssl
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

VALKEY = {"valkey": "valkey", "ValkeyError": "valkey.exceptions:ValkeyError"}

REDIS_NAME = "redis"

READ_SIZE = 65_536
"""Bytes read at once."""

_GREEN_MODES = ("eventlet", "gevent", "gevent_uwsgi")


def load_package(name: str) -> ModuleType:
    """Return ``redis`` or ``valkey``."""
    return import_module(name)


def no_retry(package: ModuleType) -> Any:
    """Return what makes a connection of the package try once."""
    backoff = import_module(f"{package.__name__}.backoff")
    return import_module(f"{package.__name__}.retry").Retry(backoff.NoBackoff(), 0)


def check_server(server: Any) -> None:
    """``RuntimeError`` if the sockets of the Redis package would stop all other greenlets."""
    if server.async_mode in _GREEN_MODES and socket.socket.__module__ == "socket":
        raise RuntimeError(
            f"Redis requires a monkey patched socket library to work with {server.async_mode}"
        )


class RedisLink:
    """One connection, for one thread at a time."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._socket = connection._sock

    @classmethod
    def open(cls, client: Any, retry: Any) -> RedisLink:
        """Connect as ``client`` would; raises whatever the package raises."""
        # not by make_connection(): the pool counts its calls, and after max_connections refuses
        pool = client.connection_pool
        connection = pool.connection_class(**pool.connection_kwargs)
        connection.retry = retry
        try:
            connection.connect()
            return cls(connection)
        except BaseException:
            connection.disconnect()
            raise

    def write(self, data: bytes, timeout: float) -> None:
        """Send; ``TimeoutError`` if it is not taken in time, ``OSError`` at the end."""
        self._socket.settimeout(timeout)
        self._socket.sendall(data)

    def read(self, timeout: float) -> bytes | None:
        """Return what has come; ``None`` if nothing does in time; OSError at the end."""
        self._socket.settimeout(timeout)
        try:
            data: bytes = self._socket.recv(READ_SIZE)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return None
        if not data:
            raise ConnectionError("the connection to Redis has ended")
        return data

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(Exception):
            self._connection.disconnect()

    def forget(self) -> None:
        """Close it in this process only: it is the parent's."""
        self._socket.close()
