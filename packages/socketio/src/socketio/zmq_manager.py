"""The client manager of a cluster around a ZeroMQ forwarder.

ZeroMQ has no broker: a process of the application takes what the managers push, and publishes it to
all of them.  Nothing is confirmed: what is on its way when a connection breaks is lost.  Those who
miss it count it.
"""

from __future__ import annotations

import json as standard_json
import re
import selectors
import struct
import weakref
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from ._gathering import Gathering
from ._packages import check_patched, load_package
from .base_pubsub_manager import LISTEN_TIMEOUT, MAX_PENDING_BYTES, MAX_PENDING_PUBLISHES, NotSent
from .pubsub_manager import STOP_TIMEOUT, PubSubManager

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engineio.typing import JSONModule, LoggerLike

URL = re.compile(r"zmq\+(tcp://(?:\[[^]]+\]|[^:/+]+)):(\d+)\+(\d+)")

TIMEOUT = 4.0
"""Seconds in which the forwarder has to accept a connection, or a message."""

HEARTBEAT = 5.0
"""Seconds between heartbeats; a connection on which one is not answered for as long is given up."""

LINGER = 1.0
"""Seconds for what has been pushed to leave when the manager stops."""

RECONNECT = 0.1
RECONNECT_MAX = 0.5
"""Seconds from one attempt to the next while the forwarder is away, made longer at random."""

HEAD_START = 1.0
"""Seconds that a process gives the others to subscribe again, before it pushes what it has kept
while the forwarder was away; more than ``RECONNECT_MAX``."""

QUEUE = 10_000
"""Messages that ZeroMQ keeps in each direction."""


