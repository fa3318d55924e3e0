"""The far end of a connection: what a client knows, answers by itself, and has received."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any

from .._values import acknowledgement, arguments
from ..exceptions import BadNamespaceError
from ..packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from engineio._core.message import Message

    from .._core.decoder import Inbound
    from .._core.wire import Wire
    from .memory import Link

CLOSE = "1"
PING = "2"
PONG = "3"
MESSAGE = "4"


class Peer:
    """The client side of the two protocols, on one connection in memory.

    :param arrived: called after each frame from the server, and at the end of the connection.
    """

    def __init__(self, wire: Wire, link: Link, arrived: Callable[[], Any]) -> None:
        self.open: bool = True
        """False once the connection has ended."""
        self.silent = False
        """True for a client that reads but answers neither heartbeats nor events."""
        self.sids: dict[str, str] = {}
        """The sid in each namespace that has accepted."""
        self.refusals: dict[str, dict[str, Any]] = {}
        """What each namespace has answered that refused."""
        self.events: dict[str, deque[list[Any]]] = {}
        """What has been received and not been taken, by namespace."""
        self.handlers: dict[tuple[str, str], Callable[..., Any]] = {}
        """Functions that answer events, by namespace and event."""
        self.failures: list[Exception] = []
        """What the test's own functions have raised."""
        self._wire = wire
        self._decoder = wire.new_decoder()
        self._link = link
        self._arrived = arrived
        self._ids = count(1)
        self._callbacks: dict[tuple[str, int], Callable[..., Any]] = {}
        link.peer = self

    # to the server

    def ask(self, namespace: str, auth: Any) -> None:
        """Ask to join a namespace."""
        self.refusals.pop(namespace, None)
        self._send(self._wire.encoder.connect(namespace, auth))

    def leave(self, namespace: str) -> None:
        """Leave a namespace."""
        self._check(namespace)
        del self.sids[namespace]
        self._send(self._wire.encoder.disconnect(namespace))

    def emit(
        self, event: str, data: Any, namespace: str, callback: Callable[..., Any] | None
    ) -> None:
        """Send an event."""
        self._check(namespace)
        id = None
        if callback is not None:
            id = next(self._ids)
            self._callbacks[namespace, id] = callback
        self._send(self._wire.encoder.event(namespace, arguments(event, data), id))

    def close(self) -> None:
        """Say good-bye, and leave the rest to the server."""
        if self.open:
            self._link.deliver([CLOSE])

    def _check(self, namespace: str) -> None:
        if namespace not in self.sids:
            raise BadNamespaceError(f"{namespace} is not a connected namespace.")

    def _send(self, messages: list[Message]) -> None:
        if self.open:
            self._link.deliver([m.payload if m.binary else m.text for m in messages])

    # from the server

    def take(self, frame: str | bytes) -> None:
        """Take one frame."""
        if isinstance(frame, bytes):
            self._take_message(frame)
        elif frame[:1] == MESSAGE:
            self._take_message(frame[1:])
        elif frame == PING and not self.silent:
            self._link.deliver([PONG])
        self._arrived()

    def end(self) -> None:
        """The connection has ended."""
        self.open = False
        self.sids.clear()
        self._arrived()

    def _take_message(self, message: str | bytes) -> None:
        packet = self._decoder.feed(message)
        if packet is None:
            return
        namespace = packet.namespace
        if packet.type == EVENT:
            self.events.setdefault(namespace, deque()).append(packet.data)
            self._answer(packet)
        elif packet.type == ACK:
            assert packet.id is not None
            callback = self._callbacks.pop((namespace, packet.id), None)
            if callback is not None:
                self._run(callback, packet.data)
        elif packet.type == CONNECT:
            self.sids[namespace] = packet.data["sid"]
        elif packet.type == CONNECT_ERROR:
            self.refusals[namespace] = packet.data
        elif packet.type == DISCONNECT:
            self.sids.pop(namespace, None)

    def _answer(self, packet: Inbound) -> None:
        if self.silent:
            return
        event, *values = packet.data
        handler = self.handlers.get((packet.namespace, event))
        result = None if handler is None else self._run(handler, values)
        if packet.id is not None:
            encoder = self._wire.encoder
            self._send(encoder.ack(packet.namespace, packet.id, acknowledgement(result)))

    def _run(self, function: Callable[..., Any], values: list[Any]) -> Any:
        """Call a function of the test: what it raises is for the test, not for the server."""
        try:
            return function(*values)
        except Exception as error:
            self.failures.append(error)
            return None
