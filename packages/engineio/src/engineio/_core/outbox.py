"""What waits to be sent to one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .message import Message
    from .session import Session

PACKETS_PER_POLL = 16
"""Packets in one long-polling response: what the clients of python-engineio 4.x accept."""


def take_poll(session: Session) -> list[Message]:
    """Take as much out of the outbox as one GET may carry."""
    messages = session.outbox[:PACKETS_PER_POLL]
    session.outbox = session.outbox[PACKETS_PER_POLL:]
    session.queued = sum([len(message.payload) for message in session.outbox])
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
