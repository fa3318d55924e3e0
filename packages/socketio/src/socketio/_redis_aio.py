"""Connections to Redis for asyncio: made by its client package, then read and written here.

The package knows of TLS, passwords and sentinels; its way of reading a published message costs 20
times as much as ours.
"""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

VALKEY = {"aiovalkey": "valkey.asyncio", "ValkeyError": "valkey.exceptions:ValkeyError"}

REDIS_NAME = "aioredis"

READ_LIMIT = 1_048_576
"""Bytes that wait to be handled, from which nothing more is read."""


def load_package(name: str) -> ModuleType:
    """Return ``redis.asyncio`` or ``valkey.asyncio``."""
    return import_module(f"{name}.asyncio")


def no_retry(package: ModuleType) -> Any:
    """Return what makes a connection of the package try once."""
    backoff = import_module(f"{package.__name__.partition('.')[0]}.backoff")
    return import_module(f"{package.__name__}.retry").Retry(backoff.NoBackoff(), 0)


def check_server(server: Any) -> None:
    """Do nothing: asyncio needs no patched sockets."""


class RedisLink(asyncio.Protocol):
    """One connection.  Owner: the event loop's thread."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._transport: asyncio.Transport = connection._writer.transport
        self._loop = asyncio.get_running_loop()
        self._chunks: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._transport.set_protocol(self)

    @classmethod
    async def open(cls, client: Any, retry: Any) -> RedisLink:
        """Connect as ``client`` would; raises whatever the package raises."""
        connection = client.connection_pool.make_connection()
        connection.retry = retry
        try:
            await connection.connect()
            return cls(connection)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise

    async def write(self, data: bytes, timeout: float) -> None:
        """Send; ``TimeoutError`` if it is not taken in time, ``ConnectionError`` at the end."""
        self._check()
        self._transport.write(data)
        if not self._can_write.is_set():
            await asyncio.wait_for(self._can_write.wait(), timeout)
            self._check()

    async def read(self, timeout: float) -> bytes | None:
        """Return what has come; ``None`` if nothing does in time; ConnectionError at the end."""
        if not self._chunks and self._error is None and timeout > 0:
            self._limit_wait(self._loop.time() + timeout)
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if not self._chunks:
            self._check()
            return None
        data = b"".join(self._chunks)
        self._chunks.clear()
        if self._size > READ_LIMIT:
            self._transport.resume_reading()
        self._size = 0
        return data

    async def close(self) -> None:
        """Close the connection."""
        self._error = self._error or ConnectionError("closed")
        if self._timer is not None:
            self._timer.cancel()
        with contextlib.suppress(Exception):
            await self._connection.disconnect(nowait=True)
        self._transport.abort()

    def forget(self) -> None:
        """Leave the connection alone: its event loop has ended, or it is another process's."""
        self._connection._reader = self._connection._writer = None

    def _limit_wait(self, deadline: float) -> None:
        """End the wait at a time of the loop.

        A timer for an earlier one stays as it is, and is set anew when it goes off: one a second
        instead of one a message.
        """
        self._deadline = deadline
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is not None:
            if self._loop.time() < self._deadline:
                self._limit_wait(self._deadline)
            else:
                self._wake()

    def _check(self) -> None:
        if self._error is not None:
            raise ConnectionError("the connection to Redis has ended") from self._error

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # what the transport calls

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size > READ_LIMIT:
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._error = self._error or exc or ConnectionError("closed by Redis")
        self._can_write.set()
        self._wake()

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()
