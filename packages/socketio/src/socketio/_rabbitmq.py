"""The queue of a process in RabbitMQ: it outlives the connection, and is limited."""

from __future__ import annotations

QUEUE_EXPIRES_MS = 300_000
"""How long RabbitMQ keeps the queue of a listener that has gone; as python-socketio 5.x."""

MAX_QUEUE_LENGTH = 100_000
"""Default ``max_queue_length``."""

MAX_QUEUE_BYTES = 268_435_456
"""Default ``max_queue_bytes``: 256 MiB."""


def queue_arguments(max_length: int, max_bytes: int) -> dict[str, int]:
    """Return what a queue is declared with.

    Without limits that of a process which stands still would grow until RabbitMQ is short of memory
    and takes nothing from anybody.  Over them it drops the oldest message.
    """
    return {
        "x-expires": QUEUE_EXPIRES_MS,
        "x-max-length": max_length,
        "x-max-length-bytes": max_bytes,
    }
