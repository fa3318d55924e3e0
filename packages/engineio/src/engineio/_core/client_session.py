"""The client side of one Engine.IO connection: what may come, what is due, what waits to leave.

Engine.IO protocol v4.  One object per connection; the shell reads, writes and asks the clock.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..exceptions import ProtocolError
from .handshake import parse_open
from .message import CLOSE, Message, weight
from .polling import join_payload, split_payload
from .reason import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .handshake import Handshake

Transport: TypeAlias = Literal["polling", "websocket"]

MAX_POST_PACKETS = 16
"""Packets in one POST: Python servers refuse more (``Payload.max_decode_packets``)."""

LAST_LOOK = 1.0
"""Shortest wait of a read, seconds: what came while the application kept the reader is read."""

PROBE = Message(b"2probe")
UPGRADE = Message(b"5")

_IGNORED = frozenset("0356")
"""OPEN, PONG and UPGRADE mean nothing from a server after the handshake; NOOP never does."""


class ClientSession:
    """Client side of one Engine.IO connection.  No I/O, no clock, no locks.

    Call ``opened`` with the first packet, ``receive`` with every other one, and write what
    ``take`` returns whenever ``pending`` is true.  It ends with ``close``, once.
    """

    __slots__ = (
        "_ending",
        "_expires",
        "_in_flight",
        "_max_payload",
        "_outbox",
        "_pong",
        "_window",
        "buffered",
        "handshake",
        "max_buffered",
        "reason",
        "transport",
    )

    def __init__(self, transport: Transport, max_buffered: int | None) -> None:
        self.transport = transport
        self.max_buffered: int | None = max_buffered
        self.buffered: int = 0
        """Bytes of what waits or is being written, ``MESSAGE_OVERHEAD`` for each included."""
        self.handshake: Handshake | None = None
        self.reason: str | None = None
        """Why the connection ended; ``None`` while it lives."""
        self._expires = 0.0
        self._window = 0.0
        self._max_payload: int | None = None
        self._outbox: deque[Message] = deque()
        self._in_flight: list[Message] = []
        self._pong: Message | None = None
        self._ending = False

    # from the server

    def opened(self, data: str | bytes, now: float) -> Handshake:
        """Take the OPEN packet.  ``now`` is monotonic seconds.

        Raises ProtocolError for anything else; nothing has changed then.
        """
        handshake = self.handshake = parse_open(data)
        self._window = handshake.ping_interval + handshake.ping_timeout
        self._expires = now + self._window
        self._max_payload = handshake.max_payload
        return handshake

    def receive(self, data: str | bytes, now: float) -> str | bytes | None:
        """Take one packet; return the application's message, or ``None`` if it was for us.

        A PING makes a PONG due, which leaves before all that waits, so that a slow uplink does not
        look like a dead client; only the latest is kept.  A CLOSE ends the session; what follows
        it is ignored.  Raises ProtocolError for what is not a packet.
        """
        if self.reason is not None or self._ending:
            return None
        if isinstance(data, bytes):
            return data
        kind = data[:1]
        if kind == "4":
            return data[1:]
        if kind == "2":
            self._answer_ping(data[1:], now)
        elif kind == "1":
            # as the JavaScript client: a server that restarts says CLOSE, so this is a drop
            self.close(Reason.TRANSPORT_CLOSE)
        elif kind not in _IGNORED:
            raise ProtocolError("unknown packet type")
        return None

    def split(self, body: bytes) -> list[str | bytes]:
        """Split a long-polling response into packets, however many the server sent.

        Raises ProtocolError for a malformed body.
        """
        return split_payload(body, sys.maxsize)

    def patience(self, now: float) -> float:
        """Seconds that the next read may take before the server counts as gone.

        The server owes a PING every ``ping_interval`` and may be late by ``ping_timeout``.
        """
        return max(self._expires - now, LAST_LOOK)

    # upgrade

    def can_upgrade(self, transports: Sequence[str]) -> bool:
        """Return True if both sides want to go on over a WebSocket."""
        upgrades = self.handshake.upgrades if self.handshake is not None else ()
        return (
            self.is_open
            and self.transport == "polling"
            and "websocket" in transports
            and "websocket" in upgrades
        )

    def probe_reply(self, data: str | bytes) -> None:
        """Check the answer to ``PROBE``; send ``UPGRADE`` next.  Raises ProtocolError."""
        if data != "3probe":
            raise ProtocolError("the server did not answer the probe")

    def upgraded(self) -> None:
        """``UPGRADE`` has been sent: everything goes over the WebSocket from now on."""
        self.transport = "websocket"

    # from the application

    @property
    def is_open(self) -> bool:
        """True from the handshake until the end of either side begins."""
        return self.handshake is not None and self.reason is None and not self._ending

    @property
    def has_room(self) -> bool:
        """True if ``send`` may be called without exceeding ``max_buffered`` by more than a unit.

        A session that takes nothing any more has room: nobody needs to wait for it.
        """
        return not self.is_open or self.max_buffered is None or self.buffered < self.max_buffered

    def send(self, messages: Sequence[Message]) -> bool:
        """Queue messages as one unit; return False if the session is not open."""
        if not self.is_open:
            return False
        self._outbox.extend(messages)
        self.buffered += weight(messages)
        return True

    def end(self) -> None:
        """Queue CLOSE behind what waits; from now on nothing is sent or received."""
        if self.send([CLOSE]):
            self._ending = True

    def close(self, reason: str) -> bool:
        """End the session and drop what waits; return False if it had ended before."""
        if self.reason is not None:
            return False
        self.reason = reason
        self._outbox.clear()
        self._pong = None
        self.buffered = weight(self._in_flight)
        return True

    # to the shell

    @property
    def pending(self) -> int:
        """The number of messages that wait to be taken."""
        return len(self._outbox) + (self._pong is not None)

    @property
    def is_drained(self) -> bool:
        """True if nothing waits and nothing is being written."""
        return not self.pending and not self._in_flight

    def take(self) -> list[Message]:
        """Remove the next batch: on a WebSocket all that waits, on polling one POST.

        A POST stays within the server's ``maxPayload`` and ``MAX_POST_PACKETS``; a message that
        is larger by itself goes alone, for the server to judge.  Call ``sent`` when it has left.
        """
        first = [] if self._pong is None else [self._pong]
        self._pong = None
        if self.transport == "websocket":
            self._in_flight = [*first, *self._outbox]
            self._outbox.clear()
        else:
            self._in_flight = self._next_post(first)
        return self._in_flight

    def sent(self) -> None:
        """The batch that ``take`` returned has left."""
        self.buffered -= weight(self._in_flight)
        self._in_flight = []

    def post_body(self, batch: Sequence[Message]) -> bytes:
        """Return a batch as the body of a POST."""
        return join_payload(batch)

    def _next_post(self, batch: list[Message]) -> list[Message]:
        outbox = self._outbox
        limit = self._max_payload
        size = len(join_payload(batch)) if batch else -1  # the first packet has no separator
        while outbox and len(batch) < MAX_POST_PACKETS:
            size += 1 + len(outbox[0].polling)
            if batch and limit is not None and size > limit:
                break
            batch.append(outbox.popleft())
        return batch

    def _answer_ping(self, payload: str, now: float) -> None:
        self._expires = now + self._window
        if self._pong is not None:
            self.buffered -= weight([self._pong])
        self._pong = Message(b"3" + payload.encode())
        self.buffered += weight([self._pong])
