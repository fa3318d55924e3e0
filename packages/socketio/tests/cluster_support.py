"""A broker in memory, and managers for it, as applications write them for brokers of their own."""

from __future__ import annotations

import asyncio
import queue
from typing import TYPE_CHECKING, Any

from socketio import AsyncPubSubManager, PubSubManager
from socketio.base_pubsub_manager import NotSent

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncIterator, Iterator, Sequence


WAIT = 0.02
"""Seconds after which a listener looks whether it is still wanted."""


class Broker:
    """Keeps what is published, and passes it on to its subscribers.

    ``fault`` is raised by whoever sends or listens while it is set.
    """

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.subscribers: list[Any] = []
        self.fault: Exception | None = None
        self.connections = 0

    def check(self) -> None:
        if self.fault is not None:
            raise self.fault

    def publish(self, message: Any) -> None:
        self.messages.append(message)
        for subscriber in self.subscribers:
            subscriber.put_nowait(message)

    def cut(self, error: Exception) -> None:
        """End every subscription with an error."""
        for subscriber in self.subscribers:
            subscriber.put_nowait(error)


class AsyncMemoryManager(AsyncPubSubManager):
    """Implements ``_send`` and ``_listen``."""

    name = "memory"
    max_batch = 3

    def __init__(self, broker: Broker, **options: Any) -> None:
        super().__init__(**options)
        self.broker = broker
        self.hanging: asyncio.Event | None = None
        self.hangs = False
        self.is_open = False

    async def _send(self, payloads: Sequence[bytes]) -> None:
        if self.hanging is not None:
            self.hangs = True
            await self.hanging.wait()
        self.broker.check()
        self.is_open = True
        for payload in payloads:
            if b"poison" in payload:
                self._refused(ValueError("poison"))
            else:
                self.broker.publish(payload)

    async def _close_sender(self) -> None:
        self.is_open = False

    def _forget_connections(self) -> None:
        self.is_open = False

    async def _listen(self) -> AsyncIterator[str | bytes | dict[str, Any] | None]:
        self.broker.check()
        messages: asyncio.Queue[Any] = asyncio.Queue()
        self.broker.subscribers.append(messages)
        self._subscribed()
        try:
            while True:
                try:
                    message = await asyncio.wait_for(messages.get(), WAIT)
                except asyncio.TimeoutError:
                    message = None
                if isinstance(message, Exception):
                    raise message
                yield message
        finally:
            self.broker.subscribers.remove(messages)


class MemoryManager(PubSubManager):
    """The same for threads."""

    name = "memory"
    max_batch = 3

    def __init__(self, broker: Broker, **options: Any) -> None:
        super().__init__(**options)
        self.broker = broker
        self.is_open = False
        self.hanging: threading.Event | None = None
        self.hangs = False

    def _hang(self) -> None:
        if self.hanging is not None:
            self.hangs = True
            self.hanging.wait()

    def _send(self, payloads: Sequence[bytes]) -> None:
        self._hang()
        self.broker.check()
        self.is_open = True
        for payload in payloads:
            if b"poison" in payload:
                self._refused(ValueError("poison"))
            else:
                self.broker.publish(payload)

    def _close_sender(self) -> None:
        self.is_open = False

    def _listen(self) -> Iterator[str | bytes | dict[str, Any] | None]:
        self.broker.check()
        messages: queue.Queue[Any] = queue.Queue()
        self.broker.subscribers.append(messages)
        self._subscribed()
        try:
            while True:
                try:
                    message = messages.get(timeout=WAIT)
                except queue.Empty:
                    message = None
                if message is None:
                    self._hang()
                if isinstance(message, Exception):
                    raise message
                yield message
        finally:
            self.broker.subscribers.remove(messages)


REFUSED = NotSent("refused")