class ZmqManager(PubSubManager):
    """Passes messages on through a ZeroMQ forwarder.

    :param url: ``zmq+tcp://host:P1+P2``: the forwarder pulls on port P1 and publishes on P2.
    :param channel: what the processes of one cluster have in common (default ``socketio``).
    :param write_only: only emit, for processes without a server.
    :param logger: a logger; default that of the server.
    :param json: object with ``dumps`` and ``loads`` for a manager without a server.
    :param max_pending_publishes: as of ``PubSubManager``.
    :param max_pending_bytes: as of ``PubSubManager``.

    ``RuntimeError`` if the package ``pyzmq`` is missing or the URL is of another form.
    """

    name: ClassVar[str] = "zmq"
    max_batch: ClassVar[int] = 100

    def __init__(
        self,
        url: str = "zmq+tcp://localhost:5555+5556",
        channel: str = "socketio",
        write_only: bool = False,
        logger: LoggerLike | None = None,
        json: JSONModule | None = None,
        *,
        max_pending_publishes: int = MAX_PENDING_PUBLISHES,
        max_pending_bytes: int = MAX_PENDING_BYTES,
    ) -> None:
        self._zmq = load_package("zmq", self, "pyzmq", "zmq")
        parts = URL.fullmatch(url)
        if parts is None:
            raise RuntimeError(f"not of the form zmq+tcp://host:port+port: {url}")
        super().__init__(
            channel=channel,
            write_only=write_only,
            logger=logger,
            json=json,
            max_pending_publishes=max_pending_publishes,
            max_pending_bytes=max_pending_bytes,
        )
        host, push_port, subscribe_port = parts.groups()
        self.url = url
        self._push_address = f"{host}:{push_port}"
        self._subscribe_address = f"{host}:{subscribe_port}"
        self._pusher: Link | None = None
        self._subscriber: Link | None = None
        self._gathering = Gathering(HEAD_START)
        start = {"type": "message", "channel": channel}
        self._head = standard_json.dumps(start)[:-1].encode() + b', "data": '

    def initialize(self) -> None:
        """Start listening; ``RuntimeError`` under greenlets whose sockets are not patched."""
        check_patched(self.server, "pyzmq")
        super().initialize()

    def _send(self, payloads: Sequence[bytes]) -> None:
        if self._pusher is None:
            try:
                self._pusher = Link(self._zmq, "PUSH", self._push_address)
                self._pusher.wait_connected()
            except Exception as error:
                self._gathering.note_absence()
                raise NotSent from error
            if self._pusher.has_retried:
                self._gathering.note_absence()
        self._gathering.wait()
        for number, payload in enumerate(payloads):
            if not self._pusher.send(self._head + payload + b"}"):
                gone = ConnectionError("the forwarder takes nothing")
                raise gone if number else NotSent from gone

    def _close_sender(self) -> None:
        pusher, self._pusher = self._pusher, None
        if pusher is not None:
            self._gathering.note_absence()
            pusher.close()

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Send what waits, stop listening, and close the connections; as ``PubSubManager``."""
        lost = super().stop(timeout)
        if all(done.is_set() for done in self._predecessors):
            self._close_subscriber()  # else its thread does it: two must not use one socket
        return lost

    def _close_subscriber(self) -> None:
        subscriber, self._subscriber = self._subscriber, None
        if subscriber is not None:
            subscriber.close()

    def zmq_listen(self) -> Iterator[bytes | None]:
        """Yield what the forwarder publishes, on all channels; ``None`` now and then."""
        if self._subscriber is None:
            self._subscriber = Link(self._zmq, "SUB", self._subscribe_address)
        # which is kept when the connection is lost: ZeroMQ connects it again before we would
        try:
            self._subscriber.wait_connected()
        except ConnectionError:
            self._gathering.note_absence()
            raise
        self._subscribed()
        self._gathering.note_return()
        try:
            while True:
                yield self._subscriber.receive(LISTEN_TIMEOUT)
        except GeneratorExit:
            self._close_subscriber()
            raise

    def _listen(self) -> Iterator[str | bytes | dict[str, Any] | None]:
        head, size = self._head, len(self._head)
        for message in self.zmq_listen():
            if message is None:
                yield None
            elif message.startswith(head):
                yield message[size:-1]
            else:
                yield self._open_envelope(message)

    def _open_envelope(self, message: bytes) -> str | bytes | dict[str, Any] | None:
        """Return what is in an envelope that is spelt unlike ours, ``None`` if it is not for us."""
        try:
            envelope = self._codec.loads(message.decode())
        except ValueError:
            return message
        if not isinstance(envelope, dict) or envelope.get("type") != "message":
            return None
        if envelope.get("channel") != self.channel:
            return None
        data = envelope.get("data")
        return data if isinstance(data, dict) else message

    def _forget_connections(self) -> None:
        self._pusher = self._subscriber = None


class Link:
    """One ZeroMQ socket with its connection; it waits as the process does, also in greenlets.

    :param zmq: the package.
    :param kind: ``PUSH`` or ``SUB``.
    :param address: of the forwarder.
    """

    def __init__(self, zmq: Any, kind: str, address: str) -> None:
        self._zmq = zmq
        self._context = zmq.Context()
        self._socket = socket = self._context.socket(getattr(zmq, kind))
        # nothing is queued for a connection that is not there: then we keep it ourselves
        socket.immediate = True
        socket.set_hwm(QUEUE)
        socket.linger = int(LINGER * 1000)
        socket.connect_timeout = int(TIMEOUT * 1000)
        socket.reconnect_ivl = int(RECONNECT * 1000)
        socket.reconnect_ivl_max = int(RECONNECT_MAX * 1000)
        socket.heartbeat_ivl = socket.heartbeat_timeout = int(HEARTBEAT * 1000)
        if kind == "SUB":
            socket.subscribe(b"")
        self._is_connected: bool = False
        self.has_retried: bool = False
        """Whether the forwarder could not be reached at first."""
        self._monitor = socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(socket.fileno(), selectors.EVENT_READ)
        self._selector.register(self._monitor.fileno(), selectors.EVENT_READ)
        self._end = weakref.finalize(self, self._context.destroy)
        socket.connect(address)

    def wait_connected(self) -> None:
        """Wait for the forwarder; ``ConnectionError`` if it does not answer."""
        limit = monotonic() + TIMEOUT
        self._watch()
        while not self._is_connected:
            if monotonic() > limit:
                raise ConnectionError("the forwarder does not answer")
            self._selector.select(limit - monotonic())
            self._watch()

    def send(self, message: bytes) -> bool:
        """Push a message; False if the connection is lost, or takes nothing for a while."""
        limit = monotonic() + TIMEOUT
        while not self._socket.events & self._zmq.POLLOUT:
            self._watch()
            if not self._is_connected or monotonic() > limit:
                return False
            self._selector.select(limit - monotonic())
        self._socket.send(message, self._zmq.NOBLOCK)
        return True

    def receive(self, timeout: float) -> bytes | None:
        """Return the next message; ``None`` if none has come in time.

        ``ConnectionError`` if the connection is lost.
        """
        limit = monotonic() + timeout
        while not self._socket.events & self._zmq.POLLIN:
            if self._watch():
                raise ConnectionError("the forwarder has gone")
            if monotonic() > limit:
                return None
            self._selector.select(limit - monotonic())
        message: bytes = self._socket.recv(self._zmq.NOBLOCK)
        return message

    def close(self) -> None:
        """End the connection."""
        self._selector.close()
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()
        self._end()

    def _watch(self) -> bool:
        """Note what has happened to the connection; True if it was lost since the last time."""
        lost = False
        while self._monitor.events & self._zmq.POLLIN:
            (event,) = struct.unpack_from("=H", self._monitor.recv_multipart(self._zmq.NOBLOCK)[0])
            self._is_connected = event == self._zmq.EVENT_HANDSHAKE_SUCCEEDED
            self.has_retried |= event == self._zmq.EVENT_CONNECT_RETRIED
            lost |= event == self._zmq.EVENT_DISCONNECTED
        return lost
