"""What has happened since a server was created."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What has happened since the server was created; for health checks."""

    opened: int = 0
    """Connections accepted."""
    closed: int = 0
    """Accepted connections that have ended."""
    ping_timeouts: int = 0
    """Connections closed because a PING was not answered in time."""
    slow_clients_closed: int = 0
    """Connections closed because more than ``max_send_buffer`` bytes waited for them."""
    protocol_errors: int = 0
    """Connections closed because the client broke the protocol or exceeded a limit."""
    messages_dropped: int = 0
    """Messages sent to connections that had closed, or still queued when they ended."""
