"""What waits to be sent to one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .message import weight

if TYPE_CHECKING:
    from .message import Message
    from .session import Session

PACKETS_PER_POLL = 16
"""Packets in one long-polling response: what the clients of python-engineio 4.x accept."""

EAGER_FLUSH = 65_536
"""Bytes a session may queue within one turn before they are written at once."""


def eager_flush(limit: int | None) -> int:
    """Return ``EAGER_FLUSH``, or ``max_send_buffer`` if that is less."""
    return EAGER_FLUSH if limit is None else min(EAGER_FLUSH, limit)


def take_poll(session: Session) -> list[Message]:
    """Take as much out of the outbox as one GET may carry.

    What remains only moves up: 15 us for the 120,000 smallest messages that 16 MiB can be.
    """
    messages = session.outbox[:PACKETS_PER_POLL]
    del session.outbox[:PACKETS_PER_POLL]
    session.queued -= weight(messages)
    return messages


def drop_outbox(session: Session) -> int:
    """Empty the outbox; return how many messages were in it."""
    dropped = len(session.outbox)
    session.outbox = []
    session.queued = 0
    return dropped


def waiting_bytes(session: Session) -> int:
    """Return the bytes that the session's peer has not taken yet."""
    channel = session.channel
    return session.queued + (0 if channel is None else channel.buffered)


def is_too_much(session: Session, waiting: int, unit: int, limit: int) -> bool:
    """Return True if more bytes wait for a session than may.

    ``unit`` is the size of what was queued last.  One unit that is larger than the limit may wait
    in addition: else a client could not be sent it that takes all there is.
    """
    if unit > limit and waiting - unit <= limit:
        session.allowance = unit
    return waiting - session.allowance > limit
