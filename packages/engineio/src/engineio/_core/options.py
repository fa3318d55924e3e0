"""What the core reads of a server.

The server object itself is passed, so that options assigned after construction take effect with
the next request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from .cookies import CookieOption
    from .cors import OriginsOption


class Options(Protocol):
    """The options of a server; durations in seconds, sizes in bytes."""

    ping_interval: float
    ping_interval_grace_period: float
    ping_timeout: float
    max_http_buffer_size: int
    allow_upgrades: bool
    transports: list[str]
    http_compression: bool
    compression_threshold: int
    cookie: CookieOption
    cors_allowed_origins: OriginsOption
    cors_credentials: bool
    max_send_buffer: int | None
    upgrade_timeout: float
    body_timeout: float
    compression_methods: ClassVar[list[str]]
